"""The published JSON Schemas of the profiles, generated from their structs."""

from __future__ import annotations

from typing import Any

import msgspec

from corpus.profiles.image import ImageProfile
from corpus.profiles.layer import LayerProfile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def profile_schema() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each document, by its name: ``layer-profile`` and ``image-profile``."""
    return {"layer-profile": _schema(LayerProfile), "image-profile": _schema(ImageProfile)}


def _schema(document: type[msgspec.Struct]) -> dict[str, Any]:
    (reference,), components = msgspec.json.schema_components([document], ref_template="#/$defs/{name}")
    return {"$schema": _DIALECT, "title": document.__name__, **reference, "$defs": components}

"""The published JSON Schemas of the profiles, generated from their structs."""

from __future__ import annotations

from typing import Any

import msgspec

from corpus.profiles.findings import KINDS, Findings
from corpus.profiles.image import ImageProfile
from corpus.profiles.layer import LayerProfile

_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def profile_schema() -> dict[str, dict[str, Any]]:
    """The JSON Schema of each document, by its name: ``layer-profile``, ``image-profile``, ``findings``."""
    return {
        "layer-profile": _schema(LayerProfile),
        "image-profile": _schema(ImageProfile),
        "findings": _findings_schema(),
    }


def _schema(document: type[msgspec.Struct], *parts: type[msgspec.Struct]) -> dict[str, Any]:
    (reference, *_), components = msgspec.json.schema_components(
        [document, *parts], ref_template="#/$defs/{name}"
    )
    return {"$schema": _DIALECT, "title": document.__name__, **reference, "$defs": components}


def _findings_schema() -> dict[str, Any]:
    """A finding is of a kind defined here, or of any other form that names its analyser."""
    schema = _schema(Findings, *KINDS.values())
    other = {
        "type": "object",
        "required": ["analyser"],
        "properties": {"analyser": {"type": "string"}, "kind": {"not": {"enum": list(KINDS)}}},
    }
    for kind in KINDS.values():
        schema["$defs"][kind.__name__]["properties"]["kind"]["description"] = "Kind of the finding."
    known = [{"$ref": f"#/$defs/{kind.__name__}"} for kind in KINDS.values()]
    schema["$defs"]["Findings"]["properties"]["findings"]["items"] = {"anyOf": [*known, other]}
    return schema

"""The history of a v1 image, which lies in the JSON of each of its layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry.documents import parse_document
from registry.errors import RegistryError
from registry.v1_images import read_image

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from corpus.layout import Layout

# Of all JSONs of an image together, which are decoded at some ten times their size; real ones have a few KiB
# each. The newest come first: the last one is the configuration.
_MAX_BYTES = 32 << 20


def v1_history(layout: Layout, document: bytes) -> tuple[Mapping[str, Any], ...]:
    """The image JSONs that a document lists, base first; an empty one for what is missing or no JSON.

    Raises:
        RegistryError: ``MANIFEST_INVALID``: no document of a v1 image.
    """
    history: list[Mapping[str, Any]] = []
    left = _MAX_BYTES
    for layer in reversed(read_image(parse_document(document).body)):
        raw = _content(layout.blob(layer.json_digest), left)
        left -= len(raw)
        history.append(_object(raw))
    return tuple(reversed(history))


def _content(path: Path, most: int) -> bytes:
    return path.read_bytes() if path.exists() and path.stat().st_size <= most else b""


def _object(raw: bytes) -> Mapping[str, Any]:
    try:
        return parse_document(raw).body
    except RegistryError:
        return {}

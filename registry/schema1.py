"""The oldest manifests: "Image Manifest V 2, Schema 1", plain or signed (libtrust's JWS in JSON).

A signed manifest is known by the digest of the text that was signed, which its file holds with a
``signatures`` member inserted before the end. Each signature says how to take that out again:
the first ``formatLength`` bytes of the file, then ``formatTail``.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from registry.digests import Digest
from registry.documents import invalid, parse_document, sequence_of_objects

if TYPE_CHECKING:
    from collections.abc import Mapping

# Schema 1 names no layer types; every layer of its time is a gzipped tar, by this name in schema 2.
LAYER_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def signed_payload(raw: bytes, signatures: object) -> bytes | None:
    """The bytes that were signed; ``None`` when the signatures do not tell, or do not agree.

    The signatures themselves are not verified: whoever signed, the digest names the content.
    """
    if not isinstance(signatures, list) or not signatures:
        return None
    splits = {_split_of(signature) for signature in signatures}
    split = splits.pop()
    if splits or split is None or not 0 <= split[0] <= len(raw):
        return None
    length, tail = split
    return raw[:length] + tail


def layers_and_history(body: Mapping[str, Any]) -> tuple[tuple[Digest, ...], tuple[Mapping[str, Any], ...]]:
    """Digests of the layers and the parallel ``v1Compatibility`` objects, both base first.

    Raises:
        RegistryError: ``MANIFEST_INVALID``.
    """
    layers = [_digest(entry.get("blobSum")) for entry in sequence_of_objects(body, "fsLayers")]
    history = [_compatibility(entry.get("v1Compatibility")) for entry in sequence_of_objects(body, "history")]
    if len(layers) != len(history):
        raise invalid(f"{len(layers)} layers with the history of {len(history)}")
    return tuple(reversed(layers)), tuple(reversed(history))


def _split_of(signature: object) -> tuple[int, bytes] | None:
    """``formatLength`` and ``formatTail`` of one signature; ``None`` when it is unusable."""
    try:
        protected = json.loads(_from_base64url(_member(signature, "protected")))
        length = _member(protected, "formatLength")
        tail = _from_base64url(_member(protected, "formatTail"))
    except (ValueError, RecursionError):
        return None
    # type(), because bool is an int in Python.
    return (length, tail) if type(length) is int else None


def _member(value: object, name: str) -> Any:
    if not isinstance(value, dict) or name not in value:
        raise ValueError(f"no {name}")
    return value[name]


def _from_base64url(value: object) -> bytes:
    """Decode base64url without padding (RFC 7515, appendix C); ``ValueError`` for anything else."""
    if not isinstance(value, str):
        raise ValueError("not a text")  # noqa: TRY004 - one class for whatever is wrong with a signature
    return base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)


def _digest(value: object) -> Digest:
    try:
        return Digest.parse(value if isinstance(value, str) else "")
    except ValueError as error:
        raise invalid(str(error)) from None


def _compatibility(value: object) -> Mapping[str, Any]:
    if not isinstance(value, str):
        raise invalid("a v1Compatibility is not a text")
    return parse_document(value).body

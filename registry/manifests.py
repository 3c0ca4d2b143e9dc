"""Manifests as values: which kind a body is, its true digest, what it points to.

A registry's word is not taken for it: the kind comes from the body, the digest from the bytes.
Sources: OCI image-spec (manifest.md, image-index.md, descriptor.md), distribution's
"Image Manifest V 2, Schema 1" and "Schema 2".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

from registry import schema1
from registry.digests import Digest
from registry.documents import Document, invalid, parse_document, sequence_of_objects
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping


class ManifestKind(StrEnum):
    """The kinds of manifest we know how to follow."""

    SCHEMA1 = "schema1"
    SCHEMA1_SIGNED = "schema1_signed"
    SCHEMA2 = "schema2"
    MANIFEST_LIST = "manifest_list"
    OCI_MANIFEST = "oci_manifest"
    OCI_INDEX = "oci_index"

    @property
    def is_index(self) -> bool:
        """Whether it points to other manifests, one per platform, instead of layers."""
        return self in {ManifestKind.MANIFEST_LIST, ManifestKind.OCI_INDEX}


_MEDIA_TYPES = {
    ManifestKind.OCI_INDEX: "application/vnd.oci.image.index.v1+json",
    ManifestKind.MANIFEST_LIST: "application/vnd.docker.distribution.manifest.list.v2+json",
    ManifestKind.OCI_MANIFEST: "application/vnd.oci.image.manifest.v1+json",
    ManifestKind.SCHEMA2: "application/vnd.docker.distribution.manifest.v2+json",
    ManifestKind.SCHEMA1_SIGNED: "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ManifestKind.SCHEMA1: "application/vnd.docker.distribution.manifest.v1+json",
}
_KINDS = {media_type: kind for kind, media_type in _MEDIA_TYPES.items()}
_ARTIFACT = "application/vnd.oci.artifact.manifest.v1+json"

# Every type in one line. An old registry converts what it is not asked for, so nothing may be missing;
# the artifact type is asked for to be told apart from "not there".
ACCEPT = ", ".join([*list(_MEDIA_TYPES.values())[:4], _ARTIFACT, *list(_MEDIA_TYPES.values())[4:]])

# Layers whose licence keeps them out of registries (Windows base layers).
_FOREIGN = (
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
)

# The fields that tell the families apart. Go reads keys in any letter case, most readers do not:
# one field of another family, or in another case, and two readers see two images (CVE-2021-41190).
_FIELDS = {
    "fsLayers": "schema 1",
    "history": "schema 1",
    "config": "image",
    "layers": "image",
    "manifests": "index",
}
_FIELD_OF_LOWER = {name.lower(): name for name in _FIELDS}
_FAMILY_OF_KIND = {
    ManifestKind.SCHEMA1: "schema 1",
    ManifestKind.SCHEMA1_SIGNED: "schema 1",
    ManifestKind.SCHEMA2: "image",
    ManifestKind.OCI_MANIFEST: "image",
    ManifestKind.MANIFEST_LIST: "index",
    ManifestKind.OCI_INDEX: "index",
}


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on, in Go's vocabulary."""

    os: str
    architecture: str
    variant: str | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``os/architecture[/variant]``; ``ValueError`` says what is wrong with it."""
        parts = text.split("/")
        if len(parts) not in {2, 3} or not all(parts):
            raise ValueError(f"not a platform: {text[:100]!r}; write os/architecture[/variant]")
        return cls(*parts)

    def __str__(self) -> str:
        """``os/architecture[/variant]``."""
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part is not None)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to content (image-spec, descriptor.md).

    Attributes:
        media_type: As written, ``""`` when absent.
        digest: Of the bytes pointed to; a schema 1 child may be named by its canonical digest.
        size_bytes: As written; ``None`` in schema 1, which gives none.
        platform: Only on the children of an index.
        urls: Where else it may be had; never to be visited with credentials.
        annotations: As written, texts only.
    """

    media_type: str
    digest: Digest
    size_bytes: int | None
    platform: Platform | None = None
    urls: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def is_foreign(self) -> bool:
        """Whether it is a layer that its licence keeps out of the registry."""
        return self.media_type.startswith(_FOREIGN)

    @property
    def is_attestation(self) -> bool:
        """Whether it is BuildKit's statement about an image, listed like an image of no platform."""
        platform = self.platform
        return platform is not None and platform.os == platform.architecture == "unknown"


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest, read.

    Attributes:
        kind: Decided by the body.
        media_type: What the body says it is; what its kind is called when the body is silent.
        digest: The canonical digest, by which it is asked for: of the JWS payload for signed schema 1.
        blob_digest: sha256 of the bytes, under which they are stored.
        size_bytes: Of the bytes.
        config: ``None`` for an index and for schema 1.
        layers: Base first in every kind, repeats kept.
        children: Of an index, in its order.
        history: The decoded ``v1Compatibility`` objects of schema 1, base first and parallel to ``layers``.
        flags: What is odd about it: ``jws_invalid``.
    """

    kind: ManifestKind
    media_type: str
    digest: Digest
    blob_digest: Digest
    size_bytes: int
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    children: tuple[Descriptor, ...] = ()
    history: tuple[Mapping[str, Any], ...] = ()
    flags: frozenset[str] = frozenset()


def may_be_schema1(media_type: str) -> bool:
    """Whether a body of this type may be stored under another name than it is asked for by."""
    kind = _KINDS.get(_bare(media_type))
    return kind in {None, ManifestKind.SCHEMA1, ManifestKind.SCHEMA1_SIGNED}


def parse_manifest(raw: bytes, content_type: str | None) -> Manifest:
    """Read the body of a manifest.

    Args:
        raw: The bytes as they came; the caller bounds their size.
        content_type: The header; it decides only where the body leaves the choice open.

    Raises:
        RegistryError: ``MANIFEST_INVALID``, ``AMBIGUOUS`` or ``UNSUPPORTED_TYPE``, never temporary.
    """
    document = parse_document(raw)
    if document.body.get("schemaVersion") == 1:
        return _parse_schema1(raw, document, content_type)
    kind = _kind_of(document, _bare(content_type))
    body = document.body
    digest = Digest.of(raw)
    return Manifest(
        kind,
        _text(body.get("mediaType")) or _MEDIA_TYPES[kind],
        digest,
        digest,
        len(raw),
        config=_optional_descriptor(body.get("config")),
        layers=tuple(map(_descriptor, sequence_of_objects(body, "layers"))),
        children=tuple(map(_descriptor, sequence_of_objects(body, "manifests"))),
    )


def _parse_schema1(raw: bytes, document: Document, content_type: str | None) -> Manifest:
    is_signed = "signatures" in document.body
    payload = schema1.signed_payload(raw, document.body.get("signatures")) if is_signed else None
    claims_signature = is_signed or _bare(content_type) == _MEDIA_TYPES[ManifestKind.SCHEMA1_SIGNED]
    # Only the payload was signed: what stands after it in the file is anybody's, even a second fsLayers.
    content = parse_document(payload) if payload is not None else document
    if content.body.get("schemaVersion") != 1:
        raise invalid("the signed part is not of schema version 1")
    _check_family(content, "schema 1")
    layers, history = schema1.layers_and_history(content.body)
    kind = ManifestKind.SCHEMA1_SIGNED if is_signed else ManifestKind.SCHEMA1
    return Manifest(
        kind,
        _text(content.body.get("mediaType")) or _MEDIA_TYPES[kind],
        Digest.of(payload if payload is not None else raw),
        Digest.of(raw),
        len(raw),
        layers=tuple(Descriptor(schema1.LAYER_TYPE, digest, None) for digest in layers),
        history=history,
        flags=frozenset({"jws_invalid"} if claims_signature and payload is None else ()),
    )


def _kind_of(document: Document, content_type: str) -> ManifestKind:
    """What the body is: by its ``mediaType``, else by its fields, else by the header."""
    families = _families(document)
    said = _text(document.body.get("mediaType"))
    if said == _ARTIFACT or (not families and said and said not in _KINDS):
        raise RegistryError(Reason.UNSUPPORTED_TYPE, f"nothing is known of the type {said[:100]!r}")
    if not families:
        raise invalid("the body has none of the fields of a manifest")
    family = families.pop()
    _check_family(document, family)
    if family == "schema 1":
        raise invalid("the body has the fields of schema 1 and another schema version")
    if said in _KINDS:
        if _FAMILY_OF_KIND[_KINDS[said]] != family:
            raise RegistryError(Reason.AMBIGUOUS, f"{said} with the fields of an {family}")
        return _KINDS[said]
    if content_type in _KINDS and _FAMILY_OF_KIND[_KINDS[content_type]] == family:
        return _KINDS[content_type]
    return ManifestKind.OCI_INDEX if family == "index" else ManifestKind.OCI_MANIFEST


def _check_family(document: Document, family: str) -> None:
    """Refuse a body that two readers could read as two images."""
    others = sorted(_families(document) - {family})
    if others:
        raise RegistryError(Reason.AMBIGUOUS, f"the body has the fields of two kinds: {family}, {others[0]}")
    odd = [key for key in document.body if key not in _FIELDS and key.lower() in _FIELD_OF_LOWER]
    if odd:
        raise RegistryError(Reason.AMBIGUOUS, f"a field in another letter case: {odd[0][:100]!r}")
    if document.has_repeated_keys:
        raise RegistryError(Reason.AMBIGUOUS, "one object of the body has the same key twice")


def _families(document: Document) -> set[str]:
    names = (_FIELD_OF_LOWER.get(key.lower()) for key, value in document.body.items() if value is not None)
    return {_FIELDS[name] for name in names if name is not None}


def _optional_descriptor(value: object) -> Descriptor | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid("config is not an object")
    return _descriptor(value)


def _descriptor(value: Mapping[str, Any]) -> Descriptor:
    digest = value.get("digest")
    try:
        parsed = Digest.parse(_text(digest))
    except ValueError as error:
        raise invalid(str(error)) from None
    urls = value.get("urls")
    annotations = value.get("annotations")
    return Descriptor(
        _text(value.get("mediaType")),
        parsed,
        _size(value.get("size")),
        platform=_platform(value.get("platform")),
        urls=tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else (),
        annotations=_texts(annotations) if isinstance(annotations, dict) else {},
    )


def _size(value: object) -> int | None:
    if value is None:
        return None
    # bool is an int in Python; 2**63 - 1 is the largest size of the specification (int64).
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise invalid("a size is not a number of bytes")
    return value


def _platform(value: object) -> Platform | None:
    if not isinstance(value, dict):
        return None
    os, architecture, variant = (_text(value.get(name)) for name in ("os", "architecture", "variant"))
    return Platform(os, architecture, variant or None)


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {key: text for key, text in value.items() if isinstance(text, str)}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _bare(content_type: str | None) -> str:
    """The type without ``; charset=...``."""
    return (content_type or "").partition(";")[0].strip().lower()

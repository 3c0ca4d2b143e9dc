"""Manifests as values: which kind a body is, its true digest, what it points to.

A registry's word is not taken for it: the kind comes from the body, the digest from the bytes.
Sources: OCI image-spec (manifest.md, image-index.md, descriptor.md), distribution's
"Image Manifest V 2, Schema 1" and "Schema 2".
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from registry import schema1, v1_images
from registry.descriptors import Descriptor, parse_descriptors, parse_optional_descriptor
from registry.digests import Digest
from registry.documents import Document, invalid, parse_document, text_or_empty
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
    OCI_ARTIFACT = "oci_artifact"
    V1_IMAGE = "v1_image"  # our own document, for a registry that has no manifests

    @property
    def is_index(self) -> bool:
        """Whether it points to other manifests, one per platform, instead of layers."""
        return self in {ManifestKind.MANIFEST_LIST, ManifestKind.OCI_INDEX}

    @property
    def is_schema1(self) -> bool:
        """Whether it is of the family that registries convert other manifests to."""
        return self in {ManifestKind.SCHEMA1, ManifestKind.SCHEMA1_SIGNED}


_MEDIA_TYPES = {
    ManifestKind.OCI_INDEX: "application/vnd.oci.image.index.v1+json",
    ManifestKind.MANIFEST_LIST: "application/vnd.docker.distribution.manifest.list.v2+json",
    ManifestKind.OCI_MANIFEST: "application/vnd.oci.image.manifest.v1+json",
    ManifestKind.SCHEMA2: "application/vnd.docker.distribution.manifest.v2+json",
    ManifestKind.OCI_ARTIFACT: "application/vnd.oci.artifact.manifest.v1+json",
    ManifestKind.SCHEMA1_SIGNED: "application/vnd.docker.distribution.manifest.v1+prettyjws",
    ManifestKind.SCHEMA1: "application/vnd.docker.distribution.manifest.v1+json",
}
_KINDS = {media_type: kind for kind, media_type in _MEDIA_TYPES.items()}

# Every type in one line. An old registry converts what it is not asked for, so nothing may be missing.
ACCEPT = ", ".join(_MEDIA_TYPES.values())

INDEX_TYPE = _MEDIA_TYPES[ManifestKind.OCI_INDEX]

# Configurations of images; octet-stream is what Docker 1.10 called them (moby: distribution/pull_v2.go),
# "" one without a name. Any other says that the manifest is of something else, such as a Helm chart.
_IMAGE_CONFIGS = frozenset(
    {
        "application/vnd.docker.container.image.v1+json",
        "application/vnd.oci.image.config.v1+json",
        "application/octet-stream",
        "",
    }
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
    ManifestKind.OCI_ARTIFACT: "artifact",
}


class ManifestFlag(StrEnum):
    """What is odd about a manifest, or about the answer that brought it; kept with it, sorted."""

    # of its bytes
    JWS_INVALID = "jws_invalid"  # claims a signature, and has none that tells what was signed
    MEDIA_TYPE_UNKNOWN = "media_type_unknown"  # says it is of a type nobody knows; its fields decided
    # of the answer
    CONVERTED = "converted"  # not the original: the registry does not know these bytes by their digest
    HEADER_DIGEST_MISMATCH = "header_digest_mismatch"  # Docker-Content-Digest names other bytes, or nothing
    HEADER_DIGEST_UNVERIFIABLE = "header_digest_unverifiable"  # ... by an algorithm nobody can compute here
    CONTENT_TYPE_MISMATCH = "content_type_mismatch"  # Content-Type is not the type of the body


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
        artifact_type: What an artifact is; ``None`` for an image.
        subject: The manifest that this one is about, as a signature is about an image.
        flags: What is odd about the bytes.
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
    artifact_type: str | None = None
    subject: Descriptor | None = None
    flags: frozenset[ManifestFlag] = frozenset()


def may_be_schema1(media_type: str) -> bool:
    """Whether a body of this type may be stored under another name than it is asked for by."""
    kind = _KINDS.get(bare_type(media_type))
    return kind is None or kind.is_schema1


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
    if document.body.get("mediaType") == v1_images.MEDIA_TYPE:
        return _parse_v1_image(raw, document)
    kind = _kind_of(document, bare_type(content_type))
    body = document.body
    said = text_or_empty(body.get("mediaType"))
    digest = Digest.of(raw)
    config = parse_optional_descriptor(body.get("config"))
    return Manifest(
        kind,
        said or _MEDIA_TYPES[kind],
        digest,
        digest,
        len(raw),
        config=config,
        layers=parse_descriptors(body, "blobs" if kind is ManifestKind.OCI_ARTIFACT else "layers"),
        children=parse_descriptors(body, "manifests"),
        artifact_type=_artifact_type(body, config),
        subject=parse_optional_descriptor(body.get("subject")),
        flags=frozenset({ManifestFlag.MEDIA_TYPE_UNKNOWN} if said and said not in _KINDS else ()),
    )


def _artifact_type(body: Mapping[str, Any], config: Descriptor | None) -> str | None:
    """``artifactType``, else the type of a configuration that is no image's (image-spec, manifest.md)."""
    said = text_or_empty(body.get("artifactType"))
    if said or config is None or config.media_type in _IMAGE_CONFIGS:
        return said or None
    return config.media_type


def _parse_schema1(raw: bytes, document: Document, content_type: str | None) -> Manifest:
    is_signed = "signatures" in document.body
    payload = schema1.signed_payload(raw, document.body.get("signatures")) if is_signed else None
    claims_signature = is_signed or bare_type(content_type) == _MEDIA_TYPES[ManifestKind.SCHEMA1_SIGNED]
    # Only the payload was signed: what stands after it in the file is anybody's, even a second fsLayers.
    content = parse_document(payload) if payload is not None else document
    if content.body.get("schemaVersion") != 1:
        raise invalid("the signed part is not of schema version 1")
    _check_family(content, "schema 1")
    layers, history = schema1.layers_and_history(content.body)
    kind = ManifestKind.SCHEMA1_SIGNED if is_signed else ManifestKind.SCHEMA1
    return Manifest(
        kind,
        text_or_empty(content.body.get("mediaType")) or _MEDIA_TYPES[kind],
        Digest.of(payload if payload is not None else raw),
        Digest.of(raw),
        len(raw),
        layers=tuple(Descriptor(schema1.LAYER_TYPE, digest, None) for digest in layers),
        history=history,
        flags=frozenset({ManifestFlag.JWS_INVALID} if claims_signature and payload is None else ()),
    )


def _parse_v1_image(raw: bytes, document: Document) -> Manifest:
    """The document of a v1 image; its history is in the JSON of each layer, not in the document."""
    _check_family(document, "v1 image")
    layers, digest = v1_images.read_image(document.body), Digest.of(raw)
    return Manifest(
        ManifestKind.V1_IMAGE,
        v1_images.MEDIA_TYPE,
        digest,
        digest,
        len(raw),
        config=Descriptor(v1_images.JSON_TYPE, layers[-1].json_digest, layers[-1].json_bytes),
        layers=tuple(Descriptor(v1_images.LAYER_TYPE, each.digest, each.size_bytes) for each in layers),
    )


def _kind_of(document: Document, content_type: str) -> ManifestKind:
    """What the body is: by its ``mediaType``, else by its fields, else by the header."""
    families = _families(document)
    said = text_or_empty(document.body.get("mediaType"))
    if _KINDS.get(said) is ManifestKind.OCI_ARTIFACT:
        _check_family(document, "artifact")
        return ManifestKind.OCI_ARTIFACT
    if not families and said and said not in _KINDS:
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


def bare_type(content_type: str | None) -> str:
    """The type without ``; charset=...``."""
    return (content_type or "").partition(";")[0].strip().lower()

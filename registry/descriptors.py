"""Descriptors: pointers to content (OCI image-spec, descriptor.md), read from hostile JSON."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from registry.digests import Digest
from registry.documents import invalid, sequence_of_objects, text_or_empty
from registry.platforms import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping

# Layers whose licence keeps them out of registries (Windows base layers).
_FOREIGN = (
    "application/vnd.docker.image.rootfs.foreign.diff.tar",
    "application/vnd.oci.image.layer.nondistributable.v1.tar",
)


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to content.

    Attributes:
        media_type: As written, ``""`` when absent.
        digest: Of the bytes pointed to; a schema 1 child may be named by its canonical digest.
        size_bytes: As written; ``None`` in schema 1, which gives none.
        platform: Only on the children of an index.
        urls: Where else it may be had; never to be visited with credentials.
        annotations: As written, texts only.
        data: The content itself, where the descriptor carries it; unverified.
    """

    media_type: str
    digest: Digest
    size_bytes: int | None
    platform: Platform | None = None
    urls: tuple[str, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict, hash=False)
    data: bytes | None = field(default=None, repr=False)

    @property
    def is_foreign(self) -> bool:
        """Whether it is a layer that its licence keeps out of the registry."""
        return self.media_type.startswith(_FOREIGN)

    @property
    def is_attestation(self) -> bool:
        """Whether it is BuildKit's statement about an image, listed like an image of no platform."""
        platform = self.platform
        return platform is not None and platform.os == platform.architecture == "unknown"

    @property
    def embedded(self) -> bytes | None:
        """The content that the descriptor carries, if it is what the digest names."""
        if self.data is None or not self.digest.is_verifiable:
            return None
        return self.data if Digest.of(self.data, self.digest.algorithm) == self.digest else None


def parse_descriptors(body: Mapping[str, Any], name: str) -> tuple[Descriptor, ...]:
    """The list of descriptors ``name``; ``null`` and absent are empty.

    Raises:
        RegistryError: ``MANIFEST_INVALID``, as of :func:`parse_descriptor`.
    """
    return tuple(map(parse_descriptor, sequence_of_objects(body, name)))


def parse_optional_descriptor(value: object) -> Descriptor | None:
    """A descriptor that may be absent or ``null``."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise invalid("what should be a descriptor is not an object")
    return parse_descriptor(value)


def parse_descriptor(value: Mapping[str, Any]) -> Descriptor:
    """Read one descriptor.

    Raises:
        RegistryError: ``MANIFEST_INVALID``: no digest, or a size that is none. All else may be absent.
    """
    try:
        digest = Digest.parse(text_or_empty(value.get("digest")))
    except ValueError as error:
        raise invalid(str(error)) from None
    urls = value.get("urls")
    annotations = value.get("annotations")
    return Descriptor(
        text_or_empty(value.get("mediaType")),
        digest,
        _size(value.get("size")),
        platform=_platform(value["platform"]) if "platform" in value else None,
        urls=tuple(url for url in urls if isinstance(url, str)) if isinstance(urls, list) else (),
        annotations=_texts(annotations) if isinstance(annotations, dict) else {},
        data=_data(value["data"]) if "data" in value else None,
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
    os, architecture, variant = (text_or_empty(value.get(name)) for name in ("os", "architecture", "variant"))
    return Platform(os, architecture, variant or None)


def _data(value: object) -> bytes | None:
    """Content in base64 (descriptor.md, "data"); anything else is as good as absent."""
    try:
        return base64.b64decode(value, validate=True) if isinstance(value, str) else None
    except ValueError:
        return None


def _texts(value: Mapping[str, Any]) -> dict[str, str]:
    return {key: text for key, text in value.items() if isinstance(text, str)}

"""``index.json``: the way into the store for every program that reads OCI layouts (image-layout.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from corpus.durability import replacing

if TYPE_CHECKING:
    from collections.abc import Iterable

    from corpus.layout import Layout

# ``(media type, digest, size in bytes, registry, repository, reference)`` of an image. Its reference name
# (``org.opencontainers.image.ref.name``) is ``registry/repository:tag``, as in
# ``skopeo inspect oci:data:registry/repository:tag``.
IndexEntry = tuple[str, str, int, str, str, str]

HEAD = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":['
TAIL = b"\n]}\n"


def write_index(layout: Layout, images: Iterable[IndexEntry]) -> None:
    """Write ``index.json`` anew, one descriptor per line; blocking."""
    with replacing(layout.index) as file:
        file.write(HEAD)
        for position, image in enumerate(images):
            file.write(index_line(position, image))
        file.write(TAIL)


def index_line(position: int, image: IndexEntry) -> bytes:
    """The line of one image; the first one is at position 0."""
    media_type, digest, size, registry, repository, reference = image
    separator = "@" if ":" in reference else ":"
    descriptor = {
        "mediaType": media_type,
        "digest": digest,
        "size": size,
        "annotations": {
            "org.opencontainers.image.ref.name": f"{registry}/{repository}{separator}{reference}"
        },
    }
    return (b",\n" if position else b"\n") + msgspec.json.encode(descriptor)

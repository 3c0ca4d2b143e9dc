"""``index.json``: the way into the store for every program that reads OCI layouts (image-layout.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from corpus.durability import replacing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from corpus.layout import Layout

_HEAD = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":['


def write_index(layout: Layout, images: Sequence[tuple[str, str, int, str, str, str]]) -> None:
    """Write ``index.json`` anew, one descriptor per line; blocking.

    Args:
        layout: The data directory.
        images: ``(media type, digest, size in bytes, registry, repository, reference)``.
            The reference name (``org.opencontainers.image.ref.name``) is ``registry/repository:tag``,
            as in ``skopeo inspect oci:data:registry/repository:tag``.
    """
    with replacing(layout.index) as file:
        file.write(_HEAD)
        for position, (media_type, digest, size, registry, repository, reference) in enumerate(images):
            separator = "@" if ":" in reference else ":"
            descriptor = {
                "mediaType": media_type,
                "digest": digest,
                "size": size,
                "annotations": {
                    "org.opencontainers.image.ref.name": f"{registry}/{repository}{separator}{reference}"
                },
            }
            file.write(b",\n" if position else b"\n")
            file.write(msgspec.json.encode(descriptor))
        file.write(b"\n]}\n")

"""``index.json``: the way into the store for every program that reads OCI layouts (image-layout.md)."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import TYPE_CHECKING

import msgspec

from corpus.durability import replacing

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from corpus.catalog.contents import ContentCatalog
    from corpus.layout import Layout

# ``(media type, digest, size in bytes, registry, repository, reference)`` of an image. Its reference name
# (``org.opencontainers.image.ref.name``) is ``registry/repository:tag``, as in
# ``skopeo inspect oci:data:registry/repository:tag``.
IndexEntry = tuple[str, str, int, str, str, str]

_HEAD = b'{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":['
_TAIL = b"\n]}\n"

# What a store without any image has.
EMPTY_INDEX = _HEAD + _TAIL


async def write_index(layout: Layout, contents: ContentCatalog) -> None:
    """Write ``index.json`` anew, however many images it lists, while nobody changes what it lists."""
    with replacing(layout.index) as file:
        async with aclosing(index_parts(contents.oci_index())) as parts:
            async for part in parts:
                await asyncio.to_thread(file.write, part)
    await contents.note_written_index()


async def index_parts(pages: AsyncGenerator[list[IndexEntry], None]) -> AsyncGenerator[bytes, None]:
    """The bytes of ``index.json``, one descriptor per line."""
    yield _HEAD
    separator = b"\n"
    async with aclosing(pages):
        async for page in pages:
            yield separator + b",\n".join(map(_descriptor, page))
            separator = b",\n"
    yield _TAIL


def _descriptor(image: IndexEntry) -> bytes:
    media_type, digest, size, registry, repository, reference = image
    separator = "@" if ":" in reference else ":"
    name = f"{registry}/{repository}{separator}{reference}"
    annotations = {"org.opencontainers.image.ref.name": name}
    return msgspec.json.encode(
        {"mediaType": media_type, "digest": digest, "size": size, "annotations": annotations}
    )

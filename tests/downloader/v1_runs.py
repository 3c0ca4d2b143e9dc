"""Running the engine against a registry of version 1."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from corpus.blobs import BlobStore
from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from corpus.records import Registry, RepositoryRecord
from downloader.engine import DownloadEngine, DownloadSummary
from downloader.v1 import V1Fetcher
from registry.v1 import V1Client
from tests.downloader.runs import NAME, InstantClock, connected, images, select, settings_of


@asynccontextmanager
async def connected_v1(url: str, clock: InstantClock, **http: Any) -> AsyncIterator[V1Client]:
    """A client of the registry at ``url``."""
    async with connected(url, clock, **http) as client:
        yield V1Client(client._transport, name=NAME, base_url=url)


async def list_repositories(catalog: Catalog, names: Sequence[str]) -> None:
    """Record a listing of these, once."""
    source = " ".join(names)
    await catalog.repositories.add_registry(Registry(NAME, f"registry=http://{NAME} registry_api=v1"))
    await catalog.repositories.start_listing(source, ["1"])
    for page in await catalog.repositories.pending_pages(source, 1):
        listed = [RepositoryRecord(name) for name in names]
        await catalog.repositories.finish_page(page, NAME, listed, url="http://x/", next_cursors=(), now=1.0)


@asynccontextmanager
async def engine_v1(
    data: Path, url: str, names: Sequence[str], **settings: Any
) -> AsyncIterator[DownloadEngine]:
    """The engine of a run that takes these repositories."""
    layout, clock = Layout(data), InstantClock()
    layout.ensure()
    async with open_catalog(layout) as catalog, connected_v1(url, clock) as client:
        await list_repositories(catalog, names)
        yield DownloadEngine(
            catalog, BlobStore(layout), layout, {NAME: client}, settings_of(**settings), clock
        )


@asynccontextmanager
async def fetcher_v1(data: Path, url: str) -> AsyncIterator[V1Fetcher]:
    """The fetcher by itself."""
    layout = Layout(data)
    layout.ensure()
    async with open_catalog(layout) as catalog, connected_v1(url, InstantClock()) as client:
        yield V1Fetcher(catalog, BlobStore(layout), layout, {NAME: client}, settings_of())


async def download_v1(data: Path, url: str, *names: str, **settings: Any) -> DownloadSummary:
    """One run from a fresh process's point of view, after a crawl that found ``names``."""
    async with engine_v1(data, url, names, **settings) as engine:
        return await engine.run()


async def fetched_v1(data: Path, url: str, *names: str, **settings: Any) -> dict[str, str | None]:
    """The images after a run over these repositories that did not have to stop."""
    summary = await download_v1(data, url, *names, **settings)
    assert summary.stopped is None
    return images(data)


def document_of(data: Path, image: str) -> dict[str, Any]:
    """What stands for ``repository:tag`` in the store."""
    query = f"""select root_digest from images join repositories on repositories.id = repository_id
        where name || ':' || reference = '{image}'"""  # noqa: S608 - our own names
    ((digest,),) = select(data, query)
    document: dict[str, Any] = json.loads(blob(data, digest))
    return document


def blob(data: Path, digest: str) -> bytes:
    """The bytes of a blob."""
    return (data / "blobs" / digest.replace(":", "/")).read_bytes()

"""A scripted registry, the sample hub, and one undisturbed download of it to compare others with."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from corpus.blobs import BlobStore
from corpus.layout import Layout
from downloader.engine import DownloadSummary
from registry.client import RegistryClient
from samplehub import Hub, Running, build_hub, serve
from tests.downloader.runs import InstantClock, connected, download
from tests.downloader.servers import FakeRegistry, serving


@dataclass(frozen=True)
class Undisturbed:
    """A whole run of the sample hub; nobody may change what it left.

    Attributes:
        data: The data directory.
        names: Every repository that was listed.
        summary: What the run said.
        traffic: Requests by kind.
        blob_gets: By digest.
        manifest_gets: By ``repository@reference``.
    """

    data: Path
    names: list[str]
    summary: DownloadSummary
    traffic: Counter[str]
    blob_gets: Counter[str]
    manifest_gets: Counter[str]


@pytest.fixture
def clock() -> InstantClock:
    return InstantClock()


@pytest.fixture
async def fake() -> AsyncIterator[FakeRegistry]:
    async with serving() as registry:
        yield registry


@pytest.fixture
async def client(fake: FakeRegistry, clock: InstantClock) -> AsyncIterator[RegistryClient]:
    async with connected(fake.url, clock) as client:
        yield client


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def layout(data: Path) -> Layout:
    layout = Layout(data)
    layout.ensure()
    return layout


@pytest.fixture
def store(layout: Layout) -> BlobStore:
    return BlobStore(layout)


@pytest.fixture(scope="session")
def hub() -> Hub:
    return build_hub()


@pytest.fixture
async def running(hub: Hub) -> AsyncIterator[Running]:
    async with serve(hub) as running:
        yield running


@pytest.fixture(scope="session")
def undisturbed(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    data = tmp_path_factory.mktemp("undisturbed") / "data"
    names = [repository.name for repository in hub.repositories]

    async def run() -> Undisturbed:
        async with serve(hub) as running:
            summary = await download(data, running.registry_url, names)
            counts = Counter(running.traffic), Counter(running.blob_gets), Counter(running.manifest_gets)
            return Undisturbed(data, names, summary, *counts)

    return asyncio.run(run())

"""Running the engine on a data directory, and reading what it left there."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import random
import sqlite3
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from corpus.blobs import BlobStore
from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from corpus.records import Registry, RepositoryRecord
from downloader.engine import DownloadEngine, DownloadSummary, registries_with_work
from downloader.settings import DownloadSettings
from registry.client import RegistryClient
from registry.transport.credentials import Credentials
from registry.transport.http import Transport
from registry.transport.memory import Memory
from registry.transport.session import open_session
from registry.transport.settings import HttpSettings

NAME = "sample"

# Asked for by nothing but the engine's checkpoints, so that a clock can tell them from other waits.
CHECKPOINT_S = 987_654.0


# Each run takes place two days after the one before, unless they share a clock: later than any retry is due.
_STARTS = itertools.count(1_700_000_000, 2 * 86_400)

# Between two looks at a clock time passes: more than the resolution of such numbers, less than matters.
_TICK_S = 1e-6


class InstantClock:
    """Time that passes at once for whoever sleeps; only checkpoints are due when the test says so."""

    def __init__(self) -> None:
        self.seconds = float(next(_STARTS))
        self.slept: list[float] = []
        self.checkpoint_is_due = asyncio.Event()

    def __call__(self) -> float:
        return self.seconds

    def now(self) -> float:
        self.seconds += _TICK_S
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        if seconds == CHECKPOINT_S:
            await self.checkpoint_is_due.wait()
            self.checkpoint_is_due.clear()
            return
        self.slept.append(seconds)
        self.seconds += max(seconds, 0.0)
        await one_turn()


async def one_turn() -> None:
    """Let the other tasks run once."""
    turn = asyncio.Event()
    asyncio.get_running_loop().call_soon(turn.set)
    await turn.wait()


@dataclass(frozen=True)
class Bench:
    """A data directory, opened, with a way to one registry."""

    layout: Layout
    catalog: Catalog
    store: BlobStore
    client: RegistryClient
    clock: InstantClock

    def engine(self, settings: DownloadSettings) -> DownloadEngine:
        clients = {NAME: self.client}
        return DownloadEngine(self.catalog, self.store, self.layout, clients, settings, self.clock)

    async def has_work(self, **settings: Any) -> bool:
        return bool(
            await registries_with_work(self.catalog, [NAME], settings_of(**settings), self.clock.now())
        )


def settings_of(**settings: Any) -> DownloadSettings:
    """Those given; a run does not wait for what it may try again, so that one can look at what failed."""
    return DownloadSettings(**({"checkpoint_s": CHECKPOINT_S, "retry_wait_s": 0.0} | settings))


@asynccontextmanager
async def connected(
    url: str, clock: InstantClock, memory: Memory | None = None, **http: Any
) -> AsyncIterator[RegistryClient]:
    """A client of the registry at ``url``."""
    settings = HttpSettings(**http)
    async with open_session(settings) as session:
        dice = random.Random(1)  # noqa: S311 - jitter, and the same one in every run
        transport = Transport(
            session, settings, clock=clock, random=dice, credentials=Credentials(), memory=memory
        )
        yield RegistryClient(transport, name=NAME, base_url=url)
        await transport.close()


@asynccontextmanager
async def opened(
    data: Path, url: str, clock: InstantClock | None = None, **http: Any
) -> AsyncIterator[Bench]:
    """The data directory ``data``, created if it is not there."""
    layout, chosen = Layout(data), clock or InstantClock()
    layout.ensure()
    async with (
        open_catalog(layout) as catalog,
        connected(url, chosen, catalog.allowances, **http) as client,
    ):
        yield Bench(layout, catalog, BlobStore(layout), client, chosen)


async def crawl(catalog: Catalog, records: Iterable[RepositoryRecord | str]) -> None:
    """Record one page that lists these, once."""
    await catalog.repositories.add_registry(Registry(NAME, "hub=sample"))
    await catalog.repositories.start_listing("listing", ["1"])
    for page in await catalog.repositories.pending_pages("listing", 1):
        listed = [RepositoryRecord(each) if isinstance(each, str) else each for each in records]
        await catalog.repositories.finish_page(page, NAME, listed, url="http://x/", next_cursors=(), now=1.0)


async def download(
    data: Path,
    url: str,
    records: Iterable[RepositoryRecord | str] = (),
    clock: InstantClock | None = None,
    http: Mapping[str, Any] | None = None,
    **settings: Any,
) -> DownloadSummary:
    """One run from a fresh process's point of view, after a crawl that found ``records``."""
    async with opened(data, url, clock, **http or {}) as bench:
        await crawl(bench.catalog, records)
        return await bench.engine(settings_of(**settings)).run()


def images(data: Path) -> dict[str, str | None]:
    """``repository:reference`` to ``done``, ``pending`` or the reason of the failure."""
    query = """select name || ':' || reference, case state when 'failed' then reason else state end
        from images join repositories on repositories.id = repository_id"""
    return dict(select(data, query))


def select(data: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(data / "catalog.sqlite")) as connection:
        return connection.execute(query).fetchall()


def tables(data: Path) -> dict[str, list[tuple[Any, ...]]]:
    """What the catalog says, without times, and without the ports in texts for people."""
    names = ("images", "manifests", "manifest_children", "manifest_layers", "image_manifests", "blobs")
    with closing(sqlite3.connect(data / "catalog.sqlite")) as connection:
        return {name: _rows(connection, name) for name in names}


def _rows(connection: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    columns = [row[1] for row in connection.execute(f"pragma table_info({table})")]
    kept = [name for name in columns if not name.endswith("_at") and name != "detail"]
    rows = connection.execute(f"select {', '.join(kept)} from {table}").fetchall()  # noqa: S608 - our own names
    return sorted(rows, key=repr)


def files(folder: Path) -> dict[str, str]:
    """The sha256 of every file below, by relative path."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def kept(data: Path) -> dict[str, str]:
    """Everything that a download leaves behind, but for its bookkeeping."""
    blobs = {f"blobs/{name}": digest for name, digest in files(data / "blobs").items()}
    index = {"index.json": hashlib.sha256((data / "index.json").read_bytes()).hexdigest()}
    return blobs | index | files(data / "partial")


async def fetched(url: str, data: Path, *names: str, **settings: Any) -> dict[str, str | None]:
    """The images after a run over these repositories that did not have to stop."""
    summary = await download(data, url, names, **settings)
    assert summary.stopped is None
    return images(data)

"""A sample hub on loopback with a clock of its own, and what it takes to sweep it."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from corpus.records import Registry
from hubcrawl.endpoints import Endpoint
from hubcrawl.endpoints.namespaces import Namespace
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.outcome import CrawlSummary
from hubcrawl.reading import PageReader
from hubcrawl.settings import CrawlSettings
from hubcrawl.sweep import SweepEngine
from hubcrawl.territory import Territory
from hubcrawl.updates import Updates
from registry.transport.credentials import Credentials
from registry.transport.http import Transport
from registry.transport.session import open_session
from registry.transport.settings import HttpSettings
from samplehub import (
    Happening,
    Hub,
    Matching,
    Options,
    Running,
    SearchOptions,
    Trouble,
    Windows,
    crowd,
    everywhere,
    serve,
)

REGISTRY = Registry("sample", "hub=http://sample.test")
SEARCH: tuple[type[Endpoint], ...] = (SearchV2,)
BOTH: tuple[type[Endpoint], ...] = (SearchV2, Namespace)

# Tries of the transport: a sweep has its own.
TWICE = HttpSettings(attempts=2)


class QuickClock:
    """Time that passes at once for whoever sleeps; the others get their turn meanwhile."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += max(seconds, 0.0)
        turn = asyncio.Event()
        asyncio.get_running_loop().call_soon(turn.set)
        await turn.wait()


@cache
def hub_of(count: int) -> Hub:
    """A crowd, made once."""
    return crowd(count, 1)


def options(window: int | None = None, matching: str = "prefix", **chosen: Any) -> Options:
    """A hub without a limit of requests, and with one window for all endpoints."""
    windows = Windows() if window is None else Windows(anonymous=everywhere(window))
    search = SearchOptions(matching=Matching(matching), saturates_at=10_000)
    return replace(Options(site_limit=10**9, search=search, windows=windows), **chosen)


def trouble(kind: Trouble, first: int, last: int, *endpoints: str, **chosen: Any) -> Happening:
    """What comes over requests from the first to the last one, by number."""
    return Happening(kind, range(first, last + 1), frozenset(endpoints), **chosen)


def names_of(hub: Hub) -> set[str]:
    """All names of a hub."""
    return {repository.name for repository in hub.repositories}


@dataclass
class Lab:
    """A hub that is served, and a census of it.

    Attributes:
        running: The hub.
        folder: Where the census is.
        clock: Of both.
        endpoints: Whom to ask.
    """

    running: Running
    folder: Path
    clock: QuickClock
    endpoints: Sequence[type[Endpoint]] = BOTH
    http: HttpSettings = TWICE

    @property
    def layout(self) -> Layout:
        return Layout(self.folder / "data")

    async def sweep(self, **chosen: Any) -> CrawlSummary:
        """One run, in its own catalog and transport, as of a new process."""
        async with self.cataloguing() as catalog, self.transporting() as transport:
            return await self.engine(catalog, transport, **chosen).run()

    def engine(self, catalog: Catalog, transport: Transport, **chosen: Any) -> SweepEngine:
        """An engine for one run."""
        endpoints = [each(self.running.site_url) for each in self.endpoints]
        kind = Updates if chosen.get("updates") else Territory
        territory = kind(catalog, REGISTRY, endpoints, self.clock)
        settings = CrawlSettings(**{"page_size": 100, "max_pages": 50_000, **chosen})
        return SweepEngine(territory, PageReader(transport), settings, self.clock)

    @asynccontextmanager
    async def cataloguing(self) -> AsyncIterator[Catalog]:
        """The census."""
        self.layout.ensure()
        async with open_catalog(self.layout) as catalog:
            yield catalog

    @asynccontextmanager
    async def transporting(self) -> AsyncIterator[Transport]:
        """Whatever asks."""
        luck = random.Random(7)  # noqa: S311 - jitter
        async with open_session(self.http) as wire:
            yield Transport(wire, self.http, clock=self.clock, random=luck, credentials=Credentials())

    def select(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Rows of the catalog."""
        with closing(sqlite3.connect(self.layout.catalog)) as connection:
            return connection.execute(query, values).fetchall()

    def found(self) -> set[str]:
        """Names that the census knows, and does not call gone."""
        return {name for (name,) in self.select("select name from repositories where gone_at is null")}

    def gone(self) -> set[str]:
        """Names that it calls gone."""
        return {name for (name,) in self.select("select name from repositories where gone_at is not null")}

    def states(self) -> dict[str, int]:
        """Queries by state."""
        return dict(self.select("select state, count(*) from queries group by state"))

    def paths(self, since: int = 0) -> list[str]:
        """What was asked, from the request after number ``since`` on."""
        return [entry.path for entry in self.running.journal.entries][since:]

    def offsets(self, since: int = 0) -> list[int]:
        """Offsets of the pages that were asked for, in rows."""
        return [offset_of(path) for path in self.paths(since)]


@asynccontextmanager
async def lab(
    folder: Path,
    hub: Hub,
    chosen: Options,
    endpoints: Sequence[type[Endpoint]] = BOTH,
    clock: QuickClock | None = None,
) -> AsyncIterator[Lab]:
    """A hub, and nothing known of it yet unless the folder has a census."""
    time = clock or QuickClock()
    async with serve(hub, options=chosen, clock=time.now) as running:
        yield Lab(running, folder, time, endpoints)


def offset_of(path: str) -> int:
    """The offset of the page at a path of search v2 or a namespace, in rows."""
    query = parse_qs(urlsplit(path).query)
    return (int(query["page"][0]) - 1) * int(query["page_size"][0])

"""``python -m benchmarks.crawl [CASE [PARALLEL]]``: the sweep against the sample hub, in numbers.

Cases: ``coverage`` (with so many pages at a time), ``estimate``, ``pacing``, ``resume``. The hub runs in a
process of its own.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import random
import resource
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import uvloop

from benchmarks.partition import ideal_requests
from benchmarks.reachable import is_reachable, rows_shown
from corpus.catalog import open_catalog
from corpus.layout import Layout
from corpus.records import Registry
from hubcrawl.coverage import estimate
from hubcrawl.endpoints.namespaces import Namespace
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.reading import PageReader
from hubcrawl.settings import CrawlSettings
from hubcrawl.sweep import SweepEngine
from hubcrawl.territory import Territory
from registry.transport.clock import SystemClock
from registry.transport.credentials import Credentials
from registry.transport.http import Transport
from registry.transport.session import open_session
from registry.transport.settings import HttpSettings
from samplehub import Flaws, Hub, Matching, Options, SearchOptions, Windows, crowd, everywhere, serve
from samplehub.server.index import Index

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator
    from multiprocessing.connection import Connection

_REPOSITORIES = 250_000
_SEED = 1
_REGISTRY = Registry("bench", "hub=bench")
_KIB = 1 << 10

# In a benchmark nobody is to be spared.
_UNLIMITED = 10**9


def main() -> None:
    """Print one table per case; a word on the command line runs only the cases with it in their names."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    for case in (_coverage, _estimate, _pacing, _resume):
        if wanted in case.__name__:
            case()


# ---- coverage, requests, speed


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep came to."""

    names: frozenset[str]
    pages: int
    rows: int
    seconds: float
    cpu_s: float


def _coverage() -> None:
    """Search alone, without namespaces, against what any query shows and the ideal prefix partition."""
    settings = CrawlSettings(namespaces=False)
    if len(sys.argv) > 2:
        settings = msgspec.structs.replace(settings, parallel=int(sys.argv[2]))
    hub = crowd(_REPOSITORIES, _SEED)
    shown = sorted(repository.search_name for repository in hub.repositories)
    print(f"\n{len(shown):,} repositories; searches only")
    print("| matching | window | requests | of the ideal | found | unreachable | of the rest | speed |")
    print("|---|---|---|---|---|---|---|---|")
    for matching in (Matching.PREFIX, Matching.TOKENS):
        index = Index(hub, matching)
        for window in (10_000, 200, 100):
            options = _options(matching, window)
            with _serving(_SEED, options) as (url, traffic):
                before = traffic()
                swept = _run(_sweep(url, settings))
                counts = traffic() - before
            requests = counts["search-v2"]
            ideal = ideal_requests(shown, window)
            missing = [each for each in hub.repositories if each.name not in swept.names]
            rows = rows_shown(window)
            hidden = sum(not is_reachable(index, matching, rows, each) for each in missing)
            found = len(shown) - len(missing)
            shares = f"{found / len(shown):.3%} | {hidden:,} | {found / (len(shown) - hidden):.3%}"
            print(
                f"| {matching} | {window:,} | {requests:,} | {requests / ideal:.2f} x {ideal:,} "
                f"| {shares} | {_rates(swept, counts)} |",
                flush=True,
            )


def _rates(swept: Swept, hub: Counter[str]) -> str:
    return (
        f"{swept.pages / swept.seconds:.0f} pages/s, {swept.rows / swept.seconds:,.0f} rows/s; CPU per page "
        f"{1000 * swept.cpu_s / swept.pages:.2f} ms, of the hub {hub['cpu ms'] / swept.pages:.2f} ms"
    )


def _run(sweep: Coroutine[None, None, Swept]) -> Swept:
    """On the event loop that the program has."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(sweep)


def _options(matching: Matching, window: int, site_limit: int = _UNLIMITED) -> Options:
    return Options(
        site_limit=site_limit,
        search=SearchOptions(matching=matching, saturates_at=10_000),
        windows=Windows(everywhere(window)),
    )


async def _sweep(url: str, settings: CrawlSettings) -> Swept:
    with tempfile.TemporaryDirectory(prefix="hubcrawl-bench-") as folder:
        layout = Layout(Path(folder))
        layout.ensure()
        http = HttpSettings(parallel_per_host=settings.parallel)
        async with open_session(http) as wire, open_catalog(layout) as catalog:
            clock = SystemClock()
            transport = Transport(
                wire,
                http,
                clock=clock,
                random=random.Random(_SEED),  # noqa: S311 - jitter
                credentials=Credentials(),
            )
            endpoints = [SearchV2(url), *([Namespace(url)] if settings.namespaces else [])]
            territory = Territory(catalog, _REGISTRY, endpoints, clock)
            engine = SweepEngine(territory, PageReader(transport), settings, clock)
            begun, cpu_s = time.perf_counter(), time.process_time()
            summary = await engine.run()
            seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_s
        with sqlite3.connect(layout.catalog) as connection:
            names = frozenset(name for (name,) in connection.execute("SELECT name FROM repositories"))
    return Swept(names, summary.pages, summary.rows, seconds, cpu_s)


# ---- the hub, in a process of its own


@contextmanager
def _serving(seed: int, options: Options) -> Iterator[tuple[str, _Traffic]]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    server = context.Process(target=_serve, args=(theirs, seed, options), daemon=True)
    server.start()
    try:
        yield ours.recv(), _Traffic(ours)
    finally:
        ours.send("stop")
        server.join(30)


@dataclass(frozen=True, slots=True)
class _Traffic:
    """Asks the hub what it was asked."""

    hub: Connection

    def __call__(self) -> Counter[str]:
        self.hub.send("traffic")
        return Counter(self.hub.recv())


def _serve(driver: Connection, seed: int, options: Options) -> None:
    asyncio.run(_served(driver, crowd(_REPOSITORIES, seed), options))


async def _served(driver: Connection, hub: Hub, options: Options) -> None:
    async with serve(hub, options=options) as running:
        driver.send(running.site_url)
        while await asyncio.to_thread(driver.recv) == "traffic":
            cpu_ms = round(1000 * time.process_time())
            most = running.journal.most_within(60)
            times = [entry.time_s for entry in running.journal.entries]
            minutes = Counter(f"minute {int((time_s - times[0]) // 60)}" for time_s in times)
            driver.send({**running.traffic, **minutes, "most in 60 s": most, "cpu ms": cpu_ms})


# ---- the estimate


def _estimate() -> None:
    """Hubs whose search hides some repositories: how often the interval holds how many there are."""
    print("\n5,000 repositories, 100 seeds; search hides a share of them")
    print("| hidden | interval holds the truth | estimate / truth | found / truth |")
    print("|---|---|---|---|")
    for hidden in (0.01, 0.1, 0.3):
        held, estimated, found = 0, 0.0, 0.0
        for seed in range(100):
            hub = crowd(5_000, seed)
            counts, listed = _routes(hub, Index(hub, flaws=Flaws(seed=seed, hidden=hidden)))
            result = estimate(counts)
            if result is None:
                raise SystemExit("nothing can be said of a crowd")
            held += result.low <= len(hub.repositories) <= result.high
            estimated += result.total / len(hub.repositories) / 100
            found += listed / len(hub.repositories) / 100
        print(f"| {hidden:.0%} | {held} of 100 | {estimated:.4f} | {found:.4f} |", flush=True)


def _routes(hub: Hub, index: Index) -> tuple[Counter[tuple[int, int]], int]:
    """What search and the listings of the namespaces it shows have to say."""
    shown = Counter(hub.repositories[number].namespace for number in index.search(""))
    sizes = {owner: len(index.owned(owner)) for owner in shown}
    return Counter((sizes[owner], count) for owner, count in shown.items()), sum(sizes.values())


# ---- pacing


def _pacing() -> None:
    """Three minutes at 180 requests a minute."""
    options = _options(Matching.PREFIX, 200, site_limit=180)
    with _serving(_SEED, options) as (url, traffic):
        settings = CrawlSettings(parallel=16, namespaces=False, max_pages=540)
        _run(_sweep(url, settings))
        counts = traffic()
    minutes = [counts[f"minute {number}"] for number in range(3)]
    print("\n180 requests a minute allowed")
    print("| requests in each minute | of those allowed | most in any 60 s | answered 429 |")
    print("|---|---|---|---|")
    sent = " / ".join(map(str, minutes))
    used = sum(minutes) / (180 * len(minutes))
    print(f"| {sent} | {used:.1%} | {counts['most in 60 s']} | {counts['throttled']} |")


# ---- a catalog of ten million repositories


def _resume() -> None:
    """How long it takes until a resumed sweep asks its first question, and how much memory."""
    print("\nstart of a resumed sweep")
    print("| repositories | queries | seconds | peak memory |")
    print("|---|---|---|---|")
    for repositories in (100_000, 10_000_000):
        with tempfile.TemporaryDirectory(prefix="hubcrawl-bench-") as folder:
            queries = repositories // 10
            asyncio.run(_fill(Layout(Path(folder)), repositories, queries))
            context = multiprocessing.get_context("spawn")
            ours, theirs = context.Pipe()
            child = context.Process(target=_resumed, args=(theirs, folder))
            child.start()
            seconds, peak = ours.recv()
            child.join()
        print(f"| {repositories:,} | {queries:,} | {seconds:.2f} | {peak / 1e6:.0f} MB |", flush=True)


async def _fill(layout: Layout, repositories: int, queries: int) -> None:
    layout.ensure()
    async with open_catalog(layout) as catalog:
        await catalog.repositories.add_registry(_REGISTRY)
        await catalog.sweeps.start(_REGISTRY.name, time.time())
    with sqlite3.connect(layout.catalog) as connection:
        connection.execute("PRAGMA synchronous=OFF")
        connection.executemany(
            "INSERT INTO repositories (registry, name, is_pullable, pull_count, first_seen_at, last_seen_at)"
            " VALUES ('bench', ?, 1, ?, 1e9, 1e9)",
            ((f"owner{number // 3:07x}/image{number:07x}", number) for number in range(repositories)),
        )
        connection.executemany(
            "INSERT INTO queries (registry, endpoint, key, state, priority, rows)"
            " VALUES ('bench', ?, ?, ?, ?, ?)",
            (
                (
                    "search-v2",
                    json.dumps([f"{number:06x}"]),
                    "complete" if number % 10 else "pending",
                    random.random(),  # noqa: S311 - filler
                    90,
                )
                for number in range(queries)
            ),
        )


def _resumed(driver: Connection, folder: str) -> None:
    begun = time.perf_counter()
    asyncio.run(_first_questions(Layout(Path(folder))))
    seconds = time.perf_counter() - begun
    driver.send((seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _KIB))


async def _first_questions(layout: Layout) -> None:
    async with open_catalog(layout) as catalog:
        territory = Territory(
            catalog,
            _REGISTRY,
            [SearchV2("http://127.0.0.1:9"), Namespace("http://127.0.0.1:9")],
            SystemClock(),
        )
        await territory.begin(again=False, limit=0)
        if not await territory.frontier(64, ()):
            raise SystemExit("there is nothing to ask")


if __name__ == "__main__":
    os.environ.setdefault("PYTHONHASHSEED", "0")
    main()

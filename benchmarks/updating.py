"""``python -m benchmarks.updating``: what an update finds of a day's changes, and what it costs.

The hub is swept whole, then changes, and is then asked through a window; all in one process.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.catalog import open_catalog
from corpus.layout import Layout
from corpus.records import Registry
from hubcrawl.endpoints.newest import Newest
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.reading import PageReader
from hubcrawl.settings import CrawlSettings
from hubcrawl.sweep import SweepEngine
from hubcrawl.territory import Territory
from hubcrawl.updates import Updates
from registry.transport.clock import SystemClock
from registry.transport.credentials import Credentials
from registry.transport.http import Transport
from registry.transport.session import open_session
from registry.transport.settings import HttpSettings
from samplehub import Changes, Matching, Options, SearchOptions, Windows, crowd, everywhere, later, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from samplehub import Hub

_REGISTRY = Registry("bench", "hub=bench")
_DAY_S = 86_400.0
_SETTINGS = CrawlSettings(parallel=32, namespaces=False, max_pages=10**9)


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.updating", description=__doc__)
    parser.add_argument("--count", type=int, default=250_000, help="repositories")
    parser.add_argument("--changed", type=float, default=0.01, help="share of them that changes in a day")
    parser.add_argument("--windows", type=int, nargs="+", default=[10_000, 200, 100])
    args = parser.parse_args()
    hub = crowd(args.count, 1)
    print("| matching | window | changed | found | requests |")
    print("|---|---|---|---|---|")
    for matching in (Matching.PREFIX, Matching.TOKENS):
        for window in args.windows:
            asyncio.run(_measure(hub, args.changed, matching, window))


async def _measure(hub: Hub, share: float, matching: Matching, window: int) -> None:
    changed = int(share * len(hub.repositories))
    with tempfile.TemporaryDirectory(prefix="hubcrawl-bench-") as folder:
        layout = Layout(Path(folder))
        layout.ensure()
        async with open_catalog(layout) as catalog:
            async with _asking(hub, Options(site_limit=10**9)) as (url, reader):
                await _run(Territory(catalog, _REGISTRY, [SearchV2(url)], SystemClock()), reader)
            since = time.time()
            new = changed // 4
            after = later(hub, Changes(since, since + _DAY_S, created=new, pushed=changed - new))
            async with _asking(after, _options(matching, window)) as (url, reader):
                pages = await _run(Updates(catalog, _REGISTRY, [Newest(url)], SystemClock()), reader)
            moved = {each.name for each in after.repositories if each.updated.timestamp() > since}
            found = len(moved & set(await catalog.names.seen(_REGISTRY.name, since, "", 10**9)))
    print(f"| {matching} | {window:,} | {changed:,} | {found / changed:.3%} | {pages:,} |", flush=True)


def _options(matching: Matching, window: int) -> Options:
    search = SearchOptions(matching=matching, saturates_at=10_000)
    return Options(site_limit=10**9, search=search, windows=Windows(everywhere(window)))


@asynccontextmanager
async def _asking(hub: Hub, options: Options) -> AsyncIterator[tuple[str, PageReader]]:
    """A hub that is served, by its address, and what reads its pages."""
    http = HttpSettings(parallel_per_host=_SETTINGS.parallel)
    luck = random.Random(1)  # noqa: S311 - jitter
    async with serve(hub, options=options) as running, open_session(http) as wire:
        transport = Transport(wire, http, clock=SystemClock(), random=luck, credentials=Credentials())
        yield running.site_url, PageReader(transport)


async def _run(territory: Territory, reader: PageReader) -> int:
    """Ask until nothing is left; returns the pages that took."""
    summary = await SweepEngine(territory, reader, _SETTINGS, SystemClock()).run()
    if not summary.is_complete:
        raise SystemExit(f"not complete: {summary.stopped}")
    return summary.pages


if __name__ == "__main__":
    main()

"""A sweep in a process of its own, to be killed: ``python -m tests.hubcrawl.sweep_child SITE DATA``."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from corpus.catalog import open_catalog
from corpus.layout import Layout
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
from tests.hubcrawl.sweeping import REGISTRY


async def sweep(site: str, data: Path) -> None:
    """One run to its end."""
    layout, clock, settings = Layout(data), SystemClock(), HttpSettings()
    layout.ensure()
    async with open_session(settings) as wire, open_catalog(layout) as catalog:
        luck = random.Random(1)  # noqa: S311 - jitter
        transport = Transport(wire, settings, clock=clock, random=luck, credentials=Credentials())
        territory = Territory(catalog, REGISTRY, [SearchV2(site), Namespace(site)], clock)
        engine = SweepEngine(territory, PageReader(transport), CrawlSettings(page_size=100), clock)
        summary = await engine.run()
    assert summary.is_complete, summary.stopped


if __name__ == "__main__":
    asyncio.run(sweep(sys.argv[1], Path(sys.argv[2])))

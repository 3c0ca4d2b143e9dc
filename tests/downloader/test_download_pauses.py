"""Hosts that ask to be left alone for an hour: whoever needs another host goes on, with all that it has."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from corpus.blobs import BlobStore
from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from corpus.records import Registry, RepositoryRecord
from downloader.engine import DownloadEngine, DownloadSummary
from registry.client import RegistryClient
from registry.transport.credentials import Credentials
from registry.transport.http import Transport
from registry.transport.session import open_session
from registry.transport.settings import HttpSettings
from tests.downloader.runs import CHECKPOINT_S, InstantClock, images, one_turn, settings_of
from tests.downloader.servers import FakeRegistry, Responder, refuse, serving
from tests.downloader.test_download_quota import USED_UP

HOUR_S = 3600.0
IMAGES = 40

# On both hosts, as a base layer often is.
SHARED = b"the same everywhere" * 50


class HeldClock(InstantClock):
    """Time that passes at once, but for an hour, which lasts until the test lets it pass."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = asyncio.Event()
        self.waiting = 0

    async def sleep(self, seconds: float) -> None:
        if seconds < HOUR_S / 2 or seconds == CHECKPOINT_S:
            await super().sleep(seconds)
            return
        until = self.seconds + seconds
        self.waiting += 1
        try:
            await self.may_go_on.wait()
        finally:
            self.waiting -= 1
        self.seconds = max(self.seconds, until)
        await one_turn()


@dataclass
class Moody(FakeRegistry):
    """A registry that refuses some requests for an hour.

    Attributes:
        clock: By which the hour passes.
        refusal: How it refuses.
        is_refused: What, by ``"METHOD /path"``.
        good_from: When the hour is over.
    """

    clock: InstantClock = field(default_factory=InstantClock)
    refusal: Responder | None = None
    is_refused: Callable[[str], bool] = bool  # everything
    good_from: float = 0.0

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        is_refused = self.is_refused(f"{request.method} {request.raw_path}")
        if self.refusal is not None and is_refused and self.clock.seconds < self.good_from:
            return await self.refusal(self, request, b"")
        return await super().handle(request)


@dataclass(frozen=True)
class Two:
    """Two registries, and what it takes to fetch from both; they share a transport and a clock."""

    paused: Moody
    other: Moody
    catalog: Catalog
    clients: dict[str, RegistryClient]
    transport: Transport
    layout: Layout
    clock: HeldClock

    def engine(self, **settings: Any) -> DownloadEngine:
        store = BlobStore(self.layout)
        return DownloadEngine(
            self.catalog, store, self.layout, self.clients, settings_of(**settings), self.clock
        )


def hold(registry: FakeRegistry, owner: str) -> list[str]:
    """Images with layers of their own on top of what both hosts have."""
    names = [f"{owner}/{number}" for number in range(IMAGES)]
    for name in names:
        registry.push(f"{name}@latest", SHARED, name.encode() * 20, f"more of {name}".encode() * 20)
    return names


async def listed(catalog: Catalog, registry: str, names: Iterable[str], pulls: int) -> None:
    await catalog.repositories.add_registry(Registry(registry, f"hub={registry}"))
    await catalog.repositories.start_listing(registry, ["1"])
    (page,) = await catalog.repositories.pending_pages(registry, 1)
    records = [RepositoryRecord(name, pull_count=pulls) for name in names]
    await catalog.repositories.finish_page(page, registry, records, url="http://x/", next_cursors=(), now=1.0)


@asynccontextmanager
async def two(data: Path, **http: Any) -> AsyncIterator[Two]:
    clock, layout = HeldClock(), Layout(data)
    layout.ensure()
    settings = HttpSettings(**http)
    async with AsyncExitStack() as stack:
        paused, other = (Moody(clock=clock, good_from=clock.seconds + HOUR_S) for _ in range(2))
        for registry in (paused, other):
            await stack.enter_async_context(serving(registry))
        catalog = await stack.enter_async_context(open_catalog(layout))
        await listed(catalog, "paused.test", hold(paused, "a"), pulls=1000)
        await listed(catalog, "other.test", hold(other, "b"), pulls=1)
        session = await stack.enter_async_context(open_session(settings))
        dice = random.Random(1)  # noqa: S311 - jitter, and the same one in every run
        transport = Transport(session, settings, clock=clock, random=dice, credentials=Credentials())
        clients = {
            "paused.test": RegistryClient(transport, name="paused.test", base_url=paused.url),
            "other.test": RegistryClient(transport, name="other.test", base_url=other.url),
        }
        yield Two(paused, other, catalog, clients, transport, layout, clock)


async def done_meanwhile(both: Two, count: int, **settings: Any) -> DownloadSummary:
    """Run until ``count`` images are done while the hour lasts, then let it pass, and run to the end."""
    engine = both.engine(**settings)
    running = asyncio.create_task(engine.run())
    try:
        async with asyncio.timeout(20):  # of a run that hangs
            while engine.statistics().done < count:
                await one_turn()
        assert both.clock.waiting
        assert both.clock.seconds < both.paused.good_from
        wait = both.transport.waiting()
        assert wait is not None
        assert wait.until - both.clock.now() == pytest.approx(HOUR_S, abs=60)
        both.clock.may_go_on.set()
        return await running
    finally:
        running.cancel()
        await asyncio.wait([running])


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 4, 16])
@pytest.mark.parametrize(
    ("what", "refusal"),
    [
        ("/blobs/", refuse(429, Retry_After="3600")),
        ("/blobs/", refuse(429, "TOOMANYREQUESTS", Retry_After="3600")),
        ("/blobs/", refuse(503, Retry_After="3600")),
        ("/blobs/", refuse(429, *USED_UP)),
        ("/manifests/", refuse(429, Retry_After="3600")),
        ("/manifests/", refuse(429, *USED_UP)),
    ],
    ids=["429", "too many", "503", "a quota on blobs", "manifests", "the quota"],
)
async def test_all_images_of_another_host_come_before_the_hour_is_over(
    data: Path, what: str, refusal: Responder, workers: int
) -> None:
    """Though the paused host's come first in the order, and both list the same base layer.

    Then these come too.
    """
    async with two(data, quota_pause_s=HOUR_S) as both:
        both.paused.refusal = refusal
        both.paused.is_refused = lambda asked: asked.startswith("GET ") and what in asked
        if what == "/manifests/":  # they have one in common, which is not waited for either
            for registry, name in ((both.paused, "a/0"), (both.other, "b/0")):
                registry.push(f"{name}@latest", SHARED)
        settings = {"parallel_images": workers, "parallel_layers": 4}
        summary = await done_meanwhile(both, IMAGES, **settings)
    assert (summary.done, summary.failed) == (2 * IMAGES, {})
    assert set(images(data).values()) == {"done"}


@pytest.mark.slow
async def test_the_tags_of_one_registry_are_listed_while_another_one_is_left_alone(data: Path) -> None:
    """What they become is fetched when all are known, since one plan is made of all."""
    async with two(data) as both:
        for registry in (both.paused, both.other):
            registry.tags = {name.partition("@")[0]: ["latest"] for name in registry.manifests}
        both.paused.refusal = refuse(429, Retry_After="3600")
        both.paused.is_refused = lambda asked: "/tags/" in asked
        running = asyncio.create_task(both.engine(tags="all").run())
        while both.other.count("/tags/list") < IMAGES:
            await one_turn()
        both.clock.may_go_on.set()
        summary = await running
    assert (summary.done, summary.failed) == (2 * IMAGES, {})


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 16])
async def test_a_run_that_waits_out_a_pause_ends_when_it_is_told_to(data: Path, workers: int) -> None:
    """What came meanwhile is recorded; the rest is for the next run."""
    async with two(data) as both:
        both.paused.refusal = refuse(429, Retry_After="3600")
        both.paused.is_refused = lambda asked: "/blobs/" in asked
        engine = both.engine(parallel_images=workers)
        running = asyncio.create_task(engine.run())
        while engine.statistics().done < IMAGES:
            await one_turn()
        running.cancel()
        await asyncio.wait([running])
        assert running.cancelled()
    assert Counter(images(data).values()) == {"done": IMAGES, "pending": IMAGES}

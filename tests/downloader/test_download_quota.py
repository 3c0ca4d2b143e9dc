"""The pull quota: as many GETs as are left, none that would be refused, and every image in the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web

from corpus.records import RepositoryRecord
from registry.digests import Digest
from registry.transport.waits import Wait
from tests.downloader.runs import (
    InstantClock,
    crawl,
    download,
    images,
    one_turn,
    opened,
    select,
    settings_of,
)
from tests.downloader.servers import FakeRegistry, Responder, refuse, serving

BASE = b"base layer" * 100
NAMES = [f"a/{number}" for number in range(50)]
WINDOW_S = 21_600

# The code, and what Docker Hub says beside it.
USED_UP = ("TOOMANYREQUESTS", "You have reached your pull rate limit.")


@dataclass
class CountingRegistry(FakeRegistry):
    """Counts the GETs of manifests in windows, tells how many are left, and refuses those above.

    Attributes:
        clock: By which windows end.
        left: GETs in the present window.
        limit: GETs in each later one.
        granted: GETs that were answered.
        refused: GETs that were not.
        free: Repositories whose pulls are not counted, and of which nothing is told.
    """

    clock: InstantClock = field(default_factory=InstantClock)
    left: int = 20
    limit: int = 20
    granted: int = 0
    refused: int = 0
    free: frozenset[str] = frozenset()
    window_ends_at: float = float("inf")

    def push_all(self) -> None:
        self.counts_pulls = False  # what is told is told here
        for name in NAMES:
            self.push(f"{name}@latest", name.encode())

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        name, is_manifest, _ = request.raw_path.removeprefix("/v2/").partition("/manifests/")
        if not is_manifest or name in self.free:
            return await super().handle(request)
        if self.clock() >= self.window_ends_at:
            self.left, self.window_ends_at = self.limit, float("inf")
        if request.method == "GET" and not self._take():
            response: web.StreamResponse = web.json_response(
                {"errors": [{"code": "TOOMANYREQUESTS"}]}, status=429
            )
        else:
            response = await super().handle(request)
        response.headers["ratelimit-limit"] = f"{self.limit};w={WINDOW_S}"
        response.headers["ratelimit-remaining"] = f"{self.left};w={WINDOW_S}"
        return response

    def _take(self) -> bool:
        if not self.left:
            self.refused += 1
            return False
        self.granted += 1
        self.left -= 1
        if self.window_ends_at == float("inf"):
            self.window_ends_at = self.clock() + WINDOW_S
        return True


@pytest.fixture
async def hub(clock: InstantClock) -> AsyncIterator[CountingRegistry]:
    registry = CountingRegistry(clock=clock)
    async with serving(registry):
        registry.push_all()
        yield registry


async def waited(data: Path, hub: CountingRegistry, seconds: float, workers: int = 16) -> None:
    """Run until the quota is used up, and end as Ctrl-C does."""
    rested = asyncio.Event()

    class Held(InstantClock):
        async def sleep(self, seconds_asked: float) -> None:
            if seconds_asked == seconds:
                rested.set()
                await asyncio.Event().wait()
            await super().sleep(seconds_asked)

    async with opened(data, hub.url, Held()) as bench:
        await crawl(bench.catalog, NAMES)
        run = asyncio.create_task(bench.engine(settings_of(parallel_images=workers)).run())
        await rested.wait()
        run.cancel()
        await asyncio.wait([run])


async def test_every_image_comes_and_no_get_is_wasted(
    hub: CountingRegistry, data: Path, clock: InstantClock
) -> None:
    """Sixteen at a time, twenty per window."""
    summary = await download(data, hub.url, NAMES, clock, parallel_images=16)
    assert (summary.done, summary.failed) == (len(NAMES), {})
    assert (hub.granted, hub.refused) == (len(NAMES), 0)


@pytest.mark.parametrize("workers", [1, 7, 16])
async def test_with_twenty_left_twenty_are_sent_also_over_a_restart(
    hub: CountingRegistry, data: Path, workers: int
) -> None:
    """The next run begins by HEAD, and finds that nothing is left."""
    await waited(data, hub, 900.0, workers)
    assert (hub.granted, hub.refused) == (20, 0)
    assert select(data, 'select username, remaining, "limit", window_s from quotas') == [
        ("", 0, 20, WINDOW_S)
    ]
    hub.asked.clear()
    await waited(data, hub, 900.0, workers)
    assert (hub.granted, hub.refused, hub.asked[0].method) == (20, 0, "HEAD")


async def test_an_image_listed_by_digest_is_asked_for_by_head_first(
    hub: CountingRegistry, data: Path, clock: InstantClock
) -> None:
    """The first contact costs nothing, and says that nothing is left."""
    hub.left, hub.window_ends_at = 0, clock() + 1800
    digest = Digest.of(hub.manifests["a/0@latest"][1])
    summary = await download(data, hub.url, [RepositoryRecord("a/0", reference=digest)], clock)
    assert (summary.done, hub.granted, hub.refused) == (1, 1, 0)
    assert [asked.method for asked in hub.asked if "manifests" in asked.path] == ["HEAD"] * 3 + ["GET"]
    assert clock.slept.count(900.0) == 2


async def test_pulls_that_are_not_counted_do_not_wait_for_another_window(
    hub: CountingRegistry, data: Path, clock: InstantClock
) -> None:
    """Docker Hub counts none of its sponsored projects: HEAD says nothing of a quota, and they come."""
    hub.left, hub.free = 5, frozenset(NAMES[5:])
    summary = await download(data, hub.url, NAMES, clock, parallel_images=4)
    assert (summary.done, hub.granted, hub.refused) == (len(NAMES), 5, 0)
    assert sum(clock.slept) < WINDOW_S


async def test_unchanged_images_cost_nothing_while_nothing_is_left(
    hub: CountingRegistry, data: Path, clock: InstantClock
) -> None:
    """A manifest that is held is known by the digest that HEAD tells."""
    hub.left = 100
    await download(data, hub.url, NAMES[:10], clock)
    hub.left = 0
    for name in NAMES[:10]:
        hub.manifests[f"{name}@other"] = hub.manifests[f"{name}@latest"]
    summary = await download(data, hub.url, NAMES[:10], clock, tags="other")
    assert (summary.done, hub.granted, hub.refused, clock.slept) == (10, 10, 0, [])


async def test_a_registry_that_speaks_of_its_quota_only_when_it_is_used_up_is_asked_again_after_the_pause(
    fake: FakeRegistry, data: Path, clock: InstantClock
) -> None:
    """In Docker Hub's words, and without its headers."""
    fake.counts_pulls = False
    for name in NAMES:
        fake.push(f"{name}@latest", name.encode())
    digest = Digest.of(fake.manifests["a/3@latest"][1])
    fake.script(f"GET /v2/a/3/manifests/{digest}", *[refuse(429, *USED_UP)] * 2)
    fake.script("GET /v2/a/3/manifests/latest", *[refuse(429, *USED_UP)] * 2)
    summary = await download(data, fake.url, NAMES, clock, http={"quota_pause_s": 400.0})
    assert (summary.done, summary.failed) == (len(NAMES), {})
    assert clock.slept.count(400.0) >= 2


async def test_a_registry_that_refuses_without_a_word_of_a_quota_is_tried_as_often_as_any_other(
    fake: FakeRegistry, data: Path, clock: InstantClock
) -> None:
    """Then the image has failed, is due again later, and comes."""
    fake.counts_pulls = False
    for name in NAMES[:3]:
        fake.push(f"{name}@latest", name.encode())
    fake.script("HEAD /v2/a/1/manifests/latest", *[refuse(405)] * 2)
    fake.script("GET /v2/a/1/manifests/latest", *[refuse(429, "TOOMANYREQUESTS")] * 6)
    summary = await download(data, fake.url, NAMES[:3], clock, http={"quota_pause_s": 77_777.0})
    assert (summary.done, summary.failed, summary.retries.images) == (2, {"abuse_limit": 1}, 1)
    assert 77_777.0 not in clock.slept
    assert (await download(data, fake.url)).done == 1


async def test_a_server_that_says_when_the_quota_is_back_is_believed(
    fake: FakeRegistry, data: Path, clock: InstantClock
) -> None:
    """``Retry-After`` is the pause, and the display can say until when."""
    digest = fake.push("a/b@latest", BASE)
    waits: list[Wait | None] = []
    async with opened(data, fake.url, clock) as bench:
        await crawl(bench.catalog, ["a/b"])

        async def sleep(seconds: float) -> None:
            if seconds == 3600:
                waits.append(bench.client._transport.waiting())
            await InstantClock.sleep(clock, seconds)

        clock.sleep = sleep  # type: ignore[method-assign]
        before = clock()
        fake.script(f"GET /v2/a/b/manifests/{digest}", refuse(429, *USED_UP, Retry_After="3600"))
        summary = await bench.engine(settings_of()).run()
        assert bench.client._transport.waiting() is None
    assert summary.done == 1
    (wait,) = waits
    assert wait is not None
    assert wait.what == "quota"
    assert wait.until == pytest.approx(before + 3600, abs=1)


@pytest.mark.parametrize(
    "refusal", [refuse(429, *USED_UP), refuse(429, "TOOMANYREQUESTS", ratelimit_remaining="0;w=21600")]
)
async def test_a_quota_on_blobs_is_waited_for_too(
    fake: FakeRegistry, data: Path, clock: InstantClock, refusal: Responder
) -> None:
    """Some registries count them; an image does not fail for it."""
    fake.push("a/b@latest", BASE)
    fake.script_blob(Digest.of(BASE), *[refusal] * 2)
    summary = await download(data, fake.url, ["a/b"], clock, http={"quota_pause_s": 77.0})
    assert (summary.done, clock.slept.count(77.0)) == (1, 2)
    assert fake.count("GET /v2/a/b/manifests/sha256") == 1


async def test_blobs_that_are_refused_without_a_word_of_a_quota_fail_their_image_for_now(
    fake: FakeRegistry, data: Path, clock: InstantClock
) -> None:
    """Each pause is granted, and none is the last: that is bounded as any other failure."""
    fake.push("a/b@latest", BASE)
    fake.push("a/c@latest", b"other layer")
    refusal = refuse(429, "TOOMANYREQUESTS", Retry_After="5000")
    fake.script_blob(Digest.of(BASE), *[refusal] * 6)
    summary = await download(data, fake.url, ["a/b", "a/c"], clock)
    assert (summary.done, summary.failed, summary.retries.images) == (1, {"abuse_limit": 1}, 1)
    assert (fake.count(f"blobs/{Digest.of(BASE)}"), clock.slept.count(5000.0)) == (6, 5)
    assert (await download(data, fake.url)).done == 1
    assert set(images(data).values()) == {"done"}


async def test_a_run_that_waits_for_the_quota_ends_when_it_is_told_to(
    hub: CountingRegistry, data: Path
) -> None:
    await waited(data, hub, 900.0)
    await one_turn()
    assert set(images(data).values()) == {"done", "pending"}

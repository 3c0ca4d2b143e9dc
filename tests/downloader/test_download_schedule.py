"""Images that failed for a passing reason: when they are tried again, by which run, and how often."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import Failure, ImageOutcome, ImageTask, RepositoryRecord
from downloader.feed import Feed, order_of
from downloader.fetchers import Fetchers
from downloader.schedule import RETRY_DELAYS_S, retry_at, scheduled
from registry.errors import Reason
from tests.downloader.runs import NAME, InstantClock, crawl, download, images, opened, select, settings_of
from tests.downloader.servers import FakeRegistry, refuse

BASE = b"base layer" * 100
HEAD = "HEAD /v2/a/b/manifests/latest"
TRIES = 6  # of one request

MINUTE_S, HOUR_S, DAY_S = 60.0, 3_600.0, 86_400.0

TASK = ImageTask(1, "r", "a/b", "latest", attempts=2)


def test_the_delays_are_those_that_the_settings_tell() -> None:
    """A minute, ten, an hour, six, a day; then it is given up."""
    due = [retry_at(attempts, 0.0) for attempts in range(1, 7)]
    assert due == [MINUTE_S, 10 * MINUTE_S, HOUR_S, 6 * HOUR_S, DAY_S, None]


@given(
    st.integers(1, len(RETRY_DELAYS_S)),
    st.floats(0, 2e9),
    st.one_of(st.none(), st.floats(0, 31 * DAY_S)),
)
def test_no_try_comes_before_the_server_wants_it(attempts: int, now: float, wait: float | None) -> None:
    """Nor before the schedule does."""
    due = retry_at(attempts, now, wait)
    assert due is not None
    assert due >= now + (wait or 0)
    assert due >= now + RETRY_DELAYS_S[attempts - 1]


@pytest.mark.parametrize("failure", [None, Failure(Reason.NO_TAG, "404")])
def test_what_is_settled_has_no_next_try(failure: Failure | None) -> None:
    """Neither an image fetched nor one that failed for good; and a later failure counts from one."""
    outcome = scheduled(ImageOutcome(1, "all", failure=failure), TASK, 5.0)
    assert (outcome.attempts, outcome.retry_at) == (0, None)


def test_a_passing_failure_is_counted_and_scheduled() -> None:
    """The third in a row: in an hour."""
    failure = Failure(Reason.NETWORK, "cut", is_temporary=True)
    outcome = scheduled(ImageOutcome(1, "all", failure=failure), TASK, 5.0)
    assert (outcome.attempts, outcome.retry_at) == (3, 5.0 + HOUR_S)


async def test_a_run_waits_for_what_is_due_soon(fake: FakeRegistry, data: Path, clock: InstantClock) -> None:
    """The image fails, is tried again after a minute, and counts once: as fetched."""
    fake.push("a/b@latest", BASE)
    fake.push("a/c@latest", BASE)
    fake.script(HEAD, *[refuse(503)] * TRIES)
    async with opened(data, fake.url, clock) as bench:
        await crawl(bench.catalog, ["a/b", "a/c"])
        engine = bench.engine(settings_of(retry_wait_s=MINUTE_S))
        notes = []

        async def sleep(seconds: float) -> None:
            shown = engine.statistics()
            notes.append((shown.note, shown.done, shown.failed, shown.total))
            await InstantClock.sleep(clock, seconds)

        clock.sleep = sleep  # type: ignore[method-assign]
        summary = await engine.run()
    assert (summary.done, summary.failed, summary.retries.images) == (2, {}, 0)
    assert engine.statistics().total == 2
    ((note, *counts),) = [each for each in notes if each[0]]
    assert note.startswith("waiting until ")
    assert counts == [1, 1, 2]
    assert images(data) == {"a/b:latest": "done", "a/c:latest": "done"}
    assert select(data, "select attempts, retry_at from images") == [(0, None), (0, None)]


async def test_a_run_leaves_what_is_due_later_to_later_ones(
    fake: FakeRegistry, data: Path, clock: InstantClock
) -> None:
    """It says how many there are and from when on; it does not wait longer than it may."""
    fake.push("a/b@latest", BASE)
    fake.push("a/c@latest", BASE)
    fake.script(HEAD, always=refuse(503))
    begun = clock.now()
    summary = await download(data, fake.url, ["a/b", "a/c"], clock, retry_wait_s=900.0)
    assert (summary.done, summary.failed) == (1, {Reason.SERVER_ERROR: 1})
    assert fake.count(HEAD) == 3 * TRIES  # at once, after a minute, after ten
    assert summary.retries.images == 1
    assert summary.retries.next_at is not None
    assert summary.retries.next_at >= begun + 11 * MINUTE_S + HOUR_S
    assert clock.now() < begun + HOUR_S
    assert select(data, "select attempts from images where state = 'failed'") == [(3,)]


async def test_a_later_run_takes_only_what_is_due(
    fake: FakeRegistry, data: Path, clock: InstantClock
) -> None:
    """The schedule is in the catalog: neither forgotten by a restart nor begun anew."""
    fake.push("a/c@latest", BASE)
    fake.script(HEAD, always=refuse(503))
    await download(data, fake.url, ["a/b", "a/c"], clock)
    delays = []
    for _ in range(5):
        asked, failed_at = fake.count(HEAD), clock.now()
        async with opened(data, fake.url, clock) as bench:
            assert not await bench.has_work()
            summary = await bench.engine(settings_of()).run()
            assert fake.count(HEAD) == asked
            assert summary.retries.next_at is not None
            clock.seconds = summary.retries.next_at
            assert await bench.has_work()
            await bench.engine(settings_of()).run()
        assert fake.count(HEAD) == asked + TRIES
        delays.append(summary.retries.next_at - failed_at)
    assert delays == pytest.approx(RETRY_DELAYS_S, abs=1.0)
    clock.seconds += 30 * DAY_S
    async with opened(data, fake.url, clock) as bench:
        assert not await bench.has_work()  # given up, until somebody asks
        assert await bench.catalog.images.has_given_up(["sample"])
    assert images(data) == {"a/b:latest": "server_error", "a/c:latest": "done"}


async def test_who_asks_for_failures_gets_them_at_once(
    fake: FakeRegistry, data: Path, clock: InstantClock
) -> None:
    """Whatever the schedule says."""
    fake.push("a/b@latest", BASE)
    fake.script(HEAD, *[refuse(503)] * TRIES)
    await download(data, fake.url, ["a/b"], clock)
    summary = await download(data, fake.url, clock=clock, retry_failed=True)
    assert (summary.done, summary.failed) == (1, {})


async def test_a_server_that_asks_for_more_patience_gets_it(
    fake: FakeRegistry, data: Path, clock: InstantClock
) -> None:
    """Its ``Retry-After`` is longer than the schedule's minute."""
    fake.push("a/c@latest", BASE)
    fake.script(HEAD, always=refuse(503, Retry_After="7200"))
    summary = await download(data, fake.url, ["a/b", "a/c"], clock, retry_wait_s=3_600.0)
    assert summary.retries.next_at is not None
    assert summary.retries.next_at - clock.now() == pytest.approx(7200, abs=60)


async def test_a_failure_of_the_run_before_is_not_taken_off_the_count_of_this_one(
    fake: FakeRegistry, data: Path, clock: InstantClock
) -> None:
    """It becomes due while this run waits, and is one more image of it."""
    for name in ("a/b", "a/c", "a/d"):
        fake.push(f"{name}@latest", BASE)
    fake.script(HEAD, *[refuse(503)] * TRIES)
    fake.script("HEAD /v2/a/c/manifests/latest", *[refuse(503)] * TRIES)
    records = [RepositoryRecord(name, pull_count=9 if name == "a/b" else 1) for name in ("a/b", "a/c", "a/d")]
    first = await download(data, fake.url, records, clock, limit=1)
    assert first.failed == {Reason.SERVER_ERROR: 1}
    second = await download(data, fake.url, clock=clock, retry_wait_s=200.0)
    assert (second.done, second.failed) == (3, {})


async def test_what_is_due_again_comes_before_the_images_that_are_still_to_come(
    fake: FakeRegistry, data: Path, clock: InstantClock
) -> None:
    """A run of days does not leave it until its end; and no image is fetched twice for that."""
    names = ["a/b", *(f"a/{number}" for number in range(9))]
    for name in names:
        fake.push(f"{name}@latest", name.encode())
    fake.script(HEAD, *[refuse(503)] * TRIES)
    records = [RepositoryRecord(name, pull_count=99 - place) for place, name in enumerate(names)]
    begun: list[str] = []
    async with opened(data, fake.url, clock) as bench:
        await crawl(bench.catalog, records)
        engine = bench.engine(settings_of(parallel_images=1))
        fetch = Fetchers.fetch

        async def take_long(fetchers: Fetchers, task: ImageTask) -> ImageOutcome:
            begun.append(task.repository)
            clock.seconds += 10 * MINUTE_S
            return await fetch(fetchers, task)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Fetchers, "fetch", take_long)
            summary = await engine.run()
    assert begun == [*names[:2], "a/b", *names[2:]]
    assert (summary.done, summary.failed) == (10, {})
    assert engine.statistics().total == 10


async def test_no_image_under_way_is_handed_out_again_when_the_plan_is_gone_through_anew(
    fake: FakeRegistry, data: Path
) -> None:
    """Until a checkpoint the catalog has it as open."""
    async with opened(data, fake.url) as bench:
        await crawl(bench.catalog, ["a/1", "a/2", "a/3"])
        await bench.catalog.images.expand([NAME], "latest", ["latest"], 10)
        settings = settings_of()
        await bench.catalog.plan.make(order_of([NAME], settings))
        feed = Feed(bench.catalog.images, [NAME], settings.scope)
        assert await feed.rewind() == 3
        first = await feed.next()
        assert first is not None
        assert await feed.rewind() == 3
        others = [await feed.next() for _ in range(3)]
        assert {task.repository for task in others if task} == {"a/1", "a/2", "a/3"} - {first.repository}
        assert others[-1] is None
        feed.forget([first.id])
        await feed.rewind()
        assert await feed.next() == first

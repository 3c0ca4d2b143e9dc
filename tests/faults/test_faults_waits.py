"""Servers that ask for patience: what they ask for is understood, granted, and costs nobody else anything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import pytest

from registry.digests import Digest
from tests.downloader.runs import InstantClock, crawl, images, one_turn, settings_of
from tests.faults.census import MEDIUM, FlowingClock, campaign, opened
from tests.faults.injections import always, by_turn, in_words, refused
from tests.faults.origin import CDN, Fault, Habits, Tree
from tests.faults.wire import Asked

DAY_S = 86_400.0


def rfc_850(moment: float) -> str:
    return time.strftime("%A, %d-%b-%y %H:%M:%S GMT", time.gmtime(moment))


def asctime(moment: float) -> str:
    return time.asctime(time.gmtime(moment))


# The header by the time at which it is sent, and between how many seconds the next request has to come.
FORMS: dict[str, tuple[Callable[[float], str], float, float]] = {
    "seconds": (lambda _: "7", 7, 8),
    "no seconds": (lambda _: "0", 0, 2),
    "a fraction": (lambda _: "2.5", 2.5, 3.5),
    "a date": (lambda now: formatdate(now + 90, usegmt=True), 89, 91),
    "a date of old": (lambda now: rfc_850(now + 90), 89, 91),
    "a date of C": (lambda now: asctime(now + 90), 89, 91),
    "Unix time": (lambda now: f"{now + 120:.0f}", 119, 121),
    "more than six hours": (lambda _: "100000", 100_000, 100_001),
    "a date in a week": (lambda now: formatdate(now + 7 * DAY_S, usegmt=True), 7 * DAY_S - 1, 7 * DAY_S + 1),
    "a date that has passed": (lambda now: formatdate(now - 500, usegmt=True), 0, 2),
    "Unix time that has passed": (lambda now: f"{now - 500:.0f}", 0, 2),
    "a word": (lambda _: "soon", 0, 2),
    "nothing": (lambda _: "", 0, 2),
    "less than nothing": (lambda _: "-5", 0, 2),
    "hexadecimal": (lambda _: "0x10", 0, 2),
    "a year": (lambda _: str(int(365 * DAY_S)), 0, 2),
    "the end of time": (lambda _: "253402300799", 0, 2),
    "more than a float": (lambda _: "9" * 400, 0, 2),
    "no such date": (lambda _: "Thu, 32 Foo 2027 25:61:61 GMT", 0, 2),
}


async def moments_of_requests(data: Path, status: int, form: Callable[[float], str]) -> list[float]:
    """When a manifest was asked for whose server answers by ``status`` once."""
    tree = Tree()
    tree.push("a/b", b"layer")
    async with campaign(data, tree=tree) as run:
        moments = list[float]()

        def plan(asked: Asked) -> Fault | None:
            if asked.method != "GET" or "/manifests/" not in asked.path:
                return None
            moments.append(run.clock.seconds)
            return refused(status, Retry_After=form(run.clock.seconds)) if len(moments) == 1 else None

        run.origin.plan = plan
        await run.run()
        run.assert_whole()
    return moments


@pytest.mark.parametrize("form", FORMS)
async def test_a_pause_is_as_long_as_the_server_says(data: Path, form: str) -> None:
    """In every form that is in use, uncapped; garbage is a pause like any other between two tries."""
    header, least, most = FORMS[form]
    refused_at, asked_at = await moments_of_requests(data, 429, header)
    assert least <= asked_at - refused_at <= most


async def test_an_overloaded_server_is_granted_its_pause_too(data: Path) -> None:
    """``Retry-After`` with 503 (RFC 9110, section 10.2.3)."""
    refused_at, asked_at = await moments_of_requests(data, 503, lambda _: "33")
    assert 33 <= asked_at - refused_at <= 34


class HeldClock(FlowingClock):
    """Long waits last until the test lets go."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on = asyncio.Event()
        self.is_waiting = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        if 1000 <= seconds <= 10_000:
            self.is_waiting.set()
            await self.may_go_on.wait()
        await InstantClock.sleep(self, seconds)


async def test_whoever_waits_for_one_host_holds_no_slot_of_another(data: Path) -> None:
    """A CDN asks for an hour, and all images that need none of it come meanwhile, one request at a time."""
    clock = HeldClock()
    habits = Habits(redirects_from=len(MEDIUM))
    plan = by_turn(f"GET /{Digest.of(MEDIUM)}", refused(429, Retry_After="3600"))
    async with (
        campaign(data, plan, habits) as run,
        opened(data, run.origin.url, clock, parallel_per_host=1) as bench,
    ):
        await crawl(bench.catalog, run.origin.tree.repositories)
        engine = bench.engine(settings_of())
        running = asyncio.create_task(engine.run())
        await clock.is_waiting.wait()
        while engine.statistics().done < len(run.origin.tree.repositories) - 1:
            await one_turn()
        clock.may_go_on.set()
        await running
    assert set(images(data).values()) == {"done"}


@pytest.mark.parametrize(
    "fault",
    [
        refused(429, "TOOMANYREQUESTS", ratelimit_remaining="0;w=21600"),
        in_words(429, "toomanyrequests: You have reached your pull rate limit."),
        refused(429, "TOOMANYREQUESTS", ratelimit_remaining="0;w=21600", Retry_After="21600"),
    ],
    ids=["headers", "words", "with a pause"],
)
async def test_a_used_up_quota_fails_no_image(data: Path, fault: Fault) -> None:
    """It is about us: however often it says so, everything comes in the end."""
    async with campaign(data) as run:
        left = {"refusals": 20}

        def plan(asked: Asked) -> Fault | None:
            if asked.method != "GET" or "/manifests/" not in asked.path or not left["refusals"]:
                return None
            left["refusals"] -= 1
            return fault

        run.origin.plan = plan
        summary = await run.run()
        run.assert_whole()
        assert summary.failed == {}
        assert left["refusals"] == 0


async def test_requests_that_were_too_many_for_too_long_fail_only_what_they_were_for(data: Path) -> None:
    """A host that never lets go of one thing, and says a second each time, is given up in bounded tries."""
    plan = always(refused(429, Retry_After="1"), Digest.of(MEDIUM), CDN)
    async with campaign(data, plan, Habits(redirects_from=len(MEDIUM))) as run:
        await run.run()
        assert run.images() == dict.fromkeys(run.origin.tree.repositories, "done") | {
            "a/medium": "abuse_limit"
        }
        assert len(run.origin.cdn.asked) <= 24

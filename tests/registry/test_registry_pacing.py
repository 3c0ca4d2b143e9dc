"""Requests per minute, as a host announces them: all of them are used, and not one more."""

from __future__ import annotations

import asyncio
import heapq
import random
from collections.abc import Mapping
from dataclasses import dataclass, field

import pytest
from aiohttp import web
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.transport.http import Transport
from registry.transport.pacing import Announcement, Pace, Pacer, parse_announcement
from registry.transport.waits import Wait, Waits
from tests.registry.conftest import HeldClock, InstantClock, Server, answer, transporting

NOW = 1_800_000_000.0


def headers(limit: object, remaining: object, reset: object, **more: str) -> dict[str, str]:
    told = {"Limit": limit, "Remaining": remaining, "Reset": reset}
    named = {f"X-RateLimit-{name}": str(value) for name, value in told.items()}
    return named | {name.replace("_", "-"): value for name, value in more.items()}


@pytest.mark.parametrize(
    ("said", "heard"),
    [
        (headers(180, 179, NOW + 60), Announcement(180, 179, 60.0)),
        (headers(180, 179, "1800000030"), Announcement(180, 179, 30.0)),
        (headers(180, 0, NOW - 5), Announcement(180, 0, 0.0)),
        (headers("", 3, NOW + 9), Announcement(None, 3, 9.0)),
        (headers(0, 3, NOW + 9), Announcement(None, 3, 9.0)),
        (headers("nan", 3, NOW + 9), Announcement(None, 3, 9.0)),
        (headers(100_000, 3, NOW + 9), Announcement(100_000, 3, 9.0)),
        (headers(999_999_999, 0, NOW + 9), Announcement(None, 0, 9.0)),  # more than could be kept in mind
        # What a 429 asks for is preferred.
        (headers(180, 0, NOW + 60, Retry_After="7"), Announcement(180, 0, 7.0)),
        (headers(180, 0, NOW + 60, Retry_After=str(NOW + 8)), Announcement(180, 0, 8.0)),
        (headers(180, 0, NOW + 60, Retry_After="Fri, 15 Jan 2027 08:00:09 GMT"), Announcement(180, 0, 9.0)),
        (headers(180, 0, NOW + 60, Retry_After="nan"), Announcement(180, 0, 60.0)),
        (headers(180, 0, NOW + 60, Retry_After="-3"), Announcement(180, 0, 60.0)),
        # Garbage.
        (headers(180, 179, ""), None),
        (headers(180, 179, "nan"), None),
        (headers(180, 179, "soon"), None),
        (headers(180, 179, "-1"), None),
        (headers(180, 179, NOW * 2), None),
        (headers(180, -1, NOW + 60), None),
        (headers(180, "", NOW + 60), None),
        (headers(180, "9" * 5000, NOW + 60), None),
        ({}, None),
    ],
)
def test_what_is_announced_is_read_and_garbage_is_not(
    said: Mapping[str, str], heard: Announcement | None
) -> None:
    assert parse_announcement(said, NOW) == heard


@dataclass
class Host:
    """A host with so many requests a minute, in minutes of its own; it counts others at our address, too.

    Attributes:
        limit: Per minute.
        begins_at: When one of its minutes begins.
        arrived: When requests came.
        refused: Those of them that were too many.
    """

    limit: int
    begins_at: float = 0.0
    arrived: list[float] = field(default_factory=list)
    refused: list[float] = field(default_factory=list)
    _minute: int = -1
    _used: int = 0

    def receive(self, now: float, *, is_ours: bool = True) -> tuple[int, float]:
        """What is left, and when the next minute begins."""
        minute = int((now - self.begins_at) // 60)
        if minute != self._minute:
            self._minute, self._used = minute, 0
        if is_ours:
            self.arrived.append(now)
            if self._used >= self.limit:
                self.refused.append(now)
        self._used = min(self._used + 1, self.limit)
        return self.limit - self._used, self.begins_at + (minute + 1) * 60

    def most_in_60_s(self) -> int:
        """The most requests in any 60 seconds."""
        first = most = 0
        for last, moment in enumerate(self.arrived):
            while moment - self.arrived[first] >= 60 - 1e-6:
                first += 1
            most = max(most, last - first + 1)
        return most


def sending(
    host: Host, pace: Pace, seconds: float, at_a_time: int, luck: random.Random, latency_s: float
) -> None:
    """Send as many requests as the pace allows, each of which takes its time to the host, and back.

    The first one goes alone, as that of a crawl does, which tries a listing before it relies on it.
    """
    now, due, number = 0.0, 0.0, 0
    events = [(0.0, 0, "send", 0.0)]
    while events and now < seconds:
        now, _, what, told = heapq.heappop(events)
        number += 1
        if what == "arrive":
            remaining, reset = host.receive(now)
            back_s = luck.random() * latency_s / 2
            heapq.heappush(events, (now + back_s, number, f"answer {remaining}", reset))
        elif what.startswith("answer"):
            pace.answered(Announcement(host.limit, int(what.split()[1]), max(0.0, told - now)), now)
        most = 1 if pace.limit is None else at_a_time
        while pace.under_way < most and pace.free_at(now) <= now:
            pace.send()
            number += 1
            heapq.heappush(events, (now + luck.random() * latency_s / 2, number, "arrive", 0.0))
        free_at = pace.free_at(now)
        if pace.under_way < most and free_at < float("inf") and not now < due <= free_at:
            due = free_at
            heapq.heappush(events, (free_at, number, "send", 0.0))


@pytest.mark.slow
@settings(deadline=None, max_examples=100)
@given(
    limit=st.integers(6, 400),
    begins_at=st.floats(-60, 0),
    at_a_time=st.integers(1, 64),
    latency_s=st.floats(0.0, 3.0),
    seed=st.integers(0, 1000),
)
def test_no_60_seconds_ever_see_more_than_the_limit_and_nothing_is_refused(
    limit: int, begins_at: float, at_a_time: int, latency_s: float, seed: int
) -> None:
    host = Host(limit, begins_at)
    luck = random.Random(seed)  # noqa: S311 - times on the way
    sending(host, Pace(), 200, at_a_time, luck, latency_s)
    assert host.most_in_60_s() <= limit
    assert host.refused == []


@pytest.mark.parametrize("at_a_time", [4, 16, 200])
@pytest.mark.parametrize("begins_at", [0.0, -20.0, -59.5])
def test_of_180_a_minute_at_least_98_percent_are_used(at_a_time: int, begins_at: float) -> None:
    host = Host(180, begins_at)
    luck = random.Random(3)  # noqa: S311 - times on the way
    sending(host, Pace(), 600, at_a_time, luck, 0.4)
    assert len(host.arrived) >= 0.98 * 1800
    assert host.refused == []


def test_others_at_our_address_are_left_room_for() -> None:
    """Five requests are kept in hand until the minute is nearly over."""
    pace = Pace()
    pace.send()
    pace.answered(Announcement(180, 5, 40.0), 0.0)
    assert pace.free_at(0.0) == pytest.approx(40 - 5 / 3)
    pace.send()
    assert pace.free_at(38.5) == pytest.approx(40 - 4 / 3)


def test_nothing_is_sent_before_the_reset_when_nothing_is_left() -> None:
    pace = Pace()
    pace.send()
    pace.answered(Announcement(None, 0, 40.0), 0.0)
    assert pace.free_at(0.0) == 40.0


def test_what_was_used_before_we_came_counts_as_used_now() -> None:
    pace = Pace()
    pace.send()
    pace.answered(Announcement(10, 0, 1.0), 0.0)
    assert pace.free_at(1.0) == 60.0


def test_the_answer_of_an_earlier_minute_does_not_count_in_this_one() -> None:
    pace = Pace()
    for _ in range(3):
        pace.send()
    pace.answered(Announcement(180, 100, 30.0), 0.0)
    pace.answered(Announcement(180, 170, 60.0), 30.5)
    pace.answered(Announcement(180, 2, 0.0), 30.6)
    assert pace.free_at(30.6) == 30.6


def test_where_only_an_answer_can_tell_there_is_no_time_to_wait_for() -> None:
    pace = Pace()
    pace.send()
    pace.answered(Announcement(2, 2, 60.0), 0.0)
    for _ in range(2):
        pace.send()
    assert pace.free_at(61.0) == float("inf")
    pace.answered(None, 61.0)
    assert pace.free_at(61.0) == 121.0


async def test_a_host_that_announces_nothing_is_never_waited_for(
    server: Server, transport: Transport, clock: InstantClock
) -> None:
    server.on("GET /x", answer())
    await asyncio.gather(*(transport.request("GET", f"{server.url}/x") for _ in range(50)))
    assert clock.slept == []


async def test_a_host_is_asked_no_more_than_it_announced_however_many_ask(server: Server) -> None:
    """And whoever waits says so: for which host, and until when."""
    clock = HeldClock()

    async def count(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(headers=headers(20, 20 - len(server.seen), NOW + 30))

    server.on("GET /x", count)
    async with transporting(clock) as transport:
        await transport.request("GET", f"{server.url}/x")
        asking = [asyncio.create_task(transport.request("GET", f"{server.url}/x")) for _ in range(30)]
        while sum(task.done() for task in asking) < 14:
            await InstantClock.sleep(clock, 0)
        assert len(server.seen) == 15
        assert transport.waiting() == Wait(NOW + 15, server.host)
        for task in asking:
            task.cancel()
        await asyncio.wait(asking)


async def test_a_request_that_fails_gives_its_turn_back(clock: InstantClock) -> None:
    pacer = Pacer(clock, Waits(clock))
    (await pacer.turn("h"))(headers(1, 1, NOW + 60))
    failing = await pacer.turn("h")
    waiting = asyncio.create_task(pacer.turn("h"))
    await InstantClock.sleep(clock, 0)
    failing(None)
    (await waiting)(None)
    assert clock.seconds == NOW + 120


async def test_whoever_gives_up_waiting_leaves_nothing_behind() -> None:
    clock = HeldClock()
    pacer = Pacer(clock, Waits(clock))
    (await pacer.turn("h"))(headers(180, 0, NOW + 60))
    first, second = (asyncio.create_task(pacer.turn("h")) for _ in range(2))
    await clock.sleepers(1)
    first.cancel()
    await asyncio.wait([first])
    await clock.sleepers(2)
    clock.advance(60)
    assert callable(await second)


async def test_hosts_at_rest_are_forgotten(clock: InstantClock) -> None:
    pacer = Pacer(clock, Waits(clock))
    busy = await pacer.turn("busy")
    for number in range(3000):
        (await pacer.turn(f"h{number}"))({})
    assert repr(pacer) in {f"<Pacer hosts={count}>" for count in range(1, 1025)}
    busy(headers(180, 0, NOW + 60))
    await pacer.turn("busy")
    assert clock.seconds == NOW + 60

"""Slots and pauses per host."""

from __future__ import annotations

import asyncio

import pytest

from registry.transport.clock import SystemClock
from registry.transport.limits import HostLimits, PausedError
from tests.registry.conftest import HeldClock, InstantClock


class Crowd:
    """Tasks that stand at one host's door; counts how many are inside."""

    def __init__(self, limits: HostLimits, clock: InstantClock, host: str = "h") -> None:
        self.limits = limits
        self.clock = clock
        self.host = host
        self.inside = self.most = self.done = 0
        self.may_leave = asyncio.Event()

    async def visit(self) -> None:
        async with self.limits.slot(self.host):
            self.inside += 1
            self.most = max(self.most, self.inside)
            try:
                await self.may_leave.wait()
            finally:
                self.inside -= 1
        self.done += 1

    def come(self, count: int) -> list[asyncio.Task[None]]:
        return [asyncio.create_task(self.visit()) for _ in range(count)]


async def settle(clock: InstantClock) -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await InstantClock.sleep(clock, 0)


async def test_no_more_than_the_limit_are_inside_and_all_get_in(clock: InstantClock) -> None:
    crowd = Crowd(HostLimits(3, clock), clock)
    tasks = crowd.come(10)
    await settle(clock)
    assert crowd.inside == 3
    crowd.may_leave.set()
    await asyncio.gather(*tasks)
    assert (crowd.most, crowd.done) == (3, 10)


async def test_a_cancelled_visitor_leaves_no_slot_behind(clock: InstantClock) -> None:
    """Whether it was inside, in the queue, or just being let in."""
    limits = HostLimits(2, clock)
    crowd = Crowd(limits, clock)
    tasks = crowd.come(6)
    await settle(clock)
    for task in (tasks[0], tasks[2], tasks[3]):  # 0 is inside; its slot goes to 4, as 2 and 3 leave the queue
        task.cancel()
    await settle(clock)
    assert crowd.inside == 2
    crowd.may_leave.set()
    await asyncio.wait(tasks)
    assert (crowd.done, repr(limits)) == (3, "<HostLimits h: 0/2>")


async def test_a_slot_given_at_the_moment_of_cancellation_is_passed_on(clock: InstantClock) -> None:
    limits = HostLimits(1, clock)
    crowd = Crowd(limits, clock)
    async with limits.slot("h"):
        first, second = crowd.come(2)
        await settle(clock)
    first.cancel()  # the slot was given to it, but it has had no turn since
    await settle(clock)
    assert (first.cancelled(), crowd.inside) == (True, 1)
    crowd.may_leave.set()
    await second
    assert repr(limits) == "<HostLimits h: 0/1>"


async def test_complaints_halve_the_slots_and_good_answers_restore_them_one_by_one(
    clock: InstantClock,
) -> None:
    limits = HostLimits(8, clock)
    for expected in (4, 2, 1, 1):
        limits.complained("h")
        assert repr(limits) == f"<HostLimits h: 0/{expected}>"
    limits.answered("h")
    limits.answered("h")
    limits.answered("h")
    assert repr(limits) == "<HostLimits h: 0/3>"
    for _ in range(100):
        limits.answered("h")
    assert repr(limits) == "<HostLimits h: 0/8>"


async def test_a_slot_more_lets_the_next_one_in(clock: InstantClock) -> None:
    limits = HostLimits(4, clock)
    limits.complained("h")
    crowd = Crowd(limits, clock)
    tasks = crowd.come(5)
    await settle(clock)
    assert crowd.inside == 2
    limits.answered("h")
    limits.answered("h")
    await settle(clock)
    assert crowd.inside == 3
    crowd.may_leave.set()
    await asyncio.gather(*tasks)


async def test_who_waits_out_a_pause_holds_no_slot_and_other_hosts_go_on() -> None:
    clock = HeldClock()
    limits = HostLimits(2, clock)
    limits.pause("a", 100)
    limits.pause("a", 1)  # shorter: the longer one stands
    paused, free = Crowd(limits, clock, "a"), Crowd(limits, clock, "b")
    tasks = [*paused.come(5), *free.come(1)]
    await clock.sleepers(5)
    await settle(clock)
    assert (paused.inside, free.inside, repr(limits)) == (0, 1, "<HostLimits a: 0/2, b: 1/2>")
    clock.advance(99)
    await settle(clock)
    assert paused.inside == 0
    clock.advance(1)
    await settle(clock)
    assert paused.inside == 2
    for crowd in (paused, free):
        crowd.may_leave.set()
    await asyncio.gather(*tasks)


async def test_whoever_does_not_want_to_wait_is_told_of_a_pause_wherever_it_stands() -> None:
    """At the door, or in the queue when it came; and leaves no slot behind."""
    clock = HeldClock()
    limits = HostLimits(1, clock)
    crowd = Crowd(limits, clock)
    (inside,) = crowd.come(1)
    await settle(clock)

    async def look_in() -> float:
        with pytest.raises(PausedError) as caught:
            async with limits.slot("h", waits=False):
                pass
        return caught.value.left_s

    queued = asyncio.create_task(look_in())
    await settle(clock)
    limits.pause("h", 100)
    assert await look_in() == 100
    crowd.may_leave.set()
    await inside
    assert await queued == 100
    clock.advance(100)
    async with limits.slot("h", waits=False):
        assert repr(limits) == "<HostLimits h: 1/1>"


async def test_a_pause_also_stops_who_stood_in_the_queue_when_it_came() -> None:
    clock = HeldClock()
    limits = HostLimits(1, clock)
    crowd = Crowd(limits, clock)
    tasks = crowd.come(2)
    await settle(clock)
    limits.pause("h", 10)
    crowd.may_leave.set()
    await clock.sleepers(1)
    assert (crowd.done, repr(limits)) == (1, "<HostLimits h: 0/1>")
    clock.advance(10)
    await asyncio.gather(*tasks)


async def test_hosts_at_rest_are_forgotten_beyond_a_bound(clock: InstantClock) -> None:
    limits = HostLimits(1, clock)
    limits.pause("paused", 1000)
    crowd = Crowd(limits, clock, "busy")
    (task,) = crowd.come(1)
    await settle(clock)
    for number in range(3000):
        limits.answered(f"host{number}")
    assert len(limits._hosts) <= 1024
    assert {"paused", "busy"} <= set(limits._hosts)
    crowd.may_leave.set()
    await task


@pytest.mark.parametrize("seconds", [0, 5])
async def test_the_system_clock_keeps_time(seconds: int) -> None:
    """The injected clock of the tests stands in for one that goes forward."""
    clock = SystemClock()
    before = clock.monotonic(), clock.now()
    await clock.sleep(-seconds)
    assert (clock.monotonic(), clock.now()) >= before

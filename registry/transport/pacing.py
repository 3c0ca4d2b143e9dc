"""Requests per minute as a host announces them (``X-RateLimit-...``): all of them used, and none more.

Docker Hub's API says in every answer how many requests a minute it allows, how many of them are left, and
when the next minute begins. Two counts are kept to: that of the host, which knows of others at our address,
and our own, in any 60 seconds, because a minute may begin whenever the host likes.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from registry.transport.retry import LONGEST_PAUSE_S, parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from registry.transport.clock import Clock
    from registry.transport.waits import Waits

    Heard = Callable[[Mapping[str, str] | None], None]

WINDOW_S = 60.0

# Requests left over for others at our address, who are counted together with us. In the last moments of a
# minute fewer are kept: what is not used then is lost.
KEPT_IN_HAND = 5

_COUNT = re.compile(r"\d{1,9}", re.ASCII)
_UNIX_TIME = re.compile(r"\d{1,12}(?:\.\d{0,9})?", re.ASCII)

# Limits above this are none: they are more a minute than we could send, and each request is kept in mind.
_MOST_PER_MINUTE = 100_000

# Hosts remembered; those at rest are forgotten beyond this.
_MAX_HOSTS = 1024


@dataclass(frozen=True, slots=True)
class Announcement:
    """What an answer says of the requests allowed.

    Attributes:
        limit: Per minute, at least 1; ``None`` where there is none, or it does not say.
        remaining: Left until the reset.
        reset_in_s: When there will be more, seconds from now.
    """

    limit: int | None
    remaining: int
    reset_in_s: float


def parse_announcement(headers: Mapping[str, str], now: float) -> Announcement | None:
    """Read ``X-RateLimit-Limit``, ``-Remaining`` and ``-Reset`` (Unix time in seconds).

    ``None`` where there is none, or garbage. What ``Retry-After`` says is preferred to ``-Reset``.

    Args:
        headers: Of the answer.
        now: Unix time in seconds.
    """
    remaining = _count(headers, "X-RateLimit-Remaining")
    if remaining is None:
        return None
    reset = headers.get("X-RateLimit-Reset", "").strip()
    wait_s = parse_retry_after(headers.get("Retry-After"), now)
    if wait_s is None and _UNIX_TIME.fullmatch(reset):
        wait_s = float(reset) - now
    if wait_s is None or wait_s > LONGEST_PAUSE_S:
        return None
    limit = _count(headers, "X-RateLimit-Limit") or 0
    return Announcement(limit if 0 < limit <= _MOST_PER_MINUTE else None, remaining, max(wait_s, 0.0))


def _count(headers: Mapping[str, str], name: str) -> int | None:
    text = headers.get(name, "").strip()
    return int(text) if _COUNT.fullmatch(text) else None


class Pace:
    """The requests to one host (values and decisions only); times are monotonic seconds.

    A request reaches its host at some time before it is answered, so until then it counts as made now.
    """

    def __init__(self) -> None:
        self.under_way = 0
        self.limit: int | None = None  # ``None`` where none was ever announced
        self._sent = 0
        self._answered: deque[float] = deque()
        self._remaining = 0
        self._reset_at = float("-inf")

    def __repr__(self) -> str:
        return f"<Pace limit={self.limit} under_way={self.under_way} lately={len(self._answered)}>"

    def is_at_rest(self, now: float) -> bool:
        """Whether it may be forgotten."""
        self._forget(now)
        return not self.under_way and not self._answered and self._reset_at <= now

    def free_at(self, now: float) -> float:
        """When a request may be sent: ``now``, or else later; infinity where only an answer can tell."""
        return max(self._free_by_our_count(now), self._free_by_its_count(now))

    def send(self) -> None:
        """Count a request that is sent now."""
        self.under_way += 1
        self._sent += 1

    def answered(self, announced: Announcement | None, now: float) -> None:
        """Count its answer, or that it failed."""
        self.under_way -= 1
        if announced is not None:
            self._learn(announced, now)
        if self.limit is not None:
            self._answered.append(now)

    def _learn(self, announced: Announcement, now: float) -> None:
        if self.limit is None and announced.limit is not None:
            # What was used before we came may have been used just now.
            others = announced.limit - announced.remaining - self._sent
            self._answered.extend([now] * max(0, others))
        self.limit = announced.limit or self.limit
        reset_at = now + announced.reset_in_s
        # Answers overtake each other: of one minute the least counts, those of an earlier one do not.
        if reset_at > self._reset_at + 1.0 or now >= self._reset_at:
            self._reset_at, self._remaining = reset_at, announced.remaining
        elif reset_at > self._reset_at - 1.0:
            self._remaining = min(self._remaining, announced.remaining)

    def _free_by_our_count(self, now: float) -> float:
        if self.limit is None:
            return now
        self._forget(now)
        excess = len(self._answered) + self.under_way - self.limit
        if excess < 0:
            return now
        return self._answered[excess] + WINDOW_S if excess < len(self._answered) else float("inf")

    def _free_by_its_count(self, now: float) -> float:
        if now >= self._reset_at:
            return now
        left = self._remaining - self.under_way
        if left > KEPT_IN_HAND:
            return now
        if left < 1 or self.limit is None:
            return self._reset_at
        # As many are kept as the rest of the minute is worth.
        return max(now, self._reset_at - left * WINDOW_S / self.limit)

    def _forget(self, now: float) -> None:
        while self._answered and now >= self._answered[0] + WINDOW_S:
            self._answered.popleft()


class _Door:
    """Where the requests to one host wait."""

    def __init__(self) -> None:
        self.pace = Pace()
        self.queue = asyncio.Lock()  # in the order of coming
        self.changed = asyncio.Event()


class Pacer:
    """The pace of every host."""

    def __init__(self, clock: Clock, waits: Waits) -> None:
        self._clock = clock
        self._waits = waits
        self._doors: dict[str, _Door] = {}

    def __repr__(self) -> str:
        return f"<Pacer hosts={len(self._doors)}>"

    async def turn(self, host: str) -> Heard:
        """Return when a request to ``host`` may be sent, which counts as sent from then on.

        Gives what to call once, with the headers of its answer, or with ``None`` if it failed.
        """
        door, now = self._door(host), self._clock.monotonic()
        if door.queue.locked() or door.pace.free_at(now) > now:
            await self._wait(host, door)
        else:
            door.pace.send()
        return partial(self._heard, door)

    async def _wait(self, host: str, door: _Door) -> None:
        """Stand in the queue; only the first one looks at the clock."""
        async with door.queue:
            while (free_at := door.pace.free_at(now := self._clock.monotonic())) > now:
                door.changed.clear()
                await self._first_of(door.changed, host, free_at - now)
            door.pace.send()

    async def _first_of(self, changed: asyncio.Event, host: str, seconds: float) -> None:
        """Return when that time is over, or another answer came."""
        tasks: list[asyncio.Future[object]] = [asyncio.ensure_future(changed.wait())]
        if seconds < float("inf"):
            tasks.append(asyncio.ensure_future(self._waits.sleep(host, seconds)))
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()

    def _heard(self, door: _Door, headers: Mapping[str, str] | None) -> None:
        announced = None if headers is None else parse_announcement(headers, self._clock.now())
        door.pace.answered(announced, self._clock.monotonic())
        door.changed.set()

    def _door(self, host: str) -> _Door:
        door = self._doors.get(host)
        if door is None:
            if len(self._doors) >= _MAX_HOSTS:
                self._forget_hosts_at_rest()
            door = self._doors[host] = _Door()
        return door

    def _forget_hosts_at_rest(self) -> None:
        now = self._clock.monotonic()
        self._doors = {
            host: door
            for host, door in self._doors.items()
            if door.queue.locked() or not door.pace.is_at_rest(now)
        }

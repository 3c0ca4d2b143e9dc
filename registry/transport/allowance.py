"""The user's own limits: at most so many requests in any window of time (values and decisions only)."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LIMIT = re.compile(r"(\d{1,9})/(\d{0,9})([smhd])", re.ASCII)
_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_LONGEST_WINDOW_S = 31 * 86_400
_MOST_LIMITS = 2

# Requests are reserved in blocks of this part of the smallest limit: a process that is killed wastes what it
# had reserved, which should be little, and every block is written down, which should be seldom.
_BLOCKS_PER_LIMIT = 50

# Seconds for which a block may be used, and within which its last request has reached its server: the time to
# connect and to wait for an answer comes to that.
_BLOCK_S = 10.0
_LATEST_S = 100.0

# Neighbours become one block that is no longer than this part of their age. It leaves any window late by
# no more than that, and a month of requests is some thousand blocks, whatever limits it will be held to.
_BLUR = 0.01


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``requests`` in any ``window_s`` seconds."""

    requests: int
    window_s: float


@dataclass(frozen=True, slots=True)
class Block:
    """Requests made, or about to be made, at some time between two moments (Unix time in seconds).

    Attributes:
        id: Of no other block.
        starts_at: None reached its server before.
        ends_at: None reached its server after.
        requests: How many.
    """

    id: int
    starts_at: float
    ends_at: float
    requests: int


def parse_limits(texts: Sequence[str]) -> tuple[Limit, ...]:
    """Read ``("500/10m", "10000/1d")``.

    Raises:
        ConfigurationError: They are no limits, or too many.
    """
    if len(texts) > _MOST_LIMITS:
        raise ConfigurationError(f"http.max_requests takes {_MOST_LIMITS} limits at most, not {len(texts)}")
    return tuple(map(_parse_limit, texts))


def _parse_limit(text: str) -> Limit:
    match = _LIMIT.fullmatch(text.strip())
    requests, window_s = (int(match[1]), int(match[2] or 1) * _UNITS_S[match[3]]) if match else (0, 0)
    if requests < 1 or not 1 <= window_s <= _LONGEST_WINDOW_S:
        raise ConfigurationError(
            f"http.max_requests cannot be {text[:50]!r}: write requests/time, as in 500/10m or 10000/1d, "
            "with s, m, h or d, and 31 days at most"
        )
    return Limit(requests, window_s)


@dataclass(slots=True)
class Reserved:
    """A block in use.

    Attributes:
        id: See :class:`Block`.
        starts_at: See :class:`Block`.
        requests: Reserved.
        is_usable: Whether that is written down.
        taken: Requests that were sent.
        under_way: Those of them that were not answered yet.
        answered_at: When the last one was.
    """

    id: int
    starts_at: float
    requests: int
    is_usable: bool = False
    taken: int = 0
    under_way: int = 0
    answered_at: float = 0.0

    def until(self, moment: float) -> Block:
        """What was sent."""
        return Block(self.id, self.starts_at, moment, self.taken)


class Allowance:
    """The requests made, and how many more may be made.

    Requests are reserved in blocks: :meth:`reserve` one, write :attr:`blocks` down, :meth:`use` it. Whoever
    begins with blocks that were written down stays within the limits, whenever the one before was killed.

    A request reaches its server at some time before it is answered, so until then it counts as made now.

    All times are Unix time in seconds, and never go back from call to call.
    """

    def __init__(self, limits: Sequence[Limit], blocks: Iterable[Block], now: float) -> None:
        self._limits = limits
        # What was still to come for a process before us never came: it ended.
        self._past = [
            replace(each, starts_at=min(each.starts_at, now), ends_at=min(each.ends_at, now))
            for each in blocks
        ]
        self._ending: list[Reserved] = []
        self._open: Reserved | None = None
        self._next_id = max((block.id for block in self._past), default=0) + 1

    @property
    def blocks(self) -> list[Block]:
        """What is to be written down: everything that may count against a limit, as late as it may be."""
        blocks = self._past + [each.until(each.starts_at + _LATEST_S) for each in self._ending]
        if self._open is not None:
            blocks.append(
                replace(self._open.until(self._open.starts_at + _LATEST_S), requests=self._open.requests)
            )
        return blocks

    def has_some(self, now: float) -> bool:
        """Whether :meth:`take` would give one."""
        block = self._open
        if block is None or not block.is_usable or block.taken == block.requests:
            return False
        return now <= block.starts_at + _BLOCK_S

    def take(self, now: float) -> Reserved | None:
        """Count one request, sent at ``now``, for :meth:`answered`; ``None`` if there is none."""
        if self._open is None or not self.has_some(now):
            return None
        self._open.taken += 1
        self._open.under_way += 1
        return self._open

    def answered(self, block: Reserved, now: float) -> None:
        """One request of ``block`` was answered at ``now``, or has failed."""
        block.under_way -= 1
        block.answered_at = now
        if not block.under_way and block is not self._open:
            self._ending.remove(block)
            self._past.append(block.until(now))

    def reserve(self, now: float) -> float:
        """Reserve a block, and give ``now``; or else a later moment, at which to try again."""
        self.close()
        kept = [block for block in self._past if now < block.ends_at + _LONGEST_WINDOW_S]
        self._past = merged(sorted(kept, key=_end), now)
        sent = self._past + [each.until(now) for each in self._ending]
        free_at = max(_free_at(limit, sent) for limit in self._limits)
        if free_at > now:
            return free_at
        room = min(limit.requests - _used(limit, sent, now) for limit in self._limits)
        size = min(limit.requests for limit in self._limits) // _BLOCKS_PER_LIMIT
        self._open = Reserved(self._next_id, now, min(room, max(size, 1)))
        self._next_id += 1
        return now

    def use(self) -> None:
        """Let the requests of the block reserved last be taken."""
        if self._open is not None:
            self._open.is_usable = True

    def close(self) -> None:
        """What was not taken of the block in use is given back."""
        block, self._open = self._open, None
        if block is not None and block.under_way:
            self._ending.append(block)
        elif block is not None and block.taken:
            self._past.append(block.until(block.answered_at))


def _end(block: Block) -> float:
    return block.ends_at


def merged(blocks: Sequence[Block], now: float) -> list[Block]:
    """The same requests in fewer blocks: the older they are, the less it matters when exactly they came."""
    result: list[Block] = []
    for block in blocks:
        before = result[-1] if result else block
        starts_at = min(before.starts_at, block.starts_at)
        if result and block.ends_at - starts_at <= _BLUR * (now - block.ends_at):
            requests = before.requests + block.requests
            result[-1] = replace(block, starts_at=starts_at, requests=requests)
        else:
            result.append(block)
    return result


def _used(limit: Limit, blocks: Sequence[Block], now: float) -> int:
    """Requests that a window ending at ``now`` may hold."""
    return sum(block.requests for block in blocks if now < block.ends_at + limit.window_s)


def _free_at(limit: Limit, blocks: Sequence[Block]) -> float:
    """When the oldest blocks will have left the window, as many as it takes to make room for a request."""
    excess = sum(block.requests for block in blocks) - limit.requests + 1
    moment = float("-inf")
    for block in blocks:
        if excess <= 0:
            break
        excess -= block.requests
        moment = block.ends_at + limit.window_s
    return moment

"""The user's own limits: at most so many requests in any window of time (values and decisions only)."""

from __future__ import annotations

import re
from dataclasses import dataclass
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

# Seconds a block may be used.
_BLOCK_S = 10.0

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
    """Requests made, or about to be made, at some time between two moments (Unix time in seconds)."""

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


class Allowance:
    """The requests made, and how many more may be made.

    Requests are reserved in blocks: :meth:`reserve` one, write :attr:`blocks` down, :meth:`use` it. Whoever
    begins with blocks that were written down stays within the limits, whenever the one before was killed.

    All times are Unix time in seconds, and never go back from call to call.
    """

    def __init__(self, limits: Sequence[Limit], blocks: Iterable[Block], now: float) -> None:
        self._limits = limits
        # What was still to come for a process before us never came: it ended.
        past = [Block(min(each.starts_at, now), min(each.ends_at, now), each.requests) for each in blocks]
        self._closed = sorted(past, key=lambda block: block.ends_at)
        self._open: Block | None = None
        self._is_usable = False
        self._taken = 0
        self._last_at = now

    @property
    def blocks(self) -> list[Block]:
        """Everything that may count against a limit, oldest first."""
        return self._closed if self._open is None else [*self._closed, self._open]

    def has_some(self, now: float) -> bool:
        """Whether :meth:`take` would give one."""
        block = self._open
        return block is not None and self._is_usable and self._taken < block.requests and now <= block.ends_at

    def take(self, now: float) -> bool:
        """Count one request, made at ``now``; false if there is none in the block in use."""
        if not self.has_some(now):
            return False
        self._taken += 1
        self._last_at = now
        return True

    def free_at(self, now: float) -> float:
        """From when on a block can be reserved: ``now``, or later."""
        self._close()
        return max([now, *(_free_at(limit, self._closed) for limit in self._limits)])

    def reserve(self, now: float) -> None:
        """Reserve a block; ``now`` is not before :meth:`free_at`."""
        self._close()
        kept = [block for block in self._closed if now < block.ends_at + _LONGEST_WINDOW_S]
        self._closed = merged(kept, now)
        room = min(limit.requests - _used(limit, self._closed, now) for limit in self._limits)
        size = min(limit.requests for limit in self._limits) // _BLOCKS_PER_LIMIT
        self._open = Block(now, now + _BLOCK_S, min(room, max(size, 1)))

    def use(self) -> None:
        """Let the requests of the block reserved last be taken."""
        self._is_usable = True

    def _close(self) -> None:
        """What was not taken of the block in use is given back."""
        if self._open is not None and self._taken:
            self._closed.append(Block(self._open.starts_at, self._last_at, self._taken))
        self._open, self._is_usable, self._taken = None, False, 0


def merged(blocks: Sequence[Block], now: float) -> list[Block]:
    """The same requests in fewer blocks: the older they are, the less it matters when they were made."""
    result: list[Block] = []
    for block in blocks:
        if result and block.ends_at - result[-1].starts_at <= _BLUR * (now - block.ends_at):
            before = result.pop()
            block = Block(before.starts_at, block.ends_at, before.requests + block.requests)  # noqa: PLW2901 - the two are one
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

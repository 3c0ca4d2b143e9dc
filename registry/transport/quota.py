"""Docker Hub's pull quota: what a server says of it, and what it means for the next pull (decisions)."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from registry.transport.retry import parse_retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNT = re.compile(r"\s*(\d{1,9})\s*(?:;\s*w=(\d{1,9}))?\s*", re.ASCII)

# What a server says without saying for how long is forgotten after a day, the longest window seen.
_UNTOLD_WINDOW_S = 86_400

# Questions about a quota are no more frequent, however short a window the server tells.
_LEAST_WINDOW_S = 60


@dataclass(frozen=True, slots=True)
class Quota:
    """Docker Hub's pull quota, as told by the last manifest answer.

    Attributes:
        limit: Manifest GETs per window; ``None`` when the server does not say.
        remaining: How many are left.
        window_s: Length of the window in seconds, or of what is left of it; ``None`` when the server does
            not say.
        seen_at: When it was told, Unix time in seconds.
    """

    limit: int | None
    remaining: int
    window_s: int | None
    seen_at: float

    def is_over(self, now: float) -> bool:
        """Whether its window has ended by ``now``, so that it tells nothing any more."""
        return now >= self.seen_at + self.holds_s

    @property
    def holds_s(self) -> int:
        """Seconds after which it tells nothing any more."""
        return _UNTOLD_WINDOW_S if self.window_s is None else self.window_s


def parse_quota(headers: Mapping[str, str], now: float) -> Quota | None:
    """Read ``ratelimit-limit: 100;w=21600`` and ``ratelimit-remaining``; ``None`` when absent or garbage.

    A server that names no window may name its end (``ratelimit-reset``).
    Sources: Docker documentation, "Docker Hub usage and limits"; GitLab documentation, "Rate limits".
    """
    remaining, window_s = _count(headers.get("ratelimit-remaining"))
    if remaining is None:
        return None
    limit, limit_window_s = _count(headers.get("ratelimit-limit"))
    return Quota(limit, remaining, window_s or limit_window_s or _until_reset(headers, now), now)


def _until_reset(headers: Mapping[str, str], now: float) -> int | None:
    """Seconds until ``ratelimit-reset``, which some write as those, and some as Unix time."""
    wait_s = parse_retry_after(headers.get("ratelimit-reset"), now)
    return None if wait_s is None else math.ceil(wait_s)


def _count(text: str | None) -> tuple[int | None, int | None]:
    match = _COUNT.fullmatch(text or "")
    if match is None:
        return None, None
    return int(match[1]), int(match[2] or 0) or None  # a window of no time is none


@dataclass(frozen=True, slots=True)
class Pull:
    """A request for a manifest under way; only a GET is counted.

    Attributes:
        is_get: Or a HEAD, which is free.
        ended_before: GETs that had ended when it began.
    """

    is_get: bool
    ended_before: int


class PullLedger:
    """How many manifests one account may still GET from one registry.

    What a server tells is older than what is under way: a GET that was on its way together with the one
    answered may or may not be in the number told. Both bounds are kept to: ``left`` is never above what
    the server told since the last GET was sent, and only raised to what is sure to be left.
    """

    def __init__(self, pause_s: float, known: Quota | None = None) -> None:
        """Take how often to ask once nothing is left, in seconds, and what was told in an earlier run.

        That may be out of date, so nothing is taken to be left before the server is heard; but it counts.
        """
        self._pause_s = pause_s
        self._told = known
        self._sent = 0
        self._ended = 0
        self.left = 0
        self.ask_at = float("-inf")

        self._holds_until = float("inf")

        # ``None``: the server was not heard yet.
        self.is_counted: bool | None = None if known is None else True

    def __repr__(self) -> str:
        return f"<PullLedger left={self.left} in_flight={self.in_flight} is_counted={self.is_counted}>"

    @property
    def in_flight(self) -> int:
        """GETs sent, and not answered yet."""
        return self._sent - self._ended

    @property
    def may_get(self) -> bool:
        """Whether another GET may be sent."""
        return self.is_counted is False or self.left > 0

    @property
    def quota(self) -> Quota | None:
        """What is left, for whoever comes after us; ``None`` where nothing was ever told."""
        return None if self._told is None else replace(self._told, remaining=max(0, self.left))

    def begin(self, *, is_get: bool) -> Pull:
        """Send a GET or a HEAD."""
        pull = Pull(is_get, self._ended)
        if is_get:
            self._sent += 1
            self.left -= 1
        return pull

    def end(self, pull: Pull) -> None:
        """It was answered, or failed."""
        self._ended += pull.is_get

    def hear(self, pull: Pull, quota: Quota | None, monotonic_s: float) -> None:
        """Learn from an answer to ``pull``, before :meth:`end`.

        No quota in a good one means no counting, once that told before is over: until then it may be that
        only this pull is free, as those of publishers who pay for theirs are.
        """
        if quota is None:
            self.is_counted = bool(self.is_counted) and monotonic_s < self._holds_until
            return
        self.is_counted, self._holds_until = True, monotonic_s + quota.holds_s
        self._told = quota
        others = self._sent - pull.ended_before - pull.is_get
        self.left = max(quota.remaining - others, min(self.left, quota.remaining))
        if quota.remaining == 0 and self.ask_at <= monotonic_s:
            self.ask_at = monotonic_s + self._until_next_question_s
        elif quota.remaining > 0:
            self.ask_at = float("-inf")

    def refuse(self, retry_after_s: float | None, monotonic_s: float) -> None:
        """The server said that nothing is left, and how long to wait, if it did."""
        self.left = min(self.left, 0)
        if retry_after_s is not None:
            self.ask_at = max(self.ask_at, monotonic_s + retry_after_s)
        elif self.ask_at <= monotonic_s:
            self.ask_at = monotonic_s + self._until_next_question_s

    @property
    def _until_next_question_s(self) -> float:
        window_s = self._told.window_s if self._told is not None else None
        return self._pause_s if window_s is None else min(self._pause_s, max(window_s, _LEAST_WINDOW_S))

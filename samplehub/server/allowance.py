"""A number of requests per time (pure but for its own count)."""

from __future__ import annotations

from collections import deque
from math import ceil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Allowance:
    """At most ``limit`` requests in each window of ``window_s`` seconds; windows follow each other."""

    def __init__(self, limit: int, window_s: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.window_s = window_s
        self._clock = clock
        self._window = 0
        self._used = 0

    @property
    def remaining(self) -> int:
        """Requests left in the present window."""
        self._turn()
        return max(0, self.limit - self._used)

    @property
    def reset(self) -> int:
        """When the present window ends, unix s."""
        self._turn()
        return (self._window + 1) * self.window_s

    def take(self) -> bool:
        """Use one request; ``False`` when none is left."""
        if self.remaining == 0:
            return False
        self._used += 1
        return True

    def _turn(self) -> None:
        window = int(self._clock() // self.window_s)
        if window != self._window:
            self._window, self._used = window, 0


class SlidingAllowance:
    """At most ``limit`` requests in any ``window_s`` seconds, whenever they begin."""

    def __init__(self, limit: int, window_s: int, clock: Callable[[], float]) -> None:
        self.limit = limit
        self.window_s = window_s
        self._clock = clock
        self._taken: deque[float] = deque()

    @property
    def remaining(self) -> int:
        """Requests left at this moment."""
        while self._taken and self._taken[0] <= self._clock() - self.window_s:
            self._taken.popleft()
        return self.limit - len(self._taken)

    @property
    def reset(self) -> int:
        """When the oldest request ceases to count, unix s."""
        oldest = self._taken[0] if self._taken else self._clock()
        return ceil(oldest + self.window_s)

    def take(self) -> bool:
        """Use one request; ``False`` when none is left."""
        if self.remaining <= 0:
            return False
        self._taken.append(self._clock())
        return True

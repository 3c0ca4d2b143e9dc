"""Time, as a value that is passed in: the only module of the project that sleeps."""

from __future__ import annotations

import asyncio
import time
from typing import Protocol


class Clock(Protocol):
    """What the program knows of time."""

    def now(self) -> float:
        """Seconds since 1970 (UTC): for records, and for what servers say in dates."""
        ...

    def monotonic(self) -> float:
        """Seconds since an unknown moment, never going back: for durations."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after ``seconds``; at once, but not before other tasks had a turn, when not positive."""
        ...


class SystemClock:
    """The time of this machine."""

    def now(self) -> float:
        """See :meth:`Clock.now`."""
        return time.time()

    def monotonic(self) -> float:
        """See :meth:`Clock.monotonic`."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """See :meth:`Clock.sleep`."""
        await asyncio.sleep(max(seconds, 0))  # noqa: TID251 - the one place

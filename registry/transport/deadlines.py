"""Deadlines of what is waited for, where a peer that is never silent could keep it from ending."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable

T = TypeVar("T")

# Parts in which the time is counted: a process that was stopped for an hour has lost one of them.
_PARTS = 4


class Deadlines:
    """Waits of one length at most. All share a timer: one that ends in time costs next to nothing."""

    def __init__(self, limit_s: float) -> None:
        """Take how long a wait may be, in seconds of this machine; up to a quarter more is given."""
        self._part_s = limit_s / _PARTS
        self._waits = set[_Wait]()
        self._timer: asyncio.TimerHandle | None = None

    def __repr__(self) -> str:
        return f"<Deadlines waits={len(self._waits)}>"

    async def keep(self, awaited: Awaitable[T]) -> T:
        """What ``awaited`` gives; ``TimeoutError`` if that takes too long."""
        wait = _Wait()
        self._waits.add(wait)
        if self._timer is None:
            self._start()
        try:
            return await awaited
        except asyncio.CancelledError:
            if wait.is_cancelled_by_nobody_else:
                raise TimeoutError from None
            raise
        finally:
            self._waits.discard(wait)
            wait.end()

    def _start(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._part_s, self._count)

    def _count(self) -> None:
        """A part of the time has passed."""
        for wait in self._waits:
            wait.count()
        self._timer = None
        if self._waits:
            self._start()


class _Wait:
    """A task that waits, and the parts of its time that are left."""

    __slots__ = ("_cancellations", "_parts_left", "_task")

    def __init__(self) -> None:
        task = asyncio.current_task()
        if task is None:
            raise RuntimeError("only a task can wait")
        self._task = task
        self._cancellations = task.cancelling()
        self._parts_left = _PARTS + 1  # the first part has begun already

    def count(self) -> None:
        self._parts_left -= 1
        if self._parts_left == 0:
            self._task.cancel()

    @property
    def is_cancelled_by_nobody_else(self) -> bool:
        return self._parts_left <= 0 and self._task.cancelling() == self._cancellations + 1

    def end(self) -> None:
        if self._parts_left <= 0:
            self._task.uncancel()

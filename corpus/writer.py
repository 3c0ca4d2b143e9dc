"""Work that leaves the event loop: one job at a time, which takes all that waits (group commit).

A hop to a thread costs as much as hashing 200 KiB. While one job runs, what is to be done next gathers,
and the more there is to do the more of it shares a hop.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Item = TypeVar("Item")


class Writer(Generic[Item]):
    """Does ``work`` for every item, in the order of their coming, in a thread."""

    def __init__(self, work: Callable[[Item], None]) -> None:
        self._work = work
        self._waiting: list[tuple[Item, asyncio.Future[None]]] = []
        self._job: asyncio.Future[list[Exception | None]] | None = None
        self._failure: Exception | None = None
        self.is_used = False

    def __repr__(self) -> str:
        return f"<Writer waiting={len(self._waiting)} is_busy={self._job is not None}>"

    def submit(self, item: Item) -> asyncio.Future[None]:
        """Have it done; the future is done when it is, and has the exception that came of it."""
        self.is_used = True
        future = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._job is None:
            self._start()
        return future

    async def idle(self) -> None:
        """Wait until no thread is at work, whatever came of it."""
        while self._job is not None:
            await asyncio.wait({self._job})

    async def drained(self) -> None:
        """Wait until all is done; raises what went wrong first, if anything did."""
        await self.idle()
        if self._failure is not None:
            raise self._failure

    def _start(self) -> None:
        taken, self._waiting = self._waiting, []
        items = [item for item, _ in taken]
        futures = [future for _, future in taken]
        self._job = asyncio.get_running_loop().run_in_executor(None, self._run, items)
        self._job.add_done_callback(lambda job: self._ended(futures, job))

    def _run(self, items: list[Item]) -> list[Exception | None]:
        return [self._attempt(item) for item in items]

    def _attempt(self, item: Item) -> Exception | None:
        try:
            self._work(item)
        except Exception as error:  # noqa: BLE001 - carried to whoever submitted the item
            return error
        return None

    def _ended(
        self, futures: list[asyncio.Future[None]], job: asyncio.Future[list[Exception | None]]
    ) -> None:
        self._job = None
        for future, error in zip(futures, job.result(), strict=True):
            self._failure = self._failure or error
            if future.done():
                continue  # cancelled, with the one who waited for it
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)
                future.exception()  # marks it as seen: the submitter may have left, and then idle() is asked
        if self._waiting:
            self._start()

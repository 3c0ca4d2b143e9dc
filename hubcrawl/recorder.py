"""One writer for many readers: what they bring while it writes goes into the next transaction."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeAlias

from corpus.catalog.ledgers import Came, Ended, Failed
from corpus.catalog.sightings import Brought

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

Item: TypeAlias = Came | Failed | Ended

# Items of one transaction: more make it longer than a reader should wait.
_MOST_ITEMS = 64


class Recorder:
    """Writes what became of pages and queries; an answer means that it is on the disk."""

    def __init__(self, write: Callable[[Sequence[Item]], Awaitable[Sequence[Brought]]]) -> None:
        """Take what writes items in one transaction and tells, for each page that came, what it brought."""
        self._write = write
        self._waiting: list[tuple[Item, asyncio.Future[Brought]]] = []
        self._writing: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Recorder waiting={len(self._waiting)}>"

    async def put(self, item: Item) -> Brought:
        """Have an item written; tells what a page brought."""
        written: asyncio.Future[Brought] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, written))
        if self._writing is None:
            self._writing = asyncio.create_task(self._run())
        return await written

    async def close(self) -> None:
        """Wait until everything is written."""
        while self._writing is not None:
            await asyncio.wait({self._writing})

    async def _run(self) -> None:
        try:
            while self._waiting:
                taken, self._waiting = self._waiting[:_MOST_ITEMS], self._waiting[_MOST_ITEMS:]
                await self._write_all(taken)
        finally:
            self._writing = None

    async def _write_all(self, taken: Sequence[tuple[Item, asyncio.Future[Brought]]]) -> None:
        try:
            new = iter(await self._write([item for item, _ in taken]))
        except Exception as error:  # noqa: BLE001 - carried to whoever brought the items
            for _, written in taken:
                if not written.done():
                    written.set_exception(error)
            return
        for item, written in taken:
            brought = next(new) if isinstance(item, Came) else Brought()
            if not written.done():
                written.set_result(brought)

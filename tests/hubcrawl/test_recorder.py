"""One writer for many: whoever brings something is told when it is on the disk, or why it is not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from corpus.catalog.ledgers import Came, End, Ended, Ledger, SlicePlace
from corpus.catalog.sightings import Brought, Listed
from hubcrawl.recorder import Item, Recorder


def came(number: int) -> Came:
    return Came(SlicePlace(number, 1, 100), Listed("search", f"http://site/{number}", ()), Ledger())


class Disk:
    """What was written, transaction by transaction; each waits until it is let through."""

    def __init__(self, *, is_free: bool = True) -> None:
        self.written: list[list[Item]] = []
        self.may_write = asyncio.Event()
        self.error: Exception | None = None
        if is_free:
            self.may_write.set()

    async def write(self, items: Sequence[Item]) -> list[Brought]:
        await self.may_write.wait()
        if self.error is not None:
            raise self.error
        self.written.append(list(items))
        return [Brought((str(item.place.query_id),)) for item in items if isinstance(item, Came)]


async def test_each_page_is_told_what_it_brought() -> None:
    recorder = Recorder(Disk().write)
    ended = recorder.put(Ended(9, End.COMPLETE))
    brought = await asyncio.gather(recorder.put(came(1)), ended, recorder.put(came(2)))
    assert [each.new for each in brought] == [("1",), (), ("2",)]


async def test_what_comes_while_it_writes_goes_into_the_next_transaction() -> None:
    disk = Disk(is_free=False)
    recorder = Recorder(disk.write)
    puts = [asyncio.create_task(recorder.put(came(number))) for number in range(100)]
    await asyncio.wait(puts, timeout=0)
    disk.may_write.set()
    await asyncio.gather(*puts)
    assert [len(items) for items in disk.written] == [64, 36]


async def test_error_reaches_whoever_brought_something_and_the_next_is_written() -> None:
    disk = Disk()
    recorder = Recorder(disk.write)
    disk.error = OSError("the disk is full")
    results = await asyncio.gather(recorder.put(came(1)), recorder.put(came(2)), return_exceptions=True)
    assert [str(result) for result in results] == ["the disk is full"] * 2
    disk.error = None
    assert (await recorder.put(came(3))).new == ("3",)


async def test_what_was_brought_is_written_although_nobody_waits_for_it_any_more() -> None:
    disk = Disk(is_free=False)
    recorder = Recorder(disk.write)
    put = asyncio.create_task(recorder.put(came(1)))
    await asyncio.wait([put], timeout=0)
    put.cancel()
    closing = asyncio.create_task(recorder.close())
    await asyncio.wait([put, closing], timeout=0)
    disk.may_write.set()
    await closing
    with pytest.raises(asyncio.CancelledError):
        await put
    assert len(disk.written) == 1


async def test_nothing_waits_where_nothing_was_brought() -> None:
    await Recorder(Disk().write).close()

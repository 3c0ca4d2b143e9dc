"""Work in threads: one job at a time, and all that waits shares it."""

from __future__ import annotations

import asyncio
import threading

import pytest

from corpus.writer import Writer


async def test_what_waits_is_done_by_one_job_in_the_order_of_its_coming() -> None:
    """The first item goes at once; the others come while its thread is at work."""
    may_go_on, done = threading.Event(), list[tuple[int, int]]()

    def work(item: int) -> None:
        assert may_go_on.wait(10)
        done.append((item, threading.get_ident()))

    writer = Writer(work)
    futures = [writer.submit(number) for number in range(5)]
    may_go_on.set()
    await asyncio.gather(*futures)
    assert [item for item, _ in done] == [0, 1, 2, 3, 4]
    assert len({thread for _, thread in done[1:]}) == 1
    await writer.idle()
    assert "is_busy=False" in repr(writer)


async def test_what_fails_fails_alone() -> None:
    """The others that share its job are done."""
    done = list[int]()

    def work(item: int) -> None:
        if item == 1:
            raise OSError("full")
        done.append(item)

    writer = Writer(work)
    results = await asyncio.gather(*map(writer.submit, range(4)), return_exceptions=True)
    assert [type(result) for result in results] == [type(None), OSError, type(None), type(None)]
    assert done == [0, 2, 3]
    with pytest.raises(OSError, match="full"):
        await writer.drained()


async def test_an_item_is_done_though_nobody_waits_for_it_any_more() -> None:
    """Who waited was cancelled; the bytes that he brought are good."""
    may_go_on, done = threading.Event(), list[int]()

    def work(item: int) -> None:
        assert may_go_on.wait(10)
        done.append(item)

    writer = Writer(work)
    futures = [writer.submit(number) for number in range(3)]
    for future in futures:
        future.cancel()
    may_go_on.set()
    await writer.drained()
    assert done == [0, 1, 2]

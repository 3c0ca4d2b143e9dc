"""Waits of one length at most, whoever keeps them from ending."""

from __future__ import annotations

import asyncio

import pytest

from registry.transport.deadlines import Deadlines

SHORT_S = 0.02


def task() -> asyncio.Task[None]:
    """The one that the test runs in."""
    current = asyncio.current_task()
    assert current is not None
    return current


async def forever() -> None:
    await asyncio.Event().wait()


async def test_what_ends_in_time_gives_its_result_or_its_error() -> None:
    deadlines = Deadlines(60)

    async def given() -> str:
        return "x"

    async def raised() -> None:
        raise ValueError("y")

    assert await deadlines.keep(given()) == "x"
    with pytest.raises(ValueError, match="y"):
        await deadlines.keep(raised())
    assert repr(deadlines) == "<Deadlines waits=0>"


async def test_what_never_ends_is_over_after_its_time_and_the_task_goes_on() -> None:
    """As many at a time as there are, and each of those that follow."""
    deadlines, loop = Deadlines(SHORT_S), asyncio.get_running_loop()
    for _ in range(2):
        began = loop.time()
        ended = await asyncio.gather(*(deadlines.keep(forever()) for _ in range(9)), return_exceptions=True)
        assert {type(each) for each in ended} == {TimeoutError}
        assert loop.time() - began >= SHORT_S
    with pytest.raises(TimeoutError):
        await deadlines.keep(forever())
    assert task().cancelling() == 0
    assert repr(deadlines) == "<Deadlines waits=0>"


@pytest.mark.parametrize("limit_s", [60, SHORT_S])
async def test_whoever_is_cancelled_is_not_told_of_a_deadline(limit_s: float) -> None:
    """Nor if both come at once."""

    async def held() -> None:
        try:
            await forever()
        finally:
            waiting.cancel()

    waiting = asyncio.create_task(Deadlines(limit_s).keep(held()))
    if limit_s == 60:
        asyncio.get_running_loop().call_later(SHORT_S, waiting.cancel)
    await asyncio.wait([waiting])
    assert waiting.cancelled()


async def test_a_process_that_was_stopped_for_an_hour_finds_what_came_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    time, arrived, deadlines = loop.time, loop.create_future(), Deadlines(60)

    def go_on() -> None:
        monkeypatch.setattr(loop, "time", lambda: time() + 3600)
        loop.call_later(0.001, arrived.set_result, "x")

    loop.call_soon(go_on)
    assert await deadlines.keep(arrived) == "x"

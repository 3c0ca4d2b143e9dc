"""One fetch per key, however many ask for it."""

from __future__ import annotations

import asyncio
import gc

import pytest

from downloader.flights import SingleFlight
from tests.downloader.runs import one_turn


class Fetch:
    """A fetch that lands when it is told to, and counts how often it was started."""

    def __init__(self) -> None:
        self.started = 0
        self.cancelled = 0
        self.may_land = asyncio.Event()
        self.error: Exception | None = None

    async def __call__(self) -> int:
        self.started += 1
        number = self.started
        try:
            await self.may_land.wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise
        if self.error is not None:
            raise self.error
        return number


async def test_all_who_ask_share_one_flight() -> None:
    """Ten askers start one fetch, and get its one result."""
    flights, fetch = SingleFlight[str, int](), Fetch()
    askers = [asyncio.create_task(flights.join("k", fetch)) for _ in range(10)]
    await one_turn()
    fetch.may_land.set()
    assert await asyncio.gather(*askers) == [1] * 10
    assert fetch.started == 1


async def test_whoever_asks_as_soon_as_a_flight_has_failed_starts_a_new_one() -> None:
    """Also before anybody who waited for it was told, and as often as it fails."""
    flights, fetch = SingleFlight[str, int](), Fetch()
    fetch.error = ValueError("first")

    async def ask_when_it_fails() -> int:
        await fetch.may_land.wait()  # its turn comes right behind that of the flight
        assert "k" not in flights
        fetch.error = None
        return await flights.join("k", fetch)

    first = asyncio.create_task(flights.join("k", fetch))
    await one_turn()
    second = asyncio.create_task(ask_when_it_fails())
    await one_turn()
    fetch.may_land.set()
    assert await second == 2
    with pytest.raises(ValueError, match="first"):
        await first


async def test_keys_do_not_wait_for_each_other() -> None:
    """A flight for another key is another flight."""
    flights, slow, quick = SingleFlight[str, int](), Fetch(), Fetch()
    waiting = asyncio.create_task(flights.join("slow", slow))
    quick.may_land.set()
    assert await flights.join("quick", quick) == 1
    assert not waiting.done()
    slow.may_land.set()
    await waiting


async def test_a_landed_flight_answers_until_it_is_forgotten() -> None:
    """The result stays; a flight under way cannot be forgotten."""
    flights, fetch = SingleFlight[str, int](), Fetch()
    asker = asyncio.create_task(flights.join("k", fetch))
    await one_turn()
    flights.forget(["k", "never heard of"])
    assert "k" in flights
    fetch.may_land.set()
    assert await asker == 1
    assert await flights.join("k", fetch) == 1
    flights.forget(["k"])
    assert len(flights) == 0
    assert await flights.join("k", fetch) == 2


async def test_cancelling_one_asker_leaves_the_flight_to_the_others() -> None:
    """Neither the other asker nor the fetch notices."""
    flights, fetch = SingleFlight[str, int](), Fetch()
    gone, stays = (asyncio.create_task(flights.join("k", fetch)) for _ in range(2))
    await one_turn()
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    fetch.may_land.set()
    assert await stays == 1
    assert fetch.cancelled == 0


async def test_an_exception_goes_to_all_who_wait_and_to_nobody_after_them() -> None:
    """Whoever asks later starts a new flight: a failure must not outlive its reason."""
    flights, fetch = SingleFlight[str, int](), Fetch()
    fetch.error = OSError("disk")
    askers = [asyncio.create_task(flights.join("k", fetch)) for _ in range(3)]
    await one_turn()
    fetch.may_land.set()
    assert await asyncio.gather(*askers, return_exceptions=True) == [fetch.error] * 3
    assert "k" not in flights
    fetch.error = None
    assert await flights.join("k", fetch) == 2


async def test_a_flight_that_fails_with_nobody_left_makes_no_noise() -> None:
    """Its only asker was cancelled, so its exception has no address; that is no error of the program."""
    flights, fetch = SingleFlight[str, int](), Fetch()
    noise: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: noise.append(context))
    asker = asyncio.create_task(flights.join("k", fetch))
    await one_turn()
    asker.cancel()
    await asyncio.gather(asker, return_exceptions=True)
    fetch.error = OSError("disk")
    fetch.may_land.set()
    await one_turn()
    await one_turn()
    del asker
    gc.collect()
    assert "k" not in flights
    assert noise == []


async def test_cancelling_ends_every_flight_and_waits_until_it_cleaned_up() -> None:
    """Nothing runs any more when it returns."""
    flights, fetch = SingleFlight[str, int](), Fetch()
    askers = [asyncio.create_task(flights.join(key, fetch)) for key in ("a", "b", "c")]
    await one_turn()
    await flights.cancel()
    assert fetch.cancelled == 3
    assert len(flights) == 0
    assert all(
        isinstance(result, asyncio.CancelledError)
        for result in await asyncio.gather(*askers, return_exceptions=True)
    )

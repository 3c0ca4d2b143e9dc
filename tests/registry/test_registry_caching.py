"""Answers that age: asked for once by however many want them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from registry.transport.caching import FreshCache
from registry.transport.tokens import Token, TokenKey

if TYPE_CHECKING:
    from tests.registry.conftest import InstantClock

KEY = TokenKey("https://r", "https://a/token", "s", "repository:x:pull", "")


class Source:
    """Gives a token when told to."""

    def __init__(self, clock: InstantClock) -> None:
        self.clock = clock
        self.asked = 0
        self.may_answer = asyncio.Event()
        self.is_slow_to_end = False

    async def fetch(self, key: TokenKey) -> Token:
        self.asked += 1
        number = self.asked
        try:
            await self.may_answer.wait()
        finally:
            if self.is_slow_to_end:  # as closing a connection is
                self.is_slow_to_end = False
                await self.clock.sleep(0)
        return Token(f"{key.scope} {number}", self.clock.monotonic() + 54)


async def test_many_who_want_one_token_ask_once_even_if_the_first_gives_up(clock: InstantClock) -> None:
    cache, source = FreshCache[TokenKey, Token](clock, 1024), Source(clock)
    tasks = [asyncio.create_task(cache.get(KEY, source.fetch)) for _ in range(10)]
    while not source.asked:
        await clock.sleep(0)
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    source.may_answer.set()
    assert {(await task).value for task in tasks[1:]} == {"repository:x:pull 1"}
    assert (await cache.get(KEY, source.fetch)).value == "repository:x:pull 1"
    assert source.asked == 1


async def test_a_request_nobody_waits_for_any_more_is_given_up(clock: InstantClock) -> None:
    cache, source = FreshCache[TokenKey, Token](clock, 1024), Source(clock)
    tasks = [asyncio.create_task(cache.get(KEY, source.fetch)) for _ in range(3)]
    while not source.asked:
        await clock.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await clock.sleep(0)
    assert repr(cache) == "<FreshCache values=0 flights=0>"


async def test_whoever_comes_while_a_request_is_given_up_gets_a_new_one(clock: InstantClock) -> None:
    cache, source = FreshCache[TokenKey, Token](clock, 1024), Source(clock)
    first = asyncio.create_task(cache.get(KEY, source.fetch))
    while not source.asked:
        await clock.sleep(0)
    late = list[asyncio.Task[Token]]()
    first.add_done_callback(lambda _: late.append(asyncio.create_task(cache.get(KEY, source.fetch))))
    source.is_slow_to_end = True
    first.cancel()
    await asyncio.wait([first])
    source.may_answer.set()
    await clock.sleep(0)
    assert (await late[0]).value == "repository:x:pull 2"
    assert repr(cache) == "<FreshCache values=1 flights=0>"


async def test_a_token_is_asked_for_again_when_it_is_old_or_refused(clock: InstantClock) -> None:
    cache, source = FreshCache[TokenKey, Token](clock, 1024), Source(clock)
    source.may_answer.set()
    first = await cache.get(KEY, source.fetch)
    clock.seconds += 55
    second = await cache.get(KEY, source.fetch)
    cache.refused(KEY, first)  # a late answer to a request sent with the old one
    assert await cache.get(KEY, source.fetch) is second
    cache.refused(KEY, second)
    assert (await cache.get(KEY, source.fetch)) not in (first, second)


async def test_a_bounded_number_of_tokens_is_kept(clock: InstantClock) -> None:
    cache, source = FreshCache[TokenKey, Token](clock, 1024), Source(clock)
    source.may_answer.set()
    for number in range(1100):
        await cache.get(KEY._replace(scope=str(number)), source.fetch)
    assert repr(cache) == "<FreshCache values=1024 flights=0>"

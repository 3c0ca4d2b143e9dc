"""The sample hub as a command: which hub is served."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from pipeline.sample import Wanted, serve_until_cancelled
from samplehub import Matching, Options


def test_nothing_wanted_stands_in_nobodys_way() -> None:
    assert Wanted().options() == Options()


async def test_a_crowd_is_served_with_its_window_and_its_way_of_matching() -> None:
    said: asyncio.Queue[str] = asyncio.Queue()
    wanted = Wanted(repositories=300, seed=1, window=100, matching=Matching.PREFIX)
    task = asyncio.create_task(serve_until_cancelled(0, wanted, said.put_nowait))
    url = next(word for word in (await said.get()).split() if word.startswith("http://"))
    async with aiohttp.ClientSession() as session:
        async with session.get(f"{url}v2/search/repositories/?query=*&page_size=100") as answer:
            assert (await answer.json())["count"] == 300
        async with session.get(f"{url}v2/search/repositories/?query=*&page_size=100&page=2") as answer:
            assert answer.status == 403
        async with session.get(f"{url}v2/search/repositories/?query=ngin") as answer:
            names = [row["repo_name"] for row in (await answer.json())["results"]]
    assert names == ["nginx"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

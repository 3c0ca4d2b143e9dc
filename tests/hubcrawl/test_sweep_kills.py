"""``kill -9`` at random instants of a sweep, over and over: the census is an undisturbed run's."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from hubcrawl.endpoints.namespaces import Namespace
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.queries import Query, Slice
from samplehub import Running
from tests.hubcrawl.sweeping import BOTH, Lab, hub_of, lab, names_of, options

ROOT = Path(__file__).parents[2]
KILLS = 20

# Requests that one life makes, at most: all lives together make fewer than it takes.
MOST_REQUESTS = 6

# Seconds after the last request of a life in which it is killed: within a transaction, or between two.
LATE_S = 0.05

_DONE = """select endpoint, key, page, size from slices join queries on queries.id = query_id
    where slices.state = 'done'"""

_UNFINISHED = "select distinct state from queries where state in ('pending', 'open', 'in parts')"


async def start(here: Lab) -> asyncio.subprocess.Process:
    """A new life."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.hubcrawl.sweep_child",
        here.running.site_url,
        str(here.folder / "data"),
        cwd=ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


async def end_after(
    process: asyncio.subprocess.Process, running: Running, requests: int, late_s: float
) -> None:
    """Kill a life some time after it has made so many requests."""
    ended = asyncio.create_task(process.communicate())
    wanted = running.journal.count + requests
    while running.journal.count < wanted and not ended.done():
        await asyncio.wait({ended}, timeout=0.001)
    await asyncio.wait({ended}, timeout=late_s)
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    _, said = await ended
    assert process.returncode == -signal.SIGKILL, said.decode()


def finished(here: Lab) -> set[tuple[object, ...]]:
    """Pages that are recorded as done."""
    return set(here.select(_DONE)) if here.layout.catalog.exists() else set()


def asked_again(before: Mapping[str, int], after: Mapping[str, int]) -> set[str]:
    """Paths of pages that were done before and were asked for since."""
    return {path for path in before if after[path] > before[path]}


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_twenty_kills_cost_no_name_and_no_finished_page_is_asked_for_again(tmp_path: Path) -> None:
    hub, dice = hub_of(400), random.Random(6)  # noqa: S311 - dice
    async with lab(tmp_path / "whole", hub, options(20), BOTH) as whole:
        await whole.sweep()
    async with lab(tmp_path / "killed", hub, options(20), BOTH) as here:
        done: Counter[str] = Counter()
        repeated = set[str]()
        for _ in range(KILLS):
            process = await start(here)
            await end_after(process, here.running, dice.randint(1, MOST_REQUESTS), dice.uniform(0, LATE_S))
            asked = Counter(here.paths())
            repeated |= asked_again(done, asked)
            done = Counter({path: asked[path] for path in _paths_of(here, asked)})
        assert here.select(_UNFINISHED) != []
        process = await start(here)
        _, said = await process.communicate()
        assert process.returncode == 0, said.decode()
        repeated |= asked_again(done, Counter(here.paths()))
        # Canaries, which are asked for what they are known to show, are the only pages asked for twice.
        assert {path for path in repeated if not path.startswith(_CANARIES)} == set()
        assert here.found() == whole.found() == names_of(hub)
        assert here.select(_UNFINISHED) == []


def _paths_of(here: Lab, asked: Mapping[str, int]) -> set[str]:
    """Of the paths that were asked for, those whose page is done."""
    endpoints = {each.name: each("") for each in (SearchV2, Namespace)}
    paths = {
        endpoints[str(name)].url(Query.parse(str(key)), Slice(int(str(page)), int(str(size))))
        for name, key, page, size in finished(here)
    }
    return paths & set(asked)


_CANARIES = (
    "/v2/search/repositories/?query=%2A&page=1&",
    "/v2/namespaces/library/repositories?page=1&",
)

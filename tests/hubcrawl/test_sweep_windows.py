"""The windows of a hub are learned from what it serves, moved with it, and passed by probes only."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from hubcrawl.windows import Window
from samplehub import Windows, everywhere
from tests.hubcrawl.sweeping import SEARCH, Lab, hub_of, lab, names_of, options

pytestmark = pytest.mark.slow

DAY = 86_400.0


def window_of(here: Lab, endpoint: str = "search-v2") -> Window:
    """What the catalog knows of a window."""
    rows = here.select("select window from windows where endpoint = ?", endpoint)
    return msgspec.json.decode(rows[0][0], type=Window)


def changing(first: int, *changes: tuple[int, int]) -> Any:
    """A window that becomes another one from the request of a number on."""
    moves = tuple((number, everywhere(rows)) for number, rows in changes)
    return replace(options(), windows=Windows(anonymous=everywhere(first), changes=moves))


@pytest.mark.parametrize("window", [10, 90, 100, 101, 200, 500])
async def test_edge_of_a_window_is_found_closely_and_kept(tmp_path: Path, window: int) -> None:
    hub = hub_of(1_000)
    async with lab(tmp_path, hub, options(window), SEARCH) as here:
        await here.sweep()
        known = window_of(here)
        assert known.refused is not None
        assert known.served < window <= known.refused
        # What a page at the last offset would reach, but for a hundredth.
        assert known.reach >= 0.98 * (window - 1 + min(window, 100)) - 1
        assert here.found() == names_of(hub)


async def test_window_of_100_rows_is_worth_198_by_pages_of_99(tmp_path: Path) -> None:
    async with lab(tmp_path, hub_of(1_000), options(100), SEARCH) as here:
        await here.sweep()
        assert (window_of(here).page_size, window_of(here).reach) == (99, 198)


async def test_known_window_is_passed_by_probes_only(tmp_path: Path) -> None:
    """What is learned once is not asked for again: neither by other queries, nor by later runs."""
    async with lab(tmp_path, hub_of(1_000), options(100), SEARCH) as here:
        await here.sweep(parallel=1)
        refused = [offset for offset in here.offsets() if offset >= 100]
        assert len(refused) <= 7
        assert len(set(refused)) == len(refused)
        before = here.running.journal.count
        here.clock.seconds += 3_600
        await here.sweep(parallel=1, again=True)
        assert max(here.offsets(before)) < 100


async def test_window_is_looked_at_again_after_a_day(tmp_path: Path) -> None:
    hub = hub_of(1_000)
    async with lab(tmp_path, hub, options(100), SEARCH) as first:
        await first.sweep()
    first.clock.seconds += DAY
    async with lab(tmp_path, hub, options(10_000), SEARCH, clock=first.clock) as here:
        await here.sweep(again=True)
        assert window_of(here).refused is None
        assert here.running.traffic["search-v2"] <= 15
        assert here.found() == names_of(hub)


@pytest.mark.parametrize(
    "changes", [((5, 200), (20, 100)), ((2, 100),), ((20, 10_000),), ((8, 50), (25, 200))]
)
async def test_window_that_moves_costs_no_name(tmp_path: Path, changes: tuple[tuple[int, int], ...]) -> None:
    hub = hub_of(1_000)
    async with lab(tmp_path, hub, changing(10_000, *changes), SEARCH) as here:
        summary = await here.sweep()
        assert here.found() == names_of(hub)
        assert (summary.is_complete, summary.stopped) == (True, None)


async def test_two_front_ends_with_different_windows_cost_no_name_and_few_requests(tmp_path: Path) -> None:
    """The smaller window is the one to rely on."""
    hub = hub_of(1_000)
    turns = tuple((number, 100 if number % 2 else 200) for number in range(1, 2_000))
    async with lab(tmp_path, hub, changing(200, *turns), SEARCH) as here:
        summary = await here.sweep()
        assert here.found() == names_of(hub)
        assert summary.is_complete
        assert here.running.traffic["search-v2"] < 150


async def test_windows_of_accounts_are_kept_apart(tmp_path: Path) -> None:
    async with lab(tmp_path, hub_of(1_000), options(100), SEARCH) as here:
        await here.sweep()
        async with here.cataloguing() as catalog:
            assert set(await catalog.sweeps.windows("sample", "")) == {"search-v2"}
            assert await catalog.sweeps.windows("sample", "somebody") == {}

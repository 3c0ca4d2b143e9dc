"""A sweep lists whatever a hub shows, by as many queries as its windows make necessary."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from hubcrawl.endpoints import Endpoint
from hubcrawl.endpoints.search_v1 import SearchV1
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.endpoints.search_v3 import SearchV3
from hubcrawl.endpoints.search_v4 import SearchV4
from hubcrawl.queries import Query, Slice
from hubcrawl.reading import PageReader, Read
from hubcrawl.settings import CrawlSettings
from hubcrawl.sweep import SweepEngine, is_to_be_swept
from hubcrawl.territory import Territory
from samplehub import Flaws, Hub, Matching, SearchOptions, crowd_of
from samplehub.server.index import Index
from tests.hubcrawl.sweeping import BOTH, REGISTRY, SEARCH, Lab, hub_of, lab, names_of, options

pytestmark = pytest.mark.slow


class Unordered(SearchV2):
    """That of a hub with one order only."""

    def url(self, query: Query, part: Slice) -> str:
        return super().url(replace(query, order=""), part)


class Saturating(SearchV2):
    """That of a hub whose counts saturate early, which takes fewer names to show."""

    saturates_at: ClassVar[int | None] = 300


@pytest.mark.parametrize("window", [100, 200, 10_000])
async def test_prefix_search_is_listed_whole_through_any_window(tmp_path: Path, window: int) -> None:
    hub = hub_of(5_000)
    async with lab(tmp_path, hub, options(window), SEARCH) as here:
        summary = await here.sweep()
        assert here.found() == names_of(hub)
        assert (summary.is_complete, summary.stopped, summary.found) == (True, None, 5_000)
        assert here.states().keys() <= {"complete", "split", "given up", "dropped"}
        # Every row has to come in a page of 100, and seven probes find the edge of a window.
        assert here.running.traffic["search-v2"] <= 4 * 5_000 / 100 + 7


async def test_word_search_is_listed_whole(tmp_path: Path) -> None:
    hub = hub_of(1_000)
    async with lab(tmp_path, hub, options(100, "tokens"), SEARCH) as here:
        summary = await here.sweep()
        assert len(names_of(hub) - here.found()) <= 1  # 99.9 %
        assert summary.is_complete


async def test_whole_word_search_is_listed_by_words_that_are_known(tmp_path: Path) -> None:
    """Nothing but a word finds a name that has it; so what shares a word with nobody stays unknown."""
    hub = crowd_of([f"{owner}/{name}" for owner in ("ann", "bob", "eve") for name in ("web", "db", "a")])
    async with lab(tmp_path, hub, options(5, "exact"), BOTH) as here:
        await here.sweep()
        assert here.found() == names_of(hub)


async def test_every_namespace_that_search_shows_is_listed_whole(tmp_path: Path) -> None:
    hub, flaws = hub_of(200), Flaws(hidden=0.3, seed=3)
    index = Index(hub, Matching.PREFIX, flaws)
    shown = {hub.repositories[number].name for number in index.search("")}
    owners = {name.partition("/")[0] for name in shown} | {"library"}
    async with lab(tmp_path, hub, options(100, flaws=flaws)) as here:
        summary = await here.sweep()
        assert here.found() == {name for name in names_of(hub) if name.partition("/")[0] in owners}
        assert len(here.found()) > len(shown)
        assert summary.is_complete
        dates = here.select("select count(*) from repositories where last_updated_at is null")
        assert dates == [(0,)]


@pytest.mark.parametrize("window", [10, 20, 60])
async def test_namespace_larger_than_its_window_is_listed_by_both_ends_and_by_parts_of_names(
    tmp_path: Path, window: int
) -> None:
    hub = crowd_of([f"big/{word}{number}" for number in range(5) for word in ("app", "box", "cat", "dog")])
    async with lab(tmp_path, hub, options(window)) as here:
        summary = await here.sweep()
        assert here.found() == names_of(hub)
        assert summary.is_complete


async def test_hub_that_answers_everything_whole_is_asked_nothing_else(tmp_path: Path) -> None:
    hub = hub_of(1_000)
    async with lab(tmp_path, hub, options(), SEARCH) as here:
        await here.sweep()
        assert here.running.traffic["search-v2"] == 10
        assert here.found() == names_of(hub)


async def test_saturated_counts_are_not_taken_for_true(tmp_path: Path) -> None:
    hub = hub_of(2_000)
    search = SearchOptions(matching=Matching.PREFIX, saturates_at=10_000)
    saturated = replace(search, saturates_at=300)
    async with lab(tmp_path, hub, options(100, search=saturated), (Saturating,)) as here:
        await here.sweep()
        assert here.found() == names_of(hub)


async def test_hub_that_takes_no_notice_of_orders_is_not_taken_to_be_read_from_both_ends(
    tmp_path: Path,
) -> None:
    hub = hub_of(1_000)
    async with lab(tmp_path, hub, options(100), (Unordered,)) as here:
        await here.sweep()
        assert here.found() == names_of(hub)


async def test_inverted_orders_of_namespaces_do_no_harm(tmp_path: Path) -> None:
    hub = crowd_of([f"big/app{number:02}" for number in range(40)])
    for is_inverted in (True, False):
        search = SearchOptions(matching=Matching.PREFIX, is_inverted=is_inverted)
        async with lab(tmp_path / str(is_inverted), hub, options(20, search=search)) as here:
            await here.sweep()
            assert here.found() == names_of(hub)


async def test_pages_that_are_made_smaller_lose_no_row_and_are_not_asked_for_twice(tmp_path: Path) -> None:
    hub = hub_of(300)
    search = SearchOptions(matching=Matching.PREFIX, most_rows=30)
    async with lab(tmp_path, hub, options(search=search), SEARCH) as here:
        await here.sweep()
        assert here.found() == names_of(hub)
        assert len(here.paths()) == len(set(here.paths())) == 10


@pytest.mark.parametrize("endpoint", [SearchV1, SearchV3, SearchV4])
async def test_every_search_of_the_hub_will_do(
    tmp_path: Path, endpoint: type[SearchV1 | SearchV3 | SearchV4]
) -> None:
    hub = hub_of(1_000)
    async with lab(tmp_path, hub, options(100), (endpoint,)) as here:
        await here.sweep()
        assert here.found() == names_of(hub)


async def test_two_searches_list_more_together_than_one(tmp_path: Path) -> None:
    hub = hub_of(500)
    async with lab(tmp_path, hub, options(100), (*SEARCH, SearchV1)) as here:
        await here.sweep()
        assert here.found() == names_of(hub)
        sources = here.select("select source, count(*) from sightings group by source order by source")
        assert sources == [("sample search-v1", 500), ("sample search-v2", 500)]


@pytest.mark.parametrize("flaws", [Flaws(repeated=0.1, seed=5), Flaws(shuffled=0.3, seed=5)])
async def test_repeated_and_shuffled_rows_lose_hardly_a_name(tmp_path: Path, flaws: Flaws) -> None:
    """What moves from page to page while pages are read is found by other queries, or by its namespace."""
    hub = hub_of(200)
    async with lab(tmp_path, hub, options(100, flaws=flaws)) as here:
        summary = await here.sweep()
        assert len(names_of(hub) - here.found()) <= 2
        assert summary.rows - summary.new > 0
        ledger = here.select("select sum(rows), sum(distinct_names) from queries")
        assert ledger[0][0] >= ledger[0][1]


async def test_names_that_break_the_grammar_come_back_as_they_were(tmp_path: Path) -> None:
    dirty = [
        "0000/..",
        "0000/_",
        "mattdr/_____",
        "chr15/er-pr-",
        "gilliam/scheduler-_worker",
        "a b/c%2f",
        "x/%",
    ]
    hub = crowd_of([*dirty, *(f"clean/app{number}" for number in range(5))])
    async with lab(tmp_path, hub, options(100)) as here:
        await here.sweep()
        assert here.found() == names_of(hub)
        pullable = {name for (name,) in here.select("select name from repositories where is_pullable")}
        assert pullable.isdisjoint(dirty)


async def test_limit_stops_after_the_page_that_reaches_it_and_a_higher_one_goes_on(tmp_path: Path) -> None:
    hub = hub_of(1_000)
    async with lab(tmp_path, hub, options(), SEARCH) as here:
        summary = await here.sweep(limit=150)
        assert (summary.found, summary.pages, summary.is_complete) == (200, 2, False)
        summary = await here.sweep(limit=150)
        assert summary.pages == 0
        summary = await here.sweep()
        assert (summary.found, summary.is_complete) == (1_000, True)
        assert here.running.traffic["search-v2"] == 10


async def test_most_pages_of_a_run_are_a_reason_to_stop_and_the_next_run_goes_on(tmp_path: Path) -> None:
    hub = hub_of(1_000)
    async with lab(tmp_path, hub, options(), SEARCH) as here:
        summary = await here.sweep(max_pages=4, parallel=1)
        assert (summary.pages, summary.is_complete) == (4, False)
        assert summary.stopped is not None
        assert "the most for one run" in summary.stopped
        summary = await here.sweep()
        assert (summary.pages, summary.found, summary.is_complete) == (6, 1_000, True)


async def test_pages_that_are_being_written_count_towards_the_most_of_a_run(tmp_path: Path) -> None:
    """Others are asked for meanwhile, but not more than the settings say."""
    async with lab(tmp_path, hub_of(1_000), options(100), SEARCH) as here:
        summary = await here.sweep(max_pages=16, parallel=8)
        assert 16 <= summary.pages < 16 + 8


class Counting(PageReader):
    """How many pages are asked for at a time."""

    under_way = 0
    most = 0

    async def read(self, endpoint: Endpoint, query: Query, part: Slice, claimed: int | None = None) -> Read:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        try:
            return await super().read(endpoint, query, part, claimed)
        finally:
            self.under_way -= 1


async def test_no_more_pages_are_asked_for_at_a_time_than_the_settings_say(tmp_path: Path) -> None:
    async with (
        lab(tmp_path, hub_of(1_000), options(100)) as here,
        here.cataloguing() as catalog,
        here.transporting() as transport,
    ):
        territory = Territory(catalog, REGISTRY, [each(here.running.site_url) for each in BOTH], here.clock)
        reader = Counting(transport)
        await SweepEngine(territory, reader, CrawlSettings(parallel=3), here.clock).run()
        assert reader.most == 3


async def test_complete_sweep_asks_nothing_more(tmp_path: Path) -> None:
    async with lab(tmp_path, hub_of(300), options(), SEARCH) as here:
        await here.sweep()
        before = here.running.journal.count
        summary = await here.sweep()
        assert (here.running.journal.count, summary.pages, summary.is_complete) == (before, 0, True)


async def test_namespaces_that_are_wanted_later_are_those_of_all_names_that_were_found(
    tmp_path: Path,
) -> None:
    hub, flaws = hub_of(300), Flaws(hidden=0.2, seed=3)
    owners = {hub.repositories[number].namespace for number in Index(hub, flaws=flaws).search("")}
    async with lab(tmp_path, hub, options(flaws=flaws), SEARCH) as first:
        assert (await first.sweep()).is_complete
    async with lab(tmp_path, hub, options(flaws=flaws), BOTH, clock=first.clock) as here:
        async with here.cataloguing() as catalog:
            endpoints = [each(here.running.site_url) for each in BOTH]
            assert await is_to_be_swept(catalog, REGISTRY, endpoints, CrawlSettings())
            assert not await is_to_be_swept(catalog, REGISTRY, endpoints[:1], CrawlSettings())
        assert (await here.sweep()).is_complete
        assert here.found() == {name for name in names_of(hub) if name.partition("/")[0] in owners}
        before = here.running.journal.count
        assert (await here.sweep()).is_complete
        assert here.running.journal.count == before


# ---- over time


async def _swept_twice(folder: Path, before: Hub, after: Hub) -> Lab:
    """Two sweeps of a hub that became another one an hour later."""
    async with lab(folder, before, options(100)) as first:
        await first.sweep()
    first.clock.seconds += 3_600
    async with lab(folder, after, options(100), clock=first.clock) as second:
        await second.sweep(again=True)
    return second


async def test_what_the_listing_of_its_namespace_no_longer_has_is_gone(tmp_path: Path) -> None:
    names = [*(f"ann/app{number}" for number in range(4)), "bob/one", "eve/web"]
    here = await _swept_twice(tmp_path, crowd_of(names), crowd_of([*names[1:4], "eve/web"]))
    assert here.gone() == {"ann/app0", "bob/one"}
    assert here.found() == {*names[1:4], "eve/web"}


async def test_sweep_again_keeps_what_was_seen_first_and_counts_over_time(tmp_path: Path) -> None:
    hub = crowd_of([f"ann/app{number}" for number in range(4)], 1)
    other = crowd_of([f"ann/app{number}" for number in range(5)], 2)  # with other counts
    here = await _swept_twice(tmp_path, hub, other)
    start = 1_800_000_000.0
    seen = here.select("select name, first_seen_at, last_seen_at from repositories order by name")
    assert seen == [(f"ann/app{n}", start if n < 4 else start + 3_600, start + 3_600) for n in range(5)]
    counts = here.select("select repository_id, count(*) from repository_counts group by repository_id")
    assert dict(counts) == {1: 2, 2: 2, 3: 2, 4: 2, 5: 1}


async def test_what_comes_back_is_not_gone_any_more(tmp_path: Path) -> None:
    whole, less = crowd_of(["ann/a1", "ann/b1"]), crowd_of(["ann/b1"])
    here = await _swept_twice(tmp_path, whole, less)
    assert here.gone() == {"ann/a1"}
    here.clock.seconds += 3_600
    async with lab(tmp_path, whole, options(100), clock=here.clock) as third:
        await third.sweep(again=True)
        assert third.gone() == set()


async def test_large_namespace_is_known_whole_by_both_its_ends(tmp_path: Path) -> None:
    names = [f"big/app{number:02}" for number in range(30)]
    async with lab(tmp_path, crowd_of(names), options()) as first:
        await first.sweep()
    first.clock.seconds += 3_600
    async with lab(tmp_path, crowd_of(names[1:]), options(20), clock=first.clock) as here:
        await here.sweep(again=True)
        assert here.gone() == {"big/app00"}


async def test_sweep_again_within_one_process_sees_everything_again(tmp_path: Path) -> None:
    """Rows that were written lately are passed over within a sweep only."""
    async with lab(tmp_path, hub_of(300), options()) as here:
        async with here.cataloguing() as catalog, here.transporting() as transport:
            await here.engine(catalog, transport).run()
            here.clock.seconds += 3_600
            summary = await here.engine(catalog, transport, again=True).run()
        assert summary.is_complete
        assert here.gone() == set()
        assert here.select("select min(last_seen_at) from repositories") == [(1_800_003_600.0,)]


# ---- how complete it is


async def test_estimate_holds_what_search_hides(tmp_path: Path) -> None:
    hub = hub_of(1_000)
    async with lab(tmp_path, hub, options(flaws=Flaws(hidden=0.2, seed=1))) as here:
        await here.sweep()
        async with here.cataloguing() as catalog:
            coverage = (await catalog.coverage.all())["sample"]
        assert coverage.found < 1_000
        assert coverage.estimated is not None
        assert coverage.high is not None
        assert coverage.shown is not None
        assert coverage.found <= coverage.estimated <= coverage.high
        assert coverage.found <= 1_000 <= coverage.high
        assert abs(coverage.shown - 0.8) < 0.05
        assert (coverage.namespaces_waiting, coverage.queries_waiting) == (0, 0)

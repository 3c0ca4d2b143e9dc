"""The crawl: each page is read once, recorded with its rows, and never lost; what was missed is said."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from hubcrawl.endpoints.namespaces import Namespace
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.engine import has_work
from hubcrawl.queries import Query
from hubcrawl.settings import CrawlSettings
from hubcrawl.sources import Listing
from hubcrawl.sources.query import QueryListing
from registry.errors import ConfigurationError, Reason, RegistryError
from tests.hubcrawl.conftest import (
    REGISTRY,
    ScriptedSource,
    Site,
    answer,
    engine,
    json_answer,
    pages_of,
    serving,
)

if TYPE_CHECKING:
    from pathlib import Path

    from registry.transport.http import Transport

Pages = dict[str, Listing | RegistryError]

THREE_PAGES = (["a/1", "a/2"], ["a/3", "a/4"], ["a/5"])
OUTAGE = RegistryError(Reason.SERVER_ERROR, "out of order", temporary=True, status=500)
DRIFT = RegistryError(Reason.UNEXPECTED_ANSWER, "another shape")
CHALLENGE = RegistryError(Reason.DENIED, "a challenge", temporary=True, status=403)
WINDOW = RegistryError(Reason.DENIED, "refuses beyond 4 rows", status=403)
UNREACHABLE = RegistryError(Reason.NETWORK, "connection refused", temporary=True, url="http://site/")


async def work_left(catalog: Catalog, source: ScriptedSource, **chosen: Any) -> bool:
    return await has_work(catalog, REGISTRY, source.name, CrawlSettings(**chosen))


async def test_listing_is_read_to_its_end_and_then_there_is_nothing_to_do(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(*THREE_PAGES, claimed=5))
    assert await work_left(catalog, source)
    summary = await engine(catalog, source).run()
    assert (summary.pages, summary.rows, summary.new, summary.found, summary.repeats) == (3, 5, 5, 5, 0)
    assert (summary.is_complete, summary.notes, summary.stopped) == (True, (), None)
    assert not await work_left(catalog, source)


async def test_second_run_asks_for_nothing(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(*THREE_PAGES))
    await engine(catalog, source).run()
    summary = await engine(catalog, source).run()
    assert (summary.pages, summary.found, summary.is_complete) == (0, 5, True)
    assert source.read_cursors == ["1", "2", "3"]


async def test_rows_of_known_repositories_are_counted_as_repeats(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(["a/1", "a/1", "a/2"], ["a/2", "a/3"]))
    summary = await engine(catalog, source).run()
    assert (summary.rows, summary.new, summary.repeats, summary.found) == (5, 3, 2, 3)
    census = (await catalog.census.count()).repositories
    assert (census.found, census.rows_listed) == (3, 5)


class Interrupting(ScriptedSource):
    """Cancels the crawl while page ``at`` is being read, once."""

    at: str | None = None

    async def read(self, cursor: str) -> Listing:
        if cursor == self.at:
            self.at = None
            raise asyncio.CancelledError
        return await super().read(cursor)


@pytest.mark.parametrize("at", ["1", "2", "3", "4", "5"])
async def test_interrupted_crawl_goes_on_where_it_stopped_and_reads_each_page_once(
    catalog: Catalog, at: str
) -> None:
    source = Interrupting(pages_of(*([f"a/{number}"] for number in range(5))))
    source.at = at
    with pytest.raises(asyncio.CancelledError):
        await engine(catalog, source).run()
    assert await work_left(catalog, source)
    summary = await engine(catalog, source).run()
    assert source.read_cursors == ["1", "2", "3", "4", "5"]
    assert (summary.found, summary.is_complete) == (5, True)


async def test_crawl_goes_on_in_another_process(transport: Transport, tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.ensure()
    async with serving(Site([f"a/{number}" for number in range(45)])) as site:
        for most in (1, 2, 100):
            async with open_catalog(layout) as catalog:
                source = QueryListing(transport, REGISTRY.name, SearchV2(site.url), Query("*"), 10)
                summary = await engine(catalog, source, max_pages=most).run()
    assert site.pages_asked == [1, 2, 3, 4, 5]
    assert (summary.found, summary.is_complete) == (45, True)


async def test_limit_is_met_exactly_and_the_next_page_is_kept_for_later(
    transport: Transport, catalog: Catalog
) -> None:
    async with serving(Site([f"library/{number}" for number in range(120)])) as site:
        for limit, found, pages in ((50, 50, [1]), (50, 50, [1]), (80, 100, [1, 2]), (0, 120, [1, 2, 3])):
            chosen = CrawlSettings(limit=limit)
            size = chosen.rows_per_page(chosen.page_size)
            source = QueryListing(transport, REGISTRY.name, Namespace(site.url), Query("library"), size)
            summary = await engine(catalog, source, limit=limit).run()
            assert (summary.found, summary.stopped, site.pages_asked) == (found, None, pages)
            assert summary.is_complete == (limit == 0)
            assert not await has_work(catalog, REGISTRY, source.name, chosen)
    assert all("page_size=50" in query for query in site.asked)


@pytest.mark.parametrize(("most", "limit", "rows"), [(100, 0, 100), (100, 50, 50), (100, 101, 100)])
def test_page_is_no_larger_than_the_limit(most: int, limit: int, rows: int) -> None:
    assert CrawlSettings(limit=limit).rows_per_page(most) == rows


async def test_limit_counts_what_other_sources_found(catalog: Catalog) -> None:
    await engine(catalog, ScriptedSource(pages_of(["a/1", "a/2"]))).run()
    other = ScriptedSource(pages_of(["a/1"], ["a/2"]), name="other")
    assert not await work_left(catalog, other, limit=2)
    assert (await engine(catalog, other, limit=2).run()).pages == 0


async def test_listing_anew_reads_every_page_again_and_loses_nothing(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(*THREE_PAGES))
    await engine(catalog, source).run()
    assert await work_left(catalog, source, again=True)
    source.pages = pages_of(["a/5", "a/6"])
    summary = await engine(catalog, source, again=True).run()
    assert (summary.rows, summary.new, summary.repeats, summary.found) == (2, 1, 1, 6)


async def test_listing_anew_with_a_limit_stops_after_as_many_rows(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(*THREE_PAGES))
    await engine(catalog, source).run()
    assert (await engine(catalog, source, again=True, limit=2).run()).rows == 2


async def test_page_that_fails_for_a_passing_reason_does_not_hide_the_others_and_is_read_next_time(
    catalog: Catalog,
) -> None:
    pages = pages_of(*THREE_PAGES)
    source = ScriptedSource(pages | {"2": OUTAGE})
    summary = await engine(catalog, source).run()
    assert (summary.found, summary.failed, summary.is_complete) == (3, 1, False)
    assert summary.stopped is not None
    assert "1 page could not be read for a passing reason" in summary.stopped
    assert await work_left(catalog, source)
    source.pages = pages
    summary = await engine(catalog, source).run()
    assert (summary.found, summary.is_complete, summary.stopped) == (5, True, None)
    assert source.read_cursors == ["1", "2", "3", "2"]


async def test_failed_page_does_not_matter_once_the_limit_is_reached(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(*THREE_PAGES) | {"1": OUTAGE})
    summary = await engine(catalog, source, limit=2).run()
    assert (summary.found, summary.stopped) == (2, None)
    assert not await work_left(catalog, source, limit=2)


async def test_reason_in_any_text_can_be_recorded(catalog: Catalog) -> None:
    odd = RegistryError(Reason.UNEXPECTED_ANSWER, "\ud800\0" + "x" * 5_000)
    summary = await engine(catalog, ScriptedSource(pages_of(["a/1"], ["a/2"]) | {"2": odd})).run()
    assert summary.notes[0].startswith("unexpected_answer: \\ud800\\x00x")
    assert len(summary.notes[0]) == 1_000


async def test_site_that_forgets_what_it_claimed_is_held_to_it(catalog: Catalog) -> None:
    blocked = Listing("http://site/2", claimed=0)
    summary = await engine(
        catalog, ScriptedSource(pages_of(["a/1"], ["a/2"], claimed=2) | {"2": blocked})
    ).run()
    assert summary.notes == ("the site claims 2 rows, and its pages held 1",)


async def test_page_in_another_shape_is_given_up_with_its_reason_and_the_rest_is_read(
    catalog: Catalog,
) -> None:
    source = ScriptedSource(pages_of(*THREE_PAGES) | {"2": DRIFT})
    summary = await engine(catalog, source).run()
    assert (summary.found, summary.failed, summary.is_complete, summary.stopped) == (3, 1, False, None)
    assert summary.notes == ("unexpected_answer: another shape",)
    assert not await work_left(catalog, source)
    assert (await catalog.census.count()).repositories.pages_failed == 1


async def test_window_is_said_as_a_limit_of_the_listing_and_not_as_its_end(
    transport: Transport, catalog: Catalog
) -> None:
    async with serving(Site([f"a/{number}" for number in range(50)], window=20)) as site:
        source = QueryListing(transport, REGISTRY.name, SearchV2(site.url), Query("*"), 10)
        summary = await engine(catalog, source).run()
        assert site.pages_asked == [1, 2, 3]
        assert not await has_work(catalog, REGISTRY, source.name, CrawlSettings())
    assert (summary.found, summary.is_complete, summary.stopped) == (20, False, None)
    assert "beyond 20 rows" in summary.notes[0]


async def test_notes_are_the_same_in_a_run_with_nothing_to_do(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(["a/1"], ["a/2"]) | {"2": WINDOW})
    first = await engine(catalog, source).run()
    second = await engine(catalog, source).run()
    assert first.notes == second.notes != ()


async def test_challenge_stops_the_run_without_another_request(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(*THREE_PAGES) | {"2": CHALLENGE})
    summary = await engine(catalog, source).run()
    assert source.read_cursors == ["1", "2"]
    assert summary.stopped == "denied: a challenge (403); run the same again to go on from there"
    source.pages = pages_of(*THREE_PAGES)
    assert (await engine(catalog, source).run()).found == 5


async def test_outage_stops_the_run_after_some_pages_and_the_next_run_reads_them_all(
    catalog: Catalog,
) -> None:
    pages = pages_of(*([f"a/{number}"] for number in range(9)))
    broken: Pages = {str(number): OUTAGE for number in range(3, 10)}
    source = ScriptedSource(pages | broken)
    summary = await engine(catalog, source, failures_in_a_row=3).run()
    assert source.read_cursors == ["1", "2", "3", "4", "5"]
    assert summary.stopped is not None
    assert "3 pages in a row" in summary.stopped
    source.pages = pages
    assert (await engine(catalog, source).run()).found == 9


async def test_failures_far_apart_are_not_an_outage(catalog: Catalog) -> None:
    pages = pages_of(*([f"a/{number}"] for number in range(7))) | {"2": DRIFT, "4": DRIFT, "6": DRIFT}
    assert (await engine(catalog, ScriptedSource(pages), failures_in_a_row=2).run()).found == 4


async def test_site_that_never_answered_is_a_wrong_address(catalog: Catalog) -> None:
    source = ScriptedSource({"1": UNREACHABLE})
    with pytest.raises(ConfigurationError, match=r"cannot reach registry\.test .*http://site/"):
        await engine(catalog, source).run()
    assert await work_left(catalog, source)


async def test_site_that_stops_answering_stops_the_run(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(*THREE_PAGES) | {"2": UNREACHABLE})
    summary = await engine(catalog, source).run()
    assert (summary.found, source.read_cursors) == (2, ["1", "2"])
    assert summary.stopped is not None


async def test_listing_of_which_no_page_came_is_begun_anew(catalog: Catalog) -> None:
    source = ScriptedSource({"1": WINDOW})
    summary = await engine(catalog, source).run()
    assert summary.stopped == "no page of the listing could be read: denied: refuses beyond 4 rows (403)"
    assert await work_left(catalog, source)
    source.pages = pages_of(["a/1"])
    assert (await engine(catalog, source).run()).is_complete


async def test_login_may_be_given_to_a_later_run(catalog: Catalog) -> None:
    login = RegistryError(Reason.AUTH_REQUIRED, "login required", status=401)
    source = ScriptedSource(pages_of(*THREE_PAGES) | {"2": login})
    stopped = (await engine(catalog, source).run()).stopped
    assert stopped == "auth_required: login required (401); give an account, and run the same again"
    source.pages = pages_of(*THREE_PAGES)
    assert (await engine(catalog, source).run()).is_complete


async def test_empty_first_page_is_recorded_and_said(transport: Transport, catalog: Catalog) -> None:
    empty = json_answer({"count": 0, "next": None, "previous": None, "results": []})
    async with serving(Site(["a/1"], faults={1: empty})) as site:
        source = QueryListing(transport, REGISTRY.name, SearchV2(site.url), Query("*"), 10)
        summary = await engine(catalog, source).run()
    assert summary.found == 0
    assert any("empty" in note for note in summary.notes)


async def test_claim_of_more_rows_than_came_is_said(catalog: Catalog) -> None:
    summary = await engine(catalog, ScriptedSource(pages_of(["a/1"], claimed=9))).run()
    assert summary.notes == ("the site claims 9 rows, and its pages held 1",)


async def test_many_failed_pages_are_counted_instead_of_told_one_by_one(catalog: Catalog) -> None:
    pages = pages_of(*([f"a/{number}"] for number in range(9)))
    broken: Pages = {
        str(number): RegistryError(Reason.UNEXPECTED_ANSWER, f"shape {number}") for number in range(2, 9)
    }
    summary = await engine(catalog, ScriptedSource(pages | broken), failures_in_a_row=9).run()
    assert summary.notes[-1] == "4 pages more could not be read"
    assert len(summary.notes) == 4


async def test_listing_that_never_ends_is_left_after_the_pages_allowed(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(*([f"a/{number}"] for number in range(9))))
    summary = await engine(catalog, source, max_pages=4).run()
    assert (summary.found, summary.is_complete) == (4, False)
    assert summary.stopped is not None


async def test_server_errors_of_one_page_cost_that_page_only(transport: Transport, catalog: Catalog) -> None:
    async with serving(Site([f"a/{number}" for number in range(30)], faults={2: answer(500)})) as site:
        source = QueryListing(transport, REGISTRY.name, SearchV2(site.url), Query("*"), 10)
        assert (await engine(catalog, source).run()).found == 20
        site.faults.clear()
        assert (await engine(catalog, source).run()).found == 30


async def test_statistics_tell_what_is_done_and_what_is_left(catalog: Catalog) -> None:
    source = ScriptedSource(pages_of(*THREE_PAGES, claimed=5) | {"3": OUTAGE})
    crawl = engine(catalog, source)
    assert crawl.statistics().total is None
    await crawl.run()
    statistics = crawl.statistics()
    assert (statistics.done, statistics.failed, statistics.total, statistics.found) == (4, 1, 5, 4)
    source.pages = pages_of(*THREE_PAGES, claimed=5)
    again = engine(catalog, source)
    await again.run()
    assert (again.statistics().done, again.statistics().total, again.statistics().new) == (1, 1, 1)


async def test_statistics_end_at_the_limit(catalog: Catalog) -> None:
    crawl = engine(catalog, ScriptedSource(pages_of(*THREE_PAGES, claimed=5)), limit=4)
    await crawl.run()
    assert (crawl.statistics().done, crawl.statistics().total) == (4, 4)


async def test_events_name_the_page_and_what_it_brought(
    catalog: Catalog, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "hubcrawl")
    await engine(catalog, ScriptedSource(pages_of(*THREE_PAGES) | {"2": DRIFT})).run()
    assert [record.message for record in caplog.records] == ["page_read", "page_failed", "page_read"]
    assert caplog.records[0].__dict__["rows_new"] == 2
    assert caplog.records[1].__dict__["reason"] == "unexpected_answer"


class Endless(ScriptedSource):
    """Stops the crawl at will between two pages, and never changes what it lists."""

    stop_after: int = 0

    async def read(self, cursor: str) -> Listing:
        if self.stop_after == 0:
            raise asyncio.CancelledError
        self.stop_after -= 1
        return await super().read(cursor)


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(
    pages=st.lists(
        st.lists(st.sampled_from([f"a/{number}" for number in range(9)]), max_size=4), min_size=1, max_size=6
    ),
    stops=st.lists(st.integers(0, 3), max_size=4),
)
def test_any_interruptions_end_in_the_catalog_of_an_uninterrupted_crawl(
    pages: list[list[str]], stops: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    async def crawl() -> None:
        layout = Layout(tmp_path_factory.mktemp("data"))
        layout.ensure()
        source = Endless(pages_of(*pages))
        async with open_catalog(layout) as catalog:
            for stop in stops:
                source.stop_after = stop
                crawling = asyncio.ensure_future(engine(catalog, source).run())
                await asyncio.wait([crawling])
                assert crawling.cancelled() or crawling.result().is_complete
            source.stop_after = len(pages)
            await engine(catalog, source).run()
            census = (await catalog.census.count()).repositories
        assert sorted(source.read_cursors) == sorted(source.pages)
        assert census.rows_listed == sum(map(len, pages))
        assert census.found == len({name for names in pages for name in names})

    asyncio.run(crawl())

"""Whatever comes over a site, a sweep loses no page, believes no silence, and leaves alone who wants that."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from hubcrawl.endpoints import Rows
from hubcrawl.endpoints.search_v1 import SearchV1
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.outcome import CrawlSummary
from hubcrawl.queries import Query, Slice
from hubcrawl.settings import CrawlSettings
from hubcrawl.sweep import is_to_be_swept
from registry.errors import Reason, RegistryError
from samplehub import Flaws, RetryForm, Trouble, crowd_of
from tests.hubcrawl.sweeping import (
    BOTH,
    REGISTRY,
    SEARCH,
    Lab,
    hub_of,
    lab,
    names_of,
    options,
    trouble,
)

pytestmark = pytest.mark.slow

FOREVER = 10**9
DAY = 86_400.0


class Blind(SearchV2):
    """That of a hub where an asterisk is a character like any other."""

    def url(self, query: Query, part: Slice) -> str:
        return super().url(replace(query, term=query.term.replace("*", "no such thing")), part)


class Broken(SearchV2):
    """That of a hub that answers one query in another shape, for ever."""

    def parse(self, body: bytes, url: str) -> Rows:
        if "query=n&" in url:
            raise RegistryError(Reason.UNEXPECTED_ANSWER, "not the shape of this listing: broken", url=url)
        return super().parse(body, url)


class Moody(SearchV2):
    """That of a hub which does not answer one query for the time being."""

    def parse(self, body: bytes, url: str) -> Rows:
        if "query=n&" in url:
            raise RegistryError(Reason.SERVER_ERROR, "later", url=url, temporary=True)
        return super().parse(body, url)


class Repeating(SearchV2):
    """That of a hub that shows its first page whatever is asked for, and promises more."""

    def url(self, query: Query, part: Slice) -> str:
        return super().url(query, part._replace(page=1))

    def parse(self, body: bytes, url: str) -> Rows:
        rows = super().parse(body, url)
        return replace(rows, has_more=bool(rows.records))


# ---- documents that cannot be served


@pytest.mark.parametrize("window", [100, 10_000])
async def test_every_row_beside_a_poisoned_one_is_found_and_the_poisoned_is_counted(
    tmp_path: Path, window: int
) -> None:
    hub = hub_of(1_000)
    poisoned = {"library/nginx", *sorted(names_of(hub))[100:900:200]}
    flaws = Flaws(poisoned_names=frozenset(poisoned))
    async with lab(tmp_path, hub, options(window, flaws=flaws), SEARCH) as here:
        summary = await here.sweep()
        assert here.found() == names_of(hub) - poisoned
        assert (summary.is_complete, summary.stopped) == (True, None)
        async with here.cataloguing() as catalog:
            coverage = (await catalog.coverage.all())["sample"]
        assert coverage.unreadable >= len(poisoned)
        bad = here.select("select count(*) from slices where state = 'failed' and size = 1")
        assert bad[0][0] == coverage.unreadable


async def test_namespaces_show_what_poisons_searches(tmp_path: Path) -> None:
    hub = hub_of(200)
    flaws = Flaws(poisoned_names=frozenset({"library/nginx"}))
    async with lab(tmp_path, hub, options(flaws=flaws), BOTH) as here:
        await here.sweep()
        assert here.found() == names_of(hub)


async def test_first_row_of_all_may_be_poisoned(tmp_path: Path) -> None:
    """Nothing has come by then, so that nobody knows whether anything is served: that is asked in parts."""
    hub = hub_of(100)
    first = hub.repositories[0].name
    flaws = Flaws(poisoned_names=frozenset({first}))
    async with lab(tmp_path, hub, options(flaws=flaws), SEARCH) as here:
        await here.sweep()
        assert here.found() == names_of(hub) - {first}


async def test_many_poisoned_rows_in_a_row_are_no_outage(tmp_path: Path) -> None:
    hub = crowd_of([f"ann/app{number:03}" for number in range(150)])
    poisoned = frozenset(f"ann/app{number:03}" for number in range(60, 66))
    async with lab(tmp_path, hub, options(flaws=Flaws(poisoned_names=poisoned)), SEARCH) as here:
        summary = await here.sweep(parallel=1)
        assert here.found() == names_of(hub) - poisoned
        assert summary.stopped is None


# ---- a site that pretends to be empty


async def test_nothing_is_empty_or_gone_in_a_soft_block_and_all_is_asked_again_after_it(
    tmp_path: Path,
) -> None:
    hub = hub_of(500)
    block = trouble(Trouble.SOFT_BLOCK, 15, 40)  # longer than what is asked beside the first proof
    async with lab(tmp_path, hub, options(100, happenings=(block,))) as here:
        summary = await here.sweep()
        assert here.found() == names_of(hub)
        assert here.gone() == set()
        assert (summary.is_complete, summary.stopped) == (True, None)
        assert max(here.clock.slept) >= 900


async def test_nothing_is_marked_gone_when_a_later_sweep_is_blocked(tmp_path: Path) -> None:
    hub = hub_of(300)
    async with lab(tmp_path, hub, options(100)) as first:
        await first.sweep()
    first.clock.seconds += DAY
    block = trouble(Trouble.SOFT_BLOCK, 6, FOREVER)
    async with lab(tmp_path, hub, options(100, happenings=(block,)), clock=first.clock) as here:
        summary = await here.sweep(again=True)
        assert here.gone() == set()
        assert not summary.is_complete
        assert summary.stopped is not None
        assert "does not show any more what it showed before" in summary.stopped
        # Pauses that double, for a day at least; and little is asked between them.
        assert here.clock.seconds - first.clock.seconds >= 0
        assert sum(seconds for seconds in here.clock.slept if seconds >= 900) >= DAY
        assert here.running.journal.count < 2_000


async def test_site_that_shows_nothing_from_the_start_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    block = trouble(Trouble.SOFT_BLOCK, 1, FOREVER)
    async with lab(tmp_path, hub_of(100), options(happenings=(block,))) as here:
        summary = await here.sweep()
        assert (summary.found, summary.is_complete) == (0, False)
        assert summary.stopped is not None
        assert "shows nothing" in summary.stopped
        assert here.running.journal.count < 200
    async with lab(tmp_path, hub_of(100), options()) as later:
        summary = await later.sweep()
        assert (summary.found, summary.is_complete) == (100, True)


async def test_resumed_sweep_is_not_fooled_by_a_block_that_was_there_before_it(tmp_path: Path) -> None:
    hub = hub_of(500)
    async with lab(tmp_path, hub, options(100)) as first:
        await first.sweep(max_pages=30)
    known = first.found()
    block = trouble(Trouble.SOFT_BLOCK, 1, 22)
    async with lab(tmp_path, hub, options(100, happenings=(block,)), clock=first.clock) as here:
        summary = await here.sweep()
        assert here.found() >= known
        assert here.found() == names_of(hub)
        assert summary.is_complete


async def test_search_for_everything_may_find_nothing(tmp_path: Path) -> None:
    """As the Hub's does today for some: the rest of the alphabet is asked for all the same."""
    hub = hub_of(300)
    async with lab(tmp_path, hub, options(100), (Blind,)) as here:
        summary = await here.sweep()
        assert here.found() == names_of(hub)
        assert summary.is_complete


# ---- a site that wants something


async def test_challenge_ends_all_requests_to_that_endpoint_and_is_told(tmp_path: Path) -> None:
    challenge = trouble(Trouble.CHALLENGE, 10, FOREVER)
    async with lab(tmp_path, hub_of(1_000), options(100, happenings=(challenge,)), SEARCH) as here:
        summary = await here.sweep(parallel=1)
        assert here.running.traffic["search-v2"] == 10
        assert not summary.is_complete
        assert summary.stopped is not None
        assert "wants a browser" in summary.stopped
        bodies = here.select("select body_sha256 from evidence where reason = 'search-v2: challenge'")
        assert bodies
        body = here.layout.evidence / str(bodies[0][0])
        assert b"Just a moment" in body.read_bytes()


async def test_requests_under_way_at_a_challenge_are_the_last_ones(tmp_path: Path) -> None:
    challenge = trouble(Trouble.CHALLENGE, 10, FOREVER)
    async with lab(tmp_path, hub_of(1_000), options(100, happenings=(challenge,)), SEARCH) as here:
        await here.sweep(parallel=8)
        assert here.running.traffic["search-v2"] < 10 + 8


async def test_other_search_goes_on_where_one_wants_a_browser(tmp_path: Path) -> None:
    hub = hub_of(300)
    challenge = trouble(Trouble.CHALLENGE, 3, FOREVER, "search-v2")
    async with lab(tmp_path, hub, options(100, happenings=(challenge,)), (*SEARCH, SearchV1)) as here:
        summary = await here.sweep(parallel=1)
        assert here.found() == names_of(hub)
        assert not summary.is_complete
        assert summary.stopped is not None
        assert "search-v2" in summary.stopped
        assert max(here.clock.slept) == 900  # the whole site is left alone for a while


async def test_sweep_goes_on_after_a_challenge_and_nothing_is_lost(tmp_path: Path) -> None:
    hub = hub_of(500)
    challenge = trouble(Trouble.CHALLENGE, 7, FOREVER)
    async with lab(tmp_path, hub, options(100, happenings=(challenge,)), SEARCH) as first:
        await first.sweep()
    async with lab(tmp_path, hub, options(100), SEARCH, clock=first.clock) as here:
        summary = await here.sweep()
        assert (here.found(), summary.is_complete) == (names_of(hub), True)


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [(Trouble.FORBIDDEN, "refuses to answer"), (Trouble.RETIRED, "is retired")],
)
async def test_refusal_without_a_reason_and_a_retired_endpoint_end_it_too(
    tmp_path: Path, kind: Trouble, sentence: str
) -> None:
    hub = hub_of(300)
    happening = trouble(kind, 5, FOREVER)
    async with lab(tmp_path, hub, options(100, happenings=(happening,)), SEARCH) as here:
        summary = await here.sweep(parallel=1)
        assert here.running.traffic["search-v2"] == 5
        assert summary.stopped is not None
        assert sentence in summary.stopped
        assert len(here.select("select * from evidence")) == 1
    async with lab(tmp_path, hub, options(100), SEARCH, clock=here.clock) as later:
        await later.sweep()
        assert later.found() == names_of(hub)


async def test_namespaces_that_are_refused_leave_the_search_alone(tmp_path: Path) -> None:
    hub = hub_of(300)
    happening = trouble(Trouble.RETIRED, 1, FOREVER, "namespace")
    async with lab(tmp_path, hub, options(100, happenings=(happening,))) as here:
        summary = await here.sweep(parallel=1)
        assert here.running.traffic["namespace"] == 1
        assert here.found() == names_of(hub)
        assert not summary.is_complete
        assert summary.stopped is not None
        assert "namespace" in summary.stopped


# ---- a site that is ill


async def test_outage_is_outlasted_for_a_day_and_spoils_no_row(tmp_path: Path) -> None:
    hub = hub_of(500)
    outage = trouble(Trouble.OUTAGE, 12, FOREVER)
    async with lab(tmp_path, hub, options(100, happenings=(outage,)), SEARCH) as here:
        summary = await here.sweep()
        assert summary.stopped is not None
        assert "does not show any more what it showed before" in summary.stopped
        assert sum(seconds for seconds in here.clock.slept if seconds >= 900) >= DAY
        assert here.running.journal.count < 200
    async with lab(tmp_path, hub, options(100), SEARCH, clock=here.clock) as later:
        summary = await later.sweep()
        assert (later.found(), summary.is_complete) == (names_of(hub), True)
        assert later.select("select sum(unreadable) from queries") == [(0,)]


@pytest.mark.parametrize("kind", [Trouble.SCOLDING, Trouble.DRIFT])
async def test_site_that_answers_nonsense_stops_the_run_and_loses_nothing(
    tmp_path: Path, kind: Trouble
) -> None:
    hub = hub_of(500)
    async with lab(tmp_path, hub, options(100, happenings=(trouble(kind, 12, FOREVER),)), SEARCH) as here:
        summary = await here.sweep()
        assert summary.stopped is not None
        assert "pages in a row could not be read" in summary.stopped
        assert not summary.is_complete
        assert here.running.journal.count < 100
        assert here.select("select sum(unreadable) from queries") == [(0,)]
    async with lab(tmp_path, hub, options(100), SEARCH, clock=here.clock) as later:
        summary = await later.sweep()
        assert (later.found(), summary.is_complete) == (names_of(hub), True)
        assert later.select("select sum(unreadable) from queries") == [(0,)]


@pytest.mark.parametrize("kind", [Trouble.OUTAGE, Trouble.SCOLDING, Trouble.DRIFT, Trouble.ABUSE])
async def test_trouble_that_passes_costs_nothing_but_time(tmp_path: Path, kind: Trouble) -> None:
    hub = hub_of(500)
    async with lab(tmp_path, hub, options(100, happenings=(trouble(kind, 8, 9),)), SEARCH) as here:
        summary = await here.sweep()
        assert (here.found(), summary.is_complete, summary.stopped) == (names_of(hub), True, None)


async def test_answer_in_another_shape_is_kept_as_evidence(tmp_path: Path) -> None:
    drift = trouble(Trouble.DRIFT, 11, 11, renamed={"results": "items"})
    async with lab(tmp_path, hub_of(300), options(100, happenings=(drift,)), SEARCH) as here:
        await here.sweep(parallel=1)
        rows = here.select("select url, status, reason, body_sha256 from evidence")
        assert [(status, reason) for _, status, reason, _ in rows] == [(200, "search-v2: shape")]
        assert "/v2/search/repositories/" in rows[0][0]
        assert b'"items"' in (here.layout.evidence / rows[0][3]).read_bytes()


async def test_page_that_never_comes_is_given_up_with_a_reason(tmp_path: Path) -> None:
    """Beside others that do come, after tries that take hours."""
    hub = hub_of(300)
    async with lab(tmp_path, hub, options(100), (Broken,)) as here:
        summary = await here.sweep()
        given_up = here.select("select key, why from queries where state = 'given up' and key like '%\"n%'")
        assert given_up == [('["n"]', "not the shape of this listing: broken")]
        assert sum(here.clock.slept) >= 300 * (1 + 2 + 4 + 8 + 16)
        assert summary.is_complete
        lost = {name for name in names_of(hub) if name.removeprefix("library/").startswith("n")}
        assert names_of(hub) - here.found() <= lost


async def test_another_run_asks_at_once_for_what_failed_and_that_costs_no_page_a_try(tmp_path: Path) -> None:
    hub = hub_of(300)
    scolding = trouble(Trouble.SCOLDING, 5, FOREVER)
    async with lab(tmp_path, hub, options(100, happenings=(scolding,)), SEARCH) as here:
        for _ in range(10):  # more often than a page is tried
            await here.sweep(parallel=1, failures_in_a_row=1)
        assert here.running.journal.count <= 4 + 2 * 10  # a probe of the window may be among them
        assert here.clock.slept == []
        assert here.select("select max(attempts) from slices") == [(1,)]
    async with lab(tmp_path, hub, options(100), SEARCH, clock=here.clock) as later:
        summary = await later.sweep()
        assert (later.found(), summary.is_complete) == (names_of(hub), True)
        assert later.clock.slept == []


async def test_page_that_was_given_up_for_a_passing_reason_is_asked_for_once_by_every_later_run(
    tmp_path: Path,
) -> None:
    hub = hub_of(300)
    async with lab(tmp_path, hub, options(100), (Moody,)) as here:
        summary = await here.sweep()
        assert summary.is_complete
        given_up = here.select("select count(*) from queries where state = 'given up' and key = '[\"n\"]'")
        assert given_up == [(1,)]
        async with here.cataloguing() as catalog:
            endpoints = [Moody(here.running.site_url)]
            assert await is_to_be_swept(catalog, REGISTRY, endpoints, CrawlSettings())
        before, slept = here.running.journal.count, len(here.clock.slept)
        await here.sweep()
        assert here.running.journal.count - before <= 2
        assert len(here.clock.slept) == slept
    async with lab(tmp_path, hub, options(100), SEARCH, clock=here.clock) as later:
        summary = await later.sweep()
        assert (later.found(), summary.is_complete) == (names_of(hub), True)
        ledger = later.select("select rows, distinct_names, state from queries where key = '[\"n\"]'")
        assert ledger[0][0] == ledger[0][1] > 0
        _check(later)


async def test_clock_that_is_set_back_makes_nothing_gone(tmp_path: Path) -> None:
    async with lab(tmp_path, hub_of(300), options()) as here:
        await here.sweep(max_pages=2)
        here.clock.seconds -= 3_600
        assert (await here.sweep()).is_complete
        assert here.gone() == set()


async def test_site_that_asks_to_be_left_alone_is(tmp_path: Path) -> None:
    hub = hub_of(500)
    abuse = trouble(Trouble.ABUSE, 8, 40)
    async with lab(tmp_path, hub, options(100, happenings=(abuse,)), SEARCH) as here:
        await here.sweep(failures_in_a_row=50)
        assert here.found() == names_of(hub)
        times = [entry.time_s for entry in here.running.journal.entries]
        assert max(later - earlier for earlier, later in pairwise(times)) >= 900


@pytest.mark.parametrize("form", list(RetryForm))
async def test_limit_of_requests_is_kept_in_every_form_it_is_told(tmp_path: Path, form: RetryForm) -> None:
    hub = hub_of(300)
    chosen = replace(options(100), site_limit=5, retry_form=form)
    async with lab(tmp_path, hub, chosen, SEARCH) as here:
        summary = await here.sweep()
        assert (here.found(), summary.is_complete) == (names_of(hub), True)
        assert here.running.traffic["throttled"] <= 1


# ---- a result that never ends


async def test_page_that_repeats_for_ever_is_the_last_one(tmp_path: Path) -> None:
    hub = hub_of(150)
    async with lab(tmp_path, hub, options(), (Repeating,)) as here:
        await here.sweep(max_pages=500)
        assert here.running.traffic["search-v2"] < 200


# ---- ends that are not the program's own


async def test_interrupted_sweep_leaves_nothing_half_written_and_goes_on(tmp_path: Path) -> None:
    hub = hub_of(500)
    async with lab(tmp_path, hub, options(100)) as here:
        for pages in (3, 20, 60, 140):
            async with here.cataloguing() as catalog, here.transporting() as transport:
                await _interrupt(here, here.engine(catalog, transport).run(), pages)
            _check(here)
        summary = await here.sweep()
        assert (here.found(), summary.is_complete) == (names_of(hub), True)


async def _interrupt(here: Lab, running: Coroutine[object, object, CrawlSummary], pages: int) -> None:
    task = asyncio.create_task(running)
    while here.running.journal.count < pages and not task.done():
        await here.clock.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert task.cancelled() or task.exception() is None


def _check(here: Lab) -> None:
    """The ledger says what its pages do."""
    rows = """select q.id from queries q left join slices s on s.query_id = q.id and s.state = 'done'
        group by q.id having q.rows != coalesce(sum(s.rows), 0)"""
    assert here.select(rows) == []

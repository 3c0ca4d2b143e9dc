"""What search shows and its namespace does not list is asked for itself, before anything is said of it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from hubcrawl.answers import Answer
from hubcrawl.endpoints import Endpoint, Rows
from hubcrawl.endpoints.namespaces import Namespace
from hubcrawl.endpoints.newest import Newest
from hubcrawl.endpoints.repository import OneRepository
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.queries import Query, Slice
from hubcrawl.reading import PageReader, Read
from hubcrawl.settings import CrawlSettings
from hubcrawl.sweep import SweepEngine
from hubcrawl.territory import Territory
from registry.errors import Reason, RegistryError
from samplehub import Access, Hub, Trouble, crowd_of
from tests.hubcrawl.sweeping import REGISTRY, hub_of, lab, names_of, options, trouble

pytestmark = pytest.mark.slow

BROKEN = "ann/app1"
ALL: tuple[type[Endpoint], ...] = (SearchV2, Namespace, OneRepository)
FOREVER = 10**9
DAY = 86_400.0


class Lossy(Namespace):
    """That of a hub whose listings never show two of the rows they count."""

    def parse(self, body: bytes, url: str) -> Rows:
        rows = super().parse(body, url)
        shown = tuple(each for each in rows.records if each.name not in ("big/app3", "big/app7"))
        return replace(rows, records=shown)


class Broken(PageReader):
    """Of a site that has an error in place of one repository."""

    async def read(self, endpoint: Endpoint, query: Query, part: Slice, claimed: int | None = None) -> Read:
        read = await super().read(endpoint, query, part, claimed)
        if (endpoint.name, query.term) != (OneRepository.name, BROKEN):
            return read
        error = RegistryError(Reason.SERVER_ERROR, "broken", url=read.url, status=500, temporary=True)
        return replace(read, answer=Answer.POISON, rows=None, status=500, error=error)


def with_access(hub: Hub, access: dict[str, Access]) -> Hub:
    """The hub with some repositories that only its search shows."""
    rows = [replace(each, access=access.get(each.name, each.access)) for each in hub.repositories]
    return replace(hub, repositories=rows)


@pytest.fixture
def stale() -> Hub:
    """Of three owners, one repository is deleted and one is private; all of a fourth are."""
    names = [f"{owner}/app{number}" for owner in ("ann", "bob", "eve") for number in range(4)]
    access = {"ann/app1": Access.DELETED, "bob/app2": Access.PRIVATE, "zoe/app": Access.DELETED}
    return with_access(crowd_of([*names, "zoe/app"]), access)


async def test_what_is_nowhere_but_in_the_search_is_gone(tmp_path: Path, stale: Hub) -> None:
    async with lab(tmp_path, stale, options(), ALL) as here:
        summary = await here.sweep()
        assert here.gone() == {"ann/app1", "bob/app2", "zoe/app"}
        assert here.found() == names_of(stale) - here.gone()
        assert (summary.is_complete, summary.stopped) == (True, None)
        assert here.running.traffic["repository"] == 3 + 1  # and one that is there, as a proof
        before = here.running.journal.count
        await here.sweep()
        assert here.running.journal.count == before


async def test_what_the_listing_left_out_is_there_with_its_dates(tmp_path: Path) -> None:
    hub = crowd_of([f"big/app{number}" for number in range(20)])
    async with lab(tmp_path, hub, options(), (SearchV2, Lossy, OneRepository)) as here:
        await here.sweep()
        assert here.running.traffic["repository"] == 2
        assert here.gone() == set()
        dates = here.select("select count(*) from repositories where last_updated_at is null")
        assert dates == [(0,)]


async def test_nothing_is_gone_while_the_site_does_not_show_one_that_is_there(
    tmp_path: Path, stale: Hub
) -> None:
    block = trouble(Trouble.SOFT_BLOCK, 1, FOREVER, "repository")
    async with lab(tmp_path, stale, options(happenings=(block,)), ALL) as here:
        summary = await here.sweep()
        assert here.gone() == set()
        assert not summary.is_complete
        assert summary.stopped is not None


async def test_another_run_confirms_what_the_first_had_not(tmp_path: Path, stale: Hub) -> None:
    retired = trouble(Trouble.RETIRED, 1, FOREVER, "repository")
    async with lab(tmp_path, stale, options(happenings=(retired,)), ALL) as first:
        assert not (await first.sweep()).is_complete
        assert first.gone() == set()
    async with lab(tmp_path, stale, options(), ALL, first.clock) as here:
        assert (await here.sweep()).is_complete
        assert here.gone() == {"ann/app1", "bob/app2", "zoe/app"}


async def test_repository_that_cannot_be_served_is_given_up_and_not_gone(tmp_path: Path, stale: Hub) -> None:
    async with lab(tmp_path, stale, options(), ALL) as here:
        async with here.cataloguing() as catalog, here.transporting() as transport:
            territory = Territory(
                catalog, REGISTRY, [each(here.running.site_url) for each in ALL], here.clock
            )
            settings = CrawlSettings(max_pages=100)
            summary = await SweepEngine(territory, Broken(transport), settings, here.clock).run()
        assert summary.is_complete
        assert here.gone() == {"bob/app2", "zoe/app"}
        assert here.states()["given up"] == 1
        assert here.running.traffic["repository"] <= 8


async def test_what_is_gone_does_not_come_back_because_a_search_still_shows_it(
    tmp_path: Path, stale: Hub
) -> None:
    async with lab(tmp_path, stale, options(), ALL) as here:
        await here.sweep()
        gone = here.gone()
        here.endpoints = (Newest, Namespace)
        here.clock.seconds += DAY
        await here.sweep(updates=True)
        assert here.gone() == gone
        here.endpoints = ALL
        here.clock.seconds += DAY
        before = here.running.traffic["repository"]
        await here.sweep(again=True)
        assert here.gone() == gone
        assert here.running.traffic["repository"] - before == len(gone) + 1  # asked for once more


async def test_what_was_gone_and_is_there_again_comes_back(tmp_path: Path, stale: Hub) -> None:
    async with lab(tmp_path, stale, options(), ALL) as first:
        await first.sweep()
    first.clock.seconds += DAY
    back = with_access(stale, dict.fromkeys(first.gone(), Access.PUBLIC))
    async with lab(tmp_path, back, options(), ALL, first.clock) as here:
        await here.sweep(again=True)
        assert (here.gone(), here.found()) == (set(), names_of(back))


async def test_namespace_that_cannot_be_listed_says_nothing_of_its_repositories(
    tmp_path: Path, stale: Hub
) -> None:
    retired = trouble(Trouble.RETIRED, 1, FOREVER, "namespace")
    async with lab(tmp_path, stale, options(happenings=(retired,)), ALL) as here:
        await here.sweep()
        assert (here.gone(), here.running.traffic["repository"]) == (set(), 0)


async def test_hub_without_stale_rows_costs_no_request_more(tmp_path: Path) -> None:
    async with lab(tmp_path, hub_of(100), options(), ALL) as here:
        await here.sweep()
        assert here.running.traffic["repository"] == 0

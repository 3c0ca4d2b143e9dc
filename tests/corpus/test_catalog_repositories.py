"""The catalog's repositories: what pages bring is merged, counted, and recorded together with the page."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from corpus.catalog import Catalog, open_catalog
from corpus.catalog.repositories import ListingState, PageCounts
from corpus.layout import Layout
from corpus.records import Failure, Page, Registry, RepositoryRecord
from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


HUB = Registry("docker.io", "hub=docker.io")
TIMEOUT = Failure(Reason.TIMEOUT, "no answer", is_temporary=True)
DRIFT = Failure(Reason.UNEXPECTED_ANSWER, "another shape")


class Opened:
    """A catalog with a registry in it, and its file."""

    def __init__(self, catalog: Catalog, layout: Layout) -> None:
        self.catalog = catalog
        self.repositories = catalog.repositories
        self._file = layout.catalog

    async def page(self, source: str = "search") -> Page:
        (page,) = await self.repositories.pending_pages(source, 1)
        return page

    async def bring(
        self, records: Sequence[RepositoryRecord], *, source: str = "search", now: float = 1.0
    ) -> PageCounts:
        """One page of ``source`` that holds ``records``."""
        await self.repositories.start_listing(source, [f"page at {now}"])
        page = await self.page(source)
        url = f"https://hub/{page.cursor}"
        return await self.repositories.finish_page(page, HUB.name, records, url=url, next_cursors=(), now=now)

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What another process sees."""
        connection = sqlite3.connect(self._file)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()


@asynccontextmanager
async def opened_in(root: Path) -> AsyncIterator[Opened]:
    layout = Layout(root)
    layout.ensure()
    async with open_catalog(layout) as catalog:
        await catalog.repositories.add_registry(HUB)
        yield Opened(catalog, layout)


@pytest.fixture
async def opened(tmp_path: Path) -> AsyncIterator[Opened]:
    async with opened_in(tmp_path) as opened:
        yield opened


async def test_registry_is_remembered_with_how_it_was_reached_last(opened: Opened) -> None:
    await opened.repositories.add_registry(Registry("docker.io", "hub=https://mirror"))
    assert await opened.repositories.registries() == [Registry("docker.io", "hub=https://mirror")]


async def test_registries_come_with_the_one_crawled_last_first(opened: Opened) -> None:
    await opened.repositories.add_registry(Registry("a.example", "registry=http://a.example"))
    await opened.bring([RepositoryRecord("library/nginx")])
    assert [registry.name for registry in await opened.repositories.registries()] == [
        "docker.io",
        "a.example",
    ]


async def test_page_records_its_repositories_with_where_and_when_each_was_seen(opened: Opened) -> None:
    record = RepositoryRecord(
        "library/nginx",
        is_official=True,
        pull_count=13_114_222_271,
        star_count=21_318,
        description="Official build of Nginx.",
        registered_at="2014-06-05T19:14:45Z",
        last_updated_at="2026-08-17T14:03:18.618971Z",
        storage_bytes=25_907_042_872,
    )
    assert await opened.bring([record], now=7.0) == PageCounts(rows=1, rows_new=1)
    said = "is_official, is_pullable, pull_count, star_count, description, registered_at, last_updated_at"
    assert opened.rows(f"SELECT {said}, storage_bytes, first_seen_at FROM repositories") == [  # noqa: S608 - constant
        (
            1,
            1,
            13_114_222_271,
            21_318,
            "Official build of Nginx.",
            "2014-06-05T19:14:45Z",
            "2026-08-17T14:03:18.618971Z",
            25_907_042_872,
            7.0,
        )
    ]
    assert opened.rows("SELECT source, url, first_seen_at, last_seen_at, times_seen FROM sightings") == [
        ("search", "https://hub/page at 7.0", 7.0, 7.0, 1)
    ]


async def test_repeats_are_counted_not_lost(opened: Opened) -> None:
    first = await opened.bring(
        [RepositoryRecord("a/x"), RepositoryRecord("a/x"), RepositoryRecord("a/y")], now=1
    )
    second = await opened.bring([RepositoryRecord("a/x"), RepositoryRecord("a/z")], now=2)
    assert (first, second) == (PageCounts(rows=3, rows_new=2), PageCounts(rows=2, rows_new=1))
    assert opened.rows("SELECT times_seen FROM sightings ORDER BY repository_id") == [(3,), (1,), (1,)]
    assert await opened.repositories.count(HUB.name) == 3


async def test_each_source_keeps_its_own_sighting_of_a_repository(opened: Opened) -> None:
    await opened.bring([RepositoryRecord("a/x")], source="search", now=1)
    counts = await opened.bring([RepositoryRecord("a/x")], source="pages", now=2)
    assert counts.rows_new == 0
    assert opened.rows("SELECT source, times_seen FROM sightings ORDER BY source") == [
        ("pages", 1),
        ("search", 1),
    ]
    assert opened.rows("SELECT first_seen_at, last_seen_at FROM repositories") == [(1.0, 2.0)]


async def test_same_name_in_two_registries_is_two_repositories(opened: Opened) -> None:
    await opened.repositories.add_registry(Registry("a.example", "registry=http://a.example"))
    await opened.bring([RepositoryRecord("a/x")])
    await opened.repositories.start_listing("a.example catalog", [""])
    page = await opened.page("a.example catalog")
    counts = await opened.repositories.finish_page(
        page, "a.example", [RepositoryRecord("a/x")], url="u", next_cursors=(), now=1
    )
    assert counts.rows_new == 1
    assert await opened.repositories.count("a.example") == 1


async def test_newer_values_replace_older_ones_and_silence_replaces_nothing(opened: Opened) -> None:
    await opened.bring([RepositoryRecord("a/x", pull_count=5, star_count=1)], now=1)
    await opened.bring([RepositoryRecord("a/x", pull_count=6, description="new")], now=2)
    assert opened.rows("SELECT pull_count, star_count, description FROM repositories") == [(6, 1, "new")]


counts = st.none() | st.integers(0, 3)
records = st.builds(
    RepositoryRecord, st.sampled_from(["a/x", "a/y", "a/z"]), pull_count=counts, star_count=counts
)


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(pages=st.lists(st.lists(records, max_size=5), min_size=1, max_size=4))
def test_what_is_known_does_not_depend_on_how_rows_were_cut_into_pages(
    pages: list[list[RepositoryRecord]],
) -> None:
    async def known(cut: list[list[RepositoryRecord]]) -> list[tuple[Any, ...]]:
        with TemporaryDirectory() as folder:
            async with opened_in(Path(folder)) as opened:
                for number, rows in enumerate(cut):
                    await opened.bring(rows, now=float(number))
                return opened.rows(
                    "SELECT name, pull_count, star_count, times_seen FROM repositories "
                    "JOIN sightings ON repository_id = id ORDER BY name"
                )

    one_page = [[row for page in pages for row in page]]
    assert asyncio.run(known(pages)) == asyncio.run(known(one_page))


async def test_more_names_than_a_statement_takes_come_in_one_page(opened: Opened) -> None:
    names = [f"a/{number}" for number in range(2_500)]
    counts = await opened.bring([RepositoryRecord(name) for name in names])
    assert counts == PageCounts(rows=2_500, rows_new=2_500)


@pytest.mark.parametrize(
    "name", ["0000/..", "chr15/er-pr-", "", "UPPER/x", "a/x'; DROP TABLE images; --", "\\udc80"]
)
async def test_name_outside_the_grammar_is_kept_raw_and_marked_unpullable(opened: Opened, name: str) -> None:
    await opened.bring([RepositoryRecord(name)])
    assert opened.rows("SELECT name, is_pullable FROM repositories") == [(name, 0)]


async def test_references_that_came_with_a_name_become_images_to_fetch_once(opened: Opened) -> None:
    asked = [RepositoryRecord("a/x", reference=tag) for tag in ("1", "2", "1", None)]
    await opened.bring(asked, now=1)
    await opened.bring(asked, now=2)
    assert opened.rows("SELECT reference, state FROM images ORDER BY id") == [
        ("1", "pending"),
        ("2", "pending"),
    ]


async def test_page_and_the_pages_it_leads_to_are_recorded_together(opened: Opened) -> None:
    await opened.repositories.start_listing("search", ["1"])
    page = await opened.page()
    await opened.repositories.finish_page(page, HUB.name, [], url="u", next_cursors=("2", "3"), now=1)
    pending = await opened.repositories.pending_pages("search", 10)
    assert [page.cursor for page in pending] == ["2", "3"]
    assert await opened.repositories.listing("search") == ListingState(2, 1, 0, 0, 0)


async def test_page_whose_rows_cannot_be_recorded_stays_pending(opened: Opened) -> None:
    await opened.repositories.start_listing("search", ["1"])
    page = await opened.page()
    too_large = RepositoryRecord("a/y", pull_count=2**63)
    with pytest.raises(OverflowError):
        await opened.repositories.finish_page(
            page, HUB.name, [RepositoryRecord("a/x"), too_large], url="u", next_cursors=("2",), now=1
        )
    assert await opened.repositories.pending_pages("search", 10) == [page]
    assert await opened.repositories.count(HUB.name) == 0


@pytest.mark.parametrize("turns", [1, 2, 3, 5, 8, 13, 21])
async def test_page_being_recorded_is_recorded_whole_before_a_cancellation_goes_on(
    opened: Opened, turns: int
) -> None:
    await opened.repositories.start_listing("search", ["1"])
    page = await opened.page()
    rows = [RepositoryRecord(f"a/{number}") for number in range(50)]
    recording = asyncio.ensure_future(
        opened.repositories.finish_page(page, HUB.name, rows, url="u", next_cursors=("2",), now=1)
    )
    for _ in range(turns):
        await asyncio.wait([recording], timeout=0)
    recording.cancel()
    await asyncio.wait([recording])
    assert recording.cancelled()
    (following,) = await opened.repositories.pending_pages("search", 10)
    assert (following.cursor, await opened.repositories.count(HUB.name)) == ("2", 50)
    await opened.repositories.fail_page(following, TIMEOUT, 2.0)
    assert (await opened.repositories.listing("search")).failed == 1


async def test_error_while_a_page_is_recorded_is_not_hidden_by_a_cancellation(opened: Opened) -> None:
    await opened.repositories.start_listing("search", ["1"])
    page = await opened.page()
    rows = [RepositoryRecord("a/x", pull_count=2**63)]
    recording = asyncio.ensure_future(
        opened.repositories.finish_page(page, HUB.name, rows, url="u", next_cursors=(), now=1)
    )
    await asyncio.wait([recording], timeout=0)
    recording.cancel()
    with pytest.raises(OverflowError):
        await recording


async def test_page_that_leads_back_to_one_already_read_starts_no_loop(opened: Opened) -> None:
    await opened.repositories.start_listing("search", ["1"])
    page = await opened.page()
    await opened.repositories.finish_page(page, HUB.name, [], url="u", next_cursors=("1",), now=1)
    assert await opened.repositories.pending_pages("search", 10) == []


async def test_starting_a_listing_twice_keeps_what_was_read(opened: Opened) -> None:
    await opened.bring([RepositoryRecord("a/x")], now=1)
    await opened.repositories.start_listing("search", ["page at 1"])
    assert await opened.repositories.pending_pages("search", 10) == []


async def test_listings_of_two_sources_do_not_touch_each_other(opened: Opened) -> None:
    await opened.repositories.start_listing("search", ["1"])
    await opened.repositories.start_listing("pages", ["1"])
    await opened.repositories.forget_listing("pages")
    assert (await opened.repositories.listing("search")).pending == 1
    assert await opened.repositories.listing("pages") == ListingState(0, 0, 0, 0, 0)


async def test_failed_page_leads_on_and_only_passing_failures_are_tried_again(opened: Opened) -> None:
    repositories = opened.repositories
    await repositories.start_listing("search", ["1"])
    await repositories.fail_page(await opened.page(), TIMEOUT, 1.0, ("2",))
    await repositories.fail_page(await opened.page(), DRIFT, 2.0, ("3",))
    assert await repositories.listing("search") == ListingState(1, 0, 2, 1, 0)
    assert await repositories.failed_pages("search", 1) == ["no answer"]
    assert await repositories.retry_pages("search") == 1
    pending = await repositories.pending_pages("search", 10)
    assert [page.cursor for page in pending] == ["1", "3"]


async def test_page_that_came_at_last_keeps_no_reason_of_failure(opened: Opened) -> None:
    await opened.repositories.start_listing("search", ["1"])
    page = await opened.page()
    await opened.repositories.fail_page(page, TIMEOUT, 1.0)
    await opened.repositories.retry_pages("search")
    await opened.repositories.finish_page(page, HUB.name, [], url="u", next_cursors=(), now=2)
    assert opened.rows("SELECT state, reason, detail, is_temporary FROM pages") == [
        ("done", None, None, None)
    ]


async def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    async with opened_in(tmp_path) as opened:
        await opened.bring([RepositoryRecord("a/x")])
        await opened.repositories.start_listing("pages", ["1"])
    async with opened_in(tmp_path) as opened:
        assert await opened.repositories.count(HUB.name) == 1
        assert (await opened.page("pages")).cursor == "1"

"""What pages list is merged into the census: first and last time, who listed it, and counts over time."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import pytest

from corpus.catalog import Catalog
from corpus.catalog.ledgers import Batch, Came, Ledger, Names, NewQuery, SlicePlace
from corpus.catalog.sightings import Brought, Lately, Listed
from corpus.layout import Layout
from corpus.records import RepositoryRecord
from tests.corpus.conftest import REGISTRY, crawl


def lead_to(name: str) -> list[NewQuery]:
    return [NewQuery("namespace", f'["{name.partition("/")[0]}"]', 1.0)]


async def see(
    catalog: Catalog,
    now: float,
    *pages: Sequence[RepositoryRecord],
    source: str = "search",
    since: float = 0,
    is_proof: bool = True,
) -> list[Brought]:
    """Write down pages of one query."""
    await catalog.sweeps.add(REGISTRY, [NewQuery("search", '["web"]', 1.0)])
    query = await catalog.sweeps.named(REGISTRY, "search", '["web"]')
    came = [
        Came(
            SlicePlace(query.id, number, 100),
            Listed(source, f"http://site/{number}", tuple(page), is_proof),
            Ledger(),
        )
        for number, page in enumerate(pages, 1)
    ]
    names = Names(lambda name: name.split("/"), lead_to, since)
    return await catalog.sweeps.write(REGISTRY, Batch(came), names, now=now)


def select(layout: Layout, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(layout.catalog)) as connection:
        return connection.execute(query).fetchall()


def web(pulls: int | None = None, **said: Any) -> RepositoryRecord:
    return RepositoryRecord("ann/web", pull_count=pulls, **said)


async def test_name_is_new_on_the_first_page_that_has_it(catalog: Catalog) -> None:
    db = RepositoryRecord("ann/db")
    brought = await see(catalog, 1.0, [web(), web(), db], [db, RepositoryRecord("bob/x")])
    assert [page.new for page in brought] == [("ann/web", "ann/db"), ("bob/x",)]
    assert [page.new for page in await see(catalog, 2.0, [web()])] == [()]


async def test_known_name_is_seen_again_once_in_a_sweep(catalog: Catalog) -> None:
    await see(catalog, 1.0, [web()])
    other = RepositoryRecord("ann/db")
    brought = await see(catalog, 10.0, [web(5), other], [web(5)], source="other", since=5.0)
    assert [(page.new, page.again) for page in brought] == [(("ann/db",), ("ann/web",)), ((), ())]
    assert await see(catalog, 11.0, [web(6)], source="other", since=5.0) == [Brought()]


async def test_silence_replaces_nothing_and_first_seen_stays(catalog: Catalog, layout: Layout) -> None:
    await see(catalog, 1.0, [web(7, description="shop", star_count=3)])
    await see(catalog, 2.0, [web()], source="namespace")
    await see(catalog, 3.0, [web(9)], source="namespace")
    columns = "pull_count, star_count, description, first_seen_at, last_seen_at"
    assert select(layout, f"select {columns} from repositories") == [(9, 3, "shop", 1.0, 3.0)]  # noqa: S608


async def test_counts_are_kept_for_each_time_they_changed(catalog: Catalog, layout: Layout) -> None:
    for now, pulls in ((1.0, 7), (2.0, 7), (3.0, 8), (4.0, None)):
        await see(catalog, now, [web(pulls)], source=f"search {now}")
    assert select(layout, "select seen_at, pull_count from repository_counts") == [(1.0, 7), (3.0, 8)]


async def test_every_route_is_kept_with_where_it_was_seen_last(catalog: Catalog, layout: Layout) -> None:
    await see(catalog, 1.0, [web(1), web(2)])
    await see(catalog, 2.0, [], [web(3)], source="namespace")
    columns = "source, url, first_seen_at, times_seen"
    assert select(layout, f"select {columns} from sightings order by source") == [  # noqa: S608
        ("namespace", "http://site/2", 2.0, 1),
        ("search", "http://site/1", 1.0, 2),
    ]


async def test_names_found_are_led_to_other_queries_and_their_words_are_counted(
    catalog: Catalog, layout: Layout
) -> None:
    await see(catalog, 1.0, [web(), RepositoryRecord("ann/ann")])
    await see(catalog, 2.0, [web(2)])
    words = select(layout, "select word, names from words order by word")
    assert words == [("ann", 2), ("web", 1)]
    queries = select(layout, "select endpoint, key from queries order by endpoint")
    assert queries == [("namespace", '["ann"]'), ("search", '["web"]')]


async def test_what_was_gone_and_is_listed_is_there(catalog: Catalog) -> None:
    await see(catalog, 1.0, [web(), RepositoryRecord("ann/db")])
    assert await catalog.names.mark_gone(REGISTRY, "ann", 5.0, 5.0) == 2
    assert await catalog.names.count_in(REGISTRY, "ann") == 0
    await see(catalog, 6.0, [web(1)])
    assert await catalog.names.count_in(REGISTRY, "ann") == 1
    assert await catalog.names.count_seen(REGISTRY, 5.0) == 1


@pytest.mark.parametrize("record", [web(), web(9)], ids=["as before", "with another count"])
async def test_what_is_gone_and_only_searched_for_is_to_be_asked_for_itself(
    catalog: Catalog, record: RepositoryRecord
) -> None:
    """A search may show for years what is gone; whoever can tell is asked once more."""
    await see(catalog, 1.0, [web()])
    assert await catalog.names.mark_gone(REGISTRY, "ann", 5.0, 5.0) == 1
    assert await catalog.names.unlisted(REGISTRY, "namespace", 0.0, "", 9) == []
    await see(catalog, 6.0, [record], source="other search", is_proof=False)
    assert await catalog.names.count_in(REGISTRY, "ann") == 0
    assert await catalog.names.unlisted(REGISTRY, "namespace", 6.0, "", 9) == ["ann/web"]
    await see(catalog, 7.0, [record], source="namespace")
    assert await catalog.names.count_in(REGISTRY, "ann") == 1


async def test_gone_is_what_the_namespace_has_not_and_nobody_else_is(catalog: Catalog) -> None:
    names = ("ann/a", "ann/b", "anna/a", "an/a", "ann-x/a")
    await see(catalog, 1.0, [RepositoryRecord(name) for name in names])
    await see(catalog, 9.0, [RepositoryRecord("ann/b", pull_count=1)])
    assert await catalog.names.mark_gone(REGISTRY, "ann", 5.0, 9.0) == 1
    assert await catalog.names.mark_gone(REGISTRY, "ann", 5.0, 9.0) == 0
    assert await catalog.names.missing(REGISTRY, 5.0, "", 9) == ["an/a", "ann-x/a", "anna/a"]
    assert await catalog.names.missing(REGISTRY, 5.0, "an/a", 1) == ["ann-x/a"]


async def test_names_that_a_source_listed_are_counted_by_namespace_and_time(catalog: Catalog) -> None:
    await see(catalog, 1.0, [web(), RepositoryRecord("ann/old")], source="namespace")
    await see(catalog, 9.0, [web(1), RepositoryRecord("ann/new")], source="namespace")
    await see(catalog, 9.0, [RepositoryRecord("ann/other")], source="search")
    assert await catalog.names.count_listed(REGISTRY, "ann", "namespace", 5.0) == 2


def test_row_that_was_written_lately_is_passed_over() -> None:
    lately = Lately()
    page = Listed("search", "http://site/1", (web(1), web(1), RepositoryRecord("ann/db")))
    assert lately.unsaid(page).records == [web(1), RepositoryRecord("ann/db")]
    assert lately.unsaid(page).records == []


def test_row_that_says_something_else_or_comes_from_elsewhere_is_not() -> None:
    lately = Lately()
    lately.unsaid(Listed("search", "http://site/1", (web(1),)))
    assert lately.unsaid(Listed("search", "http://site/1", (web(2),))).records == [web(2)]
    assert lately.unsaid(Listed("namespace", "http://site/1", (web(2),))).records == [web(2)]


def test_memory_of_rows_is_bounded() -> None:
    lately = Lately(most=2)
    page = Listed("search", "http://site/1", tuple(RepositoryRecord(f"ann/{n}") for n in range(3)))
    assert len(lately.unsaid(page).records) == 3
    assert len(lately.unsaid(page).records) == 3


async def test_what_could_not_be_written_was_not_written_lately(catalog: Catalog) -> None:
    unwritable = web(2**63)
    with pytest.raises(OverflowError):
        await see(catalog, 1.0, [RepositoryRecord("ann/db"), unwritable])
    assert await see(catalog, 2.0, [RepositoryRecord("ann/db")]) == [Brought(("ann/db",))]


async def test_repositories_are_numbered_from_the_last_one_on(catalog: Catalog, layout: Layout) -> None:
    await see(catalog, 1.0, [web(), RepositoryRecord("ann/db")])
    await crawl(catalog, RepositoryRecord("bob/x"), web(5))
    await see(catalog, 3.0, [RepositoryRecord("bob/y")])
    numbered = select(layout, "select id, name from repositories order by id")
    assert numbered == [(1, "ann/web"), (2, "ann/db"), (3, "bob/x"), (4, "bob/y")]


async def test_a_new_sweep_sees_everything_again(catalog: Catalog, layout: Layout) -> None:
    await see(catalog, 1.0, [web(1)])
    await catalog.sweeps.start(REGISTRY, 5.0)
    await see(catalog, 6.0, [web(1)])
    assert select(layout, "select last_seen_at from repositories") == [(6.0,)]

"""The ledger of a sweep: every query and page of it, through every end a run may have."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from corpus.catalog import Catalog
from corpus.catalog.ledgers import (
    Batch,
    Came,
    End,
    Ended,
    Failed,
    Ledger,
    Names,
    NewQuery,
    SlicePlace,
    SweepQuery,
    Totals,
    fingerprints,
)
from corpus.catalog.sightings import Listed
from corpus.layout import Layout
from corpus.records import Failure, RepositoryRecord
from registry.errors import Reason
from tests.corpus.conftest import REGISTRY

FAILURE = Failure(Reason.SERVER_ERROR, "the page cannot be served", is_temporary=True)
NAMES = Names(lambda name: name.split("/"), lambda _: ())
ALL = ("search", "namespace")


async def add(catalog: Catalog, *terms: str, endpoint: str = "search", parent: int | None = None) -> None:
    """Queries, of which the first is asked first."""
    new = [NewQuery(endpoint, f'["{term}"]', 100.0 - rank, parent) for rank, term in enumerate(terms)]
    await catalog.sweeps.add(REGISTRY, new)


async def query(catalog: Catalog, term: str, endpoint: str = "search") -> SweepQuery:
    return await catalog.sweeps.named(REGISTRY, endpoint, f'["{term}"]')


async def write(catalog: Catalog, *items: Came | Failed | Ended, now: float = 1.0) -> None:
    batch = Batch(
        [item for item in items if isinstance(item, Came)],
        [item for item in items if isinstance(item, Failed)],
        [item for item in items if isinstance(item, Ended)],
    )
    await catalog.sweeps.write(REGISTRY, batch, NAMES, now=now)


def came(number: int, page: int, *names: str, ledger: Ledger | None = None) -> Came:
    rows = tuple(RepositoryRecord(name) for name in names)
    said = ledger or Ledger(rows=len(names), pages=page)
    return Came(SlicePlace(number, page, 100), Listed(f"{REGISTRY} search-v2", "http://site/", rows), said)


async def frontier(catalog: Catalog, now: float = 1.0, *apart: int) -> list[str]:
    begun = await catalog.sweeps.begun(REGISTRY, ALL, 10, apart, now)
    return [each.key for each in begun + await catalog.sweeps.pending(REGISTRY, ALL, 10, apart, now)]


async def test_queries_are_asked_by_their_priority_each_once(catalog: Catalog) -> None:
    await add(catalog, "a", "b")
    await add(catalog, "b", "a", "c")
    assert await frontier(catalog) == ['["a"]', '["b"]', '["c"]']
    assert await frontier(catalog, 1.0, (await query(catalog, "a")).id) == ['["b"]', '["c"]']


async def test_next_queries_are_found_without_looking_at_all_of_them(
    catalog: Catalog, layout: Layout
) -> None:
    """Most of millions have the same priority."""
    await catalog.sweeps.start(REGISTRY, 1.0)
    plan = """explain query plan select id from queries where registry = 'x' and state = 'pending'
        and retry_at <= 1 and endpoint in ('a', 'b') order by priority desc, id limit 8"""
    with closing(sqlite3.connect(layout.catalog)) as connection:
        steps = [row[-1] for row in connection.execute(plan)]
    assert [step for step in steps if "TEMP B-TREE" in step] == []


async def test_query_with_a_page_is_gone_on_with_before_others(catalog: Catalog) -> None:
    await add(catalog, "a", "b")
    second = await query(catalog, "b")
    await write(catalog, came(second.id, 1, "ann/b", ledger=Ledger(9, 1, 1, pages=1, refused_at=7)))
    assert await frontier(catalog) == ['["b"]', '["a"]']
    ledger = (await query(catalog, "b")).ledger
    assert ledger == Ledger(9, 1, 1, new_names=1, last_new=1, pages=1, refused_at=7)
    pages = await catalog.sweeps.pages(second.id)
    assert (pages.done, pages.names) == ([SlicePlace(second.id, 1, 100)], fingerprints(["ann/b"]))


async def test_page_that_failed_waits_for_its_time(catalog: Catalog) -> None:
    await add(catalog, "a")
    number = (await query(catalog, "a")).id
    place = SlicePlace(number, 1, 100)
    await write(catalog, Failed(place, FAILURE, Ledger(), attempts=2, retry_at=50.0))
    assert await frontier(catalog, 49.0) == []
    assert await frontier(catalog, 50.0) == ['["a"]']
    assert await catalog.sweeps.next_retry(REGISTRY, ALL) == 50.0
    assert await catalog.sweeps.next_retry(REGISTRY, ("namespace",)) is None
    assert (await catalog.sweeps.pages(number)).waiting == {place: 2}


async def test_page_that_waits_is_due_at_once_where_somebody_hastens_it(catalog: Catalog) -> None:
    """Which costs it none of its tries: a run that fails at once may be begun again and again."""
    await add(catalog, "a", "b")
    first, second = (await query(catalog, "a")).id, (await query(catalog, "b")).id
    place = SlicePlace(first, 1, 100)
    await write(
        catalog,
        Failed(place, FAILURE, Ledger(), attempts=2, retry_at=50.0),
        Failed(SlicePlace(second, 1, 100), FAILURE, Ledger(), attempts=6),
        Ended(second, End.GIVEN_UP),
    )
    assert await catalog.retries.hasten(REGISTRY) == 1
    assert await frontier(catalog, 1.0) == ['["a"]']
    assert await catalog.sweeps.next_retry(REGISTRY, ALL) is None
    assert (await catalog.sweeps.pages(first)).waiting == {place: 1}
    assert await catalog.retries.hasten(REGISTRY) == 0


async def test_page_in_parts_is_asked_for_by_them(catalog: Catalog) -> None:
    await add(catalog, "a")
    number = (await query(catalog, "a")).id
    parts = (SlicePlace(number, 1, 50), SlicePlace(number, 2, 50))
    await write(catalog, Failed(SlicePlace(number, 1, 100), FAILURE, Ledger(), parts=parts))
    pages = await catalog.sweeps.pages(number)
    assert (set(pages.waiting), pages.done) == (set(parts), [])


async def test_ended_query_is_not_asked_and_its_children_are(catalog: Catalog) -> None:
    await add(catalog, "a")
    parent = await query(catalog, "a")
    child = NewQuery("search", '["ab"]', 1.0, parent.id)
    await write(catalog, came(parent.id, 1, "ann/a"), Ended(parent.id, End.SPLIT, "too many", (child,)))
    assert await frontier(catalog) == ['["ab"]']
    assert [each.key for each in await catalog.sweeps.children(parent.id)] == ['["ab"]']
    assert [each.key for each in await catalog.sweeps.split(REGISTRY, "search", 0, 9)] == ['["a"]']
    assert (await catalog.sweeps.pages(parent.id)).names == set()


async def test_siblings_that_were_not_asked_can_be_dropped(catalog: Catalog) -> None:
    await add(catalog, "a")
    parent = (await query(catalog, "a")).id
    await add(catalog, "ab", "ac", "ad", parent=parent)
    await write(catalog, came((await query(catalog, "ab")).id, 1, "ann/ab"))
    assert await catalog.sweeps.drop_siblings(parent, "not needed", 2.0) == 2
    assert await frontier(catalog) == ['["ab"]', '["a"]']


async def test_sweep_is_complete_when_nothing_is_left_for_its_endpoints(catalog: Catalog) -> None:
    await catalog.sweeps.start(REGISTRY, 1.0)
    await add(catalog, "a")
    await add(catalog, "ann", endpoint="namespace")
    number = (await query(catalog, "a")).id
    assert not await catalog.sweeps.complete(REGISTRY, ALL, 5.0)
    await write(catalog, came(number, 1, "ann/a"))
    assert not await catalog.sweeps.complete(REGISTRY, ("search",), 5.0)
    await write(catalog, Ended(number, End.COMPLETE))
    assert await catalog.sweeps.complete(REGISTRY, ("search",), 5.0)
    assert await catalog.sweeps.sweep(REGISTRY) == (1.0, 5.0)
    await catalog.sweeps.reopen(REGISTRY)
    assert await catalog.sweeps.sweep(REGISTRY) == (1.0, None)


async def test_new_sweep_forgets_its_ledger_and_keeps_the_census(catalog: Catalog) -> None:
    await add(catalog, "a")
    number = (await query(catalog, "a")).id
    await write(catalog, came(number, 1, "ann/a"))
    await catalog.sweeps.start(REGISTRY, 9.0)
    assert await frontier(catalog) == []
    assert await catalog.names.is_known(REGISTRY, ["ann/a"])
    assert not await catalog.names.is_known(REGISTRY, ["ann/b"])


async def test_query_whose_parts_have_all_ended_is_undecided(catalog: Catalog) -> None:
    await add(catalog, "a")
    parent = (await query(catalog, "a")).id
    parts = tuple(NewQuery("search", f'["a",[],"{order}"]', 1.0, parent) for order in ("x", "y"))
    await write(catalog, Ended(parent, End.PARTS, "both ends", parts))
    assert await catalog.sweeps.undecided(REGISTRY, ALL) is None
    children = await catalog.sweeps.children(parent)
    await write(catalog, Ended(children[0].id, End.COMPLETE))
    assert await catalog.sweeps.undecided(REGISTRY, ALL) is None
    await write(catalog, Ended(children[1].id, End.GIVEN_UP))
    assert await catalog.sweeps.undecided(REGISTRY, ("namespace",)) is None
    assert await catalog.sweeps.undecided(REGISTRY, ALL) == parent


async def test_known_names_tell_what_may_follow_a_term(catalog: Catalog) -> None:
    await add(catalog, "a")
    names = ("library/web", "library/webs", "web/a", "webs/b", "ann/web")
    await write(catalog, came((await query(catalog, "a")).id, 1, *names))
    assert await catalog.names.next_characters(REGISTRY, "web") == {"": 1, "s": 2, "/": 1}
    assert await catalog.names.next_in_words(REGISTRY, "web") == {"": 3, "s": 2}
    assert await catalog.names.known_words(REGISTRY, "library", 2) == {"web": 3, "webs": 2}


async def test_rows_of_all_queries_are_added_up_by_endpoint(catalog: Catalog) -> None:
    await add(catalog, "*", "a", "ab")
    for term, ledger in {
        "*": Ledger(rows=9, pages=1),
        "a": Ledger(rows=5, prefixed=4, whole=1, pages=1),
        "ab": Ledger(rows=3, prefixed=2, whole=1, pages=1),
    }.items():
        await write(catalog, came((await query(catalog, term)).id, 1, ledger=ledger))
    assert await catalog.sweeps.totals(REGISTRY, '["*"]') == {"search": Totals(8, 6, 3, 1)}


async def test_windows_are_kept_for_each_account(catalog: Catalog) -> None:
    await catalog.sweeps.keep_window(REGISTRY, "search", "", "{}", 1.0)
    await catalog.sweeps.keep_window(REGISTRY, "search", "", '{"served":1}', 2.0)
    await catalog.sweeps.keep_window(REGISTRY, "search", "ann", "[]", 2.0)
    assert await catalog.sweeps.windows(REGISTRY, "") == {"search": '{"served":1}'}
    assert await catalog.sweeps.windows(REGISTRY, "ann") == {"search": "[]"}


async def test_failed_write_leaves_nothing_behind(catalog: Catalog, layout: Layout) -> None:
    await add(catalog, "a")
    number = (await query(catalog, "a")).id
    impossible = NewQuery("search", None, 1.0)  # type: ignore[arg-type]
    try:
        await write(catalog, came(number, 1, "ann/a"), Ended(number, End.SPLIT, "", (impossible,)))
    except Exception as error:  # noqa: BLE001 - whatever it is
        assert "queries.key" in str(error)  # noqa: PT017
    with closing(sqlite3.connect(layout.catalog)) as connection:
        for table in ("repositories", "slices", "words", "sightings"):
            assert connection.execute(f"select count(*) from {table}").fetchone() == (0,)  # noqa: S608
    assert await frontier(catalog) == ['["a"]']


async def test_rows_of_earlier_sweeps_are_counted_on(catalog: Catalog) -> None:
    """Else a sweep begun anew would list fewer rows than there are repositories."""
    await add(catalog, "a")
    await write(catalog, came((await query(catalog, "a")).id, 1, "x/a", "x/b"))
    assert (await catalog.census.count()).repositories.rows_listed == 2
    for moment in (2_000.0, 3_000.0):
        await catalog.sweeps.start(REGISTRY, moment)
        assert (await catalog.census.count()).repositories.rows_listed == 2

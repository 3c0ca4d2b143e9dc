"""How complete a sweep is, by its ledger and by what each route shows of a namespace."""

from __future__ import annotations

from corpus.catalog import Catalog
from corpus.catalog.coverage import Coverage
from corpus.catalog.ledgers import Batch, Came, End, Ended, Ledger, Names, NewQuery, SlicePlace
from corpus.catalog.sightings import Listed
from corpus.records import RepositoryRecord
from tests.corpus.conftest import REGISTRY

NAMES = Names(lambda _: (), lambda _: ())


async def fill(catalog: Catalog) -> None:
    """Two searches and two listings, of which one each is left to be asked."""
    sweeps = catalog.sweeps
    await sweeps.start(REGISTRY, 1.0)
    keys = [("search-v2", '["a"]'), ("namespace", '["ann"]'), ("search-v2", '["b"]'), ("namespace", '["x"]')]
    await sweeps.add(REGISTRY, [NewQuery(endpoint, key, 1.0) for endpoint, key in keys])
    search, listing, *_ = [await sweeps.named(REGISTRY, *key) for key in keys]
    await _came(catalog, search.id, "search", ["ann/a", "bob/a"], unreadable=2)
    await _came(catalog, listing.id, "namespace", ["ann/a", "ann/b", "ann/c"])
    ended = [Ended(search.id, End.GIVEN_UP, "out of reach"), Ended(listing.id, End.COMPLETE)]
    await sweeps.write(REGISTRY, Batch(ended=ended), NAMES, now=2.0)


async def _came(catalog: Catalog, number: int, source: str, names: list[str], unreadable: int = 0) -> None:
    rows = tuple(RepositoryRecord(name) for name in names)
    listed, ledger = Listed(source, "http://site/", rows), Ledger(pages=1, unreadable=unreadable)
    await catalog.sweeps.write(
        REGISTRY, Batch([Came(SlicePlace(number, 1, 100), listed, ledger)]), NAMES, now=2.0
    )


async def test_ledger_is_added_up(catalog: Catalog) -> None:
    await fill(catalog)
    await catalog.names.mark_gone(REGISTRY, "bob", 5.0, 5.0)
    assert await catalog.coverage.counts(REGISTRY) == Coverage(
        found=3,
        gone=1,
        namespaces=1,
        namespaces_waiting=1,
        queries=1,
        queries_waiting=1,
        unreadable=2,
        out_of_reach={"out of reach": 1},
    )


async def test_namespaces_are_counted_by_what_is_listed_and_what_search_shows_of_it(catalog: Catalog) -> None:
    await fill(catalog)
    assert await catalog.coverage.namespaces(REGISTRY, "namespace", ["search"]) == {(3, 1): 1}
    assert await catalog.coverage.namespaces(REGISTRY, "namespace", []) == {(3, 0): 1}
    assert await catalog.coverage.namespaces(REGISTRY, "nobody", ["search"]) == {}


async def test_estimate_is_kept_beside_counts_of_now(catalog: Catalog) -> None:
    await fill(catalog)
    await catalog.coverage.keep(REGISTRY, Coverage(found=1, gone=0, estimated=9, high=12, shown=0.5))
    (known,) = (await catalog.coverage.all()).values()
    assert (known.found, known.estimated, known.high, known.shown) == (4, 9, 12, 0.5)

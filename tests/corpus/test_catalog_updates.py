"""Up to when changes are known, and what is asked again because something changed."""

from __future__ import annotations

import pytest

from corpus.catalog import Catalog
from corpus.catalog.ledgers import NAMESPACE, Batch, Came, End, Ended, Ledger, Names, NewQuery, SlicePlace
from corpus.catalog.sightings import Listed
from corpus.catalog.updates import Update
from corpus.records import RepositoryRecord
from tests.corpus.conftest import REGISTRY

NAMES = Names(lambda _: (), lambda _: ())


async def swept(catalog: Catalog, began: float, ended: float) -> None:
    await catalog.sweeps.start(REGISTRY, began)
    assert await catalog.sweeps.complete(REGISTRY, (NAMESPACE,), ended)


async def ask(catalog: Catalog, endpoint: str, *keys: str, ended_at: float) -> None:
    """Ask these queries, each of which has one row."""
    await catalog.sweeps.add(REGISTRY, [NewQuery(endpoint, key, 1.0) for key in keys])
    for key in keys:
        number = (await catalog.sweeps.named(REGISTRY, endpoint, key)).id
        page = Listed("x namespace", "http://hub/", (RepositoryRecord("ann/app"),))
        came = Came(SlicePlace(number, 1, 100), page, Ledger(rows=1, pages=1))
        batch = Batch([came], ended=[Ended(number, End.COMPLETE)])
        await catalog.sweeps.write(REGISTRY, batch, NAMES, now=ended_at)


async def waiting(catalog: Catalog, *keys: str) -> list[str]:
    """Those of the keys that can be put on the frontier of namespaces once more."""
    return [key for key in keys if not await catalog.sweeps.has_asked(REGISTRY, NAMESPACE, key)]


async def test_nothing_is_known_before_a_sweep_is_complete(catalog: Catalog) -> None:
    assert await catalog.updates.state(REGISTRY) == Update(None, None)
    await catalog.sweeps.start(REGISTRY, 1.0)
    assert await catalog.updates.state(REGISTRY) == Update(None, None)


async def test_changes_are_known_until_the_sweep_began_and_then_until_the_last_update(
    catalog: Catalog,
) -> None:
    await swept(catalog, 1.0, 9.0)
    assert await catalog.updates.state(REGISTRY) == Update(1.0, None)
    await catalog.updates.start(REGISTRY, "newest", 20.0)
    assert await catalog.updates.state(REGISTRY) == Update(1.0, 20.0)
    await catalog.updates.finish(REGISTRY, 20.0)
    assert await catalog.updates.state(REGISTRY) == Update(20.0, None)


async def test_later_sweep_knows_more_than_updates_before_it(catalog: Catalog) -> None:
    await swept(catalog, 1.0, 9.0)
    await catalog.updates.start(REGISTRY, "newest", 20.0)
    await swept(catalog, 30.0, 40.0)
    assert await catalog.updates.state(REGISTRY) == Update(30.0, None)


async def test_new_update_asks_anew_and_keeps_the_ledger_of_the_sweep(catalog: Catalog) -> None:
    await swept(catalog, 1.0, 9.0)
    await ask(catalog, "newest", '["*"]', ended_at=10.0)
    await ask(catalog, NAMESPACE, '["ann"]', ended_at=10.0)
    rows = (await catalog.census.count()).repositories.rows_listed
    await catalog.updates.start(REGISTRY, "newest", 20.0)
    assert not await catalog.sweeps.has_asked(REGISTRY, "newest", '["*"]')
    assert await waiting(catalog, '["ann"]') == []
    assert (await catalog.census.count()).repositories.rows_listed == rows


@pytest.mark.parametrize(("ended_at", "again"), [(10.0, True), (20.0, False)])
async def test_namespace_is_listed_again_once_in_an_update_with_all_its_parts(
    catalog: Catalog,
    ended_at: float,
    again: bool,  # noqa: FBT001
) -> None:
    await swept(catalog, 1.0, 9.0)
    parts = ['["ann"]', '["ann",[],"-name"]', '["ann",[["name","b"]]]']
    others = ['["anna"]', '["an"]', '["ann-b"]']
    await ask(catalog, NAMESPACE, *parts, *others, ended_at=ended_at)
    rows = (await catalog.census.count()).repositories.rows_listed
    await catalog.updates.ask_again(REGISTRY, NAMESPACE, ['["ann"]', '["unknown"]'], 20.0)
    assert await waiting(catalog, *parts, *others) == (parts if again else [])
    assert (await catalog.census.count()).repositories.rows_listed == rows


async def test_namespace_that_is_still_to_be_listed_is_left_as_it_is(catalog: Catalog) -> None:
    await swept(catalog, 1.0, 9.0)
    await catalog.sweeps.add(REGISTRY, [NewQuery(NAMESPACE, '["ann"]', 1.0)])
    before = await catalog.sweeps.named(REGISTRY, NAMESPACE, '["ann"]')
    await catalog.updates.ask_again(REGISTRY, NAMESPACE, ['["ann"]'], 20.0)
    assert await catalog.sweeps.named(REGISTRY, NAMESPACE, '["ann"]') == before

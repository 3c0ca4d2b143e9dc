"""The order of a run: by popularity, by date, or by chance; made once, and read page by page."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import event
from sqlalchemy.engine import Engine

from corpus.catalog import Catalog
from corpus.catalog import plan as plan_module
from corpus.catalog.plan import Order, age_key, sample_key
from corpus.layout import Layout
from corpus.records import Registry, RepositoryRecord
from tests.corpus.conftest import REGISTRY, crawl

POPULAR = Order((REGISTRY,))
CHANCE = Order((REGISTRY,), by="random")


async def found(catalog: Catalog, *records: RepositoryRecord) -> None:
    """Crawl ``records`` and turn them into images."""
    await catalog.repositories.forget_listing("listing")
    await crawl(catalog, *records)
    while await catalog.images.expand([REGISTRY], "latest", ["latest"], 100):
        pass


async def planned(catalog: Catalog, order: Order) -> list[str]:
    """The repositories in the order of the plan."""
    await catalog.plan.make(order)
    tasks = await catalog.images.pending(order.registries, "linux/amd64", limit=1000)
    places = [(task.rank, task.id) for task in tasks]
    assert places == sorted(set(places))
    return [task.repository for task in tasks]


def named(count: int) -> list[RepositoryRecord]:
    return [RepositoryRecord(f"a/{number}", pull_count=number) for number in range(count)]


async def test_popularity_is_the_number_of_pulls(catalog: Catalog) -> None:
    """Unknown is less than none; equals come in the order found."""
    pulls = {"a/x": 5, "a/y": None, "a/z": 7, "a/v": 0, "a/w": 5}
    await found(catalog, *(RepositoryRecord(name, pull_count=count) for name, count in pulls.items()))
    assert await planned(catalog, POPULAR) == ["a/z", "a/x", "a/w", "a/v", "a/y"]


async def test_newest_is_what_was_updated_last(catalog: Catalog) -> None:
    """Unknown is older than any date."""
    dates = {"a/old": "2014-05-01T00:00:00Z", "a/none": None, "a/new": "2024-05-01T10:00:00.5Z"}
    await found(catalog, *(RepositoryRecord(name, last_updated_at=date) for name, date in dates.items()))
    assert await planned(catalog, Order((REGISTRY,), by="newest")) == ["a/new", "a/old", "a/none"]


async def test_dates_are_compared_as_points_in_time(catalog: Catalog) -> None:
    """Zones and fractions of any length; what is no date is older than any, and equals come as found."""
    dates = {
        "a/third": "2024-05-01T10:00:00Z",
        "a/nonsense": "now",
        "a/first": "2024-05-01T09:59:00-00:30",
        "a/second": "2024-05-01T10:00:00.25Z",
        "a/fifth": "2024-05-01T11:59:00+02:00",
        "a/none": None,
        "a/fourth": "2024-05-01T12:00:00+02:00",
    }
    await found(catalog, *(RepositoryRecord(name, last_updated_at=date) for name, date in dates.items()))
    expected = ["a/first", "a/second", "a/third", "a/fourth", "a/fifth", "a/nonsense", "a/none"]
    order = Order((REGISTRY,), by="newest")
    assert await planned(catalog, order) == expected
    for limit in range(1, len(expected)):
        assert await planned(catalog, replace(order, limit=limit)) == expected[:limit]


@pytest.mark.parametrize("by", ["popularity", "newest", "random"])
async def test_names_that_nobody_can_pull_and_other_registries_are_not_planned(
    catalog: Catalog, by: str
) -> None:
    """They would fill a sample with what cannot be taken."""
    await found(catalog, RepositoryRecord("a/.."), RepositoryRecord("a/b"))
    order = replace(POPULAR, by=by)  # type: ignore[arg-type]
    assert await planned(catalog, order) == ["a/b"]
    await catalog.repositories.add_registry(Registry("other.test", ""))
    assert await planned(catalog, replace(order, registries=("other.test",))) == []


@pytest.mark.parametrize("by", ["popularity", "newest", "random"])
async def test_only_what_the_present_rule_chose_is_planned(catalog: Catalog, by: str) -> None:
    """And what a list named; a rule that chooses from the same images makes another plan."""
    order = replace(POPULAR, by=by)  # type: ignore[arg-type]
    await crawl(catalog, RepositoryRecord("a/b"), RepositoryRecord("a/c", reference="3.19"))
    for rule, expected in (("latest,edge", 3), ("edge", 2), ("latest", 2), ("latest,edge", 3)):
        await planned(catalog, replace(order, tags=rule))  # as one that was made before others were chosen
        while await catalog.images.expand([REGISTRY], rule, rule.split(","), 100):
            pass
        assert len(await planned(catalog, replace(order, tags=rule))) == expected
        assert await planned(catalog, replace(order, tags="none such")) == ["a/c"]


@pytest.mark.parametrize("by", ["popularity", "newest", "random"])
@pytest.mark.parametrize("chunk", [1, 7, 1000])
async def test_a_limit_is_a_prefix_of_the_whole_order(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, by: str, chunk: int
) -> None:
    """So that a study may begin with few and take more later."""
    monkeypatch.setattr(plan_module, "_CHUNK_IMAGES", chunk)
    await found(catalog, *named(20))
    order = replace(POPULAR, by=by)  # type: ignore[arg-type]
    everything = await planned(catalog, order)
    assert len(everything) == 20
    for limit in (1, 5, 19, 20, 100):
        assert await planned(catalog, replace(order, limit=limit)) == everything[:limit]


@given(st.datetimes(timezones=st.just(UTC)), st.datetimes(timezones=st.just(UTC)))
def test_the_key_of_a_date_falls_with_time_and_any_database_can_hold_it(
    one: datetime, other: datetime
) -> None:
    keys = [age_key(moment.isoformat()) for moment in (one, other)]
    assert (keys[0] < keys[1]) is (one > other)
    assert all(0 <= key <= age_key(None) < 2**63 for key in keys)


async def test_a_random_order_depends_on_the_images_and_the_seed_alone(catalog: Catalog) -> None:
    """Not on when they were found, nor on how popular they are."""
    names = [f"a/{number}" for number in range(50)]
    random.Random(5).shuffle(names)  # noqa: S311 - any order but that of the numbers
    await found(catalog, *(RepositoryRecord(name, pull_count=len(names)) for name in names))
    expected = sorted(names, key=lambda name: sample_key(3, f"{REGISTRY}/{name}:latest"))
    assert await planned(catalog, replace(CHANCE, seed=3)) == expected
    assert await planned(catalog, replace(CHANCE, seed=4)) != expected
    assert await planned(catalog, replace(CHANCE, seed=3)) == expected


async def test_a_sample_grows_with_the_census_by_what_is_new(catalog: Catalog) -> None:
    """What was sampled before stays, unless it is pushed out by what was found since."""
    await found(catalog, *named(30))
    before = await planned(catalog, replace(CHANCE, limit=10))
    await found(catalog, *named(60))
    after = await planned(catalog, replace(CHANCE, limit=10))
    old = {f"a/{number}" for number in range(30)}
    assert [name for name in after if name in old] == before[: len(old & set(after))]


def test_keys_are_the_same_on_any_machine_and_forever() -> None:
    """A published sample can be drawn again."""
    assert sample_key(0, "docker.io/library/debian:latest") == 3203020826501380921
    assert sample_key(-1, "docker.io/library/debian:latest") == 6256916009298204512


@given(st.integers(-(2**63), 2**63 - 1), st.text())
def test_any_name_has_a_key_that_every_database_can_hold(seed: int, name: str) -> None:
    """A positive number of 63 bits."""
    assert 0 <= sample_key(seed, name) < 2**63


def test_a_sample_is_without_bias() -> None:
    """Of 10,000 images, each tenth by number gets its share of the first 2,000: within five deviations."""
    keyed = sorted(range(10_000), key=lambda number: sample_key(1, f"docker.io/a/{number}:latest"))
    shares = [sum(number // 1_000 == tenth for number in keyed[:2_000]) for tenth in range(10)]
    assert all(abs(share - 200) < 5 * 13 for share in shares)


async def test_a_plan_is_made_anew_only_when_something_it_depends_on_has_changed(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its order, the images, or what the crawl knows of them; not what became of the images."""
    made: list[Order] = []
    sort = catalog.plan._sort

    async def counted(order: Order) -> None:
        made.append(order)
        await sort(order)

    monkeypatch.setattr(catalog.plan, "_sort", counted)
    await found(catalog, *named(3))
    await catalog.plan.make(POPULAR)
    await catalog.plan.make(POPULAR)
    assert len(made) == 1
    await catalog.plan.make(replace(POPULAR, limit=2))
    await found(catalog, *named(4))
    assert await planned(catalog, replace(POPULAR, limit=2)) == ["a/3", "a/2"]
    assert len(made) == 3


async def test_a_plan_that_was_not_finished_is_made_anew(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that was killed while it drew leaves half an order, and no word of it."""
    monkeypatch.setattr(plan_module, "_CHUNK_IMAGES", 2)
    await found(catalog, *named(9))
    everything = await planned(catalog, CHANCE)
    with monkeypatch.context() as patched:
        keys = iter([1, 2, 3])
        patched.setattr(plan_module, "sample_key", lambda _seed, _name: next(keys))
        with pytest.raises(RuntimeError):
            await catalog.plan.make(replace(CHANCE, seed=1))
    assert await planned(catalog, CHANCE) == everything


async def test_a_claim_reads_no_more_than_it_hands_out(catalog: Catalog, layout: Layout) -> None:
    """The plan leads, and nothing is sorted: a claim costs the same among millions."""
    await found(catalog, *named(3))
    await catalog.plan.make(POPULAR)
    asked: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, statement: str, parameters: Any, *_more: object) -> None:
        asked.append((statement, parameters))

    event.listen(Engine, "before_cursor_execute", listen)
    try:
        await catalog.images.pending([REGISTRY], "linux/amd64", after=(1, 1), limit=2)
    finally:
        event.remove(Engine, "before_cursor_execute", listen)
    ((statement, parameters),) = asked
    with closing(sqlite3.connect(layout.catalog)) as connection:
        steps = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert steps[0].startswith("SEARCH plan USING PRIMARY KEY")
    assert not any("TEMP B-TREE" in step or "SCAN" in step for step in steps)

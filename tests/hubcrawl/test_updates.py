"""An update asks for what changed since a sweep, and for little else."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from corpus.catalog import Catalog
from corpus.records import RepositoryRecord
from hubcrawl.endpoints import Endpoint, Rows
from hubcrawl.endpoints.namespaces import Namespace
from hubcrawl.endpoints.newest import Newest
from hubcrawl.outcome import CrawlSummary
from hubcrawl.planner import Seen, Step
from hubcrawl.queries import Query, Slice
from hubcrawl.turns import Turns
from hubcrawl.updates import after_newest, changed_at, is_reached
from registry.errors import ConfigurationError, Reason, RegistryError
from registry.transport.http import Transport
from samplehub import Changes, Flaws, Hub, Options, Trouble, crowd_of, later
from tests.hubcrawl.sweeping import BOTH, Lab, QuickClock, hub_of, lab, names_of, options, trouble

HOUR = 3_600.0
START = QuickClock().seconds
UPDATES: tuple[type[Endpoint], ...] = (Newest, Namespace)


class Saturated(Newest):
    """That of a hub which never claims more than 200 rows."""

    saturates_at: ClassVar[int | None] = 200


class Dateless(Newest):
    """That of a hub whose first rows tell no dates."""

    def parse(self, body: bytes, url: str) -> Rows:
        rows = super().parse(body, url)
        dateless = tuple(replace(each, last_updated_at=None) for each in rows.records)
        return replace(rows, records=dateless) if "from=0&" in url else rows


class Moving(Newest):
    """That of a hub in which a page of repositories changes between the first page and the second."""

    def url(self, query: Query, part: Slice) -> str:
        is_late = query.term == "*" and part.page > 1
        return super().url(query, Slice(part.page - 1, part.size) if is_late else part)


class Moody(Namespace):
    """That of a hub which lists no namespace for the time being."""

    def parse(self, body: bytes, url: str) -> Rows:  # noqa: ARG002
        raise RegistryError(Reason.SERVER_ERROR, "later", url=url, temporary=True)


class Killed(Exception):  # noqa: N818 - as by a signal
    """A run has ended."""


async def killed_instead(*_: object) -> None:
    """End a run in place of a query."""
    raise Killed


# ---- decisions


@pytest.mark.parametrize(
    ("moments", "reached"),
    [
        ([], False),
        ([9.0, 8.0, 7.0], False),
        ([9.0, 4.0, 3.0], False),
        ([4.0], True),
        ([9.0, 4.0, 4.0, 3.0, 2.0, 1.0], True),
        ([4.0, 9.0, 3.0, 2.0, 1.0], False),
        ([4.0, None, None, None, None, None], True),
        ([9.0, None, None, None, None, None], False),
        ([None] * 5, False),
    ],
)
def test_known_rows_at_the_end_of_a_page_are_where_an_update_ends(
    moments: Sequence[float | None],
    reached: bool,  # noqa: FBT001
) -> None:
    assert is_reached(moments, 5.0) == reached


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-15T08:00:00.000000Z", START),
        ("2027-01-15T08:00:00", START),
        ("2027-01-15T09:00:00+01:00", START),
        ("last week", None),
        ("", None),
        (None, None),
    ],
)
def test_moments_are_read_in_whatever_form_they_come(text: str | None, moment: float | None) -> None:
    assert changed_at(RepositoryRecord("ann/app", last_updated_at=text)) == moment


FIRST = Seen(claimed=500, rows=100, distinct=100, pages=1, reach=200, next_is_promised=True)


@pytest.mark.parametrize(
    ("seen", "is_known", "is_end", "is_whole", "step"),
    [
        (FIRST, False, False, True, Step.PAGE),
        (FIRST, True, False, True, Step.COMPLETE),
        (FIRST, True, False, False, Step.SPLIT),
        (replace(FIRST, rows=200, pages=2), False, False, True, Step.SPLIT),
        (replace(FIRST, is_refused=True), False, False, True, Step.SPLIT),
        (replace(FIRST, next_is_promised=False), False, True, True, Step.COMPLETE),
        (replace(FIRST, next_is_promised=False), False, True, False, Step.SPLIT),
        (replace(FIRST, next_is_promised=False), False, False, True, Step.SPLIT),
        (Seen(claimed=0, pages=1), False, True, False, Step.SPLIT),
    ],
)
def test_result_is_read_until_known_rows_come_and_divided_where_its_window_ends_before(
    seen: Seen,
    is_known: bool,  # noqa: FBT001
    is_end: bool,  # noqa: FBT001
    is_whole: bool,  # noqa: FBT001
    step: Step,
) -> None:
    assert after_newest(seen, is_known=is_known, is_end=is_end, is_whole=is_whole).step is step


# ---- on a hub


@asynccontextmanager
async def changed(
    folder: Path, hub: Hub, after: Hub, chosen: Options | None = None, clock: QuickClock | None = None
) -> AsyncIterator[Lab]:
    """A hub that was swept, and became another one within the hours that passed since."""
    chosen = chosen or options()
    time = clock or QuickClock()
    if clock is None:
        async with lab(folder, hub, options(), BOTH, time) as before:
            await before.sweep()
        time.seconds = START + 10 * HOUR
    async with lab(folder, after, chosen, UPDATES, time) as here:
        yield here


async def update(here: Lab, **chosen: object) -> CrawlSummary:
    async with here.cataloguing() as catalog, here.transporting() as transport:
        return await _update(here, catalog, transport, **chosen)


async def _update(here: Lab, catalog: Catalog, transport: Transport, **chosen: object) -> CrawlSummary:
    return await here.engine(catalog, transport, updates=True, **chosen).run()


def within(hub: Hub, hours: float, **counts: int) -> Hub:
    """The hub after changes within so many hours after its sweep began."""
    return later(hub, Changes(START, START + hours * HOUR, seed=5, **counts))


@pytest.mark.slow
async def test_nothing_that_changed_costs_one_request(tmp_path: Path) -> None:
    hub = hub_of(400)
    async with changed(tmp_path, hub, hub) as here:
        summary = await update(here)
        assert here.running.journal.count == 1
        assert (summary.is_complete, summary.new, summary.stopped) == (True, 0, None)


@pytest.mark.slow
async def test_what_is_new_or_was_pushed_to_is_found_by_few_requests(tmp_path: Path) -> None:
    hub = hub_of(400)
    after = within(hub, 9, created=30, pushed=20)
    async with changed(tmp_path, hub, after) as here:
        summary = await update(here)
        assert here.found() == names_of(after)
        assert summary.new == 30
        dates = dict(here.select("select name, last_updated_at from repositories"))
        moved = [each for each in after.repositories if each.updated.timestamp() >= START]
        assert len(moved) == 50
        assert all(dates[each.name] == f"{each.updated:%Y-%m-%dT%H:%M:%S.%fZ}" for each in moved)
        owners = {each.namespace for each in moved}
        assert here.running.journal.count <= 1 + len(owners)
        assert here.running.traffic["namespace"] == len(owners)


@pytest.mark.slow
@pytest.mark.parametrize("matching", ["prefix", "tokens"])
async def test_window_that_ends_too_early_is_helped_by_longer_terms_and_that_is_said(
    tmp_path: Path, matching: str
) -> None:
    hub = hub_of(400)
    after = within(hub, 9, created=100, pushed=150)
    async with changed(tmp_path, hub, after, options(100, matching)) as here:
        summary = await update(here)
        moved = {each.name for each in after.repositories if each.updated.timestamp() >= START}
        seen = {
            name
            for (name,) in here.select("select name from repositories where last_seen_at > ?", START + HOUR)
        }
        assert len(moved - seen) <= 4 * (matching == "tokens")
        assert summary.is_complete
        assert any("more has changed than the window" in note for note in summary.notes)


@pytest.mark.slow
async def test_next_update_begins_where_the_last_one_did(tmp_path: Path) -> None:
    hub = hub_of(500)
    once = within(hub, 9, created=10)
    async with changed(tmp_path, hub, once) as here:
        await update(here)
    here.clock.seconds = START + 20 * HOUR
    twice = later(once, Changes(START + 11 * HOUR, START + 19 * HOUR, created=5, seed=6))
    async with changed(tmp_path, hub, twice, clock=here.clock) as there:
        summary = await update(there)
        assert summary.new == 5
        new = {each.namespace for each in twice.repositories[-5:]}
        assert there.running.traffic["namespace"] == len(new)
        async with there.cataloguing() as catalog:
            assert (await catalog.coverage.all())["sample"].known_until == START + 20 * HOUR


@pytest.mark.slow
async def test_deletions_are_seen_in_namespaces_that_changed_and_nowhere_else(tmp_path: Path) -> None:
    hub = crowd_of([f"{owner}/app{number}" for owner in ("ann", "bob") for number in range(20)])
    kept = replace(hub, repositories=[each for each in hub.repositories if each.short_name != "app1"])
    after = within(kept, 9, pushed=1)
    moved = next(each for each in after.repositories if each.updated.timestamp() >= START)
    async with changed(tmp_path, hub, after) as here:
        summary = await update(here)
        assert here.gone() == {f"{moved.namespace}/app1"}
        assert here.running.journal.count == 2
        assert any("deleted" in note for note in summary.notes)


@pytest.mark.slow
async def test_update_that_was_stopped_goes_on_and_keeps_what_it_had(tmp_path: Path) -> None:
    hub = hub_of(400)
    after = within(hub, 9, created=100, pushed=100)
    async with changed(tmp_path, hub, after) as here:
        first = await update(here, max_pages=20)
        assert (first.is_complete, first.stopped is None) == (False, False)
        here.clock.seconds += HOUR
        summary = await update(here)
        assert summary.is_complete
        assert here.found() == names_of(after)
        assert len(here.paths()) == len(set(here.paths()))
        async with here.cataloguing() as catalog:
            assert (await catalog.updates.state("sample")).known_until == START + 10 * HOUR


@pytest.mark.slow
async def test_namespace_that_could_not_be_listed_is_told_and_listed_by_the_next_update(
    tmp_path: Path,
) -> None:
    hub = hub_of(400)
    after = within(hub, 9, created=5)
    async with changed(tmp_path, hub, after) as here:
        here.endpoints = (Newest, Moody)
        summary = await update(here, failures_in_a_row=1_000)
        assert any("could not be listed" in note for note in summary.notes)
    async with lab(tmp_path, after, options(), UPDATES, here.clock) as there:
        there.clock.seconds += HOUR
        summary = await update(there)
        assert there.running.traffic["namespace"] > 0
        assert not any("could not be listed" in note for note in summary.notes)
        sizeless = "select count(*) from repositories where storage_bytes is null and first_seen_at > ?"
        assert there.select(sizeless, START + HOUR) == [(0,)]


@pytest.mark.slow
async def test_update_that_was_killed_before_it_could_decide_asks_for_a_page_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = hub_of(400)
    after = within(hub, 9, created=120)
    async with changed(tmp_path, hub, after, options(150)) as here:
        with monkeypatch.context() as patched:
            patched.setattr(Turns, "settle", killed_instead)
            with pytest.raises(Killed):
                await update(here, parallel=1)
        summary = await update(here)
        assert "split" not in here.states()
        assert summary.is_complete
        assert here.found() == names_of(after)


@pytest.mark.slow
async def test_shuffled_pages_do_not_end_an_update_too_early(tmp_path: Path) -> None:
    hub = hub_of(400)
    after = within(hub, 9, created=50, pushed=200)
    async with changed(tmp_path, hub, after, options(flaws=Flaws(shuffled=0.2, seed=2))) as here:
        await update(here)
        assert len(names_of(after) - here.found()) <= 2


@pytest.mark.slow
@pytest.mark.parametrize("newest", [Saturated, Dateless, Moving])
async def test_what_only_looks_like_the_end_does_not_end_an_update(
    tmp_path: Path, newest: type[Newest]
) -> None:
    hub = hub_of(400)
    after = within(hub, 9, created=150, pushed=200)
    search = replace(options().search, saturates_at=200 if newest is Saturated else None)
    async with changed(tmp_path, hub, after, options(search=search)) as here:
        here.endpoints = (newest, Namespace)
        summary = await update(here)
        assert here.found() == names_of(after)
        assert summary.is_complete


@pytest.mark.slow
async def test_silence_is_not_taken_for_nothing_new(tmp_path: Path) -> None:
    hub = hub_of(300)
    after = within(hub, 9, created=20)
    block = trouble(Trouble.SOFT_BLOCK, 1, 30)
    async with changed(tmp_path, hub, after, options(happenings=(block,))) as here:
        summary = await update(here)
        assert here.gone() == set()
        assert not summary.is_complete or here.found() == names_of(after)


@pytest.mark.slow
async def test_before_a_sweep_is_complete_there_is_nothing_to_update(tmp_path: Path) -> None:
    hub = hub_of(300)
    async with lab(tmp_path, hub, options(), BOTH) as here:
        await here.sweep(max_pages=2)
    async with lab(tmp_path, hub, options(), UPDATES, here.clock) as there:
        with pytest.raises(ConfigurationError, match="no sweep of it is complete"):
            await update(there)
        assert there.running.journal.count == 0


@pytest.mark.slow
async def test_update_within_the_process_of_its_sweep_sees_everything_again(tmp_path: Path) -> None:
    """Rows that were written lately are passed over within a sweep only: none of them is gone."""
    hub = crowd_of([f"big/app{number:03}" for number in range(250)])
    async with lab(tmp_path, hub, options(), BOTH) as one, one.cataloguing() as catalog:
        async with one.transporting() as transport:
            await one.engine(catalog, transport).run()
        one.clock.seconds = START + 10 * HOUR
        async with lab(tmp_path, within(hub, 9, pushed=5), options(), UPDATES, one.clock) as two:
            async with two.transporting() as transport:
                await _update(two, catalog, transport)
            assert two.running.traffic["namespace"] > 0
            assert two.gone() == set()

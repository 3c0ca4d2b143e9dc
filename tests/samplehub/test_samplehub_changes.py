"""A hub in time: what is new, what was pushed to, and what is there no more, drawn from a seed."""

from __future__ import annotations

import pytest

from samplehub import Changes, Hub, crowd, later

SINCE, UNTIL = 1_800_000_000.0, 1_800_003_600.0
CHANGES = Changes(SINCE, UNTIL, created=30, pushed=20, deleted=10, seed=3)


@pytest.fixture(scope="module")
def hub() -> Hub:
    return crowd(300, seed=1)


def test_as_many_are_new_pushed_to_and_deleted_as_were_asked_for(hub: Hub) -> None:
    before = {each.name: each for each in hub.repositories}
    after = {each.name: each for each in later(hub, CHANGES).repositories}
    assert len(after.keys() - before.keys()) == 30
    assert len(before.keys() - after.keys()) == 10
    pushed = [name for name in before.keys() & after.keys() if before[name] != after[name]]
    assert len(pushed) == 20
    changed = [after[name] for name in [*pushed, *(after.keys() - before.keys())]]
    assert all(SINCE <= each.updated.timestamp() <= UNTIL for each in changed)
    assert all(each.registered <= each.updated for each in changed)


def test_some_of_the_new_ones_are_of_owners_that_had_some_before(hub: Hub) -> None:
    owners = {each.namespace for each in hub.repositories}
    new = later(hub, CHANGES).repositories[-30:]
    known = [each for each in new if each.namespace in owners]
    assert 10 <= len(known) < 30


def test_the_same_seed_changes_the_same_and_another_one_something_else(hub: Hub) -> None:
    def names(seed: int) -> list[str]:
        return [
            each.name
            for each in later(hub, Changes(SINCE, UNTIL, created=9, deleted=9, seed=seed)).repositories
        ]

    assert names(1) == names(1) != names(2)


def test_no_change_is_none(hub: Hub) -> None:
    assert list(later(hub, Changes(SINCE, UNTIL)).repositories) == list(hub.repositories)

"""What becomes of a hub in time: new repositories, pushes to old ones, and some that are deleted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from samplehub.content.columns import Columns
from samplehub.content.crowd import crowd_names
from samplehub.content.seeds import stream

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from samplehub.model import Hub, Repository


@dataclass(frozen=True, slots=True)
class Changes:
    """What happens to a hub between two moments, in unix s.

    Attributes:
        since: When the hub was as it is.
        until: When it is as it will be.
        created: How many repositories are new, a third of them of owners that had some before.
        pushed: How many of the old ones are pushed to.
        deleted: How many of the old ones are there no more.
        seed: Another seed, other ones.
    """

    since: float
    until: float
    created: int = 0
    pushed: int = 0
    deleted: int = 0
    seed: int = 0


def later(hub: Hub, changes: Changes) -> Hub:
    """The hub after these changes, in order of popularity as before; what is new comes last."""
    rng = stream("changes", changes.seed)
    chosen = rng.sample(range(len(hub.repositories)), changes.pushed + changes.deleted)
    pushed, deleted = set(chosen[: changes.pushed]), set(chosen[changes.pushed :])
    old = (
        _pushed(repository, rng, changes) if number in pushed else repository
        for number, repository in enumerate(hub.repositories)
        if number not in deleted
    )
    return replace(hub, repositories=(*old, *_created(hub, rng, changes)))


def _pushed(repository: Repository, rng: Random, changes: Changes) -> Repository:
    return replace(repository, updated=_between(rng, changes), pulls=repository.pulls + 1)


def _created(hub: Hub, rng: Random, changes: Changes) -> Iterator[Repository]:
    for repository in Columns(list(_names(hub, rng, changes)), changes.seed):
        moment = _between(rng, changes)
        yield replace(repository, registered=moment, updated=moment)


def _names(hub: Hub, rng: Random, changes: Changes) -> Iterator[str]:
    """Names that the hub has not, of owners old and new."""
    known = {repository.name for repository in hub.repositories}
    fresh = iter(crowd_names(10 * (len(known) + changes.created), changes.seed + 1))
    owners = sorted({repository.namespace for repository in hub.repositories} - {"library"})
    for number in range(changes.created):
        name = next(name for name in fresh if name not in known)
        if number % 3 == 0:
            name = f"{rng.choice(owners)}/{name.partition('/')[2]}-{number}"
        known.add(name)
        yield name


def _between(rng: Random, changes: Changes) -> datetime:
    return datetime.fromtimestamp(rng.uniform(changes.since, changes.until), UTC)

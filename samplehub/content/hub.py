"""The whole hub, from the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from samplehub.content.catalogue import community, official
from samplehub.content.pushes import Workshop
from samplehub.content.seeds import EPOCH, stream
from samplehub.model import Access, Hub, Repository

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry.digests import Digest
    from samplehub.content.images import Pushed

_OPENED = 1_370_000_000  # 2013-05-31, unix s: the Hub's first months


@dataclass(frozen=True, slots=True)
class _Row:
    """One line of a table of repositories."""

    name: str
    access: str
    tags: str
    description: str
    rank: int  # place in the table of official repositories; 0 for those of users


def build_hub() -> Hub:
    """The sample hub: the same bytes on every call and in every process."""
    workshop = Workshop(official.IMAGES + community.IMAGES)
    pushes = {row: _pushes(workshop, row) for row in _rows()}
    everything = [pushed for by_tag in pushes.values() for pushed in by_tag.values()]
    return Hub(
        repositories=tuple(
            sorted((_repository(*item) for item in pushes.items()), key=lambda r: (-r.pulls, r.name))
        ),
        blobs={digest: data for pushed in everything for digest, data in _blobs(pushed).items()},
        truncated=frozenset(
            layer.digest for pushed in everything for layer in pushed.layers if layer.is_truncated
        ),
    )


def _rows() -> Iterable[_Row]:
    for rank, line in enumerate(official.REPOSITORIES.strip().splitlines(), start=1):
        yield _Row(*_cells(line), rank)
    for line in community.REPOSITORIES.strip().splitlines():
        yield _Row(*_cells(line), 0)


def _cells(line: str) -> tuple[str, str, str, str]:
    name, access, tags, description = (cell.strip() for cell in line.split("|", maxsplit=3))
    return name, access, tags, description


def _pushes(workshop: Workshop, row: _Row) -> dict[str, Pushed]:
    """By tag. A schema 1 manifest names its tag, so that every tag of one image is a manifest of its own."""
    expressions = (item.partition("=") for item in row.tags.split())
    return {
        tag: workshop.push(expression, row.name, tag)
        for tags, _, expression in expressions
        for tag in tags.split(",")
    }


def _repository(row: _Row, pushes: dict[str, Pushed]) -> Repository:
    pulls, stars = _popularity(row)
    registered, updated = _dates(row)
    return Repository(
        name=row.name,
        description=row.description,
        stars=stars,
        pulls=pulls,
        registered=registered,
        updated=updated,
        is_automated=row.access == "automated",
        access=Access.PUBLIC if row.access == "automated" else Access(row.access),
        manifests={
            digest: manifest
            for pushed in pushes.values()
            for digest, manifest in ({pushed.digest: pushed.manifest} | dict(pushed.children)).items()
        },
        tags={tag: pushed.digest for tag, pushed in pushes.items()},
        blobs=frozenset(digest for pushed in pushes.values() for digest in _blobs(pushed)),
    )


def _blobs(pushed: Pushed) -> dict[Digest, bytes]:
    """What the registry holds: everything but foreign layers."""
    layers = {layer.digest: layer.data for layer in pushed.layers if not layer.foreign_url}
    return layers | dict(pushed.blobs)


def _popularity(row: _Row) -> tuple[int, int]:
    """Pulls and stars: Zipf for official ones; log-normal for users, whose median was 40 pulls in 2017."""
    rng = stream("popularity", row.name)
    if row.rank:
        pulls = int(8e9 / row.rank**1.3 * rng.uniform(0.8, 1.2))
        return pulls, int(pulls**0.42 * rng.uniform(0.6, 1.4))
    pulls = int(rng.lognormvariate(3.7, 2.6))
    return pulls, int(pulls**0.4 * rng.lognormvariate(0, 0.8) / 8)


def _dates(row: _Row) -> tuple[datetime, datetime]:
    """When it was created and when it was last pushed to, with the microseconds that the Hub shows."""
    rng = stream("dates", row.name)
    registered = _OPENED + rng.random() * (EPOCH - _OPENED) * (0.2 if row.rank else 0.95)
    updated = EPOCH - rng.random() ** 2 * (EPOCH - registered)
    return datetime.fromtimestamp(registered, UTC), datetime.fromtimestamp(updated, UTC)

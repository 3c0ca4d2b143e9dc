"""What the catalog has for the tables of a report: every row of a kind, in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import case, func, literal, select, true

from corpus.catalog.failures import FAILED
from corpus.catalog.schema import (
    image_manifests,
    image_profiles,
    images,
    layer_profiles,
    repositories,
    repository_counts,
    sightings,
    tag_failures,
)
from corpus.profiles.image import IMAGE_VERSION
from corpus.profiles.layer import LAYER_VERSION
from corpus.records import State
from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sqlalchemy import Select, Table

    from corpus.catalog.database import Database

_BATCH = 10_000

Rows = list[dict[str, Any]]


class Outdated(NamedTuple):
    """Profiles of other versions than today's, which no table has."""

    layers: int
    images: int


class ReportCatalog:
    """Whole tables, read while they are iterated."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def layer_profiles(self) -> AsyncGenerator[Rows, None]:
        """``digest, finished_at, analysers`` of every layer with a profile of today's version."""
        profiles = layer_profiles.c
        query = select(profiles.digest, profiles.finished_at, profiles.analysers)
        return self._batches(query.where(profiles.profile_version == LAYER_VERSION))

    def image_profiles(self) -> AsyncGenerator[Rows, None]:
        """``digest, finished_at`` of every manifest with a profile of today's version."""
        profiles = image_profiles.c
        query = select(profiles.digest, profiles.finished_at)
        return self._batches(query.where(profiles.profile_version == IMAGE_VERSION))

    async def outdated(self) -> Outdated:
        """How many profiles wait to be made again."""
        async with self._database.read() as connection:
            counts = [
                (await connection.execute(_outdated(table, version))).scalar_one()
                for table, version in ((layer_profiles, LAYER_VERSION), (image_profiles, IMAGE_VERSION))
            ]
        return Outdated(*counts)

    def repositories(self) -> AsyncGenerator[Rows, None]:
        """Every repository: its columns, ``times_listed, images, images_fetched, state, reason``."""
        return self._batches(_repositories())

    def counts(self) -> AsyncGenerator[Rows, None]:
        """``registry, name, seen_at, pull_count, star_count``, each time that one of the latter changed."""
        counts = repository_counts.c
        query = select(
            repositories.c.registry, repositories.c.name, counts.seen_at, counts.pull_count, counts.star_count
        )
        return self._batches(query.join(repositories, repositories.c.id == counts.repository_id))

    def references(self) -> AsyncGenerator[Rows, None]:
        """``registry, name, reference, finished_at, root_digest, manifest_digest`` of images fetched."""
        query = (
            select(
                repositories.c.registry,
                repositories.c.name,
                images.c.reference,
                images.c.finished_at,
                images.c.root_digest,
                image_manifests.c.manifest_digest,
            )
            .join(images, images.c.repository_id == repositories.c.id)
            .join(image_manifests, image_manifests.c.image_id == images.c.id)
            .where(images.c.state == State.DONE)
        )
        return self._batches(query)

    async def failures(self) -> AsyncGenerator[Rows, None]:
        """``unit, reason, example, detail, is_retried`` of everything that failed."""
        for unit, failed in FAILED.items():
            each = failed.subquery()
            columns = (each.c.reason, each.c.example, each.c.detail, each.c.is_retried)
            async for rows in self._batches(select(literal(unit).label("unit"), *columns)):
                yield rows

    async def _batches(self, query: Select[*tuple[Any, ...]]) -> AsyncGenerator[Rows, None]:
        async with self._database.read() as connection, connection.stream(query) as rows:
            async for batch in rows.mappings().partitions(_BATCH):
                yield [dict(row) for row in batch]


def _outdated(table: Table, version: int) -> Select[int]:
    return select(func.count()).select_from(table).where(table.c.profile_version != version)


def _repositories() -> Select[*tuple[Any, ...]]:
    """A repository is done with one image fetched, and failed once none of its images may still be."""
    by_image = (
        select(
            images.c.repository_id,
            func.count().label("images"),
            func.sum(case((images.c.state == State.DONE, 1), else_=0)).label("fetched"),
            func.sum(case((images.c.state == State.PENDING, 1), else_=0)).label("pending"),
            func.min(images.c.reason).label("reason"),
        )
        .group_by(images.c.repository_id)
        .subquery()
    )
    listed = (
        select(sightings.c.repository_id, func.sum(sightings.c.times_seen).label("times"))
        .group_by(sightings.c.repository_id)
        .subquery()
    )
    is_invalid = ~repositories.c.is_pullable
    has_failed = (func.coalesce(by_image.c.images, 0) > 0) | tag_failures.c.reason.is_not(None)
    state = case(
        (func.coalesce(by_image.c.fetched, 0) > 0, State.DONE),
        (is_invalid, State.FAILED),
        (func.coalesce(by_image.c.pending, 0) > 0, State.PENDING),
        (has_failed, State.FAILED),
        else_=State.PENDING,
    )
    reason = case(
        (state != State.FAILED, None),
        (is_invalid, literal(str(Reason.INVALID_NAME))),
        (true(), func.coalesce(by_image.c.reason, tag_failures.c.reason)),
    )
    return (
        select(
            repositories,
            func.coalesce(listed.c.times, 0).label("times_listed"),
            func.coalesce(by_image.c.images, 0).label("images"),
            func.coalesce(by_image.c.fetched, 0).label("images_fetched"),
            state.label("state"),
            reason.label("reason"),
        )
        .outerjoin(by_image, by_image.c.repository_id == repositories.c.id)
        .outerjoin(listed, listed.c.repository_id == repositories.c.id)
        .outerjoin(tag_failures, tag_failures.c.repository_id == repositories.c.id)
    )

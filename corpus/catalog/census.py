"""The state of the census, counted from the catalog: what ``hubcrawl status`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import and_, case, exists, func, literal, null, select, union_all

from corpus.catalog.schema import (
    blobs,
    image_manifests,
    image_profiles,
    images,
    layer_profiles,
    manifest_layers,
    pages,
    repositories,
    sightings,
)
from corpus.profiles.image import IMAGE_VERSION
from corpus.profiles.layer import LAYER_VERSION
from corpus.records import State
from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from sqlalchemy import ColumnElement, CompoundSelect, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from corpus.catalog.database import Database


class Repositories(msgspec.Struct, frozen=True, kw_only=True):
    """What the crawl found."""

    found: int  # distinct repositories
    rows_listed: int  # rows of listings they came in, repeats included
    official: int
    unpullable: int  # names outside the image-name grammar
    pages_pending: int
    pages_failed: int


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Units of one kind by state."""

    pending: int
    done: int
    failed: int


class Blobs(msgspec.Struct, frozen=True, kw_only=True):
    """The store: manifests, configurations and layers, each once."""

    count: int
    bytes: int
    failed: int


class Layers(msgspec.Struct, frozen=True, kw_only=True):
    """Layers by the state of their profile; ``failed`` ones have a profile too, with a reason."""

    pending: int
    done: int
    failed: int
    files: int  # regular files and hard links, over distinct layers
    directories: int
    cls_bytes: int  # compressed layer size: blobs as served
    als_bytes: int  # archive layer size: decoded tar
    fls_bytes: int  # sum of the sizes of the files


class Census(msgspec.Struct, frozen=True, kw_only=True):
    """Everything counted, at one moment."""

    repositories: Repositories
    images: Work
    blobs: Blobs
    layers: Layers
    image_profiles: Work
    failures: dict[str, int]  # of images, by reason
    layer_failures: dict[str, int]  # of layers, by status
    registries: dict[str, int]  # repositories found, by registry


class FailedImage(msgspec.Struct, frozen=True, kw_only=True):
    """An image that could not be had, or a name that nobody can pull."""

    reason: str
    registry: str
    repository: str
    reference: str | None  # tag or digest; none of a name that was not looked at yet
    detail: str
    listed_by: str | None  # where the repository was seen, by URL or file


class CensusCatalog:
    """Counts over all tables, in one consistent read."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count(self) -> Census:
        """The state of the census now."""
        async with self._database.read() as connection:
            return Census(
                repositories=await _repositories(connection),
                images=await _images(connection),
                blobs=await _blobs(connection),
                layers=await _layers(connection),
                image_profiles=await _image_profiles(connection),
                failures=await _groups(
                    connection,
                    select(images.c.reason, func.count())
                    .where(images.c.state == State.FAILED)
                    .group_by(images.c.reason)
                    .order_by(func.count().desc(), images.c.reason),
                ),
                layer_failures=await _groups(
                    connection,
                    select(layer_profiles.c.status, func.count())
                    .where(
                        layer_profiles.c.state == State.FAILED,
                        layer_profiles.c.profile_version == LAYER_VERSION,
                    )
                    .group_by(layer_profiles.c.status)
                    .order_by(func.count().desc(), layer_profiles.c.status),
                ),
                registries=await _groups(
                    connection,
                    select(repositories.c.registry, func.count())
                    .group_by(repositories.c.registry)
                    .order_by(repositories.c.registry),
                ),
            )

    async def failed_images(self) -> AsyncGenerator[FailedImage, None]:
        """Every image that failed and every invalid name, by reason and name: read while it is iterated."""
        async with self._database.read() as connection, connection.stream(_failed_images()) as rows:
            async for reason, registry, repository, reference, detail, listed_by in rows:
                yield FailedImage(
                    reason=reason,
                    registry=registry,
                    repository=repository,
                    reference=reference,
                    detail=detail or "",
                    listed_by=listed_by,
                )


def _failed_images() -> CompoundSelect[str, str, str, str, str, str]:
    listed_by = (
        select(func.min(sightings.c.url))
        .where(sightings.c.repository_id == repositories.c.id)
        .scalar_subquery()
    )
    name = (repositories.c.registry, repositories.c.name)
    failed = (
        select(images.c.reason, *name, images.c.reference, images.c.detail, listed_by)
        .join(repositories, repositories.c.id == images.c.repository_id)
        .where(images.c.state == State.FAILED)
    )
    # Names that no download came to yet.
    is_untouched = ~exists().where(images.c.repository_id == repositories.c.id)
    invalid = select(literal(str(Reason.INVALID_NAME)), *name, null(), null(), listed_by).where(
        and_(~repositories.c.is_pullable, is_untouched)
    )
    return union_all(failed, invalid).order_by(images.c.reason, *name, images.c.reference)


async def _layers(connection: AsyncConnection) -> Layers:
    current = layer_profiles.c.profile_version == LAYER_VERSION
    sums = [
        func.coalesce(func.sum(layer_profiles.c[name]), 0)
        for name in ("files", "directories", "cls_bytes", "als_bytes", "fls_bytes")
    ]
    state = layer_profiles.c.state
    query = select(_tally(state, State.DONE), _tally(state, State.FAILED), *sums).where(current)
    done, failed, *totals = (await connection.execute(query)).one()
    is_layer = exists().where(manifest_layers.c.digest == blobs.c.digest)
    fetched = select(func.count()).where(blobs.c.state == State.DONE, is_layer)
    total = (await connection.execute(fetched)).scalar_one()
    files, directories, cls_bytes, als_bytes, fls_bytes = totals
    return Layers(
        pending=total - done - failed,
        done=done,
        failed=failed,
        files=files,
        directories=directories,
        cls_bytes=cls_bytes,
        als_bytes=als_bytes,
        fls_bytes=fls_bytes,
    )


async def _image_profiles(connection: AsyncConnection) -> Work:
    state = image_profiles.c.state
    # A profile outlives its image's place in the census: the tag was moved, or another platform asked for.
    is_fetched = exists().where(
        image_manifests.c.manifest_digest == image_profiles.c.digest,
        images.c.id == image_manifests.c.image_id,
        images.c.state == State.DONE,
    )
    query = select(_tally(state, State.DONE), _tally(state, State.FAILED)).where(
        image_profiles.c.profile_version == IMAGE_VERSION, is_fetched
    )
    done, failed = (await connection.execute(query)).one()
    fetched = (
        select(func.count(image_manifests.c.manifest_digest.distinct()))
        .join(images, images.c.id == image_manifests.c.image_id)
        .where(images.c.state == State.DONE)
    )
    total = (await connection.execute(fetched)).scalar_one()
    return Work(pending=total - done - failed, done=done, failed=failed)


def _tally(column: ColumnElement[str], value: str) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((column == value, 1), else_=0)), 0)


async def _groups(connection: AsyncConnection, query: Select[str, int]) -> dict[str, int]:
    return {row[0]: row[1] for row in await connection.execute(query)}


async def _repositories(connection: AsyncConnection) -> Repositories:
    found, official, unpullable = (
        await connection.execute(
            select(
                func.count(),
                _tally_true(repositories.c.is_official),
                _tally_true(~repositories.c.is_pullable),
            )
        )
    ).one()
    listed = select(func.coalesce(func.sum(sightings.c.times_seen), 0))
    frontier = select(_tally(pages.c.state, State.PENDING), _tally(pages.c.state, State.FAILED))
    pending, failed = (await connection.execute(frontier)).one()
    return Repositories(
        found=found,
        rows_listed=(await connection.execute(listed)).scalar_one(),
        official=official,
        unpullable=unpullable,
        pages_pending=pending,
        pages_failed=failed,
    )


def _tally_true(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


async def _images(connection: AsyncConnection) -> Work:
    state = images.c.state
    query = select(_tally(state, State.PENDING), _tally(state, State.DONE), _tally(state, State.FAILED))
    pending, done, failed = (await connection.execute(query)).one()
    # A repository whose tags were not looked at yet stands for at least one image to come.
    untouched = select(func.count()).where(
        repositories.c.tags_rule.is_(None), ~exists().where(images.c.repository_id == repositories.c.id)
    )
    return Work(
        pending=pending + (await connection.execute(untouched)).scalar_one(), done=done, failed=failed
    )


async def _blobs(connection: AsyncConnection) -> Blobs:
    is_kept = blobs.c.state == State.DONE
    query = select(
        _tally(blobs.c.state, State.DONE),
        func.coalesce(func.sum(case((is_kept, blobs.c.size_bytes), else_=0)), 0),
        _tally(blobs.c.state, State.FAILED),
    )
    count, size, failed = (await connection.execute(query)).one()
    return Blobs(count=count, bytes=size, failed=failed)

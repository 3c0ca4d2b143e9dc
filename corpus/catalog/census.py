"""The state of the census, counted from the catalog: what ``hubcrawl status`` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import case, exists, func, select

from corpus.catalog.coverage import Coverage, CoverageCatalog
from corpus.catalog.profiles import is_layer
from corpus.catalog.schema import (
    blobs,
    image_manifests,
    image_profiles,
    images,
    layer_profiles,
    pages,
    queries,
    repositories,
    sightings,
    sweeps,
)
from corpus.catalog.surroundings import is_fetched
from corpus.profiles.image import IMAGE_VERSION
from corpus.profiles.layer import LAYER_VERSION
from corpus.records import State

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Select
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
    coverage: dict[str, Coverage]  # how complete sweeps are, by registry


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
                coverage=await CoverageCatalog(self._database).all(),
            )


async def _layers(connection: AsyncConnection) -> Layers:
    current = layer_profiles.c.profile_version == LAYER_VERSION
    sums = [
        func.coalesce(func.sum(layer_profiles.c[name]), 0)
        for name in ("files", "directories", "cls_bytes", "als_bytes", "fls_bytes")
    ]
    state = layer_profiles.c.state
    query = select(_tally(state, State.DONE), _tally(state, State.FAILED), *sums).where(current)
    done, failed, *totals = (await connection.execute(query)).one()
    # A profile outlives its blob, if that is lost and was whole when it was read.
    profiled = exists().where(layer_profiles.c.digest == blobs.c.digest, current)
    pending = select(func.count()).where(blobs.c.state == State.DONE, is_layer(), ~profiled)
    files, directories, cls_bytes, als_bytes, fls_bytes = totals
    return Layers(
        pending=(await connection.execute(pending)).scalar_one(),
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
    query = select(_tally(state, State.DONE), _tally(state, State.FAILED)).where(
        image_profiles.c.profile_version == IMAGE_VERSION, is_fetched(image_profiles.c.digest)
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
    # Of what the endpoints of a sweep list, rows are counted with its queries only.
    swept = select(func.coalesce(func.sum(queries.c.rows), 0))
    before = select(func.coalesce(func.sum(sweeps.c.rows_before), 0))
    plain = select(func.coalesce(func.sum(sightings.c.times_seen), 0)).where(
        sightings.c.source.not_like("% search-v_"),
        sightings.c.source.not_like("% namespace"),
        sightings.c.source.not_like("% repository"),
    )
    frontier = select(_tally(pages.c.state, State.PENDING), _tally(pages.c.state, State.FAILED))
    pending, failed = (await connection.execute(frontier)).one()
    return Repositories(
        found=found,
        rows_listed=sum([(await connection.execute(each)).scalar_one() for each in (swept, before, plain)]),
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

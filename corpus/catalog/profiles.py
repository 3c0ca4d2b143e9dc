"""The analyzer's work: layers and images in the store that have no profile yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, exists, func, or_, select

from corpus.catalog.database import IN_CHUNK, uninterrupted, upsert
from corpus.catalog.schema import (
    blobs,
    image_manifests,
    image_profiles,
    images,
    layer_profiles,
    manifest_layers,
    manifests,
)
from corpus.profiles.image import IMAGE_VERSION
from corpus.profiles.layer import LAYER_VERSION
from corpus.records import UNKNOWN, ImageProfileTask, LayerTask, State
from registry.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Table

    from corpus.catalog.database import Database
    from corpus.records import ProfileOutcome


class ProfileCatalog:
    """Profiles of today's versions: a change of a format makes its work pending again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending_layers(self, *, after: tuple[int, str] | None, limit: int) -> list[LayerTask]:
        """The next layers to profile, largest first, after ``(size, digest)`` of the last one handed out."""
        size = func.coalesce(blobs.c.size_bytes, 0)
        media_type = (
            select(func.min(manifest_layers.c.media_type))
            .where(manifest_layers.c.digest == blobs.c.digest)
            .scalar_subquery()
        )
        query = (
            select(blobs.c.digest, media_type, size)
            .where(_is_open_layer())
            .order_by(size.desc(), blobs.c.digest)
            .limit(limit)
        )
        if after is not None:
            query = query.where(or_(size < after[0], and_(size == after[0], blobs.c.digest > after[1])))
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return [LayerTask(Digest(digest), media, bytes_) for digest, media, bytes_ in rows]

    async def count_pending_layers(self) -> tuple[int, int]:
        """Layers still to profile, and their bytes."""
        query = select(func.count(), func.coalesce(func.sum(blobs.c.size_bytes), 0)).where(_is_open_layer())
        async with self._database.read() as connection:
            count, size = (await connection.execute(query)).one()
            return int(count), int(size)

    async def pending_images(self, *, after: str | None, limit: int) -> list[ImageProfileTask]:
        """The next images without a profile whose layers are not pending any more, by manifest digest."""
        query = (
            select(manifests.c.digest, manifests.c.content_type, manifests.c.config_digest)
            .where(_is_open_image(), ~_has_open_layer())
            .order_by(manifests.c.digest)
            .limit(limit)
        )
        if after is not None:
            query = query.where(manifests.c.digest > after)
        async with self._database.read() as connection:
            return [
                ImageProfileTask(Digest(digest), content_type, Digest(config) if config else None)
                for digest, content_type, config in await connection.execute(query)
            ]

    async def count_pending_images(self) -> int:
        """Images still to profile."""
        query = select(func.count()).select_from(manifests).where(_is_open_image())
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def record_layers(self, outcomes: Sequence[ProfileOutcome], now: float) -> None:
        """Record layer profiles that are durably in place."""
        await self._record(layer_profiles, LAYER_VERSION, outcomes, now)

    async def record_images(self, outcomes: Sequence[ProfileOutcome], now: float) -> None:
        """Record image profiles that are durably in place."""
        await self._record(image_profiles, IMAGE_VERSION, outcomes, now)

    @uninterrupted
    async def _record(
        self, table: Table, version: int, outcomes: Sequence[ProfileOutcome], now: float
    ) -> None:
        rows = [
            {
                "digest": outcome.digest,
                "profile_version": version,
                "state": State.DONE if outcome.status == "complete" else State.FAILED,
                "status": outcome.status,
                "reason": outcome.failure_reason,
                "duration_s": outcome.duration_s,
                "finished_at": now,
                **_column_values(table, outcome.totals),
            }
            for outcome in outcomes
        ]
        changes = [column.name for column in table.columns if column.name != "digest"]
        async with self._database.write() as connection:
            for start in range(0, len(rows), IN_CHUNK):
                await upsert(
                    connection, table, rows[start : start + IN_CHUNK], key=["digest"], update=changes
                )


def is_layer() -> ColumnElement[bool]:
    """Whether a blob is a layer of some image, and not only part of an artifact about one."""
    is_listed = exists().where(manifest_layers.c.digest == blobs.c.digest)
    return and_(blobs.c.role.not_in(("artifact", UNKNOWN)), is_listed)


def _is_open_layer() -> ColumnElement[bool]:
    return and_(is_layer(), _is_unprofiled_blob())


def _has_open_layer() -> ColumnElement[bool]:
    return exists().where(
        manifest_layers.c.manifest_digest == manifests.c.digest,
        blobs.c.digest == manifest_layers.c.digest,
        _is_unprofiled_blob(),
    )


def _is_unprofiled_blob() -> ColumnElement[bool]:
    profiled = exists().where(
        layer_profiles.c.digest == blobs.c.digest, layer_profiles.c.profile_version == LAYER_VERSION
    )
    return and_(blobs.c.state == State.DONE, ~profiled)


def _is_open_image() -> ColumnElement[bool]:
    profiled = exists().where(
        image_profiles.c.digest == manifests.c.digest, image_profiles.c.profile_version == IMAGE_VERSION
    )
    return and_(is_fetched(manifests.c.digest), ~profiled)


def is_fetched(manifest_digest: ColumnElement[str]) -> ColumnElement[bool]:
    """Whether an image fetched consists of this manifest."""
    # One within the other: a join of both tables would be made anew, from all images, for each manifest.
    is_done = exists().where(images.c.id == image_manifests.c.image_id, images.c.state == State.DONE)
    return exists().where(image_manifests.c.manifest_digest == manifest_digest, is_done)


def _column_values(table: Table, totals: Mapping[str, int | float | None]) -> dict[str, int | float | None]:
    """The totals for which ``table`` has a column."""
    return {name: value for name, value in totals.items() if name in table.columns}

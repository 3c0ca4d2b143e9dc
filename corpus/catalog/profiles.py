"""The analyzer's work: layers and images in the store that have no profile yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, delete, exists, func, literal, or_, select, true

from corpus.catalog.database import IN_CHUNK, uninterrupted, upsert
from corpus.catalog.schema import (
    BLOB_SIZE,
    blobs,
    image_profiles,
    layer_profiles,
    manifest_layers,
    manifests,
)
from corpus.catalog.surroundings import is_fetched, record_chains, reopen_changed, surroundings_of
from corpus.profiles.image import IMAGE_VERSION
from corpus.profiles.layer import LAYER_VERSION, REASONS_OF_WORKERS
from corpus.records import UNKNOWN, ImageProfileTask, LayerTask, State
from registry.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Delete, FromClause, Table

    from corpus.catalog.database import Database
    from corpus.records import ProfileOutcome


class ProfileCatalog:
    """Profiles of today's versions: a change of a format makes its work pending again."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def pending_layers(
        self, *, after: tuple[int, str] | None, limit: int, analysers: str = "", retry_failed: bool = False
    ) -> list[LayerTask]:
        """The next layers to profile, largest first, after ``(size, digest)`` of the last one handed out.

        Among them are those that were not read by all analysers of the key ``analysers``, and, where
        ``retry_failed``, those that a worker was lost over.
        """
        is_profiled = _is_settled(layer_profiles, LAYER_VERSION, retry_failed=retry_failed)
        media_type = (
            select(func.min(manifest_layers.c.media_type))
            .where(manifest_layers.c.digest == blobs.c.digest)
            .scalar_subquery()
        )
        query = (
            select(
                blobs.c.digest,
                media_type,
                BLOB_SIZE,
                func.coalesce(layer_profiles.c.analysers, ""),
                func.coalesce(is_profiled, literal(value=False)),
            )
            .outerjoin(layer_profiles, layer_profiles.c.digest == blobs.c.digest)
            .where(_is_open_layer(analysers, retry_failed=retry_failed))
            .order_by(BLOB_SIZE.desc(), blobs.c.digest)
            .limit(limit)
        )
        if after is not None:  # the first bound is where the index is entered
            size, digest = after
            query = query.where(size >= BLOB_SIZE, or_(size > BLOB_SIZE, blobs.c.digest > digest))
        async with self._database.read() as connection:
            rows = await connection.execute(query)
            return [LayerTask(Digest(digest), *others) for digest, *others in rows]

    async def count_pending_layers(
        self, *, analysers: str = "", retry_failed: bool = False
    ) -> tuple[int, int]:
        """Layers still to profile, and their bytes."""
        total = func.coalesce(func.sum(blobs.c.size_bytes), 0)
        query = select(func.count(), total).where(_is_open_layer(analysers, retry_failed=retry_failed))
        async with self._database.read() as connection:
            count, size = (await connection.execute(query)).one()
            return int(count), int(size)

    async def pending_images(
        self, *, after: str | None, limit: int, analysers: str = "", retry_failed: bool = False
    ) -> list[ImageProfileTask]:
        """The next images without a profile whose layers are not pending any more, by manifest digest.

        A layer that a worker was lost over is not: whoever wants to try it again has done so before.
        """
        query = (
            select(manifests.c.digest, manifests.c.content_type, manifests.c.config_digest)
            .where(_is_open_image(retry_failed=retry_failed), ~_has_open_layer(analysers))
            .order_by(manifests.c.digest)
            .limit(limit)
        )
        if after is not None:
            query = query.where(manifests.c.digest > after)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
            around = await surroundings_of(connection, [digest for digest, *_ in rows])
        return [
            ImageProfileTask(Digest(digest), content_type, Digest(config) if config else None, around[digest])
            for digest, content_type, config in rows
        ]

    async def settle_images(self) -> None:
        """Find out what images are built on, once their layers are read.

        An image whose profile tells of other surroundings than it has by now is pending again.
        """
        await record_chains(self._database)
        await reopen_changed(self._database)

    async def count_pending_images(self, *, retry_failed: bool = False) -> int:
        """Images still to profile."""
        is_open = _is_open_image(retry_failed=retry_failed)
        query = select(func.count()).select_from(manifests).where(is_open)
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def record_layers(self, outcomes: Sequence[ProfileOutcome], now: float) -> None:
        """Record layer profiles that are durably in place; the images above them are pending again."""
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
                part = rows[start : start + IN_CHUNK]
                await upsert(connection, table, part, key=["digest"], update=changes)
                if table is layer_profiles:
                    await connection.execute(_forget_images_above([str(row["digest"]) for row in part]))


def is_layer() -> ColumnElement[bool]:
    """Whether a blob is a layer of some image, and not only part of an artifact about one."""
    is_listed = exists().where(manifest_layers.c.digest == blobs.c.digest)
    return and_(blobs.c.role.not_in(("artifact", UNKNOWN)), is_listed)


def _is_open_layer(analysers: str, *, retry_failed: bool) -> ColumnElement[bool]:
    return and_(_is_unprofiled_blob(analysers, retry_failed=retry_failed), is_layer())


def _has_open_layer(analysers: str) -> ColumnElement[bool]:
    return exists().where(
        manifest_layers.c.manifest_digest == manifests.c.digest,
        blobs.c.digest == manifest_layers.c.digest,
        _is_unprofiled_blob(analysers, retry_failed=False),
    )


def _is_unprofiled_blob(analysers: str, *, retry_failed: bool) -> ColumnElement[bool]:
    profiles = layer_profiles.alias()  # the table itself may be joined to the blobs already
    profiled = exists().where(
        profiles.c.digest == blobs.c.digest,
        _is_settled(profiles, LAYER_VERSION, retry_failed=retry_failed),
        _has_analysers(profiles.c.analysers, analysers),
    )
    return and_(blobs.c.state == State.DONE, ~profiled)


def _is_open_image(*, retry_failed: bool) -> ColumnElement[bool]:
    profiled = exists().where(
        image_profiles.c.digest == manifests.c.digest,
        _is_settled(image_profiles, IMAGE_VERSION, retry_failed=retry_failed),
    )
    return and_(is_fetched(manifests.c.digest), ~profiled)


def _is_settled(profiles: FromClause, version: int, *, retry_failed: bool) -> ColumnElement[bool]:
    """Whether a profile is of today's version, and not one that is to be tried again."""
    is_of_today = profiles.c.profile_version == version
    if not retry_failed:
        return is_of_today
    reason = profiles.c.reason
    return and_(is_of_today, or_(reason.is_(None), reason.not_in(REASONS_OF_WORKERS)))


def _forget_images_above(layers: Sequence[str]) -> Delete:
    """What an image profile says is what those of its layers said."""
    above = select(manifest_layers.c.manifest_digest).where(manifest_layers.c.digest.in_(layers))
    return delete(image_profiles).where(image_profiles.c.digest.in_(above))


def _has_analysers(recorded: ColumnElement[str], wanted: str) -> ColumnElement[bool]:
    """Whether every analyser of one key is in the other, in that version; others there do no harm."""
    if not wanted:
        return true()
    between = literal(" ").concat(recorded).concat(" ")
    return or_(recorded == wanted, and_(*(func.instr(between, f" {each} ") > 0 for each in wanted.split())))


def _column_values(
    table: Table, totals: Mapping[str, int | float | str | None]
) -> dict[str, int | float | str | None]:
    """The totals for which ``table`` has a column."""
    return {name: value for name, value in totals.items() if name in table.columns}

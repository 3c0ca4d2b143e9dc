"""What was fetched: manifests, configurations and layers, and the images that consist of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, or_, select, update

from corpus.catalog.database import IN_CHUNK, Row, uninterrupted, upsert
from corpus.catalog.fetched import record_blobs, record_manifests
from corpus.catalog.schema import (
    blobs,
    image_manifests,
    images,
    manifests,
    meta,
    referrers,
    repositories,
)
from corpus.records import Failure, FetchedBlob, State
from registry.digests import Digest
from registry.errors import Reason
from registry.manifests import ManifestKind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from sqlalchemy import Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from corpus.catalog.database import Database
    from corpus.oci import IndexEntry
    from corpus.records import FetchedManifest, ImageOutcome, Referrer

# In ``meta``, while ``index.json`` is to be written anew.
_STALE_INDEX = "stale_index"

_NOT_IN_LAYOUTS = (ManifestKind.SCHEMA1, ManifestKind.SCHEMA1_SIGNED, ManifestKind.V1_IMAGE)


class ContentCatalog:
    """Manifests and blobs, by digest."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def known_manifests(self, digests: Iterable[str]) -> dict[str, str]:
        """Which of these manifests are in the store: digest, canonical or of the bytes, to the latter."""
        wanted = list(digests)
        query = select(manifests.c.canonical_digest, manifests.c.digest).where(
            or_(manifests.c.canonical_digest.in_(wanted), manifests.c.digest.in_(wanted))
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        names = {name: stored for canonical, stored in rows for name in (canonical, stored)}
        return {digest: names[digest] for digest in wanted if digest in names}

    async def manifest_answer(self, digest: str) -> tuple[str, str | None, frozenset[str]]:
        """``(content type, header digest, flags)`` of the answer that brought a stored manifest."""
        query = select(manifests.c.content_type, manifests.c.header_digest, manifests.c.flags).where(
            manifests.c.digest == digest
        )
        async with self._database.read() as connection:
            content_type, header, flags = (await connection.execute(query)).one()
            return content_type, header, frozenset(flags.split())

    async def known_blobs(self, digests: Iterable[str]) -> dict[str, FetchedBlob]:
        """What the catalog says of blobs: in the store, or failed and why; silent on the others."""
        query = select(
            blobs.c.digest,
            blobs.c.role,
            blobs.c.size_bytes,
            blobs.c.reason,
            blobs.c.detail,
            blobs.c.is_temporary,
        )
        wanted = list(digests)
        rows: list[Any] = []
        async with self._database.read() as connection:
            for start in range(0, len(wanted), IN_CHUNK):  # a hostile manifest lists 40,000 layers
                some = query.where(blobs.c.digest.in_(wanted[start : start + IN_CHUNK]))
                rows += (await connection.execute(some)).all()
        return {
            digest: FetchedBlob(
                Digest(digest), role, size, _failure(reason, detail, is_temporary=bool(temporary))
            )
            for digest, role, size, reason, detail, temporary in rows
        }

    @uninterrupted
    async def record(self, outcomes: Sequence[ImageOutcome], now: float) -> None:
        """Write a checkpoint: everything that became of a batch of images, in one transaction."""
        async with self._database.write() as connection:
            await record_manifests(connection, _unique_manifests(outcomes), now)
            await record_blobs(connection, [blob for outcome in outcomes for blob in outcome.blobs], now)
            await _settle(connection, outcomes, now)
            # Of what an image consisted before, when its tag may have been moved.
            resolved = [{"image": outcome.task_id} for outcome in outcomes if outcome.root is not None]
            if resolved:
                of_image = image_manifests.c.image_id == bindparam("image")
                await connection.execute(image_manifests.delete().where(of_image), resolved)
            consists_of = [
                {"image_id": outcome.task_id, "manifest_digest": digest}
                for outcome in outcomes
                for digest in dict.fromkeys(outcome.chosen)
            ]
            await upsert(connection, image_manifests, consists_of, key=["image_id", "manifest_digest"])
            about = [_referrer_row(each) for outcome in outcomes for each in outcome.referrers]
            await upsert(connection, referrers, about, key=["subject_digest", "manifest_digest"])
            await note_stale_index(connection)

    @uninterrupted
    async def keep(
        self, fetched: Sequence[FetchedManifest], blobs: Sequence[FetchedBlob], now: float
    ) -> None:
        """Record manifests and blobs that are in the store and belong to no image, perhaps not yet."""
        async with self._database.write() as connection:
            await record_manifests(connection, fetched, now)
            await record_blobs(connection, blobs, now)

    async def is_index_stale(self) -> bool:
        """Whether images changed since ``index.json`` was written."""
        query = select(meta.c.key).where(meta.c.key == _STALE_INDEX)
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

    @uninterrupted
    async def note_written_index(self) -> None:
        """Note that ``index.json`` lists the images fetched."""
        async with self._database.write() as connection:
            await connection.execute(meta.delete().where(meta.c.key == _STALE_INDEX))

    async def oci_index(self, limit: int = IN_CHUNK) -> AsyncGenerator[list[IndexEntry], None]:
        """What ``index.json`` should list, in its order, some at a time."""
        async with self._database.read() as connection, connection.stream(_oci_index_query()) as rows:
            async for page in rows.partitions(limit):
                yield [(row[0], row[1], row[2], row[3], row[4], row[5]) for row in page]


def _oci_index_query() -> Select[str, str, int, str, str, str]:
    """Every image fetched: ``(media type, digest, size, registry, repository, reference)``.

    Manifests whose stored name is not their canonical digest (schema 1) are left out: an OCI layout
    cannot hold them. So are our own documents for v1 images, which no reader of layouts knows.
    """
    return (
        select(
            manifests.c.media_type,
            manifests.c.digest,
            manifests.c.size_bytes,
            repositories.c.registry,
            repositories.c.name,
            images.c.reference,
        )
        .select_from(images)
        .join(repositories, repositories.c.id == images.c.repository_id)
        .join(manifests, manifests.c.digest == images.c.root_digest)
        .where(images.c.state == State.DONE, manifests.c.kind.not_in(_NOT_IN_LAYOUTS))
        .order_by(repositories.c.registry, repositories.c.name, images.c.reference)
    )


async def _settle(connection: AsyncConnection, outcomes: Sequence[ImageOutcome], now: float) -> None:
    """Record what became of the images.

    One that is done stays so where the reference led to nothing now: what came before is still there.
    """
    of_image = images.c.id == bindparam("image")
    is_done = images.c.state == State.DONE
    found = [_state_of(outcome, now) for outcome in outcomes if outcome.root is not None]
    lost = [_state_of(outcome, now) for outcome in outcomes if outcome.root is None]
    missed = [_missed(row) for row in lost]
    for condition, rows in ((of_image, found), (of_image & ~is_done, lost), (of_image & is_done, missed)):
        if rows:
            await connection.execute(update(images).where(condition), rows)


def _missed(row: Row) -> Row:
    """The same of an image that is done, but not for these platforms."""
    kept = {name: value for name, value in row.items() if name not in {"state", "root_digest", "platforms"}}
    return kept | {"missed_platforms": row["platforms"]}


def _state_of(outcome: ImageOutcome, now: float) -> Row:
    failure = outcome.failure
    return {
        "image": outcome.task_id,
        "state": State.DONE if failure is None else State.FAILED,
        "platforms": outcome.platforms,
        "missed_platforms": None,
        "root_digest": outcome.root,
        "reason": failure.reason if failure else None,
        "detail": failure.detail if failure else None,
        "is_temporary": failure.is_temporary if failure else None,
        "attempts": outcome.attempts,
        "retry_at": outcome.retry_at,
        "finished_at": now,
    }


def _failure(reason: str | None, detail: str, *, is_temporary: bool) -> Failure | None:
    return None if reason is None else Failure(Reason(reason), detail, is_temporary)


def _unique_manifests(outcomes: Sequence[ImageOutcome]) -> list[FetchedManifest]:
    return list(
        {
            fetched.manifest.blob_digest: fetched for outcome in outcomes for fetched in outcome.manifests
        }.values()
    )


def _referrer_row(referrer: Referrer) -> Row:
    return {
        "subject_digest": referrer.subject,
        "manifest_digest": referrer.manifest,
        "found_by": referrer.found_by,
    }


async def note_stale_index(connection: AsyncConnection) -> None:
    """Note that ``index.json`` does not list the images fetched any more: it is to be written anew."""
    await upsert(connection, meta, [{"key": _STALE_INDEX, "value": ""}], key=["key"])

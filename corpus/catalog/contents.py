"""What was fetched: manifests, configurations and layers, and the images that consist of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, literal_column, or_, select, update

from corpus.catalog.database import IN_CHUNK, Row, uninterrupted, upsert
from corpus.catalog.schema import (
    blobs,
    image_manifests,
    images,
    manifest_children,
    manifest_layers,
    manifests,
    referrers,
    repositories,
)
from corpus.records import Failure, FetchedBlob, State
from registry.digests import Digest
from registry.errors import Reason
from registry.manifests import ManifestKind

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence

    from sqlalchemy import ColumnElement, Select
    from sqlalchemy.ext.asyncio import AsyncConnection

    from corpus.catalog.database import Database
    from corpus.oci import IndexEntry
    from corpus.records import FetchedManifest, ImageOutcome, Referrer
    from registry.manifests import Manifest

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

    async def failed_blobs(self) -> set[str]:
        """Digests of the blobs that could not be had: few, so that they fit in memory."""
        query = select(blobs.c.digest).where(blobs.c.state == State.FAILED)
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

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
            await _record_manifests(connection, _unique_manifests(outcomes), now)
            await _record_blobs(connection, [blob for outcome in outcomes for blob in outcome.blobs], now)
            settled = [_state_of(outcome, now) for outcome in outcomes]
            if settled:
                await connection.execute(update(images).where(images.c.id == bindparam("image")), settled)
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

    @uninterrupted
    async def keep(
        self, fetched: Sequence[FetchedManifest], blobs: Sequence[FetchedBlob], now: float
    ) -> None:
        """Record manifests and blobs that are in the store and belong to no image, perhaps not yet."""
        async with self._database.write() as connection:
            await _record_manifests(connection, fetched, now)
            await _record_blobs(connection, blobs, now)

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


def _state_of(outcome: ImageOutcome, now: float) -> Row:
    failure = outcome.failure
    return {
        "image": outcome.task_id,
        "state": State.DONE if failure is None else State.FAILED,
        "platforms": outcome.platforms,
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


async def _record_manifests(
    connection: AsyncConnection, fetched: Sequence[FetchedManifest], now: float
) -> None:
    manifest_of_each = [each.manifest for each in fetched]
    rows = [_manifest_row(each, now) for each in fetched]
    stored = [_stored_row(manifest, now) for manifest in manifest_of_each]
    children = [row for manifest in manifest_of_each for row in _child_rows(manifest)]
    layers = [row for manifest in manifest_of_each for row in _layer_rows(manifest)]
    await upsert(connection, manifests, rows, key=["digest"])
    kept = ["state", "size_bytes", "reason", "detail", "is_temporary"]
    await upsert(connection, blobs, stored, key=["digest"], update=kept)
    await upsert(connection, manifest_children, children, key=["parent_digest", "position"])
    await upsert(connection, manifest_layers, layers, key=["manifest_digest", "position"])


def _stored_row(manifest: Manifest, now: float) -> Row:
    """The manifest as a blob of the store."""
    return {
        "digest": manifest.blob_digest,
        "role": "manifest",
        "size_bytes": manifest.size_bytes,
        "state": State.DONE,
        "reason": None,
        "detail": None,
        "is_temporary": None,
        "finished_at": now,
    }


def _child_rows(manifest: Manifest) -> list[Row]:
    return [
        {
            "parent_digest": manifest.blob_digest,
            "position": position,
            "digest": child.digest,
            "media_type": _storable(child.media_type),
            "size_bytes": child.size_bytes,
            "platform": _storable(str(child.platform)) if child.platform else None,
        }
        for position, child in enumerate(manifest.children)
    ]


def _layer_rows(manifest: Manifest) -> list[Row]:
    return [
        {
            "manifest_digest": manifest.blob_digest,
            "position": position,
            "digest": layer.digest,
            "media_type": _storable(layer.media_type),
            "size_bytes": layer.size_bytes,
        }
        for position, layer in enumerate(manifest.layers)
    ]


def _manifest_row(fetched: FetchedManifest, now: float) -> Row:
    manifest = fetched.manifest
    return {
        "digest": manifest.blob_digest,
        "canonical_digest": manifest.digest,
        "header_digest": None if fetched.header_digest is None else _storable(fetched.header_digest),
        "content_type": _storable(fetched.content_type),
        "media_type": _storable(manifest.media_type),
        "kind": manifest.kind,
        "size_bytes": manifest.size_bytes,
        "config_digest": manifest.config.digest if manifest.config else None,
        "fetched_at": now,
        "flags": " ".join(sorted(fetched.flags)),
        "artifact_type": None if manifest.artifact_type is None else _storable(manifest.artifact_type),
        "subject_digest": manifest.subject.digest if manifest.subject else None,
    }


def _storable(text: str) -> str:
    r"""Words of a registry as a database takes them: JSON may hold lone surrogates, and ``\x00``."""
    return text.encode(errors="backslashreplace").decode().replace("\0", "\\x00")


async def _record_blobs(connection: AsyncConnection, fetched: Sequence[FetchedBlob], now: float) -> None:
    """Record what became of blobs; one that is in the store stays so, whatever failed for another image."""
    rows: list[Row] = [
        {
            "digest": blob.digest,
            "role": blob.role,
            "size_bytes": blob.size_bytes,
            "state": State.DONE if blob.failure is None else State.FAILED,
            "reason": blob.failure.reason if blob.failure else None,
            "detail": blob.failure.detail if blob.failure else None,
            "is_temporary": blob.failure.is_temporary if blob.failure else None,
            "finished_at": now,
        }
        for blob in {(blob.digest, blob.role, blob.failure): blob for blob in fetched}.values()
    ]
    is_kept = blobs.c.state == State.DONE
    changes: dict[str, ColumnElement[Any]] = {
        name: case((is_kept, blobs.c[name]), else_=literal_column(f"excluded.{name}"))
        for name in ("size_bytes", "state", "reason", "detail", "is_temporary", "finished_at")
    }
    # A blob of an image and of an artifact is the image's: only those of artifacts are not analyzed.
    is_artifact = blobs.c.role == "artifact"
    changes["role"] = case((is_artifact, literal_column("excluded.role")), else_=blobs.c.role)
    for start in range(0, len(rows), IN_CHUNK):
        await upsert(connection, blobs, rows[start : start + IN_CHUNK], key=["digest"], update=changes)

"""What the catalog says the store holds, and what it must say where the store does not hold it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import Column, MetaData, Table, Text, and_, func, or_, select, text, union, update
from sqlalchemy.exc import DatabaseError

from corpus.catalog.contents import note_stale_index
from corpus.catalog.database import IN_CHUNK, uninterrupted, upsert
from corpus.catalog.fetched import record_manifests
from corpus.catalog.schema import (
    blobs,
    image_chains,
    image_manifests,
    image_profiles,
    images,
    layer_profiles,
    manifest_children,
    manifest_layers,
    manifests,
    referrers,
    v1_layers,
)
from corpus.records import State
from registry.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy import ColumnElement, CompoundSelect, Select, SelectBase
    from sqlalchemy.ext.asyncio import AsyncConnection

    from corpus.catalog.database import Database
    from corpus.records import FetchedManifest

# Digests that a statement is about, kept by the database while one transaction lasts: the holders of a
# popular layer are half of all images.
_scratch = MetaData()
_subjects = Table("subjects", _scratch, Column("digest", Text, primary_key=True), prefixes=["TEMPORARY"])
_holders = Table("holders", _scratch, Column("digest", Text, primary_key=True), prefixes=["TEMPORARY"])


@dataclass(frozen=True, slots=True)
class StoredBlob:
    """A blob that is, or should be, in the store; ``None`` for a size that nobody recorded."""

    digest: Digest
    size_bytes: int | None


@dataclass(frozen=True, slots=True)
class Orphan:
    """A blob in the store that the catalog is to have."""

    digest: Digest
    role: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What followed from blobs that are not there.

    Attributes:
        requeued: Images made pending.
        image_profiles: Manifests of the images whose profiles rest on them.
    """

    requeued: int
    image_profiles: Sequence[Digest]


class VerificationCatalog:
    """The catalog's side of ``hubcrawl verify``."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def integrity(self) -> list[str]:
        """What is wrong with the database file itself (SQLite's ``integrity_check``, at most 100 lines)."""
        async with self._database.read() as connection:
            if connection.dialect.name != "sqlite":
                return []
            try:
                found = (await connection.execute(text("PRAGMA integrity_check"))).scalars().all()
            except DatabaseError as error:
                return [str(error.orig)]
        return [line for line in found if line != "ok"]

    async def count(self) -> int:
        """Blobs that the store should hold."""
        async with self._database.read() as connection:
            query = select(func.count()).select_from(blobs).where(blobs.c.state == State.DONE)
            return int((await connection.execute(query)).scalar_one())

    async def stored(self, *, after: str, limit: int) -> list[StoredBlob]:
        """The next blobs that the store should hold, by digest, after that of the last one."""
        query = (
            select(blobs.c.digest, blobs.c.size_bytes)
            .where(blobs.c.state == State.DONE, blobs.c.digest > after)
            .order_by(blobs.c.digest)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [StoredBlob(Digest(digest), size) for digest, size in await connection.execute(query)]

    async def known(self, digests: Collection[str]) -> set[str]:
        """Which of these, a page of them, the catalog says are in the store."""
        query = select(blobs.c.digest).where(blobs.c.state == State.DONE, blobs.c.digest.in_(digests))
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def roles(self, digests: Collection[str]) -> dict[str, str]:
        """The roles of these, a page of them, by the images and artifacts that list them.

        Silent on all others: of a manifest that is neither, nobody knows yet which of the two it is.
        """
        of_images = select(image_manifests.c.manifest_digest)
        of_artifacts = select(referrers.c.manifest_digest)
        by_role: dict[
            str, Select[str] | CompoundSelect[str]
        ] = {  # what is an artifact's and an image's is the image's
            "artifact": union(_configs(digests, of_artifacts), _layers(digests, of_artifacts)),
            "config": union(
                _configs(digests, of_images),
                select(v1_layers.c.json_digest).where(v1_layers.c.json_digest.in_(digests)),
            ),
            "layer": _layers(digests, of_images),
        }
        roles: dict[str, str] = {}
        async with self._database.read() as connection:
            for role, listed in by_role.items():
                roles |= dict.fromkeys((await connection.execute(listed)).scalars(), role)
        return roles

    @uninterrupted
    async def adopt(self, orphans: Sequence[Orphan], fetched: Sequence[FetchedManifest], now: float) -> int:
        """Record blobs that are durably in the store, with what those of them that are manifests list.

        Images that failed for want of one become pending; returns how many.
        """
        rows = [
            {
                "digest": orphan.digest,
                "role": orphan.role,
                "size_bytes": orphan.size_bytes,
                "state": State.DONE,
                "reason": None,
                "detail": None,
                "is_temporary": None,
                "finished_at": now,
            }
            for orphan in orphans
        ]
        changes = [name for name in rows[0] if name not in {"digest", "role"}] if rows else []
        async with self._database.write() as connection:
            await _begin(connection, [orphan.digest for orphan in orphans])
            was_missed = and_(blobs.c.state == State.FAILED, blobs.c.digest == _subjects.c.digest)
            await connection.execute(
                _subjects.delete().where(~select(blobs.c.digest).where(was_missed).exists())
            )
            requeued = await _requeue(connection, images.c.state == State.FAILED)
            await upsert(connection, blobs, rows, key=["digest"], update=changes)
            await record_manifests(connection, fetched, now)
            await _end(connection)
        return requeued

    @uninterrupted
    async def withdraw(self, digests: Collection[str], misread: Collection[str]) -> Withdrawn:
        """Say no more that these blobs are in the store.

        Images that need one become pending, whatever was left of them. The profiles that rest on them
        are forgotten: those of images whose manifest or configuration is one, those of layers that were
        ``misread``, and those of images with such a layer.
        """
        async with self._database.write() as connection:
            await _begin(connection, digests)
            requeued = await _requeue(connection, images.c.state != State.PENDING)
            profiles = await _drop_profiles(connection, misread)
            await _delete_manifests(connection)
            await connection.execute(blobs.delete().where(_is_subject(blobs.c.digest)))
            await _end(connection)
        return Withdrawn(requeued, profiles)


async def _begin(connection: AsyncConnection, digests: Iterable[str]) -> None:
    """Make ``digests`` the subjects of the statements that follow."""
    await connection.run_sync(_scratch.create_all)
    await upsert(connection, _subjects, [{"digest": digest} for digest in digests], key=["digest"])


async def _end(connection: AsyncConnection) -> None:
    await connection.run_sync(_scratch.drop_all)


def _configs(digests: Collection[str], of: Select[str]) -> Select[str]:
    """Which of the digests are configurations of these manifests."""
    return select(manifests.c.config_digest).where(
        manifests.c.config_digest.in_(digests), manifests.c.digest.in_(of)
    )


def _layers(digests: Collection[str], of: Select[str]) -> Select[str]:
    """Which of the digests are layers of these manifests."""
    return select(manifest_layers.c.digest).where(
        manifest_layers.c.digest.in_(digests), manifest_layers.c.manifest_digest.in_(of)
    )


def _is_subject(column: ColumnElement[str]) -> ColumnElement[bool]:
    return column.in_(select(_subjects.c.digest))


async def _requeue(connection: AsyncConnection, condition: ColumnElement[bool]) -> int:
    """Make the images that need a subject, and meet the condition, pending; returns how many."""
    await _find_holders(connection)
    holders = select(_holders.c.digest)
    of_manifest = select(image_manifests.c.image_id).where(image_manifests.c.manifest_digest.in_(holders))
    needs = or_(images.c.id.in_(of_manifest), images.c.root_digest.in_(holders))
    values = {"state": State.PENDING, "attempts": 0, "retry_at": None}
    requeued = (await connection.execute(update(images).where(condition, needs).values(values))).rowcount
    if requeued:
        await note_stale_index(connection)
    return requeued


async def _find_holders(connection: AsyncConnection) -> None:
    """Gather the manifests that are subjects or list one, and everything above them."""
    listing = select(manifest_layers.c.manifest_digest).where(_is_subject(manifest_layers.c.digest))
    await _gather(connection, union(listing, _documents()))
    held = manifests.c.digest == _holders.c.digest
    # Indexes name their children, and artifacts their subjects, by the canonical digest.
    parents = (
        select(manifest_children.c.parent_digest)
        .join(manifests, manifests.c.canonical_digest == manifest_children.c.digest)
        .join(_holders, held)
    )
    about = manifests.alias("about")
    described = (
        select(about.c.digest)
        .join(referrers, referrers.c.subject_digest == about.c.canonical_digest)
        .join(_holders, referrers.c.manifest_digest == _holders.c.digest)
    )
    while await _gather(connection, union(parents, described)):
        pass


def _documents() -> Select[str]:
    """The manifests that are subjects, and those with a configuration that is one."""
    named = or_(_is_subject(manifests.c.config_digest), _is_subject(manifests.c.digest))
    # An image of version 1 has a configuration for each of its layers.
    of_layer = v1_layers.c.layer_digest == manifest_layers.c.digest
    of_version_1 = select(manifest_layers.c.manifest_digest).join(v1_layers, of_layer)
    described = manifests.c.digest.in_(of_version_1.where(_is_subject(v1_layers.c.json_digest)))
    return select(manifests.c.digest).where(or_(named, described))


async def _gather(connection: AsyncConnection, found: SelectBase) -> int:
    """Add digests to the holders; returns how many are new."""
    some = found.subquery()
    is_new = some.c[0].not_in(select(_holders.c.digest))
    result = await connection.execute(
        _holders.insert().from_select(["digest"], select(some.c[0]).where(is_new))
    )
    return result.rowcount


async def _drop_profiles(connection: AsyncConnection, misread: Collection[str]) -> list[Digest]:
    """Forget profiles; returns the manifests of the images among them."""
    dropped: list[Digest] = []
    resting = [_documents()]
    wrong = sorted(misread)
    for start in range(0, len(wrong), IN_CHUNK):
        some = wrong[start : start + IN_CHUNK]
        await connection.execute(layer_profiles.delete().where(layer_profiles.c.digest.in_(some)))
        listing = select(manifest_layers.c.manifest_digest).where(manifest_layers.c.digest.in_(some))
        resting.append(listing.distinct())
        await connection.execute(image_chains.delete().where(image_chains.c.manifest_digest.in_(listing)))
    for query in resting:
        dropped += map(Digest, (await connection.execute(query)).scalars())
        await connection.execute(image_profiles.delete().where(image_profiles.c.digest.in_(query)))
    return dropped


async def _delete_manifests(connection: AsyncConnection) -> None:
    """Forget the manifests among the subjects: what they list is not known without their bytes."""
    for column in (
        manifest_children.c.parent_digest,
        manifest_layers.c.manifest_digest,
        image_manifests.c.manifest_digest,
        image_chains.c.manifest_digest,
        referrers.c.manifest_digest,
        manifests.c.digest,  # last: the others refer to it
    ):
        await connection.execute(column.table.delete().where(_is_subject(column)))

"""The downloader's work: which images to fetch, and what was fetched for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, case, func, not_, or_, select, update

from corpus.catalog.database import Row, uninterrupted, upsert
from corpus.catalog.schema import (
    blobs,
    images,
    repositories,
)
from corpus.records import ImageTask, State
from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement

    from corpus.catalog.database import Database

# Where a claim continues: (pull count, image id) of the last task handed out.
Position = tuple[int, int]

_pulls = func.coalesce(repositories.c.pull_count, -1)


class ImageCatalog:
    """Images, manifests and blobs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def expand(
        self, registries: Sequence[str], rule: str, tags: Sequence[str] | None, limit: int
    ) -> int:
        """Make ``tags`` of the next repositories not yet expanded by ``rule`` into images to fetch.

        Names outside the grammar become failed images: they were listed, and nobody can pull them.
        Repositories that came with a reference of their own (a list file) keep to it. ``tags`` is
        ``None`` when the registry must be asked for them: then only these two kinds are expanded.
        Returns how many repositories were expanded, at most ``limit``; 0 means that none is left.
        """
        query = (
            select(
                repositories.c.id, repositories.c.name, repositories.c.is_pullable, _keeps_its_own_reference()
            )
            .where(_not_expanded(registries, rule))
            .limit(limit)
        )
        if tags is None:
            query = query.where(~_has_tags_to_list())
        async with self._database.write() as connection:
            found = (await connection.execute(query)).all()
            rows = [
                _image_row(identifier, name, tag, is_pullable=is_pullable)
                for identifier, name, is_pullable, keeps_its_own in found
                if not keeps_its_own
                for tag in tags or ["latest"]
            ]
            await upsert(connection, images, rows, key=["repository_id", "reference"])
            expanded = [{"repository": row[0]} for row in found]
            if expanded:
                by_id = repositories.c.id == bindparam("repository")
                await connection.execute(update(repositories).where(by_id).values(tags_rule=rule), expanded)
        return len(found)

    async def unexpanded(
        self, registries: Sequence[str], rule: str, *, after: int, limit: int
    ) -> list[tuple[int, str, str]]:
        """The next repositories whose tags are still to be listed: ``(id, registry, name)``, by id."""
        query = (
            select(repositories.c.id, repositories.c.registry, repositories.c.name)
            .where(_not_expanded(registries, rule), _has_tags_to_list(), repositories.c.id > after)
            .order_by(repositories.c.id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [(row[0], row[1], row[2]) for row in await connection.execute(query)]

    @uninterrupted
    async def expand_repository(self, repository_id: int, rule: str, tags: Sequence[str]) -> None:
        """Record the tags of one repository as images to fetch."""
        rows = [_image_row(repository_id, "", tag, is_pullable=True) for tag in tags]
        async with self._database.write() as connection:
            await upsert(connection, images, rows, key=["repository_id", "reference"])
            await connection.execute(
                update(repositories).where(repositories.c.id == repository_id).values(tags_rule=rule)
            )

    @uninterrupted
    async def reopen(self, registries: Sequence[str], *, permanent: bool) -> int:
        """Make images that failed for a passing reason (or for any) pending again; returns how many.

        Blobs that failed with them are forgotten, so that they are fetched anew; foreign layers,
        with which no image failed, are not.
        """
        blob_wanted = and_(blobs.c.state == State.FAILED, blobs.c.reason != Reason.FOREIGN_SKIPPED)
        if not permanent:
            blob_wanted = and_(blob_wanted, blobs.c.is_temporary)
        async with self._database.write() as connection:
            await connection.execute(blobs.delete().where(blob_wanted))
            statement = update(images).where(_is_reopenable(registries, permanent=permanent))
            return (await connection.execute(statement.values(state=State.PENDING))).rowcount

    async def pending(
        self, registries: Sequence[str], platforms: str, *, after: Position | None, limit: int
    ) -> list[ImageTask]:
        """The next images to fetch, most pulled first.

        Besides the pending ones these are the ones settled under another platform rule, unless
        nothing was there to choose from: going over them again fetches only what the new rule adds.
        """
        query = (
            select(images.c.id, repositories.c.registry, repositories.c.name, images.c.reference, _pulls)
            .join(repositories, repositories.c.id == images.c.repository_id)
            .where(_is_open(registries, platforms))
            .order_by(_pulls.desc(), images.c.id)
            .limit(limit)
        )
        if after is not None:
            pulls, identifier = after
            query = query.where(or_(_pulls < pulls, and_(_pulls == pulls, images.c.id > identifier)))
        async with self._database.read() as connection:
            return [ImageTask(*row) for row in await connection.execute(query)]

    async def count(self, registries: Sequence[str], platforms: str) -> tuple[int, int]:
        """``(open, settled)``: images :meth:`pending` would hand out in all, and images done or failed."""
        is_open = _is_open(registries, platforms)
        query = (
            select(func.coalesce(func.sum(case((is_open, 1), else_=0)), 0), func.count())
            .select_from(images.join(repositories, repositories.c.id == images.c.repository_id))
            .where(repositories.c.registry.in_(registries))
        )
        async with self._database.read() as connection:
            pending, total = (await connection.execute(query)).one()
            return int(pending), int(total) - int(pending)

    async def has_unexpanded(self, registries: Sequence[str], rule: str) -> bool:
        """Whether some repository's tags are still to be looked at."""
        async with self._database.read() as connection:
            query = select(repositories.c.id).where(_not_expanded(registries, rule)).limit(1)
            return (await connection.execute(query)).first() is not None

    async def has_reopenable(self, registries: Sequence[str], *, permanent: bool) -> bool:
        """Whether :meth:`reopen` would find anything to do."""
        async with self._database.read() as connection:
            query = select(images.c.id).where(_is_reopenable(registries, permanent=permanent)).limit(1)
            return (await connection.execute(query)).first() is not None


def _not_expanded(registries: Sequence[str], rule: str) -> ColumnElement[bool]:
    return and_(
        repositories.c.registry.in_(registries),
        or_(repositories.c.tags_rule.is_(None), repositories.c.tags_rule != rule),
    )


def _keeps_its_own_reference() -> ColumnElement[bool]:
    has_reference = select(images.c.id).where(images.c.repository_id == repositories.c.id).exists()
    return and_(repositories.c.tags_rule.is_(None), has_reference)


def _has_tags_to_list() -> ColumnElement[bool]:
    return and_(repositories.c.is_pullable, not_(_keeps_its_own_reference()))


def _is_open(registries: Sequence[str], platforms: str) -> ColumnElement[bool]:
    other_rule = and_(images.c.root_digest.is_not(None), images.c.platforms != platforms)
    return and_(
        repositories.c.registry.in_(registries),
        or_(images.c.state == State.PENDING, other_rule),
    )


def _is_reopenable(registries: Sequence[str], *, permanent: bool) -> ColumnElement[bool]:
    in_scope = select(repositories.c.id).where(repositories.c.registry.in_(registries))
    failed = and_(
        images.c.state == State.FAILED,
        images.c.reason != Reason.INVALID_NAME,
        images.c.repository_id.in_(in_scope),
    )
    return failed if permanent else and_(failed, images.c.is_temporary)


def _image_row(repository_id: int, name: str, tag: str, *, is_pullable: bool) -> Row:
    return {
        "repository_id": repository_id,
        "reference": tag,
        "state": State.PENDING if is_pullable else State.FAILED,
        "reason": None if is_pullable else Reason.INVALID_NAME,
        "detail": None if is_pullable else f"{name!r} breaks the image-name grammar: it cannot be pulled",
        "is_temporary": None if is_pullable else False,
    }

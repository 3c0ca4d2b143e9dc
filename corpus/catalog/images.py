"""The downloader's work: repositories become images; those of the plan are fetched, or due again later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, case, func, not_, or_, select, tuple_, update

from corpus.catalog.database import Row, uninterrupted, upsert
from corpus.catalog.schema import (
    blobs,
    image_manifests,
    images,
    manifest_layers,
    manifests,
    plan,
    repositories,
)
from corpus.records import ImageTask, State
from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Select

    from corpus.catalog.database import Database

# Where a claim continues: (rank, image id) of the last task handed out.
Position = tuple[int, int]
START: Position = (-1, -1)


@dataclass(frozen=True, slots=True)
class Retries:
    """Images that failed for a passing reason and are tried again.

    Attributes:
        images: How many.
        next_at: When the first of them is due, in unix seconds; ``None`` if there are none.
    """

    images: int
    next_at: float | None


class ImageCatalog:
    """Images, by what is to be done with them."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def expand(
        self, registries: Sequence[str], rule: str, tags: Sequence[str] | None, limit: int, after: int = 0
    ) -> int:
        """Make ``tags`` of the next repositories not yet expanded by ``rule`` into images to fetch.

        Names outside the grammar become failed images: they were listed, and nobody can pull them.
        Repositories that came with a reference of their own (a list file) keep to it. ``tags`` is
        ``None`` when the registry must be asked for them: then only these two kinds are expanded.
        Returns the id of the last repository expanded, behind which to go on (``after``); 0 means that
        none is left.
        """
        query = (
            select(
                repositories.c.id, repositories.c.name, repositories.c.is_pullable, _keeps_its_own_reference()
            )
            .where(_not_expanded(registries, rule), repositories.c.id > after)
            .order_by(repositories.c.id)
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
        return int(found[-1][0]) if found else 0

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

    async def pending(
        self, registries: Sequence[str], scope: str, *, after: Position = START, limit: int
    ) -> list[ImageTask]:
        """The next images of the plan to fetch, in its order, behind ``after``.

        Besides the pending ones these are the ones settled under a scope that does not include this one,
        unless nothing was there to choose from: going over them again fetches only what is missing.
        """
        query = (
            _planned(registries)
            .add_columns(
                images.c.id,
                repositories.c.registry,
                repositories.c.name,
                images.c.reference,
                images.c.attempts,
                plan.c.rank,
            )
            .where(_is_open(scope), tuple_(plan.c.rank, plan.c.image_id) > tuple_(*after))
            .order_by(plan.c.rank, plan.c.image_id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [ImageTask(*row) for row in await connection.execute(query)]

    async def count(self, registries: Sequence[str], scope: str) -> int:
        """How many images :meth:`pending` would hand out in all."""
        query = _planned(registries).add_columns(func.count()).where(_is_open(scope))
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def with_work(
        self, registries: Sequence[str], scope: str, *, until: float, permanent: bool
    ) -> set[str]:
        """Registries with images in the plan to fetch, or due again at ``until``; or failed at all."""
        wanted = or_(_is_open(scope), _is_failed() if permanent else _is_due(until))
        return await self._registries(registries, lambda left: _planned(left).where(wanted))

    async def unexpanded_registries(self, registries: Sequence[str], rule: str) -> set[str]:
        """Registries with repositories whose tags are still to be looked at."""
        return await self._registries(
            registries, lambda left: select().select_from(repositories).where(_not_expanded(left, rule))
        )

    async def _registries(
        self, registries: Sequence[str], query: Callable[[Sequence[str]], Select[()]]
    ) -> set[str]:
        """Which of the registries have rows: each costs no more than the way to its first one."""
        found = set[str]()
        async with self._database.read() as connection:
            while left := [name for name in registries if name not in found]:
                first = query(left).add_columns(repositories.c.registry).limit(1)
                name = (await connection.execute(first)).scalar()
                if name is None:
                    break
                found.add(name)
        return found

    @uninterrupted
    async def reopen(
        self, registries: Sequence[str], now: float, *, permanent: bool, since: float
    ) -> dict[Reason, int]:
        """Make images of the plan pending again: those due at ``now``, or all that failed.

        Of the blobs, those that the images failed with are forgotten, so that they are fetched anew;
        foreign layers, with which no image fails, are not.

        Returns:
            How many of these images failed after ``since`` (unix seconds), by reason.
        """
        wanted = _planned(registries).where(_is_failed() if permanent else _is_due(now))
        ids = wanted.add_columns(images.c.id)
        by_reason = wanted.add_columns(
            images.c.reason, func.sum(case((images.c.finished_at > since, 1), else_=0))
        )
        fresh = {"attempts": 0} if permanent else {}
        async with self._database.write() as connection:
            found = (await connection.execute(by_reason.group_by(images.c.reason))).all()
            if found:
                await connection.execute(blobs.delete().where(_is_to_forget(ids, permanent=permanent)))
                again = update(images).where(images.c.id.in_(ids))
                await connection.execute(again.values(state=State.PENDING, retry_at=None, **fresh))
        return {Reason(reason): count for reason, count in found if count}

    async def retries(self, registries: Sequence[str]) -> Retries:
        """The images of the plan that are due again some time."""
        is_scheduled = and_(images.c.state == State.FAILED, images.c.retry_at.is_not(None))
        query = (
            _planned(registries).add_columns(func.count(), func.min(images.c.retry_at)).where(is_scheduled)
        )
        async with self._database.read() as connection:
            return Retries(*(await connection.execute(query)).one())

    async def has_given_up(self, registries: Sequence[str]) -> bool:
        """Whether images of the plan failed for good, or as often as they are tried unasked."""
        query = _planned(registries).add_columns(images.c.id)
        query = query.where(_is_failed(), images.c.retry_at.is_(None)).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

    async def is_settled(self) -> bool:
        """Whether no image of the census is pending, or due again some time."""
        is_left = or_(images.c.state == State.PENDING, images.c.retry_at.is_not(None))
        async with self._database.read() as connection:
            return (await connection.execute(select(images.c.id).where(is_left).limit(1))).first() is None


def _not_expanded(registries: Sequence[str], rule: str) -> ColumnElement[bool]:
    return and_(
        _is_of(registries),
        or_(repositories.c.tags_rule.is_(None), repositories.c.tags_rule != rule),
    )


def _is_of(registries: Sequence[str]) -> ColumnElement[bool]:
    """Whether a repository is of one of these registries, where these are most of what there is.

    An expression, so that no database begins at the index of names, and sorts a million for each page.
    """
    return func.coalesce(repositories.c.registry, "").in_(registries)


def _keeps_its_own_reference() -> ColumnElement[bool]:
    has_reference = select(images.c.id).where(images.c.repository_id == repositories.c.id).exists()
    return and_(repositories.c.tags_rule.is_(None), has_reference)


def _has_tags_to_list() -> ColumnElement[bool]:
    return and_(repositories.c.is_pullable, not_(_keeps_its_own_reference()))


def _planned(registries: Sequence[str]) -> Select[()]:
    """The images of the plan, without columns yet."""
    planned = plan.join(images, images.c.id == plan.c.image_id)
    return (
        select()
        .select_from(planned.join(repositories, repositories.c.id == images.c.repository_id))
        .where(_is_of(registries))
    )


def _is_open(scope: str) -> ColumnElement[bool]:
    """Not settled, or settled under a scope that lacks something of this one."""
    includes = or_(images.c.platforms == scope, images.c.platforms.startswith(f"{scope} +", autoescape=True))
    return or_(images.c.state == State.PENDING, and_(images.c.root_digest.is_not(None), not_(includes)))


def _is_failed() -> ColumnElement[bool]:
    return and_(images.c.state == State.FAILED, images.c.reason != Reason.INVALID_NAME)


def _is_due(now: float) -> ColumnElement[bool]:
    return and_(images.c.state == State.FAILED, images.c.retry_at <= now)


def _is_to_forget(image_ids: Select[int], *, permanent: bool) -> ColumnElement[bool]:
    """The failed blobs of these images, and all of artifacts: those belong to no image in the catalog."""
    of_images = select(image_manifests.c.manifest_digest).where(image_manifests.c.image_id.in_(image_ids))
    layers = select(manifest_layers.c.digest).where(manifest_layers.c.manifest_digest.in_(of_images))
    configs = select(manifests.c.config_digest).where(manifests.c.digest.in_(of_images))
    is_theirs = or_(blobs.c.role == "artifact", blobs.c.digest.in_(layers), blobs.c.digest.in_(configs))
    has_failed = and_(blobs.c.state == State.FAILED, blobs.c.reason != Reason.FOREIGN_SKIPPED)
    return and_(is_theirs, has_failed if permanent else and_(has_failed, blobs.c.is_temporary))


def _image_row(repository_id: int, name: str, tag: str, *, is_pullable: bool) -> Row:
    return {
        "repository_id": repository_id,
        "reference": tag,
        "state": State.PENDING if is_pullable else State.FAILED,
        "reason": None if is_pullable else Reason.INVALID_NAME,
        "detail": None if is_pullable else f"{name!r} breaks the image-name grammar: it cannot be pulled",
        "is_temporary": None if is_pullable else False,
    }

"""The downloader's work: repositories become images; those of the plan are fetched, or due again later."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import and_, bindparam, case, delete, func, not_, or_, select, tuple_, update

from corpus.catalog.database import Row, uninterrupted
from corpus.catalog.expansion import (
    choose,
    has_tags_to_list,
    image_row,
    is_of,
    keeps_its_own_reference,
    not_expanded,
    note_tag_failure,
)
from corpus.catalog.schema import (
    blobs,
    image_manifests,
    images,
    manifest_layers,
    manifests,
    plan,
    repositories,
    tag_failures,
)
from corpus.records import Failure, ImageTask, State
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
        Repositories that came with a reference of their own (a list file) keep to it, by any rule. ``tags``
        is ``None`` when the registry must be asked for them: then only these two kinds are expanded.
        Returns the id of the last repository expanded, behind which to go on (``after``); 0 means that
        none is left.
        """
        query = (
            select(
                repositories.c.id, repositories.c.name, repositories.c.is_pullable, keeps_its_own_reference()
            )
            .where(not_expanded(registries, rule), repositories.c.id > after)
            .order_by(repositories.c.id)
            .limit(limit)
        )
        if tags is None:
            query = query.where(~has_tags_to_list())
        async with self._database.write() as connection:
            found = (await connection.execute(query)).all()
            rows = [
                image_row(identifier, rule, tag, invalid_name=None if is_pullable else name)
                for identifier, name, is_pullable, keeps_its_own in found
                if not keeps_its_own
                for tag in tags or ["latest"]
            ]
            expanded = [{"repository": row[0]} for row in found]
            if expanded:
                await choose(connection, rule, rows, expanded)
                is_theirs = tag_failures.c.repository_id == bindparam("repository")
                await connection.execute(delete(tag_failures).where(is_theirs), expanded)
        return int(found[-1][0]) if found else 0

    async def unexpanded(
        self, registries: Sequence[str], rule: str, *, after: int, limit: int
    ) -> list[tuple[int, str, str]]:
        """The next repositories whose tags are still to be listed: ``(id, registry, name)``, by id."""
        query = (
            select(repositories.c.id, repositories.c.registry, repositories.c.name)
            .where(not_expanded(registries, rule), has_tags_to_list(), repositories.c.id > after)
            .order_by(repositories.c.id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [(row[0], row[1], row[2]) for row in await connection.execute(query)]

    @uninterrupted
    async def expand_repository(
        self, repository_id: int, rule: str, tags: Sequence[str], failure: Failure | None = None
    ) -> None:
        """Record the tags of one repository as images to fetch, and why they could not be listed, if so."""
        rows = [image_row(repository_id, rule, tag) for tag in tags]
        async with self._database.write() as connection:
            await choose(connection, rule, rows, [{"repository": repository_id}])
            await note_tag_failure(connection, repository_id, failure)

    @uninterrupted
    async def postpone_repository(self, repository_id: int, failure: Failure) -> None:
        """Record why the tags of one repository could not be listed now: the next run asks again."""
        async with self._database.write() as connection:
            await note_tag_failure(connection, repository_id, failure)

    async def pending(
        self, registries: Sequence[str], scope: str, *, after: Position = START, limit: int
    ) -> list[ImageTask]:
        """The next images of the plan to fetch, in its order, behind ``after``.

        Besides the pending ones these are the ones settled under a scope that does not include this one,
        unless nothing was there to choose from, or the wider scope was tried: going over them again fetches
        only what is missing.
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
            registries, lambda left: select().select_from(repositories).where(not_expanded(left, rule))
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
                await connection.execute(again.values(_opened() | fresh))
        return {Reason(reason): count for reason, count in found if count}

    async def retries(self, registries: Sequence[str]) -> Retries:
        """The images of the plan that are due again some time."""
        query = _planned(registries).add_columns(func.count(), func.min(images.c.retry_at))
        async with self._database.read() as connection:
            return Retries(*(await connection.execute(query.where(images.c.retry_at.is_not(None)))).one())

    async def has_given_up(self, registries: Sequence[str]) -> bool:
        """Whether images of the plan failed for good, or as often as they are tried unasked."""
        query = _planned(registries).add_columns(images.c.id)
        query = query.where(_is_failed(), images.c.retry_at.is_(None)).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

    async def is_settled(self) -> bool:
        """Whether no image of the census is pending, or failed for a passing reason, however often."""
        is_left = or_(images.c.state == State.PENDING, images.c.is_temporary)
        async with self._database.read() as connection:
            return (await connection.execute(select(images.c.id).where(is_left).limit(1))).first() is None


def _planned(registries: Sequence[str]) -> Select[()]:
    """The images of the plan, without columns yet."""
    planned = plan.join(images, images.c.id == plan.c.image_id)
    return (
        select()
        .select_from(planned.join(repositories, repositories.c.id == images.c.repository_id))
        .where(is_of(registries))
    )


def _is_open(scope: str) -> ColumnElement[bool]:
    """Not settled, or settled under a scope that lacks something of this one, which was not tried since."""
    was_tried = images.c.missed_platforms.is_not_distinct_from(scope)
    is_narrower = and_(images.c.root_digest.is_not(None), not_(_includes(scope)))
    return or_(images.c.state == State.PENDING, and_(is_narrower, not_(was_tried)))


def _includes(scope: str) -> ColumnElement[bool]:
    """Whether the scope of an image has the platforms of this one, and every extra (``+referrers``)."""
    platforms, *extras = scope.split(" +")
    has = images.c.platforms
    return and_(
        or_(has == platforms, has.startswith(f"{platforms} +", autoescape=True)),
        *(has.contains(f" +{extra}", autoescape=True) for extra in extras),
    )


def _is_failed() -> ColumnElement[bool]:
    has_failed = and_(images.c.state == State.FAILED, images.c.reason != Reason.INVALID_NAME)
    return or_(has_failed, images.c.missed_platforms.is_not(None))


def _is_due(now: float) -> ColumnElement[bool]:
    return images.c.retry_at <= now


def _opened() -> Row:
    """What an image becomes that is to be tried again: pending, unless it is done but for a wider scope."""
    is_done = images.c.state == State.DONE
    return {
        "state": case((is_done, images.c.state), else_=State.PENDING),
        "missed_platforms": None,
        "retry_at": None,
    }


def _is_to_forget(image_ids: Select[int], *, permanent: bool) -> ColumnElement[bool]:
    """The failed blobs of these images, and all of artifacts: those belong to no image in the catalog."""
    of_images = select(image_manifests.c.manifest_digest).where(image_manifests.c.image_id.in_(image_ids))
    layers = select(manifest_layers.c.digest).where(manifest_layers.c.manifest_digest.in_(of_images))
    configs = select(manifests.c.config_digest).where(manifests.c.digest.in_(of_images))
    is_theirs = or_(blobs.c.role == "artifact", blobs.c.digest.in_(layers), blobs.c.digest.in_(configs))
    has_failed = and_(blobs.c.state == State.FAILED, blobs.c.reason != Reason.FOREIGN_SKIPPED)
    return and_(is_theirs, has_failed if permanent else and_(has_failed, blobs.c.is_temporary))

"""What the census knows of names that helps to ask on: their words, beginnings and namespaces."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import exists, func, or_, select, update

from corpus.catalog.database import uninterrupted
from corpus.catalog.schema import repositories, sightings, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Select

    from corpus.catalog.database import Database

_OFFICIAL = "library/"

# As far as is known.
_IS_THERE = repositories.c.gone_at.is_(None)

# The character after all others: names from "ab" up to "ab" and this are those that begin with "ab".
_LAST = "\U0010ffff"


class NameCatalog:
    """Names of repositories."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def is_known(self, registry: str, names: Sequence[str]) -> bool:
        """Whether one of these repositories is known."""
        query = select(func.count()).where(
            repositories.c.registry == registry, repositories.c.name.in_(names)
        )
        return bool(await self._count(query))

    async def count_seen(self, registry: str, since: float) -> int:
        """Repositories that were listed since a moment, and are there as far as is known."""
        query = select(func.count()).where(
            repositories.c.registry == registry,
            repositories.c.last_seen_at >= since,
            _IS_THERE,
        )
        return await self._count(query)

    async def missing(self, registry: str, since: float, after: str, limit: int) -> list[str]:
        """Names after ``after``, in their order, that were not listed since, and are not known to be gone."""
        return await self._names(registry, after, limit, repositories.c.last_seen_at < since, _IS_THERE)

    async def seen(self, registry: str, since: float, after: str, limit: int) -> list[str]:
        """The same of names that were."""
        return await self._names(registry, after, limit, repositories.c.last_seen_at >= since, _IS_THERE)

    async def unlisted(self, registry: str, source: str, since: float, after: str, limit: int) -> list[str]:
        """The same of names that were listed since, but not by ``source``; also of those gone before."""
        is_listed = exists().where(
            sightings.c.repository_id == repositories.c.id,
            sightings.c.source == source,
            sightings.c.last_seen_at >= since,
        )
        is_shown = or_(_IS_THERE, repositories.c.gone_at <= repositories.c.last_seen_at)
        return await self._names(
            registry, after, limit, repositories.c.last_seen_at >= since, ~is_listed, is_shown
        )

    async def listed(self, registry: str, source: str) -> str | None:
        """A repository that is there as far as is known, and was listed by ``source``."""
        query = select(repositories.c.name).where(
            repositories.c.registry == registry,
            _IS_THERE,
            sightings.c.repository_id == repositories.c.id,
            sightings.c.source == source,
        )
        async with self._database.read() as connection:
            found: str | None = (await connection.execute(query.limit(1))).scalar_one_or_none()
        return found

    async def _names(
        self, registry: str, after: str, limit: int, *conditions: ColumnElement[bool]
    ) -> list[str]:
        query = (
            select(repositories.c.name)
            .where(
                repositories.c.registry == registry,
                repositories.c.name > after,
                *conditions,
            )
            .order_by(repositories.c.name)
            .limit(limit)
        )
        return [name for (name,) in await self._database.fetch(query)]

    async def _count(self, query: Select[*tuple[int]]) -> int:
        [(count,)] = await self._database.fetch(query)
        return int(count)

    async def count_in(self, registry: str, namespace: str) -> int:
        """Known repositories of a namespace that are there, as far as is known."""
        start = f"{namespace}/"
        query = select(func.count()).where(
            repositories.c.registry == registry,
            repositories.c.name >= start,
            repositories.c.name < start + _LAST,
            _IS_THERE,
        )
        return await self._count(query)

    async def count_listed(self, registry: str, namespace: str, source: str, since: float) -> int:
        """Repositories of a namespace that one source has listed since a moment."""
        start = f"{namespace}/"
        query = select(func.count()).where(
            repositories.c.registry == registry,
            repositories.c.name >= start,
            repositories.c.name < start + _LAST,
            sightings.c.repository_id == repositories.c.id,
            sightings.c.source == source,
            sightings.c.last_seen_at >= since,
        )
        return await self._count(query)

    @uninterrupted
    async def mark_gone(self, registry: str, namespace: str, unseen_since: float, now: float) -> int:
        """After a complete listing of a namespace: what it no longer has is gone; returns how many."""
        start = f"{namespace}/"
        statement = (
            update(repositories)
            .where(
                repositories.c.registry == registry,
                repositories.c.name >= start,
                repositories.c.name < start + _LAST,
                repositories.c.last_seen_at < unseen_since,
                _IS_THERE,
            )
            .values(gone_at=now)
        )
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount

    @uninterrupted
    async def mark_one_gone(self, registry: str, name: str, now: float) -> None:
        """A repository was asked for, and is not there."""
        statement = update(repositories).where(
            repositories.c.registry == registry,
            repositories.c.name == name,
            _IS_THERE,
        )
        async with self._database.write() as connection:
            await connection.execute(statement.values(gone_at=now))

    async def next_characters(self, registry: str, term: str) -> dict[str, int]:
        """How many known names, as search shows them, go on from ``term`` with which character; "": none."""
        counts: Counter[str] = Counter()
        for start in (term, _OFFICIAL + term):
            shown = func.substr(repositories.c.name, len(start) + 1, 1)
            query = (
                select(shown, func.count())
                .where(
                    repositories.c.registry == registry,
                    repositories.c.name >= start,
                    repositories.c.name < start + _LAST,
                )
                .group_by(shown)
            )
            counts.update(dict(map(tuple, await self._database.fetch(query))))
        return dict(counts)

    async def next_in_words(self, registry: str, term: str) -> dict[str, int]:
        """The same for the words of names."""
        shown = func.substr(words.c.word, len(term) + 1, 1)
        query = (
            select(shown, func.sum(words.c.names))
            .where(words.c.registry == registry, words.c.word >= term, words.c.word < term + _LAST)
            .group_by(shown)
        )
        return {next_: int(count) for next_, count in await self._database.fetch(query)}

    async def known_words(self, registry: str, after: str, limit: int) -> dict[str, int]:
        """Words of known names in their order, from ``after`` on."""
        query = (
            select(words.c.word, words.c.names)
            .where(words.c.registry == registry, words.c.word > after)
            .order_by(words.c.word)
            .limit(limit)
        )
        return dict(map(tuple, await self._database.fetch(query)))

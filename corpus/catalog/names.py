"""What the census knows of names that helps to ask on: their words, beginnings and namespaces."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from corpus.catalog.database import uninterrupted
from corpus.catalog.schema import repositories, sightings, words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from corpus.catalog.database import Database

_OFFICIAL = "library/"

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
        async with self._database.read() as connection:
            return bool((await connection.execute(query)).scalar_one())

    async def count_seen(self, registry: str, since: float) -> int:
        """Repositories that were listed since a moment, and are there as far as is known."""
        query = select(func.count()).where(
            repositories.c.registry == registry,
            repositories.c.last_seen_at >= since,
            repositories.c.gone_at.is_(None),
        )
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    async def missing(self, registry: str, since: float, after: str, limit: int) -> list[str]:
        """Names after ``after``, in their order, that were not listed since, and are not known to be gone."""
        query = (
            select(repositories.c.name)
            .where(
                repositories.c.registry == registry,
                repositories.c.name > after,
                repositories.c.last_seen_at < since,
                repositories.c.gone_at.is_(None),
            )
            .order_by(repositories.c.name)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def count_in(self, registry: str, namespace: str) -> int:
        """Known repositories of a namespace that are there, as far as is known."""
        start = f"{namespace}/"
        query = select(func.count()).where(
            repositories.c.registry == registry,
            repositories.c.name >= start,
            repositories.c.name < start + _LAST,
            repositories.c.gone_at.is_(None),
        )
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

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
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

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
                repositories.c.gone_at.is_(None),
            )
            .values(gone_at=now)
        )
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount

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
            async with self._database.read() as connection:
                counts.update({next_: count for next_, count in await connection.execute(query)})  # noqa: C416 - Row pairs
        return dict(counts)

    async def next_in_words(self, registry: str, term: str) -> dict[str, int]:
        """The same for the words of names."""
        shown = func.substr(words.c.word, len(term) + 1, 1)
        query = (
            select(shown, func.sum(words.c.names))
            .where(words.c.registry == registry, words.c.word >= term, words.c.word < term + _LAST)
            .group_by(shown)
        )
        async with self._database.read() as connection:
            return {next_: int(count) for next_, count in await connection.execute(query)}

    async def known_words(self, registry: str, after: str, limit: int) -> dict[str, int]:
        """Words of known names in their order, from ``after`` on."""
        query = (
            select(words.c.word, words.c.names)
            .where(words.c.registry == registry, words.c.word > after)
            .order_by(words.c.word)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return {word: count for word, count in await connection.execute(query)}  # noqa: C416 - Row pairs

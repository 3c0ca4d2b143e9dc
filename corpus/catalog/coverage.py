"""How complete a sweep is: the ledger added up, and namespaces by what each route shows of them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import case, exists, func, select, update

from corpus.catalog.database import uninterrupted
from corpus.catalog.ledgers import NAMESPACE, REPOSITORY, End
from corpus.catalog.schema import queries, repositories, sightings, sweeps
from corpus.catalog.updates import UpdateCatalog
from corpus.records import State

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Exists

    from corpus.catalog.database import Database


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """What a sweep can say of its completeness.

    Attributes:
        found: Repositories known, and not known to be gone.
        gone: Those that the listing of their namespace no longer has.
        estimated: How many there are by estimate; ``None`` while nothing can be said.
        high: The upper end of its 95 % interval, which begins with what both routes know.
        shown: The share of repositories that search shows, by estimate.
        namespaces: Namespaces listed.
        namespaces_waiting: Those still to be listed.
        queries: Searches answered.
        queries_waiting: Searches to be asked.
        unreadable: Rows that the site cannot serve.
        out_of_reach: Searches given up, by reason.
        known_until: Whatever changed before is known, unix s; ``None`` before the first complete sweep.
    """

    found: int
    gone: int
    estimated: int | None = None
    high: int | None = None
    shown: float | None = None
    namespaces: int = 0
    namespaces_waiting: int = 0
    queries: int = 0
    queries_waiting: int = 0
    unreadable: int = 0
    out_of_reach: dict[str, int] = {}
    known_until: float | None = None


class CoverageCatalog:
    """The completeness of sweeps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def counts(self, registry: str) -> Coverage:
        """What the ledger says; nothing is estimated."""
        is_gone = repositories.c.gone_at.is_not(None)
        known = select(func.count(), func.coalesce(func.sum(case((is_gone, 1), else_=0)), 0)).where(
            repositories.c.registry == registry
        )
        is_listing = queries.c.endpoint == NAMESPACE
        is_waiting = queries.c.state.in_((State.PENDING, "open"))
        ledger = (
            select(
                is_listing,
                is_waiting,
                queries.c.state,
                queries.c.why,
                func.count(),
                func.sum(queries.c.unreadable),
            )
            .where(
                queries.c.registry == registry,
                queries.c.state != End.DROPPED,
                queries.c.endpoint != REPOSITORY,
            )
            .group_by(is_listing, is_waiting, queries.c.state, queries.c.why)
        )
        async with self._database.read() as connection:
            total, gone = (await connection.execute(known)).one()
            rows = (await connection.execute(ledger)).all()
        asked: Counter[tuple[bool, bool]] = Counter()
        given_up: Counter[str] = Counter()
        for listing, waiting, state, why, count, _ in rows:
            asked[bool(listing), bool(waiting)] += count
            if state == End.GIVEN_UP:
                given_up[why or ""] += count
        return Coverage(
            found=total - int(gone),
            gone=int(gone),
            namespaces=asked[True, False],
            namespaces_waiting=asked[True, True],
            queries=asked[False, False],
            queries_waiting=asked[False, True],
            unreadable=sum(int(unreadable or 0) for *_, unreadable in rows),
            out_of_reach=dict(given_up),
        )

    async def namespaces(
        self, registry: str, listing: str, searches: Collection[str]
    ) -> Counter[tuple[int, int]]:
        """Namespaces by how many repositories their ``listing`` has, and how many of these ``searches`` show.

        Only repositories that a listing has count.
        """

        def seen_by(sources: Collection[str]) -> Exists:
            return exists().where(
                sightings.c.repository_id == repositories.c.id, sightings.c.source.in_(sources)
            )

        query = (
            select(repositories.c.name, seen_by(searches))
            .where(repositories.c.registry == registry, repositories.c.gone_at.is_(None), seen_by([listing]))
            .order_by(repositories.c.name)
        )
        counts: Counter[tuple[int, int]] = Counter()
        async with self._database.read() as connection:
            rows = await connection.stream(query)
            owner, listed, shown = "", 0, 0
            async for name, is_shown in rows:
                its_owner = name.partition("/")[0]
                if its_owner != owner:
                    counts[listed, shown] += 1
                    owner, listed, shown = its_owner, 0, 0
                listed += 1
                shown += bool(is_shown)
            counts[listed, shown] += 1
        del counts[0, 0]
        return counts

    @uninterrupted
    async def keep(self, registry: str, coverage: Coverage) -> None:
        """Remember what was estimated, which takes a look at every repository."""
        text = msgspec.json.encode(coverage).decode()
        async with self._database.write() as connection:
            statement = update(sweeps).where(sweeps.c.registry == registry).values(coverage=text)
            await connection.execute(statement)

    async def all(self) -> dict[str, Coverage]:
        """The completeness of each sweep, by registry: counts of now, and what was estimated last."""
        query = select(sweeps.c.registry, sweeps.c.coverage).order_by(sweeps.c.registry)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        updates = UpdateCatalog(self._database)
        return {
            registry: msgspec.structs.replace(
                _with_estimate(await self.counts(registry), text),
                known_until=(await updates.state(registry)).known_until,
            )
            for registry, text in rows
        }


def _with_estimate(counts: Coverage, text: str | None) -> Coverage:
    if text is None:
        return counts
    last = msgspec.json.decode(text, type=Coverage)
    return msgspec.structs.replace(counts, estimated=last.estimated, high=last.high, shown=last.shown)

"""Updates: what has changed since a sweep, and up to when that is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import and_, func, or_, select, update

from corpus.catalog.database import uninterrupted, upsert
from corpus.catalog.ledgers import WAITING
from corpus.catalog.schema import queries, slices, sweeps, updates

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncConnection

    from corpus.catalog.database import Database


class Update(NamedTuple):
    """How far changes are known, in unix s.

    Attributes:
        known_until: Whatever changed before is known; ``None`` before the first complete sweep.
        started_at: When the update under way began; ``None`` where none is.
    """

    known_until: float | None
    started_at: float | None


class UpdateCatalog:
    """Updates of sweeps."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def state(self, registry: str) -> Update:
        """How far the changes of ``registry`` are known."""
        query = (
            select(sweeps.c.started_at, sweeps.c.completed_at, updates.c.known_until, updates.c.started_at)
            .select_from(sweeps.outerjoin(updates, updates.c.registry == sweeps.c.registry))
            .where(sweeps.c.registry == registry)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or row[1] is None:
            return Update(None, None)
        began, _, known_until, started_at = row
        is_older = known_until is None or known_until < began
        return Update(
            began if is_older else known_until, started_at if started_at and started_at > began else None
        )

    @uninterrupted
    async def start(self, registry: str, endpoint: str, now: float) -> None:
        """Begin an update: what earlier ones asked of ``endpoint`` is asked again."""
        async with self._database.write() as connection:
            await _forget(connection, registry, queries.c.endpoint == endpoint)
            row = {"registry": registry, "started_at": now}
            await upsert(connection, updates, [row], key=["registry"], update=["started_at"])

    @uninterrupted
    async def ask_again(self, registry: str, endpoint: str, keys: Collection[str], since: float) -> None:
        """Forget what ``endpoint`` answered before ``since`` to these queries, and to their parts."""
        finished = select(queries.c.key).where(
            queries.c.registry == registry,
            queries.c.endpoint == endpoint,
            queries.c.key.in_(keys),
            queries.c.state.not_in(WAITING),
            queries.c.finished_at < since,
        )
        async with self._database.write() as connection:
            for key in (await connection.execute(finished)).scalars().all():
                await _forget(connection, registry, queries.c.endpoint == endpoint, _is_part_of(key))

    @uninterrupted
    async def finish(self, registry: str, known_until: float) -> None:
        """The update under way is complete."""
        statement = update(updates).where(updates.c.registry == registry)
        async with self._database.write() as connection:
            await connection.execute(statement.values(known_until=known_until, started_at=None))

    async def count(self, registry: str, endpoint: str, state: str) -> int:
        """Queries of an update that ended so."""
        query = select(func.count()).where(
            queries.c.registry == registry, queries.c.endpoint == endpoint, queries.c.state == state
        )
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())


def _is_part_of(key: str) -> ColumnElement[bool]:
    """Queries for the same term, with whatever facets and order: their keys go on where this one ends."""
    start = key[:-1]
    return or_(queries.c.key == key, and_(queries.c.key >= start + ",", queries.c.key < start + "-"))


async def _forget(connection: AsyncConnection, registry: str, *conditions: ColumnElement[bool]) -> None:
    """Empty a part of the ledger; its rows are counted on."""
    mine = and_(queries.c.registry == registry, *conditions)
    numbers = select(queries.c.id).where(mine)
    rows = select(func.coalesce(func.sum(queries.c.rows), 0)).where(mine).scalar_subquery()
    before = update(sweeps).where(sweeps.c.registry == registry)
    await connection.execute(before.values(rows_before=sweeps.c.rows_before + rows))
    await connection.execute(slices.delete().where(slices.c.query_id.in_(numbers)))
    await connection.execute(queries.delete().where(mine))

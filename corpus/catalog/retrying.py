"""Pages of sweeps that failed for a passing reason: asked again before their time, or after all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import and_, case, func, or_, select, update

from corpus.catalog.database import uninterrupted
from corpus.catalog.ledgers import LEDGER, OPEN, WAITING, End, Ledger
from corpus.catalog.schema import queries, slices, sweeps
from corpus.records import State

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Select

    from corpus.catalog.database import Database

# What a query that is asked anew still knows: where its window ended, and rows that nothing shows.
_KEPT = {"refused_at", "unreadable", "new_names"}

_IS_LOST = and_(slices.c.state == State.FAILED, slices.c.is_temporary, slices.c.attempts > 0)


class RetryCatalog:
    """Failed pages of sweeps. A run that begins asks for each once more, which costs none of its tries."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def count_lost(self, registry: str, endpoints: Collection[str]) -> int:
        """Queries to these endpoints that were given up because of a page that might come after all."""
        async with self._database.read() as connection:
            lost = select(func.count()).select_from(_lost(registry, endpoints).subquery())
            return (await connection.execute(lost)).scalar_one()

    @uninterrupted
    async def hasten(self, registry: str) -> int:
        """Ask at once for what failed and was to wait; returns of how many queries."""
        waiting = (queries.c.registry == registry, queries.c.state.in_(WAITING), queries.c.retry_at > 0)
        pages = update(slices).where(
            slices.c.query_id.in_(select(queries.c.id).where(*waiting)),
            slices.c.state == State.PENDING,
            slices.c.attempts > 0,
        )
        async with self._database.write() as connection:
            await connection.execute(pages.values(attempts=slices.c.attempts - 1))
            return (await connection.execute(update(queries).where(*waiting).values(retry_at=0))).rowcount

    @uninterrupted
    async def take_up(self, registry: str, endpoints: Collection[str]) -> int:
        """Ask anew what was given up because of such pages; returns how many queries.

        All their pages are: what the others showed is not at hand any more.
        """
        async with self._database.write() as connection:
            numbers = (await connection.execute(_lost(registry, endpoints))).scalars().all()
            for number in numbers:
                mine = queries.c.id == number
                rows = select(func.coalesce(queries.c.rows, 0)).where(mine).scalar_subquery()
                before = update(sweeps).where(sweeps.c.registry == registry)
                await connection.execute(before.values(rows_before=sweeps.c.rows_before + rows))
                anew = update(slices).where(
                    slices.c.query_id == number, or_(slices.c.state == State.DONE, _IS_LOST)
                )
                tries = case((slices.c.attempts > 0, slices.c.attempts - 1), else_=0)
                await connection.execute(anew.values(state=State.PENDING, attempts=tries))
                ledger = {name: getattr(Ledger(), name) for name in LEDGER if name not in _KEPT}
                again = update(queries).where(mine)
                await connection.execute(
                    again.values(state=OPEN, retry_at=0, why=None, finished_at=None, **ledger)
                )
            return len(numbers)


def _lost(registry: str, endpoints: Collection[str]) -> Select[int]:
    return (
        select(queries.c.id)
        .distinct()
        .join(slices, slices.c.query_id == queries.c.id)
        .where(
            queries.c.registry == registry,
            queries.c.endpoint.in_(endpoints),
            queries.c.state == End.GIVEN_UP,
            _IS_LOST,
        )
    )

"""Sweeps: the ledger of every query and its pages, and the frontier of those to be asked."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from sqlalchemy import case, exists, func, select, update

from corpus.catalog.bookkeeping import add_queries, write_down
from corpus.catalog.database import uninterrupted, upsert
from corpus.catalog.ledgers import (
    FINGERPRINT_BYTES,
    KEY_OF_ONE_CHARACTER,
    LEDGER,
    OPEN,
    WAITING,
    Batch,
    End,
    Ledger,
    Names,
    NewQuery,
    Pages,
    SlicePlace,
    Sweep,
    SweepQuery,
    Totals,
)
from corpus.catalog.schema import queries, slices, sweeps, windows
from corpus.catalog.sightings import Brought, Lately
from corpus.records import State

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from corpus.catalog.database import Database


class SweepCatalog:
    """Queries and pages of sweeps."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lately = Lately()

    async def sweep(self, registry: str) -> Sweep | None:
        """The last sweep of ``registry``; ``None`` before the first."""
        query = select(sweeps.c.started_at, sweeps.c.completed_at).where(sweeps.c.registry == registry)
        rows = await self._database.fetch(query)
        return Sweep(*rows[0]) if rows else None

    @uninterrupted
    async def start(self, registry: str, now: float) -> Sweep:
        """Begin a sweep anew: its ledger is empty, while the census keeps what it knows."""
        mine = select(queries.c.id).where(queries.c.registry == registry)
        rows = select(func.coalesce(func.sum(queries.c.rows), 0)).where(queries.c.registry == registry)
        earlier = select(sweeps.c.rows_before).where(sweeps.c.registry == registry)
        self._lately = Lately()  # what an earlier sweep saw has to be seen again
        async with self._database.write() as connection:
            before = (await connection.execute(earlier)).scalar_one_or_none() or 0
            before += (await connection.execute(rows)).scalar_one()
            row = {"registry": registry, "started_at": now, "completed_at": None, "rows_before": before}
            await connection.execute(slices.delete().where(slices.c.query_id.in_(mine)))
            await connection.execute(queries.delete().where(queries.c.registry == registry))
            await upsert(
                connection,
                sweeps,
                [row],
                key=["registry"],
                update=["started_at", "completed_at", "rows_before"],
            )
        return Sweep(now, None)

    def see_anew(self) -> None:
        """What was seen until now has to be seen again."""
        self._lately = Lately()

    @uninterrupted
    async def complete(self, registry: str, endpoints: Collection[str], now: float) -> bool:
        """The sweep is complete if nothing is left to ask these endpoints; tells whether it is."""
        left = exists().where(
            queries.c.registry == registry, queries.c.state.in_(WAITING), queries.c.endpoint.in_(endpoints)
        )
        statement = update(sweeps).where(sweeps.c.registry == registry, ~left).values(completed_at=now)
        async with self._database.write() as connection:
            return bool((await connection.execute(statement)).rowcount)

    @uninterrupted
    async def reopen(self, registry: str) -> None:
        """There is more to ask, after all."""
        statement = update(sweeps).where(sweeps.c.registry == registry).values(completed_at=None)
        async with self._database.write() as connection:
            await connection.execute(statement)

    async def add(self, registry: str, new: Sequence[NewQuery]) -> int:
        """Put queries on the frontier, unless they were ever there; returns how many were not."""
        return await self._database.transact(partial(add_queries, registry=registry, new=new))

    async def write(self, registry: str, batch: Batch, names: Names, *, now: float) -> list[Brought]:
        """Write down what became of pages and queries, in one transaction; tells what each page brought."""
        lately = self._lately
        listed = [lately.unsaid(page.listed) for page in batch.came]
        work = partial(write_down, registry=registry, batch=batch, listed=listed, names=names, now=now)
        try:
            return await self._database.transact(work)
        except BaseException:
            lately.forget()  # what may not have been written
            raise

    async def totals(self, registry: str, apart: str) -> dict[str, Totals]:
        """What all queries of each endpoint brought, but for the one with the key ``apart``."""
        is_long = func.length(queries.c.key) > KEY_OF_ONE_CHARACTER
        query = (
            select(
                queries.c.endpoint,
                *(func.coalesce(func.sum(column), 0) for column in (queries.c.rows, queries.c.prefixed)),
                *(
                    func.coalesce(func.sum(case((is_long, column), else_=0)), 0)
                    for column in (queries.c.rows, queries.c.whole)
                ),
            )
            .where(queries.c.registry == registry, queries.c.key != apart)
            .group_by(queries.c.endpoint)
        )
        return {name: Totals(*map(int, sums)) for name, *sums in await self._database.fetch(query)}

    async def next_retry(self, registry: str, endpoints: Collection[str]) -> float | None:
        """When a query may be asked again of which a page failed, in unix s."""
        query = select(func.min(queries.c.retry_at)).where(
            queries.c.registry == registry,
            queries.c.state.in_(WAITING),
            queries.c.retry_at > 0,
            queries.c.endpoint.in_(endpoints),
        )
        [(found,)] = await self._database.fetch(query)
        return None if found is None else float(found)

    async def has_asked(self, registry: str, endpoint: str, key: str) -> bool:
        """Whether a query was ever put on the frontier."""
        query = select(func.count()).where(
            queries.c.registry == registry, queries.c.endpoint == endpoint, queries.c.key == key
        )
        [(found,)] = await self._database.fetch(query)
        return bool(found)

    async def windows(self, registry: str, account: str) -> dict[str, str]:
        """What is known of the windows of endpoints, as JSON."""
        query = select(windows.c.endpoint, windows.c.window).where(
            windows.c.registry == registry, windows.c.account == account
        )
        return dict(map(tuple, await self._database.fetch(query)))

    @uninterrupted
    async def keep_window(self, registry: str, endpoint: str, account: str, window: str, now: float) -> None:
        """Remember a window."""
        row = {
            "registry": registry,
            "endpoint": endpoint,
            "account": account,
            "window": window,
            "learned_at": now,
        }
        async with self._database.write() as connection:
            key = ["registry", "endpoint", "account"]
            await upsert(connection, windows, [row], key=key, update=["window", "learned_at"])

    async def begun(
        self, registry: str, endpoints: Collection[str], limit: int, apart: Collection[int], now: float
    ) -> list[SweepQuery]:
        """Queries of which pages came and others are to be asked for, but for the numbers ``apart``."""
        return await self._frontier(OPEN, registry, endpoints, limit, apart, now)

    async def pending(
        self, registry: str, endpoints: Collection[str], limit: int, apart: Collection[int], now: float
    ) -> list[SweepQuery]:
        """Queries that were never asked, those with the highest priority first."""
        return await self._frontier(State.PENDING, registry, endpoints, limit, apart, now)

    async def _frontier(
        self,
        state: str,
        registry: str,
        endpoints: Collection[str],
        limit: int,
        apart: Collection[int],
        now: float,
    ) -> list[SweepQuery]:
        query = (
            _SELECT.where(
                queries.c.registry == registry,
                queries.c.state == state,
                queries.c.retry_at <= now,
                queries.c.endpoint.in_(endpoints),
            )
            .order_by(queries.c.priority.desc(), queries.c.id)
            .limit(limit + len(apart))
        )
        rows = await self._database.fetch(query)
        return [_sweep_query(row) for row in rows if row.id not in apart][:limit]

    async def children(self, parent_id: int) -> list[SweepQuery]:
        """The queries into which one was split, asked or not."""
        rows = await self._database.fetch(_SELECT.where(queries.c.parent_id == parent_id))
        return [_sweep_query(row) for row in rows]

    async def undecided(self, registry: str, endpoints: Collection[str]) -> int | None:
        """A query all parts of which have ended, though it has not."""
        part = queries.alias()
        has_parts = exists().where(part.c.parent_id == queries.c.id, part.c.state.in_(WAITING))
        query = select(queries.c.id).where(
            queries.c.registry == registry,
            queries.c.state == End.PARTS,
            queries.c.endpoint.in_(endpoints),
            ~has_parts,
        )
        rows = await self._database.fetch(query.limit(1))
        return int(rows[0].id) if rows else None

    async def query(self, number: int) -> SweepQuery:
        """One query."""
        [row] = await self._database.fetch(_SELECT.where(queries.c.id == number))
        return _sweep_query(row)

    async def named(self, registry: str, endpoint: str, key: str) -> SweepQuery:
        """One query by what it asks."""
        query = _SELECT.where(
            queries.c.registry == registry, queries.c.endpoint == endpoint, queries.c.key == key
        )
        [row] = await self._database.fetch(query)
        return _sweep_query(row)

    async def split(self, registry: str, endpoint: str, after: int, limit: int) -> list[SweepQuery]:
        """Queries that were split into longer terms, by number from ``after`` on."""
        query = (
            _SELECT.where(
                queries.c.registry == registry,
                queries.c.endpoint == endpoint,
                queries.c.state == End.SPLIT,
                queries.c.id > after,
            )
            .order_by(queries.c.id)
            .limit(limit)
        )
        return [_sweep_query(row) for row in await self._database.fetch(query)]

    async def pages(self, query_id: int) -> Pages:
        """The pages of a query under way."""
        query = select(slices.c.page, slices.c.size, slices.c.state, slices.c.names, slices.c.attempts).where(
            slices.c.query_id == query_id
        )
        found = Pages()
        for page, size, state, raw, attempts in await self._database.fetch(query):
            place = SlicePlace(query_id, page, size)
            if state == State.DONE:
                found.done.append(place)
                found.names.update(_split_names(raw or b""))
            elif state == State.PENDING:
                found.waiting[place] = attempts
        return found

    @uninterrupted
    async def drop_siblings(self, parent_id: int, why: str, now: float) -> int:
        """Never ask those children of a query that were not asked yet; returns how many they were."""
        statement = (
            update(queries)
            .where(queries.c.parent_id == parent_id, queries.c.state == State.PENDING)
            .values(state=End.DROPPED, why=why, finished_at=now)
        )
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount


_SELECT = select(
    queries.c.id,
    queries.c.endpoint,
    queries.c.key,
    queries.c.parent_id,
    queries.c.state,
    *(queries.c[name] for name in LEDGER),
)


def _sweep_query(row: Sequence[Any]) -> SweepQuery:
    number, endpoint, key, parent_id, state, *ledger = row
    return SweepQuery(number, endpoint, key, parent_id, Ledger(*ledger), state)


def _split_names(raw: bytes) -> set[bytes]:
    return {raw[start : start + FINGERPRINT_BYTES] for start in range(0, len(raw), FINGERPRINT_BYTES)}

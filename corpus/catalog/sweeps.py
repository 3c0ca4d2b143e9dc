"""Sweeps: the ledger of every query and its pages, and the frontier of those to be asked."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, case, exists, func, literal_column, select, update

from corpus.catalog.database import uninterrupted, upsert
from corpus.catalog.ledgers import (
    COUNTED_HERE,
    FINGERPRINT_BYTES,
    KEY_OF_ONE_CHARACTER,
    LEDGER,
    OPEN,
    WAITING,
    Batch,
    Came,
    End,
    Ended,
    Failed,
    Ledger,
    Names,
    NewQuery,
    Pages,
    SlicePlace,
    Sweep,
    SweepQuery,
    Totals,
    fingerprints,
)
from corpus.catalog.schema import queries, registries, slices, sweeps, windows, words
from corpus.catalog.sightings import Brought, Lately, record
from corpus.records import State

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

    from corpus.catalog.database import Database


class SweepCatalog:
    """Queries and pages of sweeps."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lately = Lately()

    async def sweep(self, registry: str) -> Sweep | None:
        """The last sweep of ``registry``; ``None`` before the first."""
        query = select(sweeps.c.started_at, sweeps.c.completed_at).where(sweeps.c.registry == registry)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else Sweep(*row)

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

    @uninterrupted
    async def add(self, registry: str, new: Sequence[NewQuery]) -> int:
        """Put queries on the frontier, unless they were ever there; returns how many were not."""
        async with self._database.write() as connection:
            return await _add(connection, registry, new)

    @uninterrupted
    async def write(self, registry: str, batch: Batch, names: Names, *, now: float) -> list[Brought]:
        """Write down what became of pages and queries, in one transaction; tells what each page brought."""
        async with self._database.write() as connection:
            listed = [self._lately.unsaid(page.listed) for page in batch.came]
            brought = await record(connection, registry, listed, now, names.since)
            await _keep_pages(connection, batch.came, brought, now)
            await _fail_pages(connection, batch.failed, now)
            await _count_words(connection, registry, [name for page in brought for name in page.new], names)
            led_to = [
                query for page in brought for name in page.new + page.again for query in names.lead_to(name)
            ]
            await _add(
                connection, registry, [*led_to, *(new for each in batch.ended for new in each.children)]
            )
            await _end(connection, batch.ended, now)
            crawled = update(registries).where(registries.c.name == registry)
            await connection.execute(crawled.values(last_crawled_at=now))
        return brought

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
        async with self._database.read() as connection:
            return {name: Totals(*map(int, sums)) for name, *sums in await connection.execute(query)}

    async def next_retry(self, registry: str, endpoints: Collection[str]) -> float | None:
        """When a query may be asked again of which a page failed, in unix s."""
        query = select(func.min(queries.c.retry_at)).where(
            queries.c.registry == registry,
            queries.c.state.in_(WAITING),
            queries.c.retry_at > 0,
            queries.c.endpoint.in_(endpoints),
        )
        async with self._database.read() as connection:
            found: float | None = (await connection.execute(query)).scalar_one()
        return found

    async def windows(self, registry: str, account: str) -> dict[str, str]:
        """What is known of the windows of endpoints, as JSON."""
        query = select(windows.c.endpoint, windows.c.window).where(
            windows.c.registry == registry, windows.c.account == account
        )
        async with self._database.read() as connection:
            return {endpoint: text for endpoint, text in await connection.execute(query)}  # noqa: C416 - Row pairs

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
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [_sweep_query(row) for row in rows if row.id not in apart][:limit]

    async def children(self, parent_id: int) -> list[SweepQuery]:
        """The queries into which one was split, asked or not."""
        async with self._database.read() as connection:
            rows = await connection.execute(_SELECT.where(queries.c.parent_id == parent_id))
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
        async with self._database.read() as connection:
            found: int | None = (await connection.execute(query.limit(1))).scalar_one_or_none()
        return found

    async def query(self, number: int) -> SweepQuery:
        """One query."""
        async with self._database.read() as connection:
            return _sweep_query((await connection.execute(_SELECT.where(queries.c.id == number))).one())

    async def named(self, registry: str, endpoint: str, key: str) -> SweepQuery:
        """One query by what it asks."""
        query = _SELECT.where(
            queries.c.registry == registry, queries.c.endpoint == endpoint, queries.c.key == key
        )
        async with self._database.read() as connection:
            return _sweep_query((await connection.execute(query)).one())

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
        async with self._database.read() as connection:
            return [_sweep_query(row) for row in await connection.execute(query)]

    async def pages(self, query_id: int) -> Pages:
        """The pages of a query under way."""
        query = select(slices.c.page, slices.c.size, slices.c.state, slices.c.names, slices.c.attempts).where(
            slices.c.query_id == query_id
        )
        found = Pages()
        async with self._database.read() as connection:
            for page, size, state, raw, attempts in await connection.execute(query):
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


async def _add(connection: AsyncConnection, registry: str, new: Iterable[NewQuery]) -> int:
    rows = [
        {
            "registry": registry,
            "endpoint": query.endpoint,
            "key": query.key,
            "priority": query.priority,
            "parent_id": query.parent_id,
            "state": State.PENDING,
        }
        for query in new
    ]
    return await upsert(connection, queries, rows, key=["registry", "endpoint", "key"])


async def _keep_pages(
    connection: AsyncConnection, came: Sequence[Came], brought: Sequence[Brought], now: float
) -> None:
    rows = [
        {
            **page.place._asdict(),
            "state": State.DONE,
            "rows": len(page.listed.records),
            "names": b"".join(sorted(fingerprints(each.name for each in page.listed.records))),
            "finished_at": now,
            "reason": None,
        }
        for page in came
    ]
    changes = ("state", "rows", "names", "finished_at", "reason")
    await upsert(connection, slices, rows, key=["query_id", "page", "size"], update=changes)
    counts = [len(page.new) + len(page.again) for page in brought]
    await _update_ledgers(connection, [(each.place.query_id, each.ledger) for each in came], counts)


async def _fail_pages(connection: AsyncConnection, failed: Sequence[Failed], now: float) -> None:
    if not failed:
        return
    rows = [
        {
            **page.place._asdict(),
            "state": State.FAILED if page.retry_at is None else State.PENDING,
            "reason": page.failure.reason,
            "detail": page.failure.detail,
            "is_temporary": page.failure.is_temporary,
            "attempts": page.attempts,
            "finished_at": now,
        }
        for page in failed
    ]
    changes = [name for name in rows[0] if name not in SlicePlace._fields]
    await upsert(connection, slices, rows, key=["query_id", "page", "size"], update=changes)
    parts = [{**part._asdict(), "state": State.PENDING} for page in failed for part in page.parts]
    await upsert(connection, slices, parts, key=["query_id", "page", "size"])
    await _update_ledgers(connection, [(each.place.query_id, each.ledger) for each in failed], None)
    later = [{"number": each.place.query_id, "at": each.retry_at or 0.0} for each in failed]
    statement = update(queries).where(queries.c.id == bindparam("number")).values(retry_at=bindparam("at"))
    await connection.execute(statement, later)


_LEDGER_UPDATE = (
    update(queries)
    .where(queries.c.id == bindparam("number"))
    .values(
        state=OPEN,
        **{name: bindparam(f"new_{name}") for name in LEDGER if name not in COUNTED_HERE},
    )
)
_NEW_UPDATE = (
    update(queries)
    .where(queries.c.id == bindparam("number"))
    .values(new_names=queries.c.new_names + bindparam("count"), last_new=bindparam("count"))
)


async def _update_ledgers(
    connection: AsyncConnection, ledgers: Sequence[tuple[int, Ledger]], counts: Sequence[int] | None
) -> None:
    if not ledgers:
        return
    rows = [
        {
            "number": number,
            **{f"new_{name}": getattr(ledger, name) for name in LEDGER if name not in COUNTED_HERE},
        }
        for number, ledger in ledgers
    ]
    await connection.execute(_LEDGER_UPDATE, rows)
    if counts is not None:
        found = [
            {"number": number, "count": count} for (number, _), count in zip(ledgers, counts, strict=True)
        ]
        await connection.execute(_NEW_UPDATE, found)


async def _end(connection: AsyncConnection, ended: Sequence[Ended], now: float) -> None:
    if not ended:
        return
    rows = [
        {"number": each.query_id, "end": each.end, "reason": each.why or None, "at": now} for each in ended
    ]
    statement = (
        update(queries)
        .where(queries.c.id == bindparam("number"))
        .values(state=bindparam("end"), why=bindparam("reason"), finished_at=bindparam("at"))
    )
    await connection.execute(statement, rows)
    gone = update(slices).where(slices.c.query_id == bindparam("number")).values(names=None)
    forgotten = [{"number": each.query_id} for each in ended if each.end is not End.PARTS]
    if forgotten:
        await connection.execute(gone, forgotten)


async def _count_words(connection: AsyncConnection, registry: str, new: Iterable[str], names: Names) -> None:
    counts = Counter(word for name in new for word in set(names.words(name)))
    rows = [{"registry": registry, "word": word, "names": count} for word, count in counts.items()]
    more = {"names": words.c.names + literal_column("excluded.names")}
    await upsert(connection, words, rows, key=["registry", "word"], update=more)

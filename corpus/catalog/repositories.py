"""What the crawl found: repositories, where each was seen, and the frontier of pages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement, case, func, select, update

from corpus.catalog.database import uninterrupted, upsert
from corpus.catalog.schema import pages, registries, repositories
from corpus.catalog.sightings import Listed, record
from corpus.catalog.statements import Many, upserting
from corpus.records import Page, Registry, State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from corpus.catalog.database import Database
    from corpus.records import Failure, RepositoryRecord


@dataclass(frozen=True, slots=True)
class PageCounts:
    """What a page brought: rows listed, and repositories never seen before."""

    rows: int
    rows_new: int


@dataclass(frozen=True, slots=True)
class ListingState:
    """How far a listing has come: pages by state, and the rows of those that came.

    Attributes:
        pending: Pages known and not yet read.
        done: Pages that came.
        failed: Pages that could not be read, ``retryable`` ones included.
        retryable: Those that failed for a passing reason.
        rows: Rows of the pages that came, repeats included.
    """

    pending: int
    done: int
    failed: int
    retryable: int
    rows: int


class RepositoryCatalog:
    """Repositories and the crawl frontier."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def add_registry(self, registry: Registry) -> None:
        """Remember how ``registry`` is reached, so that later stages need not be told again."""
        row = {"name": registry.name, "source": registry.source}
        async with self._database.write() as connection:
            await upsert(connection, registries, [row], key=["name"], update=["source"])

    async def registries(self) -> list[Registry]:
        """Every registry of this census, the one crawled last first."""
        query = select(registries.c.name, registries.c.source).order_by(
            registries.c.last_crawled_at.desc().nulls_last(), registries.c.name
        )
        async with self._database.read() as connection:
            return [Registry(name, source) for name, source in await connection.execute(query)]

    async def count(self, registry: str) -> int:
        """Distinct repositories found in ``registry``."""
        query = select(func.count()).where(repositories.c.registry == registry)
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    @uninterrupted
    async def start_listing(self, source: str, first_cursors: Sequence[str]) -> None:
        """Put the first pages of ``source`` on the frontier, unless they are there."""
        rows = [{"source": source, "cursor": cursor, "state": State.PENDING} for cursor in first_cursors]
        async with self._database.write() as connection:
            await upsert(connection, pages, rows, key=["source", "cursor"])

    @uninterrupted
    async def forget_listing(self, source: str) -> None:
        """Take the pages of ``source`` off the frontier, so that it is listed anew."""
        async with self._database.write() as connection:
            await connection.execute(pages.delete().where(pages.c.source == source))

    async def pending_pages(self, source: str, limit: int) -> list[Page]:
        """The next pages of ``source`` to read, oldest first."""
        query = (
            select(pages.c.id, pages.c.source, pages.c.cursor)
            .where(pages.c.source == source, pages.c.state == State.PENDING)
            .order_by(pages.c.id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return [Page(*row) for row in await connection.execute(query)]

    async def listing(self, source: str) -> ListingState:
        """How far the listing of ``source`` has come; all zero if it has not begun."""
        is_passing = (pages.c.state == State.FAILED) & pages.c.is_temporary
        query = select(
            *(_tally(pages.c.state == state) for state in (State.PENDING, State.DONE, State.FAILED)),
            _tally(is_passing),
            func.coalesce(func.sum(pages.c.rows), 0),
        ).where(pages.c.source == source)
        async with self._database.read() as connection:
            return ListingState(*map(int, (await connection.execute(query)).one()))

    async def failed_pages(self, source: str, limit: int) -> list[str]:
        """Why pages of ``source`` could not be read, for people: the first ``limit`` of them."""
        query = (
            select(pages.c.detail)
            .where(pages.c.source == source, pages.c.state == State.FAILED)
            .order_by(pages.c.id)
            .limit(limit)
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    @uninterrupted
    async def retry_pages(self, source: str) -> int:
        """Make pages that failed for a passing reason pending again; returns how many."""
        statement = (
            update(pages)
            .where(pages.c.source == source, pages.c.state == State.FAILED, pages.c.is_temporary)
            .values(state=State.PENDING)
        )
        async with self._database.write() as connection:
            return (await connection.execute(statement)).rowcount

    async def finish_page(
        self,
        page: Page,
        registry: str,
        records: Sequence[RepositoryRecord],
        *,
        url: str,
        next_cursors: Sequence[str],
        now: float,
    ) -> PageCounts:
        """Record a page that came, its repositories, and the pages it leads to, in one transaction."""
        listed = Listed(page.source, url, records)

        def write(connection: Connection) -> PageCounts:
            [brought] = record(connection, registry, [listed], now)
            counts = PageCounts(rows=len(records), rows_new=len(brought.new))
            _finish_page(connection, page.id, counts, now)
            _FOLLOW(connection, [(page.source, cursor, State.PENDING.value) for cursor in next_cursors])
            crawled = update(registries).where(registries.c.name == registry)
            connection.execute(crawled.values(last_crawled_at=now))
            return counts

        return await self._database.transact(write)

    @uninterrupted
    async def fail_page(
        self, page: Page, failure: Failure, now: float, next_cursors: Sequence[str] = ()
    ) -> None:
        """Record a page that could not be read, and the pages that can be asked for all the same."""
        following = [{"source": page.source, "cursor": c, "state": State.PENDING} for c in next_cursors]
        values = {
            "state": State.FAILED,
            "reason": failure.reason,
            "detail": failure.detail,
            "is_temporary": failure.is_temporary,
            "finished_at": now,
        }
        async with self._database.write() as connection:
            await connection.execute(update(pages).where(pages.c.id == page.id).values(values))
            await upsert(connection, pages, following, key=["source", "cursor"])


_FOLLOW = Many(("source", "cursor", "state"), upserting(pages, key=["source", "cursor"]))


def _finish_page(connection: Connection, number: int, counts: PageCounts, now: float) -> None:
    done = {
        "state": State.DONE,
        "rows": counts.rows,
        "rows_new": counts.rows_new,
        "reason": None,
        "detail": None,
        "is_temporary": None,
        "finished_at": now,
    }
    connection.execute(update(pages).where(pages.c.id == number).values(done))


def _tally(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)

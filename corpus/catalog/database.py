"""Opening the catalog, its transactions, and the few statements that depend on the dialect."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import asynccontextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

from sqlalchemy import event, insert, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import create_async_engine

from corpus.catalog.schema import FORMAT_VERSION, meta, metadata
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
    from pathlib import Path

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

Row = dict[str, Any]
P = ParamSpec("P")
T = TypeVar("T")

# SQLite binds at most 32,766 values in a statement; a page of names stays far below.
IN_CHUNK = 1_000


class Database:
    """One catalog file: many readers, one writing transaction at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing = asyncio.Lock()

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open ``path``, creating it if it is missing; ``ConfigurationError`` if it cannot be used."""
        database = cls(_engine(path))
        try:
            await database._check_format(path)
        except DatabaseError as error:
            await database.close()
            raise ConfigurationError(
                f"{path} cannot be used as a catalog ({error.orig}): "
                "restore it from a backup, or name another directory with --data",
            ) from error
        except ConfigurationError:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Let go of the file."""
        await self._engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements see committed data."""
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end of the block, rolled back if it raises."""
        async with self._writing, self._engine.begin() as connection:
            yield connection

    async def _check_format(self, path: Path) -> None:
        async with self.write() as connection:
            await connection.run_sync(lambda sync: meta.create(sync, checkfirst=True))
            query = select(meta.c.value).where(meta.c.key == "format_version")
            found = (await connection.execute(query)).scalar_one_or_none()
            if found is None:
                await connection.run_sync(metadata.create_all)
                await connection.execute(insert(meta).values(key="format_version", value=str(FORMAT_VERSION)))
            elif int(found) > FORMAT_VERSION:
                raise ConfigurationError(
                    f"{path} has format {found}, newer than this hubcrawl understands ({FORMAT_VERSION}): "
                    "update hubcrawl, or name another directory with --data",
                )


def uninterrupted(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
    """A write that has begun comes to its end before the cancellation of its caller goes on.

    A connection closed in the middle of a transaction lives on inside SQLite, lock included, while anything
    (a traceback, say) refers to a cursor of it: the next write would wait for it in vain
    (sqlite.org, ``sqlite3_close_v2``, "zombie").
    """

    @wraps(method)
    async def write(*args: P.args, **kwargs: P.kwargs) -> T:
        writing = asyncio.ensure_future(method(*args, **kwargs))
        try:
            return await asyncio.shield(writing)
        except asyncio.CancelledError:
            await asyncio.wait([writing])
            writing.result()  # its own error, if it has one, matters more
            raise

    return write


def _engine(path: Path) -> AsyncEngine:
    engine = create_async_engine(f"sqlite+aiosqlite:///{path}")

    @event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        # FULL: a committed checkpoint survives a power cut, and there are few of them.
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


async def upsert(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Row],
    *,
    key: Sequence[str],
    update: Mapping[str, ColumnElement[Any]] | Sequence[str] = (),
) -> None:
    """Insert ``rows``; where ``key`` exists, update.

    Args:
        connection: In a transaction.
        table: Where to.
        rows: All with the same keys.
        key: The columns of a unique constraint.
        update: Names of columns to overwrite, or expressions by name (in which ``excluded.x`` is
            the value proposed for column ``x``); nothing leaves an existing row as it is.
    """
    if not rows:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = dialect.insert(table)
    changes = (
        dict(update) if isinstance(update, Mapping) else {name: statement.excluded[name] for name in update}
    )
    if changes:
        await connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changes), rows)
    else:
        await connection.execute(statement.on_conflict_do_nothing(index_elements=key), rows)

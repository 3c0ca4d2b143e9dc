"""Opening the catalog, its transactions, and the few statements that depend on the dialect."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial, wraps
from operator import itemgetter
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar
from urllib.parse import quote

from sqlalchemy import ARRAY, URL, any_, create_engine, event, func, insert, inspect, literal, select, text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import create_async_engine

from corpus.catalog.migrations import MIGRATIONS
from corpus.catalog.schema import FORMAT_VERSION, meta, metadata
from corpus.catalog.statements import upserting
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Sequence
    from pathlib import Path

    from sqlalchemy import Column, ColumnElement, Connection, Engine, Insert, Select, Table
    from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

    from corpus.catalog.statements import Changes

Row = dict[str, Any]
P = ParamSpec("P")
T = TypeVar("T")

# SQLite binds at most 32,766 values in a statement; a page of names stays far below.
IN_CHUNK = 1_000

# The disk is at fault, and not the file: primary result codes (sqlite.org, rescode.html).
_DISK_TROUBLE = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR})
_PRIMARY_CODE = 0xFF
# A directory in which SQLite cannot make the shared memory that goes with a log of changes.
_UNWRITABLE = frozenset({sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY})

# From so many rows on they are handed to the driver as they are.
_MANY_ROWS = 64

_DRIVER = "sqlite+aiosqlite"
_WRITER = ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON")

# Of the connection that writes many rows at once, into trees that grow to gigabytes.
_CACHE = "cache_size=-65536"  # KiB

# Threads that read beside the one that writes.
_READERS = 2


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


class Database:
    """One catalog file: many readers, one writing transaction at a time."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._writing = asyncio.Lock()
        self._writer = _Threads(engine.url, (*_WRITER, _CACHE), 1)
        self._readers = _Threads(engine.url, (), _READERS)

    @classmethod
    async def open(cls, path: Path) -> Self:
        """Open ``path``, creating it if it is missing.

        Raises:
            ConfigurationError: It cannot be used.
            OperationalError: The disk is full, or fails.
        """
        # FULL: a committed checkpoint survives a power cut, and there are few of them.
        database = cls(_engine(URL.create(_DRIVER, database=str(path)), _WRITER))
        try:
            await database._ensure_format(path)
        except DatabaseError as error:
            await database.close()
            if _code(error) in _DISK_TROUBLE:
                raise
            raise _unusable(path, error) from error
        except ConfigurationError:
            await database.close()
            raise
        return database

    @classmethod
    async def open_readonly(cls, path: Path) -> Self:
        """Open an existing ``path`` without writing anything, beside whoever writes.

        Raises:
            ConfigurationError: It cannot be used, or is not written yet.
        """
        # Beside a log of changes SQLite wants its shared memory. Without one nobody is writing, and the
        # file can be read as it lies, which needs no more than the right to read it.
        has_changes = path.with_name(f"{path.name}-wal").exists()
        for is_immutable in (False, True) if has_changes else (True,):
            database = cls(_engine(_readonly_url(path, is_immutable=is_immutable), ()))
            try:
                await database._require_format(path)
            except DatabaseError as error:
                await database.close()
                if is_immutable or _code(error) not in _UNWRITABLE:
                    raise _unusable(path, error) from error
            except ConfigurationError:
                await database.close()
                raise
            else:
                break
        return database

    async def close(self) -> None:
        """Let go of the file."""
        await self._engine.dispose()
        self._readers.close()
        self._writer.close()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection whose statements see committed data."""
        async with self._engine.connect() as connection:
            yield connection

    async def fetch(self, query: Select[*tuple[Any, ...]]) -> Sequence[Any]:
        """All rows of a query, which sees committed data.

        By :meth:`read` every step goes to a thread and back; by this one all together do.
        """
        return await self._readers.run(lambda connection: connection.execute(query).all())

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction: committed at the end of the block, rolled back if it raises."""
        async with self._writing, self._engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # Python's sqlite3 would begin before the first row is changed, and not before a table is.
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection

    @uninterrupted
    async def transact(self, work: Callable[[Connection], T]) -> T:
        """The same for ``work`` that waits for nothing but the database, and runs in a thread of its own.

        By :meth:`write` every statement goes there and back; by this one all together do.
        """
        async with self._writing:
            return await self._writer.run(partial(_in_transaction, work))

    async def _ensure_format(self, path: Path) -> None:
        async with self.write() as connection:
            await connection.run_sync(metadata.create_all)  # what is missing
            found = await _format_of(connection)
            if found is None:
                await connection.execute(insert(meta).values(key="format_version", value=str(FORMAT_VERSION)))
            else:
                _check_format(path, found)
                await _migrate(connection, found)

    async def _require_format(self, path: Path) -> None:
        async with self.read() as connection:
            is_begun = await connection.run_sync(lambda sync: inspect(sync).has_table(meta.name))
            found = await _format_of(connection) if is_begun else None
        if found is None:
            raise ConfigurationError(f"{path} holds no census yet: begin with `hubcrawl crawl`")
        _check_format(path, found)
        if found < FORMAT_VERSION:
            raise ConfigurationError(
                f"{path} was written by an older hubcrawl (format {found}): any stage, such as "
                "`hubcrawl download`, brings it up to date",
            )


async def _format_of(connection: AsyncConnection) -> int | None:
    query = select(meta.c.value).where(meta.c.key == "format_version")
    found = (await connection.execute(query)).scalar_one_or_none()
    return None if found is None else int(found)


def _check_format(path: Path, found: int) -> None:
    if found > FORMAT_VERSION:
        raise ConfigurationError(
            f"{path} has format {found}, newer than this hubcrawl understands ({FORMAT_VERSION}): "
            "update hubcrawl, or name another directory with --data",
        )


async def _migrate(connection: AsyncConnection, found: int) -> None:
    """Bring a catalog of format ``found`` up to date, in the transaction of ``connection``."""
    for version in range(found, FORMAT_VERSION):
        for statement in MIGRATIONS[version]:
            await connection.execute(text(statement))
    if found < FORMAT_VERSION:
        wanted = meta.update().where(meta.c.key == "format_version")
        await connection.execute(wanted.values(value=str(FORMAT_VERSION)))


def _unusable(path: Path, error: DatabaseError) -> ConfigurationError:
    """The sentence for a file that cannot be used, with what may help."""
    if _code(error) in _UNWRITABLE or _code(error) == sqlite3.SQLITE_PERM:
        return ConfigurationError(
            f"{path} cannot be opened ({error.orig}): make it readable, and writable for all but `status`"
        )
    return ConfigurationError(
        f"{path} cannot be used as a catalog ({error.orig}): "
        "restore it from a backup, or name another directory with --data",
    )


def _code(error: DatabaseError) -> int:
    """SQLite's primary result code."""
    return getattr(error.orig, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY_CODE


def _readonly_url(path: Path, *, is_immutable: bool) -> URL:
    query = {"uri": "true", "mode": "ro"} | ({"immutable": "1"} if is_immutable else {})
    return URL.create(_DRIVER, database=f"file:{quote(str(path.absolute()))}", query=query)


def _engine(url: URL, pragmas: Sequence[str]) -> AsyncEngine:
    engine = create_async_engine(url)
    _configure(engine.sync_engine, pragmas)
    return engine


def _in_transaction(work: Callable[[Connection], T], connection: Connection) -> T:
    with connection.begin():
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        return work(connection)


class _Threads:
    """Threads that work on connections of their own."""

    def __init__(self, url: URL, pragmas: Sequence[str], threads: int) -> None:
        self._engine = create_engine(url.set(drivername=url.get_backend_name()), pool_size=threads)
        _configure(self._engine, pragmas)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="catalog")

    async def run(self, work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._do, work)

    def close(self) -> None:
        self._threads.shutdown()
        self._engine.dispose()

    def _do(self, work: Callable[[Connection], T]) -> T:
        with self._engine.connect() as connection:
            return work(connection)


def _configure(engine: Engine, pragmas: Sequence[str]) -> None:
    @event.listens_for(engine, "connect")
    def _set(connection: Any, _record: object) -> None:
        cursor = connection.cursor()
        for pragma in (*pragmas, "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()


async def upsert(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Row],
    *,
    key: Sequence[str],
    update: Changes = (),
) -> int:
    """Insert ``rows``; where ``key`` exists, update. Returns how many rows were written.

    Args:
        connection: In a transaction.
        table: Where to.
        rows: All with the same keys.
        key: The columns of a unique constraint.
        update: See :func:`~corpus.catalog.statements.upserting`.
    """
    if not rows:
        return 0
    written = upserting(table, key=key, update=update)(connection.dialect.name)
    if len(rows) < _MANY_ROWS:
        return (await connection.execute(written, rows)).rowcount
    return await _execute_many(connection, written, rows)


async def _execute_many(connection: AsyncConnection, statement: Insert, rows: Sequence[Row]) -> int:
    """Execute a statement for every row; returns how many rows were written.

    SQLAlchemy looks at every value of every row, which takes longer than SQLite does to write it. Here it
    only writes the statement, a millisecond's work; the driver knows all types that rows have.
    """
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(rows[0]))
    names = compiled.positiontup or []
    given = rows[0].keys()
    if len(names) > 1 and given >= set(names):
        values = list(map(itemgetter(*names), rows))
    else:  # some stand in the statement
        values = [
            tuple(row[name] if name in given else compiled.params[name] for name in names) for row in rows
        ]
    return (await connection.exec_driver_sql(compiled.string, values)).rowcount


def among(connection: Connection, column: Column[T], values: Iterable[T]) -> ColumnElement[bool]:
    """Whether a column has one of any number of values, which go to the database as one."""
    if connection.dialect.name == "postgresql":
        return column == any_(literal(list(values), ARRAY(column.type)))
    listed = func.json_each(json.dumps(list(values))).table_valued("value")
    return column.in_(select(listed.c.value))

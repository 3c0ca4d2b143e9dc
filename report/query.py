"""A query of the tables that somebody typed: it may read them, and do nothing else."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import duckdb

from registry.errors import ConfigurationError
from report.database import opened
from report.views import confine, create_views

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus.layout import Layout
    from report.settings import ReportSettings

_ROWS_AT_ONCE = 1_000


class Result(NamedTuple):
    """What a query gives: the names of its columns, and its rows as they come, in batches."""

    columns: tuple[str, ...]
    batches: Iterator[list[tuple[Any, ...]]]


@contextmanager
def querying(layout: Layout, settings: ReportSettings, sql: str) -> Iterator[Result]:
    """The result of one ``SELECT`` over the tables of a data directory; rows are read within the block.

    Raises:
        ConfigurationError: There are no tables, or the query is none, or asks for what it may not have. The
            sentence says where in the query.
    """
    with tempfile.TemporaryDirectory() as spill, opened(settings, Path(spill)) as connection:
        connection.execute("SET errors_as_json = true")
        with _explained(sql, layout):
            create_views(connection, layout)
            confine(connection, layout)
            cursor = connection.execute(_only_select(connection, sql))
        columns = tuple(_distinct(column[0] for column in cursor.description or ()))
        yield Result(columns, _batches(cursor, sql, layout))


def _batches(cursor: duckdb.DuckDBPyConnection, sql: str, layout: Layout) -> Iterator[list[tuple[Any, ...]]]:
    while True:
        with _explained(sql, layout):
            batch = cursor.fetchmany(_ROWS_AT_ONCE)
        if not batch:
            return
        yield batch


def _only_select(connection: duckdb.DuckDBPyConnection, sql: str) -> duckdb.Statement:
    """The one statement of a query.

    What may be read is a list of files; that nothing is written to them is seen to here.
    """
    if not _is_unicode(sql):
        raise ConfigurationError("the query is no text in UTF-8")
    statements = connection.extract_statements(sql)
    if not statements:
        raise ConfigurationError('the query is empty: try `hubcrawl query "SELECT count(*) FROM files"`')
    if len(statements) > 1:
        raise ConfigurationError(f"the query has {len(statements)} statements: give one at a time")
    if statements[0].type is not duckdb.StatementType.SELECT:
        raise ConfigurationError(
            f"the query is no SELECT but {statements[0].type.name}: tables are only read"
        )
    return statements[0]


def _is_unicode(sql: str) -> bool:
    """Whether it has no bytes of a command line that are none of a text."""
    try:
        sql.encode()
    except UnicodeEncodeError:
        return False
    return True


@contextmanager
def _explained(sql: str, layout: Layout) -> Iterator[None]:
    """Have an error of DuckDB raised as one sentence."""
    try:
        yield
    except duckdb.OutOfMemoryException as error:
        raise ConfigurationError(
            "the query needs more memory than it may have: ask for less at once, or raise report.memory_bytes"
        ) from error
    except duckdb.Error as error:
        message, position = _message(error)
        if str(layout.tables.absolute()) in message:  # a query cannot name a file of them
            raise ConfigurationError(
                f"a file of the tables cannot be read ({message}): `hubcrawl report` makes it again, and "
                "with --rebuild all of them"
            ) from error
        raise ConfigurationError(f"the query cannot be answered{_place(sql, position)}: {message}") from error


def _message(error: duckdb.Error) -> tuple[str, int | None]:
    """What DuckDB says on one line, and where in the query, in bytes."""
    said = str(error)
    start = said.find("{")
    try:
        fields = json.loads(said[start:])
        message, position = fields["exception_message"], fields.get("position")
    except (ValueError, KeyError, TypeError):
        message, position = said, None
    message = message.partition("\n\n")[0].replace("!\n", "; ").replace("\n", " ")
    return message.rstrip("."), None if position is None else int(position)


def _place(sql: str, position: int | None) -> str:
    """`` (line 2, column 5)``, both from 1."""
    if position is None:
        return ""
    before = sql.encode()[:position].decode(errors="ignore")
    column = len(before) - (before.rfind("\n") + 1) + 1
    return f" (line {before.count(chr(10)) + 1}, column {column})"


def _distinct(names: Iterator[str]) -> Iterator[str]:
    """Names of columns, told apart where two are the same: ``n``, ``n_2``."""
    seen: set[str] = set()
    for name in names:
        others = (f"{name}_{number}" for number in count(2))
        mine = next(each for each in chain([name], others) if each not in seen)
        seen.add(mine)
        yield mine

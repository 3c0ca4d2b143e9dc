"""Statements for many rows: written once for each dialect, after which rows go to the driver as they are."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from operator import itemgetter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import ColumnElement, Connection, Dialect, Insert, Table, Update

    Changes = Mapping[str, ColumnElement[Any]] | Sequence[str]


class Many:
    """One statement for any number of rows, each a tuple of values in the order of ``columns``.

    SQLAlchemy looks at every value of every row, which takes longer than SQLite does to write it, and
    writes a statement in a millisecond. Here it does so once; the driver knows all types that rows have.
    """

    def __init__(self, columns: Sequence[str], statement: Callable[[str], Insert | Update]) -> None:
        """Take the names of the values, and what makes the statement for a dialect of that name."""
        self._columns = tuple(columns)
        self._statement = statement
        self._texts: dict[str, _Text] = {}

    def __repr__(self) -> str:
        return f"<Many {', '.join(self._columns)}>"

    def __call__(self, connection: Connection, rows: Sequence[tuple[Any, ...]]) -> int:
        """Execute the statement for every row; returns how many rows were written."""
        if not rows:
            return 0
        dialect = connection.dialect
        text = self._texts.get(dialect.name)
        if text is None:
            text = self._texts[dialect.name] = _Text(dialect, self._statement(dialect.name), self._columns)
        return connection.exec_driver_sql(text.sql, text.arranged(rows)).rowcount


class _Text:
    """A statement as a driver takes it, and its values as it wants them."""

    def __init__(self, dialect: Dialect, statement: Insert | Update, columns: tuple[str, ...]) -> None:
        compiled = statement.compile(dialect=dialect, column_keys=columns)
        self.sql = str(compiled)
        self._constants = {
            name: value for name, value in compiled.params.items() if name not in columns
        }  # that stand in the statement
        self._columns = columns
        self._order = tuple(compiled.positiontup or ()) if compiled.positional else None
        self._pick = itemgetter(*self._places()) if self._is_plain() else None

    def arranged(self, rows: Sequence[tuple[Any, ...]]) -> Sequence[Any]:
        """The rows in the order, or under the names, that the statement has."""
        if self._order == self._columns:
            return rows
        if self._pick is not None:
            return list(map(self._pick, rows))
        named = [self._constants | dict(zip(self._columns, row, strict=True)) for row in rows]
        return named if self._order is None else [tuple(map(each.get, self._order)) for each in named]

    def _is_plain(self) -> bool:
        return self._order is not None and not self._constants and len(self._order) > 1

    def _places(self) -> list[int]:
        return [self._columns.index(name) for name in self._order or ()]


def upserting(table: Table, *, key: Sequence[str], update: Changes = ()) -> Callable[[str], Insert]:
    """A statement by dialect that inserts a row, or updates the one with the same ``key``.

    Args:
        table: Where to.
        key: The columns of a unique constraint.
        update: Names of columns to overwrite, or expressions by name (in which ``excluded.x`` is
            the value proposed for column ``x``); nothing leaves an existing row as it is.
    """

    def statement(dialect: str) -> Insert:
        # That of the engine is imported already; each of the others takes its time.
        insert = import_module(f"sqlalchemy.dialects.{dialect}").insert(table)
        changes = (
            dict(update) if isinstance(update, Mapping) else {name: insert.excluded[name] for name in update}
        )
        written: Insert = (
            insert.on_conflict_do_update(index_elements=key, set_=changes)
            if changes
            else insert.on_conflict_do_nothing(index_elements=key)
        )
        return written

    return statement

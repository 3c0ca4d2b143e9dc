"""Parts: files that lie in several tables under one name, and are there all together or not at all.

The file of one table, the record, is what says that a part is there: it is the last to come and the first to
go. So whatever moment a process is killed at, what is left is a whole part, or files without their record,
which are no part and are removed. A record holds how many rows the other files have.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

import duckdb

from corpus.durability import sync
from report.database import text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from report.tables.columns import Table

# Another number when a table has other columns, or others of them mean something else: parts with another
# one are made anew.
VERSION = 1

_SUFFIX = ".parquet"


@dataclass(frozen=True, slots=True)
class Group:
    """Tables whose parts go together.

    Attributes:
        record: The one that says which parts there are.
        others: The other ones.
    """

    record: Table
    others: tuple[Table, ...]

    @property
    def tables(self) -> tuple[Table, ...]:
        """All, the record last."""
        return (*self.others, self.record)


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of a group below a folder, which has one folder for each table."""

    folder: Path
    group: Group

    def names(self) -> list[str]:
        """Those that are there, by their records."""
        return sorted(path.name for path in self._files(self.group.record) if _is_of_today(path))

    def paths(self, table: Table, names: Iterable[str] | None = None) -> list[Path]:
        """The files of a table, of some parts or of all."""
        return [self.path(table, name) for name in (self.names() if names is None else names)]

    def path(self, table: Table, name: str) -> Path:
        """The file of one table."""
        return self.folder / table.name / name

    def settle(self, connection: duckdb.DuckDBPyConnection) -> list[str]:
        """Remove what is no part: left by a process that was killed, damaged, or of another version.

        Returns:
            The names of damaged parts.
        """
        damaged = [name for name in self.names() if not self._is_sound(connection, name)]
        for name in damaged:
            self.drop(name)
        known = set(self.names())
        for table in self.group.tables:
            for path in self._files(table):
                if path.name not in known:
                    path.unlink()
        return damaged

    def commit(self, name: str, made: Mapping[str, Path]) -> None:
        """Give the files made for each table (by its name) their place; durable when this returns."""
        sync(made.values())
        targets = []
        for table in self.group.tables:
            target = self.path(table, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            made[table.name].replace(target)
            targets.append(target)
        sync(targets)

    def drop(self, name: str) -> None:
        """Remove a part."""
        for table in reversed(self.group.tables):
            self.path(table, name).unlink(missing_ok=True)

    def rows(self, connection: duckdb.DuckDBPyConnection, name: str) -> dict[str, int]:
        """How many rows a part has in each of the other tables, as its record says."""
        record = text(self.path(self.group.record, name))
        query = f"SELECT key::VARCHAR, value::VARCHAR FROM parquet_kv_metadata({record})"  # noqa: S608 - a path of ours
        found = dict(connection.execute(query).fetchall())
        return {table.name: int(found.get(table.name, -1)) for table in self.group.others}

    def _is_sound(self, connection: duckdb.DuckDBPyConnection, name: str) -> bool:
        """Whether every file can be read as far as its footer, and has the rows it should have."""
        try:
            return all(
                _count(connection, self.path(self.group.record, name)) >= 0
                and _count(connection, self.folder / table / name) == rows
                for table, rows in self.rows(connection, name).items()
            )
        except (duckdb.Error, ValueError):
            return False

    def _files(self, table: Table) -> Iterator[Path]:
        folder = self.folder / table.name
        return folder.iterdir() if folder.is_dir() else iter(())


def part_name(keys: Iterable[str]) -> str:
    """The name of a part that holds just these, in this order: the same whoever makes it, and when."""
    digest = sha256()
    for key in keys:
        digest.update(key.encode())
        digest.update(b"\n")
    return f"{VERSION}-{digest.hexdigest()[:24]}{_SUFFIX}"


def _is_of_today(path: Path) -> bool:
    return path.name.startswith(f"{VERSION}-") and path.suffix == _SUFFIX


def _count(connection: duckdb.DuckDBPyConnection, path: Path) -> int:
    query = f"SELECT num_rows FROM parquet_file_metadata({text(path)})"  # noqa: S608 - a path of ours
    return int(connection.execute(query).fetchall()[0][0])

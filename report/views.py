"""The tables of a data directory as views of a database: those parts that are whole, and no other file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors import ConfigurationError
from report.database import paths, text
from report.tables import TABLES
from report.tables.build import GROUPS
from report.tables.parts import Parts, part_name

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from corpus.layout import Layout


def create_views(connection: duckdb.DuckDBPyConnection, layout: Layout) -> None:
    """Have every table as a view of its name.

    Raises:
        ConfigurationError: There are no tables.
    """
    for name, files in files_by_table(layout).items():
        connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet({paths(files)})")  # noqa: S608 - names and paths of ours


def files_by_table(layout: Layout) -> dict[str, list[Path]]:
    """The files of each table.

    Raises:
        ConfigurationError: A table has none.
    """
    folder = layout.tables.absolute()
    found = {table.name: [folder / table.name / part_name(())] for table in TABLES}
    for group in GROUPS:
        parts = Parts(folder, group)
        names = parts.names()
        found |= {table.name: parts.paths(table, names) for table in group.tables}
    missing = [name for name, files in found.items() if not files or not all(map(_is_file, files))]
    if missing:
        what = (
            "there are no tables" if len(missing) == len(TABLES) else f"the table {missing[0]} is not whole"
        )
        raise ConfigurationError(f"{what} in {layout.tables}: `hubcrawl report` makes them")
    return found


def confine(connection: duckdb.DuckDBPyConnection, layout: Layout) -> None:
    """Leave a database nothing but the files of the tables, for good: neither others nor settings."""
    allowed = ", ".join(text(path) for files in files_by_table(layout).values() for path in files)
    connection.execute(f"SET allowed_paths = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _is_file(path: Path) -> bool:
    return path.is_file()

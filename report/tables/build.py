"""From lines of JSON to Parquet: the statements that make the tables.

Nothing is guessed about the lines, which hold what strangers wrote: every type is given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from report.database import disk_errors, paths, text
from report.tables.census import IMAGES, REFERENCES
from report.tables.columns import Column, Form
from report.tables.contents import (
    DIRECTORIES,
    DISTINCT_IMAGES,
    FILES,
    IMAGE_LAYERS,
    IS_LAST,
    LAYERS,
    PACKAGES,
)
from report.tables.parts import Group

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import duckdb

    from report.tables.columns import Table

LAYER_GROUP = Group(LAYERS, (FILES, DIRECTORIES, PACKAGES))
IMAGE_GROUP = Group(DISTINCT_IMAGES, (IMAGE_LAYERS,))
GROUPS = (LAYER_GROUP, IMAGE_GROUP)

# zstd's first level is as small as its third one on digests, and a fifth faster (measured).
_PARQUET = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
# A row is one line; the longest one has a path, a link target and extended attributes, each up to 1 MiB.
_ROW_BYTES = 64 << 20

# Rows keep their order, and what is joined to them is small: the order in which tables are joined is ours.
_SETTINGS = (
    "SET preserve_insertion_order = true",
    "SET disabled_optimizers = 'join_order,build_side_probe_side'",
)

_FORMS = {
    Form.PLAIN: "e.{name}",
    Form.WORDS: "array_to_string(e.{name}, ' ')",
    Form.JSON: "e.{name}::VARCHAR",
}
_JSON_TYPES = {Form.WORDS: "VARCHAR[]", Form.JSON: "JSON"}

# The last whole entry of each path that came before: only these are not the last ones of their paths, and
# what cannot count at all.
_LAST = """
CREATE OR REPLACE TABLE last AS
SELECT number, path, max(coalesce(offset_bytes, 0)) AS offset_bytes FROM {duplicates}
WHERE list_contains(flags, 'duplicate') AND NOT list_contains(flags, 'incomplete') GROUP BY ALL
"""
_IS_LAST = """
coalesce(coalesce(e.offset_bytes, 0) = last.offset_bytes, true)
AND NOT coalesce(list_contains(e.flags, 'incomplete'), false) AND e.kind <> 'global_header' AS is_last
"""


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Settings under which tables are made."""
    for setting in _SETTINGS:
        connection.execute(setting)


def lines(columns: Mapping[str, str], path: Path) -> str:
    """The rows of a file of JSON lines, as a table with columns of these types."""
    types = ", ".join(f"{text(name)}: {text(kind)}" for name, kind in columns.items())
    return (
        f"read_json({text(path)}, format = 'newline_delimited', auto_detect = false, records = true, "
        f"compression = 'none', maximum_object_size = {_ROW_BYTES}, columns = {{{types}}})"
    )


def rows_of(table: Table, path: Path) -> str:
    """The rows of a table of which each line is one row."""
    return f"SELECT {_names(table.columns)} FROM {lines(_types(table.columns), path)}"  # noqa: S608 - names of ours


def write(connection: duckdb.DuckDBPyConnection, query: str, target: Path, notes: str = "") -> int:
    """Write the result of a query as one Parquet file; returns how many rows it has.

    Raises:
        OSError: The disk.
    """
    with disk_errors():
        copied = connection.execute(f"COPY ({query}) TO {text(target)} ({_PARQUET}{notes})").fetchall()
    return int(copied[0][0])


def write_layers(
    connection: duckdb.DuckDBPyConnection, sources: Mapping[str, Path], folder: Path
) -> dict[str, Path]:
    """The files of a part of the tables of layers, from their lines, in ``folder``."""
    duplicates = lines({"number": "INTEGER", **_profile_types(FILES)}, sources["duplicates"])
    number = {"number": "INTEGER", "layer": "VARCHAR"}
    with disk_errors():
        connection.execute(
            f"CREATE OR REPLACE TABLE numbers AS SELECT * FROM {lines(number, sources['layers'])}"  # noqa: S608 - paths of ours
        )
        connection.execute(_LAST.format(duplicates=duplicates))
    queries = {
        FILES.name: _profile_rows(FILES, sources["files"]),
        DIRECTORIES.name: _profile_rows(DIRECTORIES, sources["directories"]),
        PACKAGES.name: rows_of(PACKAGES, sources["packages"]),
        LAYERS.name: rows_of(LAYERS, sources["layers"]),
    }
    return write_part(connection, LAYER_GROUP, queries, folder)


def write_images(
    connection: duckdb.DuckDBPyConnection, sources: Mapping[str, Path], folder: Path
) -> dict[str, Path]:
    """The files of a part of the tables of images, from their lines, in ``folder``."""
    queries = {table.name: rows_of(table, sources[table.name]) for table in IMAGE_GROUP.tables}
    return write_part(connection, IMAGE_GROUP, queries, folder)


def write_merged(
    connection: duckdb.DuckDBPyConnection, group: Group, parts: Mapping[str, Sequence[Path]], folder: Path
) -> dict[str, Path]:
    """The files of a part that has all rows of others, whose files are given by table."""
    queries = {name: f"SELECT * FROM read_parquet({paths(list(files))})" for name, files in parts.items()}  # noqa: S608 - paths of ours
    return write_part(connection, group, queries, folder)


def write_part(
    connection: duckdb.DuckDBPyConnection, group: Group, queries: Mapping[str, str], folder: Path
) -> dict[str, Path]:
    """The files of a part, the record last, with the rows of the others noted in it."""
    made: dict[str, Path] = {}
    counts: list[str] = []
    for table in group.tables:
        made[table.name] = folder / f"{table.name}.parquet"
        is_record = table is group.record
        notes = f", KV_METADATA {{{', '.join(counts)}}}" if is_record else ""
        count = write(connection, queries[table.name], made[table.name], notes)
        counts.append(f"{table.name}: '{count}'")
    return made


def write_references(
    connection: duckdb.DuckDBPyConnection, source: Path, images: Sequence[Path], target: Path
) -> int:
    """The table of images: what refers to them, with what the profiles say."""
    facts = ", ".join(f"d.{_quoted(column.name)}" for column in _facts())
    query = (
        f"SELECT {', '.join(f'e.{_quoted(column.name)}' for column in REFERENCES)}, "  # noqa: S608 - names and paths of ours
        f"d.manifest_digest IS NOT NULL AS is_profiled, {facts} "
        f"FROM {lines(_types(REFERENCES), source)} e "
        f"LEFT JOIN read_parquet({paths(list(images))}) d ON d.manifest_digest = e.manifest_digest "
        "ORDER BY ALL"
    )
    return write(connection, query, target)


def _facts() -> Iterable[Column]:
    own = {column.name for column in REFERENCES}
    return (column for column in IMAGES.columns if column.name not in own and column.name != "is_profiled")


def _profile_rows(table: Table, path: Path) -> str:
    """The rows of a table of a layer profile, whose lines leave out what has its default."""
    columns = [f"{_expression(column)} AS {_quoted(column.name)}" for column in table.columns if column.path]
    last = ""
    if IS_LAST in table.columns:
        columns.append(_IS_LAST)
        last = "LEFT JOIN last ON last.number = e.number AND last.path = e.path"
    source = lines({"number": "INTEGER", **_profile_types(table)}, path)
    return (
        f"SELECT numbers.layer, {', '.join(columns)} FROM {source} e "  # noqa: S608 - names and paths of ours
        f"JOIN numbers ON numbers.number = e.number {last}"
    )


def _expression(column: Column) -> str:
    value = _FORMS[column.form].format(name=_quoted(column.path[-1]))
    default = column.default
    if column.form is Form.WORDS:
        return f"coalesce({value}, '')"
    if default is None:
        return value
    return f"coalesce({value}, {text(default) if isinstance(default, str) else default})"


def _types(columns: Iterable[Column]) -> dict[str, str]:
    return {column.name: column.type for column in columns}


def _profile_types(table: Table) -> dict[str, str]:
    return {
        column.path[-1]: _JSON_TYPES.get(column.form, column.type) for column in table.columns if column.path
    }


def _names(columns: Iterable[Column]) -> str:
    return ", ".join(_quoted(column.name) for column in columns)


def _quoted(name: str) -> str:
    return f'"{name}"'

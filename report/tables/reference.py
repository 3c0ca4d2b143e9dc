"""``docs/tables.md``, from the tables themselves (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from report.tables import TABLES

if TYPE_CHECKING:
    from report.tables import Column, Table

_HEAD = """\
# The tables of a report

`hubcrawl report` keeps one folder of Parquet files for each table in `data/tables/`. Any engine reads
them as they lie; `hubcrawl query` has them as tables of these names (see [queries.md](queries.md)).

```
duckdb:  SELECT count(*) FROM 'data/tables/files/*.parquet'
polars:  polars.scan_parquet("data/tables/files/*.parquet")
pandas:  pandas.read_parquet("data/tables/layers")
Spark:   spark.read.parquet("data/tables/files")
```

Rows of `layers`, `files`, `directories` and `packages` come in *parts*: one file in each of these
folders, all of one name. So do `distinct_images` and `image_layers`; the other tables are one file each.
A part is added whole, and what was profiled anew, damaged or made for other columns is removed whole;
while `hubcrawl report` runs, a part may be there in one folder and not yet in another. Folders whose
name begins with a dot are no tables.

Definitions of sizes, files, directories, depth and repeats are those of
[data-format.md](data-format.md). Sizes are bytes (B), times UTC with microseconds. Digests are text,
lower case. Texts from layers (paths, links, names of owners) are escaped as in profiles; those of
manifests and listings are as they came, and may hold anything. Lists of words have spaces between; what
is JSON says so.

Common questions, and what to look out for:

- A file of a layer is a row of `files` with `is_last` and a `kind` of `file` or `hard_link`; its
  content is in `sha256`, for the regular ones. Without `is_last` the entries of the tar are
  counted.
- `images` has a row for each reference, `distinct_images` one for each image: count with the one
  that is meant.
- Sums over the layers of an image count each distinct layer once: join with `SELECT DISTINCT
  manifest_digest, layer FROM image_layers`.
"""


def as_markdown() -> str:
    """Every table with its columns."""
    return "\n".join([_HEAD, *map(_section, TABLES)])


def _section(table: Table) -> str:
    rows = "\n".join(map(_row, table.columns))
    return f"""\
## `{table.name}`

One row is {table.row}.

| column | type | unit | what |
|---|---|---|---|
{rows}
"""


def _row(column: Column) -> str:
    unit = column.unit or "–"  # noqa: RUF001 - as in the other tables
    definition = column.definition.replace("|", "\\|")
    return f"| `{column.name}` | {column.type} | {unit} | {definition} |"


if __name__ == "__main__":
    print(as_markdown(), end="")  # noqa: T201 - what `make docs` keeps

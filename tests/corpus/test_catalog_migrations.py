"""Catalogs of earlier formats are brought up to date, and nothing in them is lost."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from corpus.catalog import open_catalog, read_catalog
from corpus.catalog.migrations import MIGRATIONS
from corpus.catalog.schema import FORMAT_VERSION
from corpus.layout import Layout
from registry.errors import ConfigurationError

Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "data")
    layout.ensure()
    return layout


def written_by(version: int, layout: Layout) -> None:
    """Put a catalog there as that version wrote it."""
    script = Path(__file__).with_name(f"catalog_format_{version}.sql").read_text(encoding="utf-8")
    with closing(sqlite3.connect(layout.catalog)) as connection:
        connection.executescript(script)


def columns(path: Path) -> dict[str, set[tuple[Any, ...]]]:
    """Name, type, NOT NULL and default of the columns of every table."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
        return {
            table: {row[1:5] for row in connection.execute(f"pragma table_info({table})")}
            for (table,) in tables
        }


def indexes(path: Path) -> set[tuple[str, str]]:
    """Name and statement of every index that has one, without blanks."""
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute(
            "select name, sql from sqlite_master where type = 'index' and sql is not null"
        )
        return {(name, "".join(sql.split())) for name, sql in found}


def rows(path: Path, of: dict[str, list[str]] | None = None) -> tuple[Rows, dict[str, list[str]]]:
    """The rows of every table but ``meta``, by the columns named (or all), and those columns."""
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("select name from sqlite_master where type = 'table' and name != 'meta'")
        names = of or {
            table: [f'"{row[1]}"' for row in connection.execute(f"pragma table_info({table})")]
            for (table,) in tables.fetchall()
        }
        found = {
            table: sorted(connection.execute(f"select {', '.join(each)} from {table}"), key=repr)  # noqa: S608
            for table, each in names.items()
        }
        return found, names


@pytest.mark.parametrize("version", MIGRATIONS)
async def test_a_catalog_of_an_earlier_format_becomes_one_of_the_present(
    version: int, layout: Layout, tmp_path: Path
) -> None:
    """It has the columns and indexes of a new one, and every row it had."""
    written_by(version, layout)
    before, names = rows(layout.catalog)
    assert before["images"]
    assert before["manifests"]
    async with open_catalog(layout) as catalog:
        assert (await catalog.census.count()).images.done == 2
    new = Layout(tmp_path / "new")
    new.ensure()
    async with open_catalog(new):
        pass
    assert columns(layout.catalog) == columns(new.catalog)
    assert indexes(layout.catalog) == indexes(new.catalog)
    assert rows(layout.catalog, names)[0] == before


@pytest.mark.parametrize("version", MIGRATIONS)
async def test_a_catalog_of_an_earlier_format_is_not_changed_by_looking_at_it(
    version: int, layout: Layout
) -> None:
    """``status`` writes nothing: it says what brings the catalog up to date."""
    written_by(version, layout)
    before = layout.catalog.read_bytes()
    with pytest.raises(ConfigurationError, match="older hubcrawl .*any stage"):
        async with read_catalog(layout):
            pass
    assert layout.catalog.read_bytes() == before


@pytest.mark.parametrize("version", MIGRATIONS)
async def test_a_migration_that_is_cut_short_leaves_the_catalog_as_it_was(
    version: int, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables are changed within the transaction, too: the next run begins at the beginning."""
    written_by(version, layout)
    before = columns(layout.catalog)
    statements = MIGRATIONS[version]
    for count in range(len(statements)):
        with monkeypatch.context() as patched:
            patched.setitem(MIGRATIONS, version, [*statements[:count], "cut short"])
            with pytest.raises(ConfigurationError, match="syntax error"):
                async with open_catalog(layout):
                    pass
        assert columns(layout.catalog) == before
    async with open_catalog(layout) as catalog:
        assert (await catalog.census.count()).images.done == 2


@pytest.mark.parametrize(
    ("rule", "chosen"), [("latest", {"latest"}), ("all", {"latest", "3.19"}), ("3.20, 3.19", {"3.19"})]
)
async def test_the_rule_that_chose_an_image_of_format_1_is_told_by_its_repository(
    layout: Layout, rule: str, chosen: set[str]
) -> None:
    """What that rule does not name was named by a list."""
    written_by(1, layout)
    with closing(sqlite3.connect(layout.catalog)) as connection, connection:
        connection.execute("update repositories set tags_rule = ?", (rule,))
        connection.execute("update images set reference = '3.19' where id = 29")
    async with open_catalog(layout):
        pass
    with closing(sqlite3.connect(layout.catalog)) as connection:
        found = set(connection.execute("select reference, tags_rule from images"))
    assert found == {(name, rule if name in chosen else None) for name in ("latest", "3.19")}


async def test_a_table_that_is_missing_is_created(layout: Layout) -> None:
    """As long as a format is not released it may get more of them."""
    async with open_catalog(layout):
        pass
    before = columns(layout.catalog)
    with closing(sqlite3.connect(layout.catalog)) as connection, connection:
        connection.execute("drop table tag_failures")
    async with open_catalog(layout):
        pass
    assert columns(layout.catalog) == before


def test_there_is_a_way_from_every_earlier_format() -> None:
    """And a catalog of each to prove it with."""
    assert list(MIGRATIONS) == list(range(1, FORMAT_VERSION))

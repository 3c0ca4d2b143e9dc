"""Statements for many rows: written once for each dialect, and values in whatever order it wants them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, Insert, bindparam, create_engine, select, update
from sqlalchemy.dialects import postgresql

from corpus.catalog.schema import metadata, registries
from corpus.catalog.statements import Many, upserting

KEEP = Many(("name", "source"), upserting(registries, key=["name"], update=["source"]))
ADD = Many(("name", "source"), upserting(registries, key=["name"]))


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def kept(connection: Connection) -> list[tuple[str, str, float | None]]:
    columns = (registries.c.name, registries.c.source, registries.c.last_crawled_at)
    return [tuple(row) for row in connection.execute(select(*columns).order_by(registries.c.name))]


def test_row_with_a_known_key_is_overwritten_or_left_alone(connection: Connection) -> None:
    assert KEEP(connection, [("a", "1"), ("b", "1")]) == 2
    assert KEEP(connection, [("b", "2"), ("c", "2")]) == 2
    assert ADD(connection, [("c", "3"), ("d", "3")]) == 1
    assert kept(connection) == [("a", "1", None), ("b", "2", None), ("c", "2", None), ("d", "3", None)]


def test_no_row_is_no_statement(connection: Connection) -> None:
    connection.close()
    assert KEEP(connection, []) == 0


@pytest.mark.parametrize("columns", [("at", "old"), ("old", "at")])
def test_values_go_where_the_statement_has_them(connection: Connection, columns: tuple[str, str]) -> None:
    changing = Many(
        columns,
        lambda _: (
            update(registries)
            .where(registries.c.name == bindparam("old"))
            .values(last_crawled_at=bindparam("at"))
        ),
    )
    KEEP(connection, [("a", "1"), ("b", "1")])
    values = {"at": 5.0, "old": "b"}
    assert changing(connection, [tuple(values[name] for name in columns)]) == 1
    assert kept(connection) == [("a", "1", None), ("b", "1", 5.0)]


def test_what_stands_in_the_statement_is_the_same_for_every_row(connection: Connection) -> None:
    moving = Many(
        ("old",),
        lambda _: update(registries).where(registries.c.name == bindparam("old")).values(source="moved"),
    )
    KEEP(connection, [("a", "1"), ("b", "1"), ("c", "1")])
    assert moving(connection, [("a",), ("c",)]) == 2
    assert kept(connection) == [("a", "moved", None), ("b", "1", None), ("c", "moved", None)]


def test_statement_is_written_once(connection: Connection) -> None:
    written: list[str] = []

    def adding(dialect: str) -> Insert:
        written.append(dialect)
        return upserting(registries, key=["name"])(dialect)

    add = Many(("name", "source"), adding)
    for name in "abc":
        add(connection, [(name, "1")])
    assert written == ["sqlite"]


def test_other_dialect_has_its_own_words() -> None:
    insert = upserting(registries, key=["name"], update=["source"])("postgresql")
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    text = str(insert.compile(dialect=dialect, column_keys=["name", "source"]))
    assert "ON CONFLICT (name) DO UPDATE SET source = excluded.source" in text

"""Opening the catalog: created when missing, refused with one sentence when it cannot be used."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, select
from sqlalchemy.exc import OperationalError

from corpus.catalog import Catalog, open_catalog, read_catalog
from corpus.catalog.database import Database
from corpus.catalog.schema import registries
from corpus.layout import Layout
from corpus.records import Registry
from registry.errors import ConfigurationError


async def test_a_newer_format_is_refused_and_left_alone(layout: Layout) -> None:
    """An old hubcrawl never writes into what it does not understand."""
    async with open_catalog(layout):
        pass
    with sqlite3.connect(layout.catalog) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'format_version'")
    connection.close()
    with pytest.raises(ConfigurationError, match="format 99, newer than .* update hubcrawl"):
        async with open_catalog(layout):
            pass


async def test_a_file_that_is_no_database_is_refused(layout: Layout) -> None:
    """The sentence says what to do."""
    layout.catalog.write_text("not a database, just a text that is long enough to be read as a header")
    with pytest.raises(ConfigurationError, match="cannot be used as a catalog .* restore it"):
        async with open_catalog(layout):
            pass


async def test_a_full_disk_is_not_taken_for_a_damaged_file(layout: Layout) -> None:
    """Nobody is told to restore a backup of a catalog that could not even be written."""

    class Full(Database):
        async def _ensure_format(self, path: Path) -> None:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise OperationalError(f"CREATE TABLE meta in {path}", {}, error)

    with pytest.raises(OperationalError, match="disk is full"):
        await Full.open(layout.catalog)


async def test_looking_creates_and_writes_nothing(layout: Layout) -> None:
    """Not even the files that SQLite keeps beside a database in use."""
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        async with read_catalog(layout):
            pass
    async with open_catalog(layout) as catalog:
        await catalog.repositories.add_registry(Registry("kept", "x"))
    before = sorted(layout.root.iterdir())
    async with read_catalog(layout) as reader:
        assert [registry.name for registry in await reader.repositories.registries()] == ["kept"]
        with pytest.raises(OperationalError, match="readonly"):
            await reader.repositories.add_registry(Registry("new", "x"))
    assert sorted(layout.root.iterdir()) == before


async def test_looking_sees_what_a_process_at_work_has_committed(catalog: Catalog, layout: Layout) -> None:
    """Also what stands in the log of changes only."""
    await catalog.repositories.add_registry(Registry("new", "x"))
    async with read_catalog(layout) as reader:
        assert [registry.name for registry in await reader.repositories.registries()] == [
            "new",
            "registry.test",
        ]


async def test_a_file_that_nothing_was_written_to_holds_no_census(layout: Layout) -> None:
    """As a full disk or a kill leaves it."""
    layout.catalog.touch()
    with pytest.raises(ConfigurationError, match="holds no census yet: begin with"):
        async with read_catalog(layout):
            pass


@pytest.mark.parametrize("name", ["a?b", "a#b", "a%41b", "a b"])
async def test_a_directory_may_have_any_name(layout: Layout, name: str) -> None:
    """Nothing in it is read as part of a URL."""
    odd = Layout(layout.root / name)
    odd.root.mkdir()
    async with open_catalog(odd):
        assert odd.catalog.is_file()
        async with read_catalog(odd) as reader:
            assert await reader.repositories.registries() == []


async def test_a_transaction_that_fails_leaves_nothing(layout: Layout) -> None:
    """Half a checkpoint is no checkpoint."""
    async with open_catalog(layout) as catalog:
        await catalog.repositories.add_registry(Registry("kept", "x"))
        database: Database = catalog.repositories._database
        with pytest.raises(RuntimeError):
            async with database.write() as connection:
                await connection.exec_driver_sql("DELETE FROM registries")
                raise RuntimeError
        assert [registry.name for registry in await catalog.repositories.registries()] == ["kept"]


async def test_the_catalog_can_be_read_while_it_is_written(catalog: Catalog, layout: Layout) -> None:
    """``hubcrawl status`` works beside a running stage, and sees the last checkpoint."""
    async with catalog.repositories._database.write() as connection:
        await connection.exec_driver_sql("INSERT INTO registries (name, source) VALUES ('new', 'x')")
        async with read_catalog(layout) as reader:
            assert "new" not in [registry.name for registry in await reader.repositories.registries()]
            await reader.census.count()


async def test_transaction_in_a_thread_is_whole_or_nothing(catalog: Catalog) -> None:
    database: Database = catalog.repositories._database
    add = "INSERT INTO registries (name, source) VALUES (?, 'x')"
    await database.transact(lambda connection: connection.exec_driver_sql(add, ("kept",)))

    def fail(connection: Connection) -> None:
        connection.exec_driver_sql(add, ("lost",))
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await database.transact(fail)
    assert await names(database) == ["kept", "registry.test"]


async def test_one_transaction_at_a_time_however_it_is_made(catalog: Catalog) -> None:
    """Neither waits for the lock of the file, which would hold a thread up for seconds."""
    database: Database = catalog.repositories._database

    async def by_steps(number: int) -> None:
        async with database.write() as connection:
            await connection.execute(registries.insert().values(name=f"s{number}", source="x"))

    async def at_once(number: int) -> None:
        await database.transact(
            lambda connection: connection.execute(registries.insert().values(name=f"t{number}", source="x"))
        )

    await asyncio.gather(*(write(number) for number in range(10) for write in (by_steps, at_once)))
    assert len(await names(database)) == 21


async def test_transaction_that_has_begun_ends_before_its_caller_is_cancelled(catalog: Catalog) -> None:
    database: Database = catalog.repositories._database
    is_at_work, may_end = threading.Event(), threading.Event()

    def work(connection: Connection) -> None:
        is_at_work.set()
        assert may_end.wait(10)
        connection.execute(registries.insert().values(name="kept", source="x"))

    writing = asyncio.create_task(database.transact(work))
    await asyncio.to_thread(is_at_work.wait, 10)
    writing.cancel()
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert await names(database) == ["kept", "registry.test"]


async def names(database: Database) -> list[str]:
    return [name for (name,) in await database.fetch(select(registries.c.name).order_by(registries.c.name))]


async def test_runs_are_remembered(catalog: Catalog) -> None:
    """The last run of each stage, with its outcome."""
    await catalog.runs.start("1", "crawl", {"limit": 5}, 1.0)
    await catalog.runs.end("1", "interrupted", {}, 2.0)
    await catalog.runs.start("2", "crawl", {}, 3.0)
    assert await catalog.runs.latest() == {
        "crawl": {"stage": "crawl", "started_at": 3.0, "ended_at": None, "outcome": None}
    }

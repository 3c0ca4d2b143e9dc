"""``hubcrawl report`` and ``hubcrawl query``: what they print, and one sentence for every mistake."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from report.database import disk_errors
from report.tables import build
from tests.pipeline.test_pipeline_cli import refused
from tests.report.censuses import Census, a_file

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pipeline.conftest import Ended

HOSTILE = 'a,"b"\n;\x1b[31m\''


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    """A data directory with tables: one layer, one repository of a hostile description."""
    census = Census(tmp_path / "data")
    census.layer("one", [a_file("a", "x"), a_file("b", "yy")])
    census.repository("team/one", description=HOSTILE, pull_count=7)
    census.update()
    return census.layout.root


@pytest.mark.slow
def test_a_report_says_what_it_added_and_where_the_tables_are(
    hubcrawl: Callable[..., Ended], tables: Path
) -> None:
    """And the next one that there was nothing to add."""
    ended = hubcrawl("report", "--tables-only", "--rebuild", "--data", tables)
    assert ended.status == 0, ended
    assert "1 layer with 2 file rows and 0 distinct images added to the tables" in ended.out
    assert str(tables / "tables") in ended.out
    assert "0 layers with 0 file rows" in hubcrawl("report", "--tables-only", "--data", tables).out


@pytest.mark.slow
def test_a_report_says_which_profiles_it_had_to_leave_out(
    hubcrawl: Callable[..., Ended], tables: Path
) -> None:
    """In a sentence, with the first of them."""
    (profile,) = (tables / "profiles" / "layers").rglob("*.zst")
    profile.write_bytes(b"")
    ended = hubcrawl("report", "--tables-only", "--rebuild", "--data", tables)
    assert ended.status == 0
    assert "profiles that cannot be read are left out: 1 damaged; the first: sha256:" in ended.out


@pytest.mark.slow
def test_a_data_directory_may_have_any_name(hubcrawl: Callable[..., Ended], tmp_path: Path) -> None:
    """Also one that looks like a pattern of names, or ends a text."""
    census = Census(tmp_path / "a [1] *? '; x")
    census.layer("one", [a_file("a")])
    assert hubcrawl("report", "--tables-only", "--data", census.layout.root).status == 0
    ended = hubcrawl("query", "--data", census.layout.root, "SELECT count(*) AS n FROM files")
    assert ended.out.split()[-1] == "1"


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (duckdb.OutOfMemoryException("x"), "raise report.memory_bytes"),
        (duckdb.InternalException("of a bug\nand more"), "the tables cannot be made (of a bug)"),
        (duckdb.IOException("IO Error: No space left on device"), "No space left on device"),
    ],
)
def test_what_the_database_cannot_do_stops_the_report_in_one_sentence(
    hubcrawl: Callable[..., Ended],
    tables: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: duckdb.Error,
    sentence: str,
) -> None:
    """With exit status 1, for the same command may be given again."""

    def fail(*_: object) -> None:
        with disk_errors():
            raise error

    monkeypatch.setattr(build, "write", fail)
    ended = hubcrawl("report", "--tables-only", "--rebuild", "--data", tables)
    assert (ended.status, ended.err.count("\n")) == (1, 1), ended.err
    assert ended.err.startswith("hubcrawl: stopped: ")
    assert sentence in ended.err


def test_before_anything_was_crawled_there_is_nothing_to_report(hubcrawl: Callable[..., Ended]) -> None:
    """One sentence, and nothing is created."""
    assert "begin with `hubcrawl crawl`" in refused(hubcrawl("report"))
    assert not Path("data").exists()


def test_without_tables_a_query_says_what_makes_them(hubcrawl: Callable[..., Ended]) -> None:
    """Also where there is no census at all."""
    assert "there are no tables" in refused(hubcrawl("query", "SELECT 1"))


def test_a_result_is_a_table(hubcrawl: Callable[..., Ended], tables: Path) -> None:
    """Numbers to the right; whatever a stranger wrote stays on its line, and is no command of a terminal."""
    ended = hubcrawl("query", "--data", tables, "SELECT path, size_bytes AS size FROM files ORDER BY path")
    assert ended.out == "path  size\n----  ----\na        1\nb        2\n"
    ended = hubcrawl("query", "--data", tables, "SELECT description FROM repositories")
    assert ended.out.splitlines()[-1] == 'a,"b"\\n;\\x1b[31m\''


def test_a_table_of_very_many_rows_is_cut(hubcrawl: Callable[..., Ended], tables: Path) -> None:
    """With the number of rows that are left; long texts are cut, too."""
    ended = hubcrawl("query", "--data", tables, "SELECT range AS n, repeat('x', 200) AS x FROM range(2500)")
    lines = ended.out.splitlines()
    assert len(lines) == 2 + 1000 + 1
    assert lines[-1] == "... and 1,500 rows more: --csv and --json have all of them"
    assert lines[2].endswith("x…")
    assert len(lines[2]) < 120


def test_a_result_is_csv(hubcrawl: Callable[..., Ended], tables: Path) -> None:
    """Every value comes back, and null is empty."""
    ended = hubcrawl("query", "--csv", "--data", tables, "SELECT description, stars, pulls FROM repositories")
    assert list(csv.reader(io.StringIO(ended.out))) == [["description", "stars", "pulls"], [HOSTILE, "", "7"]]
    ended = hubcrawl("query", "--csv", "--data", tables, "SELECT range FROM range(2500)")
    assert ended.out.splitlines()[1:] == [str(number) for number in range(2500)]
    assert hubcrawl("query", "--csv", "--data", tables, "SELECT path FROM files LIMIT 0").out == "path\n"


def test_a_result_is_json(hubcrawl: Callable[..., Ended], tables: Path) -> None:
    """An array; columns of one name are told apart; what JSON does not know is text, or null."""
    sql = (
        "SELECT description, 1 AS n, 2 AS n, 3 AS n_2, 1e400 - 1e400 AS nan, first_seen_at, "
        "sum(pulls) AS sum, [1, 1e400 - 1e400] AS list, '\\x01'::BLOB AS blob FROM repositories GROUP BY ALL"
    )
    (row,) = json.loads(hubcrawl("query", "--json", "--data", tables, sql).out)
    assert row == {
        "description": HOSTILE,
        "n": 1,
        "n_2": 2,
        "n_2_2": 3,
        "nan": None,
        "first_seen_at": "1970-01-01T00:00:01",
        "sum": 7,
        "list": [1, None],
        "blob": "01",
    }
    assert json.loads(hubcrawl("query", "--json", "--data", tables, "SELECT 1 LIMIT 0").out) == []
    assert len(json.loads(hubcrawl("query", "--json", "--data", tables, "FROM range(2500)").out)) == 2500


@pytest.mark.parametrize(
    ("sql", "sentence"),
    [
        ("", "the query is empty"),
        ("/* nothing */", "the query is empty"),
        ("SELECT 1; SELECT 2", "the query has 2 statements"),
        ("SELECT\n  *\nFRM files", "(line 3, column 5): syntax error at or near"),
        ("SELECT 'é', pth FROM files", '(line 1, column 13): Referenced column "pth" not found'),
        ("SELECT * FROM nothing", "(line 1, column 15): Table with name nothing does not exist"),
        ("SELECT path::INT FROM files", "Could not convert string 'a' to INT32"),
        ("SELECT 'x", "unterminated"),
        ("SELECT '\udcff'", "the query is no text in UTF-8"),
        ("COPY (SELECT 1) TO 'x.csv'", "the query is no SELECT but COPY"),
        ("COPY files TO 'x.csv'", "the query is no SELECT but COPY"),
        ("EXPLAIN ANALYZE COPY files TO 'x.csv'", "the query is no SELECT but EXPLAIN"),
        ("CREATE TABLE t (a INT)", "the query is no SELECT but CREATE"),
        ("DROP VIEW files", "the query is no SELECT but DROP"),
        ("ATTACH 'x.db'", "the query is no SELECT but ATTACH"),
        ("SET enable_external_access = true", "the query is no SELECT but SET"),
        ("INSTALL httpfs", "the query is no SELECT but LOAD"),
        ("SELECT * FROM read_text('/etc/passwd')", "Cannot access file"),
        ("SELECT * FROM read_csv('/etc/passwd')", "Cannot access file"),
        ("SELECT * FROM glob('/etc/*')", "Cannot access file"),
        ("SELECT * FROM '/etc/passwd.parquet'", "Cannot access file"),
        ("SELECT * FROM parquet_metadata('/etc/passwd')", "Cannot access file"),
        ("SELECT * FROM sqlite_scan('data/catalog.sqlite', 'runs')", "the query cannot be answered"),
    ],
)
def test_what_cannot_be_answered_is_one_sentence(
    hubcrawl: Callable[..., Ended], tables: Path, sql: str, sentence: str
) -> None:
    """Where in the query, and what; nothing is read but the tables, and nothing written at all."""
    before = {path: path.stat().st_mtime_ns for path in tables.rglob("*")}
    assert sentence in refused(hubcrawl("query", "--data", tables, sql))
    assert {path: path.stat().st_mtime_ns for path in tables.rglob("*")} == before
    assert list(Path.cwd().iterdir()) == []


def test_a_query_has_one_form(hubcrawl: Callable[..., Ended], tables: Path) -> None:
    """CSV or JSON."""
    assert "choose one" in refused(hubcrawl("query", "--csv", "--json", "--data", tables, "SELECT 1"))


@pytest.mark.slow
def test_a_query_that_needs_too_much_memory_says_so(hubcrawl: Callable[..., Ended], tables: Path) -> None:
    """Sorting goes by way of the disk; a list of very much text cannot."""
    options = ["--memory-bytes", 256 << 20, "--threads", "1", "--data", tables]
    heavy = "SELECT length(string_agg(repeat('x', 1000000), '')) FROM range(2000)"
    assert "more memory than it may have" in refused(hubcrawl("query", *map(str, options), heavy))
    ordered = (
        "SELECT count(*) FROM (SELECT *, row_number() OVER (ORDER BY hash(range)) AS n FROM range(10000000))"
    )
    assert hubcrawl("query", *map(str, options), ordered).out.split()[-1] == "10000000"


@pytest.mark.slow
def test_a_damaged_part_is_named_with_what_mends_it(hubcrawl: Callable[..., Ended], tables: Path) -> None:
    """The sentence says which command makes it again, and it does."""
    (path,) = (tables / "tables" / "files").iterdir()
    path.write_bytes(path.read_bytes()[:100])
    sentence = refused(hubcrawl("query", "--data", tables, "SELECT * FROM files"))
    assert path.name in sentence
    assert "`hubcrawl report` makes it again" in sentence
    assert "1 damaged part made anew" in hubcrawl("report", "--tables-only", "--data", tables).out
    assert hubcrawl("query", "--data", tables, "SELECT * FROM files").status == 0
    path.unlink()
    assert "the table files is not whole" in refused(hubcrawl("query", "--data", tables, "SELECT 1"))

"""Every query of ``docs/queries.md`` runs as it stands, and answers its question."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from corpus.profiles import Entry, Kind, Package
from report.query import querying
from report.settings import ReportSettings
from tests.report.censuses import Census, a_file

if TYPE_CHECKING:
    from report.query import Result

TEXT = (Path(__file__).parents[2] / "docs" / "queries.md").read_text()
QUERIES = dict(re.findall(r"^## ([^\n]*)\n(?:(?!^## ).)*?^```sql\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE))


@pytest.fixture(scope="module")
def census(tmp_path_factory: pytest.TempPathFactory) -> Census:
    """Two layers of 30 and 60 bytes in two images: ``aaa`` thrice, ``bb`` and nothing once, as files."""
    census = Census(tmp_path_factory.mktemp("census") / "data")
    base = census.layer(
        "base",
        [
            a_file("a", "aaa", group="documents", type="ascii"),
            a_file("b", "aaa", group="documents", type="ascii"),
            a_file("su", "bb", group="eol", type="elf", flags=("setuid",)),
            a_file("a", "aaa", offset_bytes=4096, flags=("duplicate",)),
            Entry("l", Kind.SYMLINK, link="a"),
        ],
        cls_bytes=30,
        packages=[Package(type="deb", name="bash", status="installed")],
    )
    top = census.layer("top", [a_file("c", "aaa"), a_file("empty")], cls_bytes=60)
    census.image("team/one", [base])
    census.image("team/two", [base, top], os="linux", architecture="amd64")
    failed = census.repository("team/failed")
    census.insert("images", id=1, repository_id=failed, reference="latest", state="failed", reason="no_tag")
    census.insert("repository_counts", repository_id=failed, seen_at=1.0, pull_count=1)
    census.update()
    return census


@contextmanager
def answer(census: Census, sql: str) -> Iterator[Result]:
    with querying(census.layout, ReportSettings(threads=1), sql) as result:
        yield result


def rows_of(census: Census, question: str) -> list[dict[str, Any]]:
    """The answer to a question of the page, as dictionaries."""
    with answer(census, QUERIES[question]) as result:
        return [dict(zip(result.columns, row, strict=True)) for batch in result.batches for row in batch]


def test_there_are_a_dozen_or_more() -> None:
    """As the page promises, each with a question for its heading."""
    assert len(QUERIES) >= 12
    assert TEXT.count("```sql") == len(QUERIES)


@pytest.mark.parametrize("question", QUERIES)
def test_a_documented_query_has_an_answer(census: Census, question: str) -> None:
    """At least a row, and no error."""
    assert rows_of(census, question)


def test_the_answers_are_right(census: Census) -> None:
    """Those that can be worked out by hand: 90 bytes of layers stand for 120, 5 bytes of files for 11."""
    (files,) = rows_of(census, "How many files does a layer have?")
    assert (files["max"], files["mean"], files["without_any"]) == (4, 3.0, 0)
    (sharing,) = rows_of(census, "What does sharing layers save?")
    assert (sharing["without_sharing_bytes"], sharing["with_sharing_bytes"]) == (120, 90)
    (once,) = rows_of(census, "What would keeping each content once save?")
    assert (once["files"], once["distinct_files"], once["by_count"]) == (5, 3, 5 / 3)
    assert (once["bytes"], once["distinct_bytes"], once["by_bytes"]) == (11, 5, 11 / 5)
    first = rows_of(census, "Which contents are repeated most?")[0]
    assert (first["copies"], first["layers"], first["size_bytes"]) == (3, 2, 3)
    assert [row["path"] for row in rows_of(census, "Which files can become root?")] == ["su"]
    assert rows_of(census, "Which layers are in most images?")[0]["images"] == 2
    states = rows_of(census, "What became of the repositories?")
    assert {(row["state"], row["failure_class"]): row["repositories"] for row in states} == {
        ("done", None): 2,
        ("failed", "no_latest"): 1,
    }

"""``hubcrawl status``: for people and for programs, beside whatever runs."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from corpus.profiles.layer import LAYER_VERSION
from pipeline.status import last_progress, read_status, stage_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pipeline.conftest import Ended

DEAD_PROCESS = 2**31 - 1  # above any pid_max


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """An empty data directory."""
    layout = Layout(tmp_path / "census")
    layout.ensure()
    return layout


def progress(rate: float) -> str:
    """A line of the log."""
    fields = {"noun": "image", "rate_per_s": 77, "average_per_s": rate, "time_left_s": 100 / rate}
    return json.dumps({"event": "progress", **fields}) + "\n"


async def begin(catalog: Catalog) -> None:
    """Record that a download began."""
    await catalog.runs.start("20260101T000000.000000-download", "download", {}, now=0)


def test_an_empty_census_is_shown_and_nothing_is_written(
    hubcrawl: Callable[..., Ended], census: Layout
) -> None:
    """Status 0, zeros, and a hint."""
    before = {path: path.stat().st_mtime_ns for path in census.root.rglob("*")}
    ended = hubcrawl("status")
    assert ended.status == 0
    assert "0 found" in ended.out
    assert "begin with `hubcrawl crawl`" in ended.out
    assert {path: path.stat().st_mtime_ns for path in census.root.rglob("*")} == before


@pytest.mark.usefixtures("census")
def test_the_json_has_the_published_keys(hubcrawl: Callable[..., Ended]) -> None:
    """Programs rely on these."""
    found = json.loads(hubcrawl("status", "--json", "--data", "data").out)
    assert found["data"] == "data"
    assert found["repositories"]["found"] == 0
    assert {"pending", "done", "failed"} <= set(found["images"])
    assert {"count", "bytes"} <= set(found["blobs"])
    assert {"pending", "done", "failed"} <= set(found["layers"])
    assert found["failures"] == {}
    assert found["runs"] == {}


HOSTILE = "Not//A\tName\x1b[31m"


@pytest.fixture
def failing(census: Layout, add_repository: Callable[[str, str], None]) -> None:
    """A census with an image that failed, and a hostile name that no download came to."""
    add_repository("quay.io", "")
    with contextlib.closing(sqlite3.connect(census.catalog)) as catalog, catalog:
        catalog.execute(
            "INSERT INTO images (repository_id, reference, state, reason, detail)"
            " VALUES (1, 'latest', 'failed', 'no_tag', 'no_tag: there is none')"
        )
        catalog.execute(
            "INSERT INTO repositories (registry, name, is_pullable, first_seen_at, last_seen_at)"
            " VALUES ('quay.io', ?, 0, 0, 0)",
            (HOSTILE,),
        )
        catalog.execute(
            "INSERT INTO sightings (repository_id, source, url, first_seen_at, last_seen_at, times_seen)"
            " VALUES (2, 'list', 'names.txt', 0, 0, 1)"
        )


@pytest.mark.usefixtures("failing")
def test_every_image_that_failed_is_listed_with_its_reason(hubcrawl: Callable[..., Ended]) -> None:
    """One a line, tabs between, whatever a name holds; a name nobody can pull with where it came from."""
    ended = hubcrawl("status", "--failed")
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "invalid_name\tquay.io/Not//A\\tName\\x1b[31m\tlisted by names.txt",
        "no_tag\tquay.io/a/b:latest\tthere is none",
    ]


@pytest.mark.usefixtures("failing")
def test_failed_images_are_listed_as_json_too(hubcrawl: Callable[..., Ended]) -> None:
    """One object a line, so that millions can be read as they come."""
    invalid, failed = map(json.loads, hubcrawl("status", "--failed", "--json").out.splitlines())
    assert (invalid["repository"], invalid["reference"], invalid["listed_by"]) == (HOSTILE, None, "names.txt")
    assert (failed["reason"], failed["reference"]) == ("no_tag", "latest")


@pytest.fixture
def failing_everywhere(failing: None, census: Layout) -> None:  # noqa: ARG001 - the same, and more
    """Failures of each kind of unit: an image that is tried again, blobs, a page, a profile."""
    with contextlib.closing(sqlite3.connect(census.catalog)) as catalog, catalog:
        catalog.executescript(
            """
            INSERT INTO images (repository_id, reference, state, reason, detail, is_temporary, retry_at)
            VALUES (1, '1', 'failed', 'timeout', 'timeout: no answer', 1, 60),
                   (1, 'sha256:1', 'failed', 'timeout', 'timeout: none', 1, NULL);
            INSERT INTO blobs (digest, role, state, reason, detail, is_temporary, finished_at)
            VALUES ('sha256:b', 'layer', 'failed', 'network', 'network: b', 1, 0),
                   ('sha256:a', 'layer', 'failed', 'network', 'network: a', 1, 0),
                   ('sha256:c', 'layer', 'done', NULL, NULL, NULL, 0);
            INSERT INTO pages (source, cursor, state, reason, detail, is_temporary)
            VALUES ('search', '7', 'failed', 'server_error', 'server_error: 500', 1);
            INSERT INTO tag_failures (repository_id, reason, detail, is_temporary)
            VALUES (1, 'timeout', 'timeout: no answer in time', 1);
            """
        )
        catalog.execute(
            "INSERT INTO layer_profiles"
            " (digest, profile_version, state, status, reason, duration_s, finished_at)"
            " VALUES ('sha256:c', ?, 'failed', 'truncated', 'the gzip stream ends early', 1, 0)",
            (LAYER_VERSION,),
        )


@pytest.mark.usefixtures("failing_everywhere")
def test_failures_are_counted_by_reason_with_an_example_of_each(hubcrawl: Callable[..., Ended]) -> None:
    """For every kind of unit that can fail; the most frequent first, the example the first by name."""
    ended = hubcrawl("status", "--failures")
    assert ended.status == 0
    assert ended.out.splitlines() == [
        "  pages           server_error  1  search 7: 500 (1 tried again)",
        "  tag listings    timeout  1  quay.io/a/b: no answer in time (1 tried again)",
        "  images          timeout       2  quay.io/a/b:1: no answer (1 tried again)",
        "                  invalid_name  1  quay.io/Not//A\\tName\\x1b[31m",
        "                  no_tag        1  quay.io/a/b:latest: there is none",
        "  blobs           network  2  sha256:a: a (2 tried again)",
        "  layers          truncated  1  sha256:c: the gzip stream ends early",
    ]


@pytest.mark.usefixtures("failing_everywhere")
def test_failures_by_reason_are_one_object_for_programs(hubcrawl: Callable[..., Ended]) -> None:
    """Names as they are."""
    groups = json.loads(hubcrawl("status", "--failures", "--json").out)["failures"]
    found = {(group["unit"], group["reason"]): group for group in groups}
    assert found["image", "invalid_name"]["example"] == f"quay.io/{HOSTILE}"
    assert found["image", "timeout"] == {
        "unit": "image",
        "reason": "timeout",
        "count": 2,
        "retried": 1,
        "example": "quay.io/a/b:1",
        "detail": "timeout: no answer",
    }


@pytest.mark.usefixtures("census")
def test_without_failures_that_is_said(hubcrawl: Callable[..., Ended]) -> None:
    """An empty list is no answer for people."""
    assert hubcrawl("status", "--failures").out == "nothing has failed\n"
    assert json.loads(hubcrawl("status", "--failures", "--json").out) == {"failures": []}


async def test_a_running_stage_shows_its_rate_and_the_time_left(layout: Layout) -> None:
    """As it last said in its log; the lock tells that it lives."""
    layout.lock.write_text(str(os.getpid()))
    async with open_catalog(layout) as catalog:
        await begin(catalog)
        (layout.logs / "20260101T000000.000000-download.jsonl").write_text(progress(4.0) + progress(5.0))
        status = await read_status(layout)
    run = status.runs["download"]
    assert (run.outcome, run.ended_at, run.rate_per_s, run.time_left_s) == ("running", None, 5.0, 20.0)
    assert "download        running, since 1970-01-01T00:00:00+00:00, 5.0 images/s on average" in (
        text := status.as_text()
    )
    assert "20 s left" in text


async def test_a_stage_that_left_no_outcome_and_does_not_run_was_killed(layout: Layout) -> None:
    """Its process is gone, whatever stands in the lock."""
    async with open_catalog(layout) as catalog:
        await begin(catalog)
    for left_behind in (str(DEAD_PROCESS), "", "nonsense"):
        layout.lock.write_text(left_behind)
        assert (await read_status(layout)).runs["download"].outcome == "killed"


async def test_a_finished_stage_shows_when_and_how_it_ended(layout: Layout) -> None:
    """No time is left of it."""
    async with open_catalog(layout) as catalog:
        await begin(catalog)
        await catalog.runs.end("20260101T000000.000000-download", "stopped", {}, now=60)
    (layout.logs / "20260101T000000.000000-download.jsonl").write_text(progress(4.0))
    run = (await read_status(layout)).runs["download"]
    assert (run.outcome, run.ended_at) == ("stopped", "1970-01-01T00:01:00+00:00")
    assert (run.rate_per_s, run.time_left_s) == (4.0, None)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", {}),
        ('{"event":"other"}\n', {}),
        (progress(1.0) + '{"event":"prog', 1.0),
        ("not json\n" + progress(2.0), 2.0),
        (progress(3.0) + '{"event":"image_done"}\n' * 10, 3.0),
        ("[1]\n", {}),
    ],
)
def test_the_last_progress_is_found_in_a_log_of_any_state(
    layout: Layout, content: str, expected: Any
) -> None:
    """Half-written lines and other events are passed over."""
    (layout.logs / "20260101T000000.000000-crawl.jsonl").write_text("")
    (layout.logs / "20260102T000000.000000-crawl.jsonl").write_text(content)
    found = last_progress(layout, "crawl")
    assert (found.get("average_per_s") or {}) == expected


def test_only_the_end_of_a_long_log_is_read(layout: Layout) -> None:
    """A log of weeks is not read whole."""
    (layout.logs / "20260101T000000.000000-crawl.jsonl").write_text(
        progress(1.0) + '{"event":"x"}\n' * 10_000
    )
    assert last_progress(layout, "crawl") == {}


def test_a_run_that_said_nothing_of_its_pace_has_none() -> None:
    """Unknown is not zero."""
    run = stage_run({"started_at": 0, "ended_at": None, "outcome": None}, {}, at_work=True)
    assert (run.rate_per_s, run.time_left_s) == (None, None)


def test_a_download_with_nothing_due_says_when_something_is(
    hubcrawl: Callable[..., Ended],
    census: Layout,
    add_repository: Callable[[str, str], None],
    closed_port: int,
) -> None:
    """It asks for nothing, and can be run again then, or at once with ``--retry-failed``."""
    registry = f"http://127.0.0.1:{closed_port}"
    add_repository(f"127.0.0.1:{closed_port}", f"registry={registry}")
    with contextlib.closing(sqlite3.connect(census.catalog)) as catalog, catalog:
        catalog.execute("UPDATE repositories SET tags_rule = 'latest'")
        catalog.execute(
            "INSERT INTO images (repository_id, reference, state, reason, is_temporary, attempts, retry_at)"
            " VALUES (1, 'latest', 'failed', 'network', 1, 4, 4102444800)"  # in the year 2100
        )
    ended = hubcrawl("download")
    assert (ended.status, ended.err) == (0, "")
    assert ended.out.startswith(
        "download: nothing to do: every image wanted is fetched, or not due yet; "
        "1 image is tried again by a run after 2"
    )
    assert "cannot reach" in hubcrawl("download", "--retry-failed").err

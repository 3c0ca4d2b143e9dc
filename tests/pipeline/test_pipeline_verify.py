"""``hubcrawl verify`` as a user runs it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import samplehub
from corpus.catalog.verification import VerificationCatalog
from corpus.layout import Layout
from corpus.lock import exclusive
from downloader.findings import Kind, Tally, VerifySummary
from pipeline.verification import as_json, finding_lines, verified
from registry.digests import Digest
from tests.downloader.runs import files, tables
from tests.downloader.stores import BLOBS, digest, make

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pipeline.conftest import Ended

ROOT = Path(__file__).parents[2]
LOST = b"layer of one"


@pytest.fixture
def layout(elsewhere: Path) -> Layout:
    """A whole census in ``data``."""
    layout = Layout(elsewhere / "data")
    asyncio.run(make(layout))
    return layout


def said(ended: Ended) -> Any:
    return json.loads(ended.out)


def counts(ended: Ended) -> dict[str, int]:
    """What was found, kinds without findings left out."""
    return {kind: tally["count"] for kind, tally in said(ended)["found"].items() if tally["count"]}


@pytest.mark.usefixtures("layout")
def test_a_whole_census_is_told_in_two_lines(hubcrawl: Callable[..., Ended]) -> None:
    """Exit status 0."""
    ended = hubcrawl("verify")
    assert (ended.status, ended.err) == (0, "")
    heading, read, verdict = ended.out.splitlines()
    assert heading.startswith("verify finished after ")
    assert read == f"  this run        {len(BLOBS)} blobs looked at, 15.2 KiB read"
    assert verdict.strip() == "nothing is wrong"


def test_what_is_wrong_is_told_with_examples_and_the_remedy(
    hubcrawl: Callable[..., Ended], layout: Layout
) -> None:
    """Exit status 1, on stdout; names of strangers cannot play with the terminal."""
    layout.blob(digest(LOST)).unlink()
    (layout.blobs / "evil\x1b[31m").touch()
    ended = hubcrawl("verify")
    assert (ended.status, ended.err) == (1, "")
    assert "`hubcrawl verify --repair` mends what can be mended" in ended.out
    assert "  missing         1, 12 B: in the catalog, not in the store\n" in ended.out
    assert f"                  {digest(LOST)}\n" in ended.out
    assert "blobs/evil\\x1b[31m" in ended.out


def test_a_repair_says_what_it_did_and_what_is_to_do(hubcrawl: Callable[..., Ended], layout: Layout) -> None:
    """Exit status 0: everything wrong was repaired. It is recorded like the run of a stage."""
    layout.blob(digest(LOST)).unlink()
    ended = hubcrawl("verify", "--repair")
    assert (ended.status, ended.err) == (0, "")
    assert "1 image pending again: `hubcrawl download` fetches what is missing" in ended.out
    assert "in the catalog, not in the store; to be fetched again" in ended.out
    assert hubcrawl("verify").status == 0
    runs = json.loads(hubcrawl("status", "--json").out)["runs"]
    assert runs["verify"]["outcome"] == "done"
    (log,) = layout.logs.glob("*-verify.jsonl")
    events = map(json.loads, log.read_text().splitlines())
    findings = [event for event in events if event["event"] == "finding"]
    assert [(event["kind"], event["what"]) for event in findings] == [("missing", digest(LOST))]


@pytest.mark.parametrize(("options", "status"), [([], 1), (["--repair"], 0)])
def test_the_json_has_the_published_keys(
    hubcrawl: Callable[..., Ended], layout: Layout, options: list[str], status: int
) -> None:
    """One object and nothing else, every kind in it."""
    layout.blob(digest(LOST)).unlink()
    ended = hubcrawl("verify", "--json", *options)
    assert ended.status == status
    found = said(ended)
    assert set(found["found"]) == {
        "missing", "truncated", "corrupt", "unreadable", "orphaned", "foreign", "index", "catalog"
    }  # fmt: skip
    assert found["found"]["missing"] == {"count": 1, "bytes": len(LOST), "examples": [digest(LOST)]}
    assert (found["data"], found["is_clean"], found["is_repaired"]) == ("data", False, bool(options))
    assert (found["blobs"], found["images_requeued"]) == (len(BLOBS), len(options))


def test_without_repair_no_lock_is_needed_and_with_it_the_directory_is_held(
    hubcrawl: Callable[..., Ended], layout: Layout
) -> None:
    """A look goes on beside a stage, and says so; a repair waits its turn."""
    layout.blob(digest(b"new")).write_bytes(b"new")
    with exclusive(layout):
        look, repair = hubcrawl("verify"), hubcrawl("verify", "--repair")
    assert look.status == 0
    assert "a stage is at work: what it has not recorded yet was not looked at" in look.out
    assert repair.status == 2
    assert f"another hubcrawl (process {os.getpid()}) is working on" in repair.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_data_can_be_verified(hubcrawl: Callable[..., Ended], layout: Layout) -> None:
    """As on a mounted snapshot."""
    folders = [layout.root, *(path for path in layout.root.rglob("*") if path.is_dir())]
    for folder in folders:
        folder.chmod(stat.S_IRUSR | stat.S_IXUSR)
    try:
        assert hubcrawl("verify").status == 0
    finally:
        for folder in folders:
            folder.chmod(stat.S_IRWXU)


def test_a_look_writes_nothing(hubcrawl: Callable[..., Ended], layout: Layout) -> None:
    """No log, no lock, no row."""
    layout.blob(digest(LOST)).unlink()
    before = {path: path.stat().st_mtime_ns for path in layout.root.rglob("*")}
    assert hubcrawl("verify").status == 1
    assert {path: path.stat().st_mtime_ns for path in layout.root.rglob("*")} == before


@pytest.mark.parametrize("option", [[], ["--repair"]])
def test_where_no_census_is_there_is_nothing_to_verify(
    hubcrawl: Callable[..., Ended], elsewhere: Path, option: list[str]
) -> None:
    """One sentence, status 2; nothing is created."""
    ended = hubcrawl("verify", *option)
    assert ended.status == 2
    assert "there is no census in data: begin with `hubcrawl crawl`" in ended.err
    assert not list(elsewhere.iterdir())


def test_a_damaged_catalog_is_status_1_also_with_repair(
    hubcrawl: Callable[..., Ended], layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No program can mend it; the sentence says what can."""

    async def integrity(_: VerificationCatalog) -> list[str]:
        return ["row 7 missing from index x"]

    monkeypatch.setattr(VerificationCatalog, "integrity", integrity)
    look, repair = hubcrawl("verify"), hubcrawl("verify", "--repair")
    assert (look.status, repair.status) == (1, 1)
    assert "row 7 missing from index x" in look.out
    assert "restore it from a backup" in repair.err
    assert not said(hubcrawl("verify", "--repair", "--json"))["is_repaired"]
    assert files(layout.blobs)


@pytest.mark.slow
def test_it_can_be_interrupted(layout: Layout) -> None:
    """Status 130, though a thread is in the middle of a large file."""
    with layout.blob(Digest.of(b"large")).open("wb") as file:
        file.truncate(1 << 37)
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "verify"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "HUBCRAWL_PROGRESS_INTERVAL_S": "0.05"}
    with subprocess.Popen(
        command, cwd=layout.root.parent, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        next(line for line in process.stderr if "looking for what the catalog does not have" in line)
        process.send_signal(signal.SIGINT)
        threading.Thread(target=process.stderr.read).start()
        assert process.wait(60) == 130


def test_every_kind_has_its_words_and_more_than_a_few_are_counted() -> None:
    """A table that forgets none."""
    found = {kind: Tally(7, 2048, ("a", "b")) for kind in Kind}
    summary = VerifySummary(9, 10, found, is_repair=False, is_beside_a_stage=False)
    lines = list(finding_lines(summary))
    assert len(lines) == 4 * len(Kind)
    assert lines[0] == "  missing         7, 2.0 KiB: in the catalog, not in the store"
    assert lines[3].strip() == "and 5 more"
    assert next(verified(summary)) == "9 blobs looked at, 10 B read"
    assert set(json.loads(as_json(summary, Path("x")))["found"]) == set(Kind)


@pytest.mark.slow
def test_a_census_of_the_sample_hub_is_made_whole_again(
    hubcrawl: Callable[..., Ended], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Damaged, repaired, downloaded and analyzed again, it says and holds what it did before."""
    hub = samplehub.build_hub()
    monkeypatch.setattr(samplehub, "build_hub", lambda: hub)
    layout = Layout(elsewhere / "data")
    for command in ("crawl", "download", "analyze"):
        assert hubcrawl(command).status == 0
    assert hubcrawl("verify").status == 0
    before, rows = files(layout.root / "blobs"), tables(layout.root)
    index, status = layout.index.read_bytes(), json.loads(hubcrawl("status", "--json").out)
    names = sorted(before)
    for name in names[::5]:
        (layout.blobs / name).unlink()
    for name in names[1::5]:
        (layout.blobs / name).write_bytes(b"X")
    ended = hubcrawl("verify", "--json")
    assert (ended.status, set(counts(ended)) <= {"missing", "truncated", "corrupt"}) == (1, True)
    assert sum(counts(ended).values()) == len(names[::5]) + len(names[1::5])
    assert hubcrawl("verify", "--repair").status == 0
    assert hubcrawl("download").status == 0
    assert hubcrawl("analyze").status == 0
    assert hubcrawl("verify").status == 0
    assert (files(layout.blobs), layout.index.read_bytes()) == (before, index)
    assert tables(layout.root) == rows
    assert json.loads(hubcrawl("status", "--json").out) | {"runs": None} == status | {"runs": None}

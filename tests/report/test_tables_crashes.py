"""``kill -9`` at any moment, or a full disk: the next run makes the tables what they would have been."""

from __future__ import annotations

import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.report.censuses import Census, a_file, populate
from tests.report.crashing import MOMENTS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
REMOVING = ("a part lost its record", "a part is removed")


def killed_at(moment: str, census: Census) -> None:
    """Update in a process that does not outlive ``moment``."""
    command = [sys.executable, "-m", "tests.report.crashing", str(census.layout.root), moment]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_killed_update_is_completed_by_the_next(census: Census, moment: str) -> None:
    """Every row is there once, no file of an unfinished part is left, and no temporary one."""
    populate(census)
    if moment in REMOVING:
        census.update()
        census.layer("layer 3", [a_file("other")], at=99.0)
    killed_at(moment, census)
    assert census.update().layers in {0, 12}
    found = census.contents()
    names = {path.name for path in (census.layout.tables / "files").iterdir()}
    assert names == {path.name for path in (census.layout.tables / "layers").iterdir()}
    assert not (census.layout.tables / ".work").exists()
    census.update(anew=True)
    assert census.contents() == found


@pytest.mark.parametrize("moment", REMOVING)
def test_a_merge_that_was_killed_loses_no_row(census: Census, moment: str) -> None:
    """What was in the parts that are gone is taken in again."""
    for number in range(8):
        census.layer(f"layer {number}", [a_file(f"file {number}")])
        if number < 7:
            census.update(rows_per_part=1000)
    killed_at(moment, census)
    assert census.update(rows_per_part=1000).layers in {0, 1}
    assert sorted(census.rows("files", "path")) == [(f"file {number}",) for number in range(8)]


def test_a_full_disk_stops_the_report_in_one_sentence(census: Census) -> None:
    """And with room the same command goes on; here a limit of the size of files is the disk."""
    populate(census, layers=40, files=2_000)
    command = [
        str(Path(sys.executable).with_name("hubcrawl")),
        "report",
        "--tables-only",
        "--data",
        str(census.layout.root),
    ]

    def limited(size: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
        )

    done = limited(1 << 20)
    assert done.returncode == 1, done
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("hubcrawl: stopped: ")
    assert "Traceback" not in done.stderr
    assert not (census.layout.tables / ".work").exists()
    assert limited(1 << 30).returncode == 0
    assert len(census.rows("files")) == 80_000

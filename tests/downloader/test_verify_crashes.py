"""``kill -9`` at any step of a repair: the next one completes it, and nothing is lost."""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
import sys
from pathlib import Path

import pytest

from corpus.catalog import open_catalog
from corpus.layout import Layout
from registry.digests import Digest
from tests.downloader.runs import files, tables
from tests.downloader.stores import (
    BLOBS,
    CENSUS,
    digest,
    images_of,
    make,
    pending,
    profile,
    refetch,
    rows,
    verify,
)
from tests.downloader.verify_crashing import MOMENTS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

SITUATIONS = [
    ("nothing is withdrawn yet", 1),
    ("images are pending, not committed", 1),
    ("all is withdrawn, not committed", 1),
    ("all is withdrawn, nothing removed", 1),
    ("a profile is removed", 1),
    ("a profile is removed", 2),
    ("a blob is removed", 1),
    ("a blob is removed", 2),
    ("orphans are not synced yet", 1),
    ("orphans are synced, not recorded", 1),
    ("all is withdrawn, not committed", 2),
    ("orphans are recorded", 1),
    ("a stranger is moved", 1),
    ("a stranger is moved", 3),
    ("the index is written, not in its place", 1),
]

MISREAD = b"shared layer"
CHANGED = [MISREAD, b'{"two":2}', BLOBS[CENSUS[2].outcome.chosen[0]]]
MISSING = [b"layer of signed"]
ORPHANS = [b"one orphan", b'{"another": "orphan"}']
STRANGERS = ["blobs/sha256/readme", "blobs/md5/x", "partial/notes", ".index.json.tmp"]


@pytest.fixture(scope="module")
def harmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A census with something of everything wrong."""
    layout = Layout(tmp_path_factory.mktemp("harmed") / "data")

    async def prepare() -> None:
        await make(layout)
        async with open_catalog(layout) as catalog:
            await profile(layout, catalog, misread=[MISREAD])

    asyncio.run(prepare())
    for data in CHANGED:
        layout.blob(digest(data)).write_bytes(b"X" * len(data))
    for data in MISSING:
        layout.blob(digest(data)).unlink()
    for data in ORPHANS:
        layout.blob(digest(data)).write_bytes(data)
    for name in STRANGERS:
        (layout.root / name).parent.mkdir(exist_ok=True)
        (layout.root / name).write_text(name)
    return layout.root


@pytest.fixture
def layout(harmed: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> Layout:
    caplog.set_level(logging.ERROR)
    shutil.copytree(harmed, tmp_path / "data")
    return Layout(tmp_path / "data")


async def killed(layout: Layout, moment: str, count: int) -> None:
    """Run the process that kills itself, and see that it did."""
    arguments = ["-m", "tests.downloader.verify_crashing", str(layout.root), moment, str(count)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()


def strangers(layout: Layout) -> list[str]:
    """What is in the files that are not ours, wherever they lie."""
    every = (path for path in layout.root.rglob("*") if path.is_file() and path.stat().st_size < 100)
    return sorted(
        path.read_text() for path in every if path.read_bytes().decode(errors="replace") in STRANGERS
    )


def test_every_moment_is_tried() -> None:
    """No name in the table goes without a situation."""
    assert {moment for moment, _ in SITUATIONS} == set(MOMENTS)


@pytest.mark.parametrize(("moment", "count"), SITUATIONS)
async def test_a_killed_repair_is_completed_by_the_next(
    layout: Layout, tmp_path: Path, moment: str, count: int
) -> None:
    """As if it had not been killed: the same rows, files and images to fetch again."""
    reference = Layout(tmp_path / "reference")
    shutil.copytree(layout.root, reference.root)
    await verify(reference, repair=True)
    await killed(layout, moment, count)
    assert strangers(layout) == sorted(STRANGERS)
    assert_rows_have_their_bytes(layout)
    await verify(layout, repair=True)
    assert not (await verify(layout)).found
    assert strangers(layout) == sorted(STRANGERS)
    assert pending(layout) == set().union(*map(images_of, [*CHANGED, *MISSING])) == pending(reference)
    assert tables(layout.root) == tables(reference.root)
    for folder in ("blobs", "profiles", "partial"):
        assert files(layout.root / folder) == files(reference.root / folder)
    assert files(layout.foreign).items() >= files(reference.foreign).items()
    await refetch(layout)
    assert not (await verify(layout)).found
    assert {Digest(name) for (name,) in rows(layout, "select digest from blobs where state = 'done'")} == {
        *map(Digest, BLOBS),
        *map(digest, ORPHANS),
    }


def assert_rows_have_their_bytes(layout: Layout) -> None:
    """Rows speak of no bytes that were not there before either."""
    recorded = {Digest(row[0]) for row in rows(layout, "select digest from blobs where state = 'done'")}
    absent = {name for name in recorded if not layout.blob(name).exists()}
    assert absent <= set(map(digest, MISSING))

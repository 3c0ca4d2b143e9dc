"""``kill -9`` at any moment: the next run ends in the same corpus as one that was never stopped."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from samplehub import Hub, Running, serve
from tests.downloader.crashing import MOMENTS
from tests.downloader.runs import download, files, images, kept, tables
from tests.downloader.test_download_sample_hub import SAD

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

# Shared layers, schema 1, indexes, zstd, and some sad ones; not all of them, for the sake of time.
NAMES = [
    "library/nginx",
    "library/alpine",
    "library/busybox",
    "library/debian",
    "library/swarm",
    "library/hello-world",
    "brightloom/storefront",
    "brightloom/checkout",
    "oldharbor/cron",
    "acme-robotics/toolchain",
    "zstdfan/uncompressed",
    "oddities/zeros",
    "damaged/corrupt",
    "damaged/truncated",
    "private/app",
    "brightloom/legacy",
]

SITUATIONS = [
    ("a file is in its place", 1),
    ("a file is in its place", 30),
    ("a file is in its place", 50),
    ("a file is verified, not yet in its place", 40),
    ("half a write is done", 1),
    ("half a write is done", 30),
    ("all is synced, nothing recorded", 1),
    ("all is synced, nothing recorded", 2),
    ("manifests are recorded, not committed", 1),
    ("a checkpoint is committed", 1),
    ("some files are synced", 1),
    ("the index is written, not in its place", 1),
]


@pytest.fixture(scope="module")
def never_stopped(hub: Hub, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a run leaves that nobody killed."""
    data = tmp_path_factory.mktemp("never-stopped") / "data"

    async def run() -> None:
        async with serve(hub) as running:
            await download(data, running.registry_url, NAMES)

    asyncio.run(run())
    return data


async def killed(data: Path, url: str, moment: str, count: int) -> None:
    """Run the process that kills itself, and see that it did."""
    arguments = ["-m", "tests.downloader.crashing", str(data), url, moment, str(count), *NAMES]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()


def test_every_moment_is_tried() -> None:
    """No name in the table goes without a situation."""
    assert {moment for moment, _ in SITUATIONS} == set(MOMENTS)


@pytest.mark.parametrize(("moment", "count"), SITUATIONS)
async def test_a_killed_run_is_completed_by_the_next(
    running: Running, data: Path, never_stopped: Path, moment: str, count: int
) -> None:
    """Same rows, same bytes, nothing left over; and rows never spoke of bytes that were not there."""
    await killed(data, running.registry_url, moment, count)
    present = set(files(data / "blobs").values())
    recorded = [row for row in tables(data)["blobs"] if "done" in row]
    assert {row[0].partition(":")[2] for row in recorded} <= present
    before = running.blob_gets.copy()
    await download(data, running.registry_url, NAMES)
    assert kept(data) == kept(never_stopped)
    assert tables(data) == tables(never_stopped)
    assert [name for name in files(data) if name.endswith(".tmp")] == []
    again = {digest for digest in before if running.blob_gets[digest] > before[digest]}
    assert not {digest for digest in again if digest.partition(":")[2] in present}


async def test_killed_again_and_again_it_still_comes_to_the_end(
    running: Running, data: Path, never_stopped: Path
) -> None:
    """Every run that adopts a file brings the census forward, or at least not back."""
    for count in (7, 11, 13, 17):
        await killed(data, running.registry_url, "a file is in its place", count)
    await download(data, running.registry_url, NAMES)
    assert kept(data) == kept(never_stopped)
    assert tables(data) == tables(never_stopped)
    assert images(data) == {f"{name}:latest": str(SAD.get(name, "done")) for name in NAMES}

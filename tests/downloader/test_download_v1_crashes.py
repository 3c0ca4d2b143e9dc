"""``kill -9`` while a registry of version 1 is taken: the next run ends as one that was never stopped."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from tests.downloader.runs import files, kept, select, tables
from tests.downloader.v1_crashing import MOMENTS
from tests.downloader.v1_runs import download_v1, fetched_v1
from tests.downloader.v1_server import FakeV1, serving_v1

pytestmark = pytest.mark.slow  # each starts a process

ROOT = Path(__file__).parents[2]
NAMES = ("a/b", "a/c")
LAYERS = [bytes([number]) * 20_000 for number in range(4)]


@pytest.fixture
async def fake() -> AsyncIterator[FakeV1]:
    async with serving_v1() as registry:
        base = registry.build(*LAYERS[:2])
        registry.tag("a/b", registry.build(LAYERS[2], parent=base))
        registry.tag("a/c", registry.build(LAYERS[3], parent=base))
        yield registry


async def killed(data: Path, url: str, moment: str, count: int, names: Sequence[str] = NAMES) -> None:
    """Run the process that kills itself, and see that it did."""
    arguments = ["-m", "tests.downloader.v1_crashing", str(data), url, moment, str(count), *names]
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode == -signal.SIGKILL, said.decode()


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("count", [1, 3])
async def test_a_killed_run_is_completed_by_the_next(
    fake: FakeV1, tmp_path: Path, moment: str, count: int
) -> None:
    """Same rows, same bytes; and no layer that was recorded is asked for again."""
    if moment == "all is synced, nothing recorded":
        count = 1  # both images are of one checkpoint
    data, whole = tmp_path / "data", tmp_path / "whole"
    await killed(data, fake.url, moment, count)
    recorded = {image_id for (image_id,) in select(data, "select image_id from v1_layers")}
    fake.asked.clear()
    await download_v1(data, fake.url, *NAMES)
    assert not recorded & set(fake.layer_gets())
    await download_v1(whole, fake.url, *NAMES)
    assert kept(data) == kept(whole)
    assert tables(data) == tables(whole)
    assert not files(data / "partial")


async def test_killed_again_and_again_each_run_goes_on_behind_the_last(fake: FakeV1, data: Path) -> None:
    """A note is what was safe: the layer is asked for from there, and comes to its end."""
    large = fake.tag("a/b", fake.build(bytes(range(256)) * 40_000))
    for _ in range(4):
        await killed(data, fake.url, "a note is written", 2, ["a/b"])
    assert (await fetched_v1(data, fake.url, "a/b"))["a/b:latest"] == "done"
    asked = [asked.range for asked in fake.asked if asked.path.endswith(f"{large}/layer")]
    starts = [0 if each is None else int(each.removeprefix("bytes=").partition("-")[0]) for each in asked]
    assert len(starts) == 5
    assert starts == sorted(set(starts))

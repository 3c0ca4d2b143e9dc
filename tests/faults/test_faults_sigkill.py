"""``kill -9`` at random instants of the real program, over and over: the corpus is an undisturbed run's."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from tests.downloader.runs import files, kept, select, tables
from tests.faults.census import falsehoods
from tests.faults.injections import kind_of
from tests.faults.origin import Fault, Habits, Origin, Tree
from tests.faults.wire import Act, Asked, End, Reply, Wait

ROOT = Path(__file__).parents[2]

KILLS = 50
IMAGES = 180

# Lives that end within so many seconds of their start, wherever they are then: importing, opening.
EARLY_S = 0.6
EARLY_ONES = 6

# Seconds after the last answer of a life in which it is killed: within a checkpoint, or between two.
LATE_S = 0.12

# Pieces of bodies that a life gets. All lives together get fewer than there are: none comes to the end.
MOST_PIECES = 24
PIECE_BYTES = 8 << 10
MOST_PIECES_OF_ONE = 16

# A checkpoint every few answers, and few images at a time, so that lives end in all states.
SETTINGS = {
    "HUBCRAWL_DOWNLOAD_CHECKPOINT_S": "0.02",
    "HUBCRAWL_DOWNLOAD_PARALLEL_IMAGES": "4",
    "HUBCRAWL_DOWNLOAD_RANGES_FROM_BYTES": str(1 << 20),
    "HUBCRAWL_LOG_LEVEL": "error",
}


class Ration:
    """What a server gives in one life of the client; then it is silent."""

    def __init__(self) -> None:
        self.left = 1 << 40
        self.is_used_up = asyncio.Event()

    def renew(self, pieces: int) -> None:
        """Give so much to the next life."""
        self.left = pieces
        self.is_used_up = asyncio.Event()

    def plan(self, asked: Asked) -> Fault | None:
        """Everything but pings is rationed."""
        return self._serve if kind_of(asked) else None

    def _serve(self, _asked: Asked, honest: Reply) -> Iterable[Act]:
        if honest.sent() == b"":
            yield honest.whole()
            return
        whole = honest.whole()
        step = max(PIECE_BYTES, len(whole) // MOST_PIECES_OF_ONE)
        for start in range(0, len(whole), step):
            if self.left == 0:
                self.is_used_up.set()
                yield End.HANG
            self.left -= 1
            yield Wait(0.001)
            yield whole[start : start + step]


def many_images() -> Tree:
    """Images with a layer of their own and a shared one; some are an index, some have a large layer."""
    dice = random.Random(5)  # noqa: S311 - any bytes, the same in every run
    bases = [dice.randbytes(3_000) for _ in range(10)]
    tree = Tree()
    for number in range(IMAGES):
        name = f"many/{number:03}"
        if number % 10 == 3:
            tree.push_index(name, amd64=dice.randbytes(2_000), arm64=dice.randbytes(2_000))
        else:
            size = 3 << 20 if number % 60 == 7 else 40_000 if number % 10 == 7 else 4_000
            tree.push(name, bases[number % 10], dice.randbytes(size))
    return tree


async def hubcrawl(*arguments: str) -> asyncio.subprocess.Process:
    """Start the program, from this tree, with nothing of our environment but what it needs."""
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": arguments[-1], **SETTINGS}
    program = "from pipeline.cli import main; main()"
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        program,
        *arguments,
        cwd=arguments[-1],
        env=environment,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )


async def finish(*arguments: str) -> None:
    """Run the program to its end, which must be a good one."""
    process = await hubcrawl(*arguments)
    _, said = await process.communicate()
    assert process.returncode == 0, said.decode()


async def kill(
    process: asyncio.subprocess.Process, ration: Ration, dice: random.Random, *, early: bool
) -> None:
    """End a life: some time after its start, or after its last answer."""
    used_up = asyncio.create_task(ration.is_used_up.wait())
    ended = asyncio.create_task(process.communicate())
    if not early:
        await asyncio.wait({used_up, ended}, return_when=asyncio.FIRST_COMPLETED)
    seconds = dice.uniform(0, EARLY_S if early else LATE_S)
    await asyncio.wait({ended}, timeout=seconds)
    if process.returncode is None:
        process.send_signal(signal.SIGKILL)
    _, said = await ended
    used_up.cancel()
    assert process.returncode == -signal.SIGKILL, said.decode()


def recorded(data: Path) -> set[str]:
    """Digests of the blobs that the catalog calls done."""
    return {str(digest) for (digest,) in select(data, "select digest from blobs where state = 'done'")}


def completed(data: Path) -> set[str]:
    """Digests of the blobs that are in their place, recorded or not."""
    return {f"sha256:{path.name}" for path in (data / "blobs" / "sha256").glob("*")}


def settled(data: Path) -> set[str]:
    """Repositories whose image is done."""
    query = """select name from images join repositories on repositories.id = repository_id
        where state = 'done'"""
    return {str(name) for (name,) in select(data, query)}


@contextlib.asynccontextmanager
async def crawled(folder: Path, ration: Ration) -> AsyncIterator[Origin]:
    """A registry that is served, and two censuses that have listed it: ``killed`` and ``undisturbed``."""
    origin = Origin(many_images(), ration.plan, Habits(redirects_from=20_000))
    async with origin.serving():
        await finish("crawl", "--registry", origin.url, "--data", str(folder))
        yield origin


@pytest.mark.slow
async def test_fifty_kills_leave_no_trace(tmp_path: Path) -> None:
    """Same blobs, rows and index; what was completed before a kill is not fetched again; nothing is left."""
    dice, ration = random.Random(6), Ration()  # noqa: S311 - dice
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    killed.mkdir()
    async with crawled(killed, ration) as origin:
        shutil.copytree(killed, undisturbed)
        await finish("download", "--data", str(undisturbed))
        was_settled, done, unrecorded = 0, Counter[str](), 0
        for number in range(KILLS):
            ration.renew(dice.randint(1, MOST_PIECES))
            process = await hubcrawl("download", "--data", str(killed))
            await kill(process, ration, dice, early=number % (KILLS // EARLY_ONES) == 0)
            requests = origin.blob_requests()
            assert {digest for digest in done if requests[digest] > done[digest]} == set()
            present = completed(killed)
            assert recorded(killed) <= present
            done = Counter({digest: requests[digest] for digest in present})
            unrecorded += len(present - recorded(killed))
            assert len(settled(killed)) >= was_settled
            was_settled = len(settled(killed))
        assert 20 < was_settled < IMAGES
        assert unrecorded > 0
        ration.renew(1 << 40)
        await finish("download", "--data", str(killed))
    again = origin.blob_requests()
    assert {digest for digest in done if again[digest] > done[digest]} == set()
    assert falsehoods(killed, origin.tree) == []
    assert kept(killed) == kept(undisturbed)
    assert tables(killed) == tables(undisturbed)
    assert files(killed / "partial") == {}
    assert [name for name in files(killed) if name.endswith((".tmp", ".whole"))] == []

"""A process that is killed while it fetches a large blob, again and again."""

from __future__ import annotations

import asyncio
import hashlib
import signal
import sys
from pathlib import Path

import pytest

from corpus.layout import Layout
from registry.digests import Digest
from tests.downloader.runs import files
from tests.downloader.servers import FakeRegistry

MIB = 1 << 20
ROOT = Path(__file__).parents[2]

# What a kill may cost of what had come: of each of four connections one batch that gathers, and one that
# waits to be written or is.
BOUND_BYTES = 16 * MIB
KILLS = 10


async def run(*arguments: str) -> tuple[int, int]:
    """The exit status of a process that fetches, and the bytes that came to it."""
    command = (sys.executable, "-m", "tests.downloader.dying", *arguments)
    process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode is not None
    return process.returncode, int(output)


@pytest.mark.slow
async def test_ten_kills_within_one_blob_cost_little_and_spoil_nothing(
    fake: FakeRegistry, data: Path, layout: Layout
) -> None:
    """Whatever was written is not asked for again, and the digest is right in the end."""
    blob = b"".join(hashlib.sha256(number.to_bytes(4)).digest() * (MIB // 32) for number in range(160))
    digest = Digest.of(blob)
    fake.blobs[digest] = blob
    arguments = (str(data), fake.url, str(digest), str(len(blob)))
    killed = [await run(*arguments, str(9 + number % 4)) for number in range(KILLS)]
    assert {status for status, _ in killed} == {-signal.SIGKILL}
    status, last = await run(*arguments, "100000")
    assert status == 0
    assert layout.blob(digest).read_bytes() == blob
    assert files(layout.partial) == {}
    assert last < len(blob) - KILLS * 5 * MIB
    assert sum(came for _, came in killed) + last - len(blob) <= KILLS * BOUND_BYTES

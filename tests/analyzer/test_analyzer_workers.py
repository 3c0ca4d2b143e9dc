"""A hostile layer costs one worker, never the run."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from analyzer.workers import WorkerDied, Workers

pytestmark = pytest.mark.slow


def kill_me(number: int) -> int:
    """What a layer that exhausts the memory comes to."""
    if number < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number + 1


@pytest.fixture
def workers() -> Workers:
    return Workers(2)


async def test_work_is_done_in_another_process(workers: Workers) -> None:
    """The event loop's process stays free."""
    try:
        assert await workers.run(kill_me, 1) == 2
        assert await workers.run(os.getpgid, 0) == os.getpgid(0)
        assert await workers.run(process_id, 0) != os.getpid()
    finally:
        workers.stop()


def process_id(_argument: int) -> int:
    return os.getpid()


async def test_a_dead_worker_is_said_and_replaced(workers: Workers) -> None:
    """The next work finds a fresh pool."""
    try:
        with pytest.raises(WorkerDied):
            await workers.run(kill_me, -1)
        assert await workers.run(kill_me, 1) == 2
    finally:
        workers.stop()


async def test_work_alone_harms_only_itself(workers: Workers) -> None:
    """The pool beside it does not notice."""
    try:
        first = await workers.run(process_id, 0)
        with pytest.raises(WorkerDied):
            await workers.run_alone(kill_me, -1)
        assert await workers.run_alone(kill_me, 1) == 2
        assert {await workers.run(process_id, 0) for _ in range(4)} >= {first}
    finally:
        workers.stop()


async def test_an_exception_of_the_work_is_its_callers(workers: Workers) -> None:
    """Errors come back as they are, and the worker lives."""
    try:
        with pytest.raises(FileNotFoundError):
            await workers.run(os.listdir, "/does/not/exist")
        assert await workers.run(kill_me, 1) == 2
    finally:
        workers.stop()


PARENT = """
import asyncio, os, signal
from analyzer.workers import Workers
from tests.analyzer.test_analyzer_workers import process_id

async def main():
    print(await Workers(1).run(process_id, 0), flush=True)
    input()
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no way to wait for a process of another one")
def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    """Nobody is left behind by a parent that is killed, not even a worker without work."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    root = Path(__file__).parents[2]
    with subprocess.Popen(
        [sys.executable, str(script)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        worker = os.pidfd_open(int(parent.stdout.readline()))
        parent.stdin.write(b"\n")
        parent.stdin.flush()
        assert parent.wait(20) == -signal.SIGKILL
    ended, _, _ = select.select([worker], [], [], 20)
    os.close(worker)
    assert ended

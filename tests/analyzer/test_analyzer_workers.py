"""A hostile layer costs one worker, never the run."""

from __future__ import annotations

import os
import signal

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

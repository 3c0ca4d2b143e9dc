"""Whatever work does to its worker, it harms only itself."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from analyzer.workers import LocalProcess, Worker, WorkerLost, WorkFailed
from corpus.profiles.layer import LayerReason
from tests.analyzer.harm import die, eat, eaten_mib, fail, freeze, process_id, stay

pytestmark = pytest.mark.slow

LONG_S = 60.0
MEMORY = 512 << 20
local = partial(LocalProcess, MEMORY)


@pytest.fixture
def worker() -> Iterator[Worker]:
    made = Worker(local)
    yield made
    made.stop()


async def test_work_is_done_in_another_process(worker: Worker) -> None:
    """The event loop's process stays free, and the worker is kept for the next work."""
    first = await worker.run(process_id, 0, LONG_S)
    assert first != os.getpid()
    assert await worker.run(process_id, 0, LONG_S) == first


async def test_a_worker_that_dies_is_said_and_replaced(worker: Worker) -> None:
    """The next work finds a new one; a neighbour does not notice."""
    neighbour = Worker(local)
    try:
        beside = await neighbour.run(process_id, 0, LONG_S)
        with pytest.raises(WorkerLost) as lost:
            await worker.run(die, 0, LONG_S)
        assert lost.value.reason is LayerReason.KILLED
        assert await worker.run(process_id, 0, LONG_S) != beside
        assert await neighbour.run(process_id, 0, LONG_S) == beside
    finally:
        neighbour.stop()


async def test_a_worker_that_died_without_work_is_nobodys_fault(worker: Worker) -> None:
    """Its end is noticed when the next work comes, which a new one does."""
    first = await worker.run(process_id, 0, LONG_S)
    ended = os.pidfd_open(first)
    os.kill(first, signal.SIGKILL)
    select.select([ended], [], [], 20)
    os.close(ended)
    executor = worker._executor
    assert isinstance(executor, LocalProcess)
    while not executor._broken:
        await asyncio.to_thread(lambda: None)
    assert await worker.run(process_id, 0, LONG_S) != first


@pytest.mark.parametrize("work", [stay, freeze])
async def test_a_worker_that_does_not_come_back_is_ended(worker: Worker, work: Any, tmp_path: Path) -> None:
    """Its process is gone at once, whatever it waits for."""
    process = os.pidfd_open(await worker.run(process_id, 0, LONG_S))
    with pytest.raises(WorkerLost) as lost:
        await worker.run(work, tmp_path / "who", 0.2)
    assert lost.value.reason is LayerReason.TIMEOUT
    ended, _, _ = select.select([process], [], [], 0)
    os.close(process)
    assert ended
    assert await worker.run(process_id, 0, LONG_S)


async def test_work_alone_is_done_where_nothing_was_done_before_or_is_after(worker: Worker) -> None:
    """What it leaves behind, or finds, is nobody else's."""
    first = await worker.run(process_id, 0, LONG_S)
    alone = await worker.run_alone(process_id, 0, LONG_S)
    assert len({first, alone, await worker.run(process_id, 0, LONG_S)}) == 3


async def test_memory_is_bounded_and_given_back(worker: Worker) -> None:
    """Three quarters of the limit, less what the interpreter has, every time; libraries only reserve more."""
    first = await worker.run(eaten_mib, 0, LONG_S)
    assert 200 < first < 384
    assert abs(await worker.run(eaten_mib, 0, LONG_S) - first) < 20


async def test_work_that_wants_more_memory_is_lost(worker: Worker) -> None:
    """It is told from work that is at fault, and from a process that died."""
    with pytest.raises(WorkerLost) as lost:
        await worker.run(eat, 0, LONG_S)
    assert lost.value.reason is LayerReason.WORKER_MEMORY
    assert await worker.run(process_id, 0, LONG_S)


async def test_errors_of_the_disk_come_back_as_they_are(worker: Worker) -> None:
    """Type, number and name, and the worker lives."""
    first = await worker.run(process_id, 0, LONG_S)
    with pytest.raises(FileNotFoundError) as missing:
        await worker.run(os.listdir, "/does/not/exist", LONG_S)
    assert missing.value.filename == "/does/not/exist"
    assert await worker.run(process_id, 0, LONG_S) == first


async def test_a_fault_of_the_program_comes_with_its_traceback(worker: Worker) -> None:
    """It is told from the end of the worker, which lives."""
    first = await worker.run(process_id, 0, LONG_S)
    with pytest.raises(WorkFailed, match="in fail\n.*\nValueError: a fault of the program"):
        await worker.run(fail, 0, LONG_S)
    assert await worker.run(process_id, 0, LONG_S) == first


class Refusing(Executor):
    """A scheduler that gives up work for reasons of its own."""

    def __init__(self, error: Exception | None) -> None:
        self._error = error

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        if self._error is None:
            future.cancel()
            future.set_running_or_notify_cancel()
        else:
            future.set_exception(self._error)
        return future


@pytest.mark.parametrize("error", [None, CancelledError(), KeyError("any word of a scheduler")])
async def test_whatever_an_executor_says_for_itself_is_the_end_of_a_worker(error: Exception | None) -> None:
    """Faults of the work are values: what else comes back is not the work's."""
    with pytest.raises(WorkerLost) as lost:
        await Worker(partial(Refusing, error)).run(process_id, 0, LONG_S)
    assert lost.value.reason is LayerReason.KILLED


async def test_any_executor_will_do() -> None:
    """Threads are no protection, but they are one."""
    worker = Worker(partial(ThreadPoolExecutor, 1))
    assert await worker.run(process_id, 0, LONG_S) == os.getpid()
    worker.stop()


async def test_stopping_ends_what_is_being_done_at_once(worker: Worker, tmp_path: Path) -> None:
    """Within a second, however deep a worker is in its work."""
    process = os.pidfd_open(await worker.run(process_id, 0, LONG_S))
    task = asyncio.create_task(worker.run(stay, tmp_path / "who", LONG_S))
    while not (tmp_path / "who").exists():
        await asyncio.to_thread(lambda: None)
    before = time.monotonic()
    task.cancel()
    worker.stop()
    ended, _, _ = select.select([process], [], [], 0)
    assert ended
    assert time.monotonic() - before < 1
    os.close(process)
    with pytest.raises(asyncio.CancelledError):
        await task


PARENT = """
import asyncio, os, signal
from functools import partial
from pathlib import Path
from analyzer.workers import Worker
from analyzer.workers import LocalProcess
from tests.analyzer.harm import process_id, stay

async def main():
    worker = Worker(partial(LocalProcess, 1 << 30))
    print(await worker.run(process_id, 0, 60), flush=True)
    if {is_busy}:
        asyncio.ensure_future(worker.run(stay, Path({path!r}), 60))
        while not Path({path!r}).exists():
            await asyncio.to_thread(lambda: None)
    await asyncio.to_thread(input)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    asyncio.run(main())
"""


@pytest.mark.parametrize("is_busy", [True, False])
def test_workers_end_with_their_parent(tmp_path: Path, is_busy: bool) -> None:  # noqa: FBT001 - a case
    """Nobody is left behind by a parent that is killed, with work or without."""
    script = tmp_path / "parent.py"
    script.write_text(PARENT.format(is_busy=is_busy, path=str(tmp_path / "who")))
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

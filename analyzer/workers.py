"""Worker processes: a hostile layer costs one worker, never the run.

The seam is ``concurrent.futures.Executor``: what a cluster scheduler offers too.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

Argument = TypeVar("Argument")
Result = TypeVar("Result")

# A fresh interpreter per worker: forking a process with an event loop and threads is undefined.
_CONTEXT = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")


class WorkerDied(Exception):  # noqa: N818 - an event, named as one
    """The process that did the work, or one beside it, is gone: killed, or out of memory."""


class Workers:
    """A pool of processes that survives the death of any of them."""

    def __init__(self, count: int) -> None:
        self.count = count or _processors()
        self._pool: ProcessPoolExecutor | None = None
        self._alone = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Workers count={self.count}>"

    async def run(self, work: Callable[[Argument], Result], argument: Argument) -> Result:
        """Do ``work`` in some worker; ``WorkerDied`` if it or a neighbour died meanwhile."""
        pool = self._pool
        if pool is None:
            pool = self._pool = _pool(self.count)
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work, argument)
        except BrokenProcessPool as error:
            if self._pool is pool:
                self._pool = None
            raise WorkerDied from error

    async def run_alone(self, work: Callable[[Argument], Result], argument: Argument) -> Result:
        """Do ``work`` in a worker of its own: if that dies, this work killed it (``WorkerDied``)."""
        async with self._alone:
            pool = _pool(1)
            try:
                return await asyncio.get_running_loop().run_in_executor(pool, work, argument)
            except BrokenProcessPool as error:
                raise WorkerDied from error
            finally:
                pool.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """End all workers at once; what they were doing is pending still."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._pool = None
        for process in multiprocessing.active_children():
            process.terminate()
            process.join()


def _processors() -> int:
    """Those that this process may use, where the system tells: often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _pool(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=_CONTEXT, initializer=_start_worker)


def _start_worker() -> None:
    """Ctrl-C reaches every process of a terminal; only the parent decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """A worker waits for work for ever, even for that of a parent that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

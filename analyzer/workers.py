"""Where work is done: in another process, which a hostile layer may end, and never the run.

The seam is ``concurrent.futures.Executor``: what a cluster scheduler offers too. A worker has an executor of
its own, so that what is lost with it is its own work, and nobody else's.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from analyzer.memory import limit_memory
from corpus.profiles.layer import LayerReason

if TYPE_CHECKING:
    from collections.abc import Iterable
    from concurrent.futures import Future
    from multiprocessing.context import ForkServerContext
    from multiprocessing.process import BaseProcess

Argument = TypeVar("Argument")
Result = TypeVar("Result")

Executors = Callable[[], Executor]

# A process that was killed is gone within milliseconds, unless it waits for a disk that does not answer.
_BURIAL_S = 0.5


class WorkerLost(Exception):  # noqa: N818 - an event, named as one
    """The work did not come back.

    Attributes:
        reason: ``KILLED`` (its process is gone), ``TIMEOUT``, or ``WORKER_MEMORY``: that was used up.
    """

    def __init__(self, reason: LayerReason) -> None:
        super().__init__(reason)
        self.reason = reason


class WorkFailed(Exception):  # noqa: N818 - an event, named as one
    """The work raised something that it should not: a fault of this program, with its traceback."""


class Worker:
    """One place for work, one piece at a time; what is lost with it is made anew."""

    def __init__(self, executors: Executors) -> None:
        self._executors = executors
        self._executor: Executor | None = None

    async def run(self, work: Callable[[Argument], Result], argument: Argument, timeout_s: float) -> Result:
        """Have ``work(argument)`` done.

        Raises:
            WorkerLost: It did not come back within the time, or not at all.
            WorkFailed: A fault of the program.
            OSError: Of the work: the disk.
        """
        running = asyncio.wrap_future(self._submit(work, argument))
        try:
            await asyncio.wait([running], timeout=timeout_s)
            answer = _answer_of(running)
        except WorkerLost:
            self.stop()
            raise
        finally:
            running.cancel()  # nobody will ask for it any more
        if answer.error is not None:
            raise answer.error
        if answer.fault:
            raise WorkFailed(answer.fault)
        (result,) = answer.results
        return result

    async def run_alone(
        self, work: Callable[[Argument], Result], argument: Argument, timeout_s: float
    ) -> Result:
        """The same in an executor that did nothing before, and does nothing after."""
        self.stop()
        try:
            return await self.run(work, argument, timeout_s)
        finally:
            self.stop()

    def stop(self) -> None:
        """End what is being done, at once; the next work finds a new executor."""
        executor, self._executor = self._executor, None
        if isinstance(executor, LocalProcess):
            executor.kill()
        elif executor is not None:
            executor.shutdown(wait=False)

    def _submit(self, work: Callable[[Argument], Result], argument: Argument) -> Future[_Answer[Result]]:
        if self._executor is None:
            self._executor = self._executors()
        try:
            return self._executor.submit(_attempt, work, argument)
        except RuntimeError:  # it died while it had nothing to do (BrokenExecutor), or was shut down
            self.stop()
            self._executor = self._executors()
            return self._executor.submit(_attempt, work, argument)


@dataclass(frozen=True, slots=True)
class _Answer(Generic[Result]):
    """What the work came to, as values that survive pickle; whatever else comes back is the executor's.

    Attributes:
        results: The result, or none.
        error: The disk's.
        fault: A traceback.
        is_starved: Whether the memory of the worker did not suffice.
    """

    results: tuple[Result, ...] = ()
    error: OSError | None = None
    fault: str = ""
    is_starved: bool = False


def _attempt(work: Callable[[Argument], Result], argument: Argument) -> _Answer[Result]:
    try:
        return _Answer((work(argument),))
    except MemoryError:
        pass  # beyond this block no traceback holds what took the memory
    except OSError as error:
        return _Answer(error=error)
    except Exception:  # noqa: BLE001 - the boundary of a worker
        return _Answer(fault=traceback.format_exc())
    return _Answer(is_starved=True)


def _answer_of(running: asyncio.Future[_Answer[Result]]) -> _Answer[Result]:
    if not running.done():
        raise WorkerLost(LayerReason.TIMEOUT)
    if running.cancelled() or running.exception() is not None:
        raise WorkerLost(LayerReason.KILLED)
    answer = running.result()
    if answer.is_starved:
        raise WorkerLost(LayerReason.WORKER_MEMORY)
    return answer


class LocalProcess(ProcessPoolExecutor):
    """One worker process, which can be killed."""

    def __init__(self, memory_bytes: int) -> None:
        super().__init__(1, mp_context=_context(), initializer=_start_worker, initargs=(memory_bytes,))

    def kill(self) -> None:
        """End the process, whatever it is doing."""
        processes: Iterable[BaseProcess] = list((self._processes or {}).values())
        self.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            process.kill()
        for process in processes:
            process.join(_BURIAL_S)


def processors() -> int:
    """Those that this process may use, where the system tells: often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _context() -> ForkServerContext:
    """Forked from a process that has imported everything and has no threads.

    To fork this one, with an event loop and threads, is undefined; a fresh interpreter takes thirty times
    longer, for each worker that is lost.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["__main__", "analyzer.layers.jobs", "analyzer.images.jobs"])
    return context


def _start_worker(memory_bytes: int) -> None:
    """Ctrl-C reaches every process of a terminal; only the parent decides what it means."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    limit_memory(memory_bytes)


def _end_with_parent() -> None:
    """A worker waits for work for ever, even for that of a parent that was killed."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)

"""Ctrl-C and SIGTERM: the first lets the stage record what it finished, the second exits at once."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from typing import TYPE_CHECKING

import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

# 128 + SIGINT, as shells report it.
INTERRUPTED = 130

_STOPPING = (
    "stopping: recording what is finished; run the same command again to go on (Ctrl-C again: exit at once)"
)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run_until_interrupted(work: Coroutine[None, None, int], say: Callable[[str], None]) -> int:
    """Run ``work`` on a uvloop event loop; its exit status, or 130 if it was interrupted."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_supervise(work, say))


async def _supervise(work: Coroutine[None, None, int], say: Callable[[str], None]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    is_stopping = False

    def stop() -> None:
        nonlocal is_stopping
        if is_stopping:
            exit_at_once()
        is_stopping = True
        say(_STOPPING)
        task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop)
    try:
        return await task
    except asyncio.CancelledError:
        return INTERRUPTED
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)


def exit_at_once() -> None:
    """End this process and its workers; a restart loses at most what was in flight."""
    for worker in multiprocessing.active_children():
        worker.kill()
    os._exit(INTERRUPTED)

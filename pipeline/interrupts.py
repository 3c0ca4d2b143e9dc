"""Ctrl-C, SIGTERM, SIGHUP: the first lets the stage record what it finished, the second exits at once."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
from typing import TYPE_CHECKING, Any

import uvloop

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

log = logging.getLogger(__name__)

# 128 + SIGINT, as shells report it.
INTERRUPTED = 130

_STOPPING = (
    "stopping: recording what is finished; run the same command again to go on (Ctrl-C again: exit at once)"
)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def run_until_interrupted(work: Coroutine[None, None, int], say: Callable[[str], None]) -> int:
    """Run ``work`` on a uvloop event loop; its exit status, or 130 if it was interrupted."""
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_supervise(work, say))
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


async def _supervise(work: Coroutine[None, None, int], say: Callable[[str], None]) -> int:
    loop = asyncio.get_running_loop()
    task = asyncio.ensure_future(work)
    is_stopping = False

    def stop() -> None:
        nonlocal is_stopping
        if is_stopping:
            exit_at_once()
        is_stopping = True
        task.cancel()
        say(_STOPPING)

    # They stay until the loop is closed: it may have to wait for a thread that nothing can cancel.
    for number in _SIGNALS:
        if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:  # nohup ignores it
            loop.add_signal_handler(number, stop)
    loop.set_exception_handler(_keep_stray)
    try:
        return await task
    except asyncio.CancelledError:
        return INTERRUPTED


def _keep_stray(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """An error that nobody waits for any more belongs into the log, and not onto the terminal."""
    log.error("stray_error", exc_info=context.get("exception"), extra={"detail": context["message"]})


def exit_at_once() -> None:
    """End this process and its workers; a restart loses at most what was in flight."""
    for worker in multiprocessing.active_children():
        worker.kill()
    os._exit(INTERRUPTED)

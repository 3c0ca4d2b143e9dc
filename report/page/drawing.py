"""Drawing many figures: each takes a fifth of a second of one processor, so several processes share them."""

from __future__ import annotations

import os
import signal
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context, parent_process
from threading import Thread
from typing import TYPE_CHECKING

from report.figures import looking_alike, save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from report.exhibits import Exhibit

# A batch is what is waited for when the report is not wanted any more.
_BATCH = 12
# Below that, to start another process takes longer than it saves.
_FEW = 24


def draw_all(
    exhibits: Sequence[Exhibit], folder: Path, processes: int, go_on: Callable[[], None]
) -> dict[str, str]:
    """Draw and save every exhibit that has a drawing; returns the SVGs by name.

    ``go_on`` is called between batches, and raises if nothing more is wanted.

    Raises:
        OSError: A file cannot be written.
    """
    drawn = [each for each in exhibits if each.draw]
    batches = [drawn[start : start + _BATCH] for start in range(0, len(drawn), _BATCH)]
    if processes < 2 or len(drawn) < _FEW:
        return _gathered(map(partial(_draw, folder), batches), go_on)
    # Not forked: this process has threads of its own.
    pool = ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_begin)
    try:
        return _gathered(pool.map(partial(_draw, folder), batches), go_on)
    except BrokenProcessPool:  # one was killed, for want of memory perhaps: one alone needs less
        return _gathered(map(partial(_draw, folder), batches), go_on)
    finally:
        pool.shutdown(cancel_futures=True)


def _begin() -> None:
    """Leave an interrupt to the process that this one draws for, and do not outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """One that is killed cannot end those that draw for it, and they would wait for ever."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _gathered(batches: Iterable[dict[str, str]], go_on: Callable[[], None]) -> dict[str, str]:
    found: dict[str, str] = {}
    for batch in batches:
        found |= batch
        go_on()
    return found


def _draw(folder: Path, exhibits: Sequence[Exhibit]) -> dict[str, str]:
    with looking_alike():
        return {each.name: save(each.draw(), folder, each.name) for each in exhibits if each.draw}

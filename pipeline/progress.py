"""Progress of a stage: a bar on a terminal, a line per interval elsewhere, events in the log."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from rich.progress import BarColumn, Progress, TextColumn

from pipeline import phrases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from rich.console import Console
    from rich.progress import TaskID

    from registry.transport.clock import Clock

log = logging.getLogger(__name__)

# Redraws of the bar per second: smooth enough, and nothing beside the work.
_REDRAW_S = 0.5
# A rate over the last minute follows changes and rides out pauses between checkpoints.
_RATE_WINDOW_S = 60.0
# Below this width the text alone is shown: a bar of a few cells says nothing.
_BAR_FROM_COLUMNS = 100


class Statistics(Protocol):
    """What every engine can say of its run."""

    @property
    def done(self) -> int:
        """Units that succeeded."""

    @property
    def failed(self) -> int:
        """Units that failed."""

    @property
    def total(self) -> int | None:
        """Units of this run, ``None`` while unknown."""

    @property
    def bytes_done(self) -> int:
        """Bytes that went through."""

    @property
    def note(self) -> str:
        """What it waits for; empty normally."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast units are settled, and how long the rest takes; ``None`` where that is unknown."""

    rate_per_s: float | None
    time_left_s: float | None


class Meter:
    """Measures the pace over a sliding window."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int]] = deque()

    def measure(self, now_s: float, statistics: Statistics) -> Pace:
        """The pace at ``now_s`` (any monotonic seconds)."""
        settled = statistics.done + statistics.failed
        self._samples.append((now_s, settled))
        while len(self._samples) > 2 and self._samples[1][0] <= now_s - _RATE_WINDOW_S:
            self._samples.popleft()
        since_s, before = self._samples[0]
        if now_s <= since_s or settled <= before:
            return Pace(None, None)
        rate = (settled - before) / (now_s - since_s)
        left = None if statistics.total is None else max(0, statistics.total - settled)
        return Pace(rate, None if left is None else left / rate)


def line(noun: str, statistics: Statistics, pace: Pace) -> str:
    """``120 of 5,000 images, 3 failed, 1.2 GiB, 14.2/s, 5 min 43 s left``."""
    settled = statistics.done + statistics.failed
    if statistics.total is None:
        parts = [phrases.counted(settled, noun)]
    else:
        parts = [f"{settled:,} of {phrases.counted(statistics.total, noun)}"]
    if statistics.failed:
        parts.append(f"{statistics.failed:,} failed")
    if statistics.bytes_done:
        parts.append(phrases.size(statistics.bytes_done))
    if pace.rate_per_s is not None:
        parts.append(f"{pace.rate_per_s:.1f}/s")
    if pace.time_left_s:
        parts.append(f"{phrases.duration(pace.time_left_s)} left")
    if statistics.note:
        parts.append(statistics.note)
    return ", ".join(parts)


def tell(console: Console, sentence: str) -> None:
    """Print a sentence as it is: on one line, and above a bar if there is one."""
    console.print(sentence, markup=False, highlight=False, soft_wrap=True)


class Display:
    """Shows one engine's progress on ``console`` until its block ends."""

    def __init__(self, stage: str, noun: str, *, interval_s: float, clock: Clock, console: Console) -> None:
        self._stage = stage
        self._noun = noun
        self._interval_s = interval_s
        self._clock = clock
        self._console = console
        self._meter = Meter()

    @asynccontextmanager
    async def showing(self, statistics: Callable[[], Statistics]) -> AsyncIterator[None]:
        """Poll ``statistics`` while the block runs."""
        show = self._bar if self._console.is_terminal else self._lines
        self._measure(statistics())
        task = asyncio.create_task(show(statistics))
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            self._record(statistics(), self._measure(statistics()))

    async def _lines(self, statistics: Callable[[], Statistics]) -> None:
        while True:
            await self._clock.sleep(self._interval_s)
            snapshot = statistics()
            pace = self._measure(snapshot)
            self._record(snapshot, pace)
            tell(self._console, f"{self._stage}: {line(self._noun, snapshot, pace)}")

    async def _bar(self, statistics: Callable[[], Statistics]) -> None:
        with self._progress() as progress:
            task = progress.add_task(self._stage, total=None, text="")
            recorded_s = self._clock.monotonic()
            try:
                while True:
                    pace = self._redraw(progress, task, statistics())
                    if self._clock.monotonic() - recorded_s >= self._interval_s:
                        recorded_s = self._clock.monotonic()
                        self._record(statistics(), pace)
                    await self._clock.sleep(_REDRAW_S)
            finally:
                self._redraw(progress, task, statistics())

    def _progress(self) -> Progress:
        text = TextColumn("{task.description}: {task.fields[text]}", markup=False)
        bar = [BarColumn(bar_width=None)] if self._console.width >= _BAR_FROM_COLUMNS else []
        return Progress(text, *bar, console=self._console, auto_refresh=False, expand=True)

    def _redraw(self, progress: Progress, task: TaskID, snapshot: Statistics) -> Pace:
        pace = self._measure(snapshot)
        progress.update(
            task,
            completed=snapshot.done + snapshot.failed,
            total=snapshot.total,
            text=line(self._noun, snapshot, pace),
            refresh=True,
        )
        return pace

    def _measure(self, snapshot: Statistics) -> Pace:
        return self._meter.measure(self._clock.monotonic(), snapshot)

    def _record(self, snapshot: Statistics, pace: Pace) -> None:
        """Leave the pace in the log, where ``status`` in another process finds it."""
        log.info(
            "progress",
            extra={
                "stage": self._stage,
                "done": snapshot.done,
                "failed": snapshot.failed,
                "total": snapshot.total,
                "bytes_done": snapshot.bytes_done,
                "rate_per_s": pace.rate_per_s,
                "time_left_s": pace.time_left_s,
                "note": snapshot.note,
            },
        )

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
from pipeline.output import tell

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from rich.console import Console
    from rich.progress import TaskID

    from registry.transport.clock import Clock
    from registry.transport.waits import Wait

log = logging.getLogger(__name__)

# Redraws of the bar per second: smooth enough, and nothing beside the work.
_REDRAW_S = 0.5
# A rate over the last minute follows changes and rides out pauses between checkpoints.
_RATE_WINDOW_S = 60.0
# Wide enough to see it move. In a window too narrow for both, the text matters more.
_BAR_COLUMNS = 16
_BAR_FROM_COLUMNS = 60


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
class _Snapshot:
    """:class:`Statistics` as values."""

    done: int
    failed: int
    total: int | None
    bytes_done: int
    note: str


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast units are settled and bytes come, and how long the rest takes; ``None`` where unknown."""

    rate_per_s: float | None = None
    time_left_s: float | None = None
    bytes_per_s: float | None = None


class Meter:
    """Measures the pace over a sliding window."""

    def __init__(self) -> None:
        self._samples: deque[tuple[float, int, int]] = deque()

    def measure(self, now_s: float, statistics: Statistics) -> Pace:
        """The pace at ``now_s`` (any monotonic seconds)."""
        settled = statistics.done + statistics.failed
        self._samples.append((now_s, settled, statistics.bytes_done))
        while len(self._samples) > 2 and self._samples[1][0] <= now_s - _RATE_WINDOW_S:
            self._samples.popleft()
        since_s, units_before, bytes_before = self._samples[0]
        rate = _rate(settled - units_before, now_s - since_s)
        left_s = None
        if rate is not None and statistics.total is not None:
            left_s = max(0, statistics.total - settled) / rate
        return Pace(rate, left_s, _rate(statistics.bytes_done - bytes_before, now_s - since_s))


def _rate(count: int, seconds: float) -> float | None:
    return count / seconds if count > 0 and seconds > 0 else None


def settled_of(noun: str, statistics: Statistics) -> str:
    """``120 of 5,000 images``."""
    settled = statistics.done + statistics.failed
    if statistics.total is None:
        return phrases.counted(settled, noun)
    return f"{settled:,} of {phrases.counted(statistics.total, noun)}"


def noted(statistics: Statistics, wait: Wait | None, now: float) -> Statistics:
    """The same, with what requests wait for, unless it says itself what it waits for (``now``: Unix time)."""
    if wait is None or statistics.note:
        return statistics
    counts = (statistics.done, statistics.failed, statistics.total, statistics.bytes_done)
    return _Snapshot(*counts, waiting_for(wait, now))


def waiting_for(wait: Wait, now: float) -> str:
    """``waiting for quota until 04:10``."""
    return f"waiting for {wait.what} until {phrases.moment(wait.until, now)}"


def line(noun: str, statistics: Statistics, pace: Pace, width: int | None = None) -> str:
    """``120 of 5,000 images, 3 failed, 1.2 GiB, 20.5 MiB/s, 14.2/s, 5 min 43 s left``.

    Where that is longer than ``width`` columns, what matters least is left out.
    """
    parts = [(rank, text) for rank, text in _parts(noun, statistics, pace) if text]
    while width is not None and len(parts) > 1 and len(_joined(parts)) > width:
        parts.remove(max(parts))
    return _joined(parts)


def _parts(noun: str, statistics: Statistics, pace: Pace) -> Iterator[tuple[int, str]]:
    """The parts of a line in their order, each with its rank: 0 is what matters most."""
    yield 0, settled_of(noun, statistics)
    yield 2, f"{statistics.failed:,} failed" if statistics.failed else ""
    yield 5, phrases.size(statistics.bytes_done) if statistics.bytes_done else ""
    yield 4, "" if pace.bytes_per_s is None else f"{phrases.size(pace.bytes_per_s)}/s"
    yield 6, "" if pace.rate_per_s is None else f"{pace.rate_per_s:,.1f} {noun}s/s"
    yield 3, f"{phrases.duration(pace.time_left_s)} left" if pace.time_left_s else ""
    yield 1, statistics.note


def _joined(parts: Sequence[tuple[int, str]]) -> str:
    return ", ".join(text for _, text in parts)


class Display:
    """Shows one engine's progress on ``console`` until its block ends."""

    def __init__(self, stage: str, noun: str, *, interval_s: float, clock: Clock, console: Console) -> None:
        self._stage = stage
        self._noun = noun
        self._interval_s = interval_s
        self._clock = clock
        self._console = console
        self._meter = Meter()
        self._started_s = clock.monotonic()

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
        bar = [BarColumn(bar_width=_BAR_COLUMNS)] if self._has_bar else []
        name, text = (
            TextColumn(column, markup=False) for column in ("{task.description}", "{task.fields[text]}")
        )
        return Progress(name, *bar, text, console=self._console, auto_refresh=False)

    @property
    def _has_bar(self) -> bool:
        return self._console.width >= _BAR_FROM_COLUMNS

    @property
    def _text_columns(self) -> int:
        """What the name of the stage and the bar leave, a space after each."""
        bar = _BAR_COLUMNS + 1 if self._has_bar else 0
        return self._console.width - len(self._stage) - 1 - bar

    def _redraw(self, progress: Progress, task: TaskID, snapshot: Statistics) -> Pace:
        pace = self._measure(snapshot)
        progress.update(
            task,
            completed=snapshot.done + snapshot.failed,
            total=snapshot.total,
            text=line(self._noun, snapshot, pace, self._text_columns),
            refresh=True,
        )
        return pace

    def _measure(self, snapshot: Statistics) -> Pace:
        return self._meter.measure(self._clock.monotonic(), snapshot)

    def _record(self, snapshot: Statistics, pace: Pace) -> None:
        """Leave the pace in the log, where ``status`` in another process finds it."""
        average = _rate(snapshot.done + snapshot.failed, self._clock.monotonic() - self._started_s)
        log.info(
            "progress",
            extra={
                "stage": self._stage,
                "done": snapshot.done,
                "failed": snapshot.failed,
                "total": snapshot.total,
                "bytes_done": snapshot.bytes_done,
                "noun": self._noun,
                "rate_per_s": pace.rate_per_s,
                "average_per_s": average,
                "bytes_per_s": pace.bytes_per_s,
                "time_left_s": pace.time_left_s,
                "note": snapshot.note,
            },
        )

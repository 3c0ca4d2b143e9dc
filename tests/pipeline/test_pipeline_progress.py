"""Progress: the line, the pace, and where it is shown."""

from __future__ import annotations

import asyncio
import io
import logging
from dataclasses import dataclass, replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from pipeline.progress import Display, Meter, Pace, line, noted
from registry.transport.clock import SystemClock
from registry.transport.waits import Wait


@dataclass(frozen=True)
class Snapshot:
    """What an engine says of its run."""

    done: int = 0
    failed: int = 0
    total: int | None = None
    bytes_done: int = 0
    note: str = ""


class Ticks:
    """A clock that passes instantly."""

    def __init__(self) -> None:
        self.time = 100.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await SystemClock().sleep(0)

    async def ticks(self, count: int) -> None:
        """Let others run until they slept ``count`` times."""
        while len(self.slept) < count:
            await SystemClock().sleep(0)


NOWHERE = Pace(None, None)


@pytest.mark.parametrize(
    ("snapshot", "pace", "expected"),
    [
        (Snapshot(), NOWHERE, "0 images"),
        (Snapshot(done=1), NOWHERE, "1 image"),
        (Snapshot(done=1, total=1), NOWHERE, "1 of 1 image"),
        (
            Snapshot(done=117, failed=3, total=5000, bytes_done=1 << 30),
            Pace(14.2, 343, 3 << 20),
            "120 of 5,000 images, 3 failed, 1.0 GiB, 3.0 MiB/s, 14.2 images/s, 5 min 43 s left",
        ),
        (
            Snapshot(done=2, note="waiting for quota until 12:30"),
            NOWHERE,
            "2 images, waiting for quota until 12:30",
        ),
    ],
)
def test_a_line_says_what_is_known_and_nothing_else(snapshot: Snapshot, pace: Pace, expected: str) -> None:
    """Count, total, failures, bytes, rate, time left and what it waits for."""
    assert line("image", snapshot, pace) == expected


def test_what_requests_wait_for_is_noted_unless_the_engine_waits_itself() -> None:
    """By the clock on the wall."""
    midnight = datetime(2026, 1, 31).astimezone().timestamp()
    snapshot = Snapshot(done=2, total=9)
    wait = Wait(midnight + 4 * 3600 + 600, "quota")
    assert noted(snapshot, None, midnight) is snapshot
    shown = noted(snapshot, wait, midnight)
    assert line("image", shown, NOWHERE) == "2 of 9 images, waiting for quota until 04:10"
    assert noted(shown, replace(wait, what="your limit"), midnight) is shown


def test_a_narrow_line_keeps_what_matters_most() -> None:
    """First the number of units goes, then that of bytes, and the count never."""
    snapshot = Snapshot(done=117, failed=3, total=5000, bytes_done=1 << 30)
    pace = Pace(14.2, 343, 3 << 20)
    assert line("image", snapshot, pace, 60) == ("120 of 5,000 images, 3 failed, 3.0 MiB/s, 5 min 43 s left")
    assert line("image", snapshot, pace, 50) == "120 of 5,000 images, 3 failed, 5 min 43 s left"
    assert line("image", snapshot, pace, 10) == "120 of 5,000 images"


@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 1 << 50), st.floats(0.1, 1e9))
def test_a_line_fits_wherever_its_count_does(done: int, failed: int, bytes_done: int, rate: float) -> None:
    """Whatever the numbers are."""
    snapshot = Snapshot(done=done, failed=failed, total=10**10, bytes_done=bytes_done, note="waiting")
    assert len(line("image", snapshot, Pace(rate, rate, rate), 50)) <= 50


def test_bytes_have_a_pace_of_their_own() -> None:
    """While one great image is on its way, nothing is settled, and much comes."""
    meter = Meter()
    meter.measure(0, Snapshot(total=1))
    assert meter.measure(4, Snapshot(total=1, bytes_done=8 << 20)) == Pace(bytes_per_s=2 << 20)


def test_the_pace_is_measured_over_a_window_and_gives_the_time_left() -> None:
    """Ten units in five seconds are 2/s; the forty left take 20 s."""
    meter = Meter()
    assert meter.measure(0, Snapshot(total=50)) == NOWHERE
    assert meter.measure(5, Snapshot(done=9, failed=1, total=50)) == Pace(2.0, 20.0)
    assert meter.measure(5, Snapshot(done=9, failed=1)).time_left_s is None


def test_the_pace_forgets_what_lies_before_its_window() -> None:
    """After a slow hour at 1/s, a minute at 10/s counts as 10/s."""
    meter = Meter()
    for second in range(0, 3600, 10):
        meter.measure(second, Snapshot(done=second))
    for second in range(3600, 3720, 10):
        pace = meter.measure(second, Snapshot(done=3590 + (second - 3590) * 10))
    assert pace.rate_per_s == pytest.approx(10)


@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 50)), min_size=1), st.integers(0, 10_000))
def test_a_pace_is_never_negative_and_never_divides_by_zero(steps: list[tuple[int, int]], total: int) -> None:
    """Whatever times and counts come, even two measurements at one instant."""
    meter, now, done = Meter(), 0, 0
    for seconds, units in steps:
        now, done = now + seconds, done + units
        pace = meter.measure(now, Snapshot(done=done, total=total))
        assert pace.rate_per_s is None or pace.rate_per_s > 0
        assert pace.time_left_s is None or pace.time_left_s >= 0


async def test_without_a_terminal_there_is_one_line_per_interval() -> None:
    """Plain lines, unbroken however narrow, and none before the first interval is over."""
    clock, out = Ticks(), io.StringIO()
    display = Display("download", "image", interval_s=10, clock=clock, console=Console(file=out, width=20))
    async with display.showing(lambda: Snapshot(done=int(clock.time - 100), total=1000)):
        await clock.ticks(3)
    lines = out.getvalue().splitlines()
    assert lines[:2] == [
        "download: 10 of 1,000 images, 1.0 images/s, 16 min 30 s left",
        "download: 20 of 1,000 images, 1.0 images/s, 16 min 20 s left",
    ]
    assert set(clock.slept) == {10}


@pytest.mark.parametrize("width", [40, 60, 79, 120])
async def test_on_a_terminal_there_is_a_bar_that_fits(width: int) -> None:
    """No line is wider than the terminal, and the last state is shown at the end."""
    clock, out = Ticks(), io.StringIO()
    console = Console(file=out, width=width, force_terminal=True, color_system=None, legacy_windows=False)
    display = Display("download", "image", interval_s=10, clock=clock, console=console)
    state = Snapshot(done=1, total=3)
    async with display.showing(lambda: state):
        await clock.ticks(2)
        state = Snapshot(done=3, total=3)
    assert "3 of 3 images" in out.getvalue()
    plain = out.getvalue().replace("\r", "\n").splitlines()
    assert max(len(text.rpartition("\x1b[2K")[2]) for text in plain) <= width
    assert ("━" in out.getvalue()) is (width >= 60)


@pytest.mark.parametrize("is_terminal", [False, True])
async def test_the_pace_is_left_in_the_log_for_other_processes(
    caplog: pytest.LogCaptureFixture, *, is_terminal: bool
) -> None:
    """One ``progress`` event per interval, with or without a terminal."""
    caplog.set_level(logging.INFO)
    clock = Ticks()
    console = Console(file=io.StringIO(), force_terminal=is_terminal)
    display = Display("download", "image", interval_s=10, clock=clock, console=console)
    async with display.showing(lambda: Snapshot(done=int(clock.time), total=1000)):
        while not caplog.records:
            await clock.ticks(len(clock.slept) + 1)
    record = vars(caplog.records[0])
    assert (record["message"], record["stage"], record["total"]) == ("progress", "download", 1000)
    assert record["done"] == 110
    assert record["noun"] == "image"
    assert record["average_per_s"] == 11.0


async def test_an_error_of_the_work_passes_and_ends_the_display() -> None:
    """The display neither swallows nor outlives what it shows."""
    display = Display("crawl", "row", interval_s=10, clock=Ticks(), console=Console(file=io.StringIO()))
    with pytest.raises(RuntimeError, match="broken"):
        async with display.showing(Snapshot):
            raise RuntimeError("broken")
    assert len(asyncio.all_tasks()) == 1

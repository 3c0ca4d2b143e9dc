"""Running contestants in turns and reporting medians, so that a noisy machine is shared fairly."""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_KIB = 1 << 10


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do the work: ``prepare`` is not timed."""

    name: str
    prepare: Callable[[], None]
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one run took: seconds on the wall and on processors, and memory in bytes at its peak."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int
    output: str


@dataclass(frozen=True, slots=True)
class Result:
    """Medians over the rounds; ``spread`` is (slowest - fastest) / median."""

    name: str
    seconds: float
    spread: float
    cpu_seconds: float
    peak_bytes: int


def race(contestants: Sequence[Contestant], rounds: int) -> list[Result]:
    """Time every contestant once per round, in turns."""
    turns: dict[str, list[Turn]] = {contestant.name: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            contestant.prepare()
            os.sync()  # nobody pays for what another one left to be written
            turns[contestant.name].append(run(contestant.command, contestant.environment))
    return [_result(name, of_one) for name, of_one in turns.items()]


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Turn:
    """Run a command to its end, with all processes that it starts and waits for.

    Raises:
        SystemExit: It failed; its last words are in the message.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        # wait4 below reaps it: only that tells what a single child used.
        child = subprocess.Popen(command, stdout=output, stderr=output, env=os.environ | (environment or {}))
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        child.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        words = output.read().decode(errors="replace")
    if child.returncode:
        raise SystemExit(f"{command[0]} ended with {child.returncode}: {words[-2000:]}")
    return Turn(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _KIB, words)


def _result(name: str, turns: Sequence[Turn]) -> Result:
    seconds = [turn.seconds for turn in turns]
    return Result(
        name,
        statistics.median(seconds),
        (max(seconds) - min(seconds)) / statistics.median(seconds),
        statistics.median(turn.cpu_seconds for turn in turns),
        max(turn.peak_bytes for turn in turns),
    )

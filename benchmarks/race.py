"""Running contestants in turns and reporting medians, so that a noisy machine is shared fairly."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


@dataclass(frozen=True, slots=True)
class Contestant:
    """One way to do the work: ``prepare`` is not timed."""

    name: str
    prepare: Callable[[], None]
    command: Sequence[str]


@dataclass(frozen=True, slots=True)
class Result:
    """Median seconds, and (slowest - fastest) / median."""

    name: str
    seconds: float
    spread: float


def race(contestants: Sequence[Contestant], rounds: int) -> list[Result]:
    """Time every contestant once per round, in turns."""
    times: dict[str, list[float]] = {contestant.name: [] for contestant in contestants}
    for _ in range(rounds):
        for contestant in contestants:
            contestant.prepare()
            os.sync()  # nobody pays for what another one left to be written
            start = time.perf_counter()
            subprocess.run(contestant.command, check=True, capture_output=True)
            times[contestant.name].append(time.perf_counter() - start)
    return [
        Result(
            name, statistics.median(measured), (max(measured) - min(measured)) / statistics.median(measured)
        )
        for name, measured in times.items()
    ]

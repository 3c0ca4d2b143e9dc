"""``python -m benchmarks.lag ARGUMENTS``: runs ``hubcrawl ARGUMENTS`` and measures how late its loop is."""

from __future__ import annotations

import json
import sys
import time
from typing import TYPE_CHECKING

import uvloop

from pipeline.cli import run

if TYPE_CHECKING:
    import asyncio

# Seconds between two looks: often enough to meet every block of half the bound of 50 ms.
_INTERVAL_S = 0.005


class LagMeter:
    """A timer that notes how late it is called."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.late_s: list[float] = []
        self._loop = loop
        self._wait()

    def _wait(self) -> None:
        self._due = time.perf_counter() + _INTERVAL_S
        self._loop.call_later(_INTERVAL_S, self._look)

    def _look(self) -> None:
        self.late_s.append(time.perf_counter() - self._due)
        self._wait()

    def percentile(self, percent: int) -> float:
        """The lateness in seconds that this share of the looks kept to."""
        ordered = sorted(self.late_s)
        return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def main() -> int:
    """Run the command line, then print one JSON line."""
    meters: list[LagMeter] = []
    new_event_loop = uvloop.new_event_loop

    def measured() -> asyncio.AbstractEventLoop:
        loop = new_event_loop()
        meters.append(LagMeter(loop))
        return loop

    uvloop.new_event_loop = measured  # type: ignore[assignment]
    status = run(sys.argv[1:])
    for meter in meters:
        lags = {f"p{percent}_s": meter.percentile(percent) for percent in (50, 99, 100)}
        print(json.dumps({"looks": len(meter.late_s), **lags}))
    return status


if __name__ == "__main__":
    sys.exit(main())

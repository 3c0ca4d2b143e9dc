"""Tables from profiles: how fast, how much is left to do for a few new layers, and in how much memory.

``python -m benchmarks.report [--layers 20000] [--rows 500]``
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmarks import profiles
from benchmarks.race import run
from corpus.catalog import open_catalog
from corpus.layout import Layout
from report.settings import ReportSettings
from report.tables.engine import TablesEngine

if TYPE_CHECKING:
    from benchmarks.profiles import Invented

_LAYERS_AT_ONCE = 500
_ADDITIONS = 5


class Update(NamedTuple):
    """One update in a process of its own: seconds on the wall and on processors, and its peak of memory.

    The start of the interpreter is in none of them.
    """

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def invent(layout: Layout, numbers: range, rows: int, now: float) -> list[Invented]:
    """Profiles of layers and of images of them, and their rows in the catalog."""
    layout.ensure()
    chunks = [numbers[start : start + _LAYERS_AT_ONCE] for start in range(0, len(numbers), _LAYERS_AT_ONCE)]
    with ProcessPoolExecutor() as pool:
        invented = [layer for chunk in pool.map(partial(_invent, layout, rows), chunks) for layer in chunk]
    images = [
        profiles.invent_image(layout, numbers.start + number, layers)
        for number, layers in enumerate(profiles.images_of(invented))
    ]
    asyncio.run(profiles.record(layout, invented, images, now))
    return invented


def _invent(layout: Layout, rows: int, numbers: range) -> list[Invented]:
    return profiles.invent_layers(layout, numbers, rows)


def update(layout: Layout) -> Update:
    """Bring the tables up to date, in a process of its own."""
    turn = run([sys.executable, "-m", "benchmarks.report", "--update", str(layout.root)])
    seconds, cpu_seconds = map(float, turn.output.split())
    return Update(seconds, cpu_seconds, turn.peak_bytes)


async def _update(root: Path) -> None:
    layout = Layout(root)
    async with open_catalog(layout) as catalog:
        wall, cpu = time.perf_counter(), time.process_time()
        await TablesEngine(catalog, layout, ReportSettings()).run()
        print(time.perf_counter() - wall, time.process_time() - cpu)


def tables(folder: Path, layers: int, rows: int) -> None:
    """A full build, one with nothing to do, and some with one layer more in a hundred."""
    layout = Layout(folder / "data")
    files = sum(layer.files for layer in invent(layout, range(layers), rows, 1.0))
    full = update(layout)
    print(f"tables: {files} file rows in {layers} layers")
    _show(
        "full build", full, f"{files / full.seconds:.0f} rows/s, {full.peak_bytes / 1e6:.0f} MB at its peak"
    )
    _show("nothing new", update(layout))
    few = layers // 100
    added = []
    for number in range(_ADDITIONS):
        first = layers + number * few
        invent(layout, range(first, first + few), rows, 2.0 + number)
        added.append(update(layout))
    more = Update(*map(statistics.median, zip(*added, strict=True)))
    shares = (
        f"{more.seconds / full.seconds:.1%} and {more.cpu_seconds / full.cpu_seconds:.1%} of the full build"
    )
    _show("1 % more", more, shares)


def _show(what: str, taken: Update, more: str = "") -> None:
    print(f"  {what:<14}{taken.seconds:7.2f} s, {taken.cpu_seconds:.2f} s of processors  {more}".rstrip())


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--layers", type=int, default=20_000)
    parser.add_argument("--rows", type=int, default=500, help="entries per layer, on average")
    parser.add_argument("--update", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.update:
        asyncio.run(_update(given.update))
        return
    with tempfile.TemporaryDirectory() as folder:
        tables(Path(folder), given.layers, given.rows)


if __name__ == "__main__":
    main()

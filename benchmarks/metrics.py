"""All statistics of the report over the tables of a data directory: how long they take, and how much memory.

``python -m benchmarks.metrics DATA``
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from corpus.layout import Layout
from report.database import opened
from report.metrics import metrics
from report.settings import ReportSettings
from report.statistics import measure, prepare
from report.views import create_views

if TYPE_CHECKING:
    import duckdb

_SHOWN = 8


def measure_all(layout: Layout, settings: ReportSettings) -> None:
    """Measure every metric once, and print what that took."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as spill, opened(settings, Path(spill)) as connection:
        create_views(connection, layout)
        (files,) = connection.execute("SELECT count(*) FROM files").fetchall()[0]
        prepare(connection)
        prepared = time.perf_counter() - start
        taken = sorted(_times(connection), reverse=True)
    total = time.perf_counter() - start
    peak_bytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"statistics: {len(taken)} metrics over {files} rows of files")
    print(f"  all {total:12.2f} s, {peak_bytes / 1e6:.0f} MB at its peak")
    print(f"  shared tables {prepared:.2f} s")
    for seconds, name in taken[:_SHOWN]:
        print(f"  {name:<24}{seconds:6.2f} s")


def _times(connection: duckdb.DuckDBPyConnection) -> list[tuple[float, str]]:
    found = []
    for metric in metrics():
        start = time.perf_counter()
        measure(connection, metric)
        found.append((time.perf_counter() - start, metric.name))
    return found


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path, help="a data directory with tables")
    measure_all(Layout(parser.parse_args().data), ReportSettings())


if __name__ == "__main__":
    main()

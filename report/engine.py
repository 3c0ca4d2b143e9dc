"""From tables to the document: every metric is measured, drawn and put on the page."""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from report.database import disk_errors, opened
from report.metrics import metrics
from report.page.writing import write_report
from report.results import has_data
from report.statistics import measure, prepare
from report.views import create_views

if TYPE_CHECKING:
    from pathlib import Path

    import duckdb

    from corpus.layout import Layout
    from report.metrics import Metric
    from report.results import Value
    from report.settings import ReportSettings

# What was interrupted between two statements goes on with the next one: it is interrupted again.
_INTERRUPT_S = 0.1
_WORK = ".work"


class Cancelled(Exception):  # noqa: N818 -- no error
    """The report is not wanted any more."""


@dataclass(frozen=True, slots=True)
class DocumentStatistics:
    """How far a document is; units are metrics."""

    done: int
    failed: int
    total: int | None
    bytes_done: int
    note: str


@dataclass(frozen=True, slots=True)
class DocumentSummary:
    """What a document has.

    Attributes:
        page: Where it is.
        metrics: Metrics in it.
        empty: Those that there was no data for.
    """

    page: str
    metrics: int
    empty: int


@dataclass
class DocumentEngine:
    """Makes ``report/`` of a data directory whose tables are up to date."""

    layout: Layout
    settings: ReportSettings
    _results: list[tuple[Metric, Value]] = field(default_factory=list)
    _cancelled: threading.Event = field(default_factory=threading.Event)
    _connection: duckdb.DuckDBPyConnection | None = None

    async def run(self) -> DocumentSummary:
        """Measure, draw and write.

        Raises:
            ConfigurationError: There are no tables.
            duckdb.Error: A table cannot be read, or more memory is needed than there may be.
            OSError: A file cannot be written.
        """
        work = asyncio.create_task(asyncio.to_thread(self._make))
        try:
            page = await asyncio.shield(work)
        except asyncio.CancelledError:
            await self._end(work)
            raise
        empty = sum(not has_data(value) for _, value in self._results)
        return DocumentSummary(self.layout.relative(page), len(self._results), empty)

    def statistics(self) -> DocumentStatistics:
        """How far it is; a metric counts when it is measured."""
        done, total = len(self._results), len(metrics())
        return DocumentStatistics(done, 0, total, 0, "drawing" if done == total else "measuring")

    async def _end(self, work: asyncio.Task[Path]) -> None:
        """Have the thread end at the next occasion, and wait for that."""
        self._cancelled.set()
        while not work.done():
            if self._connection is not None:
                self._connection.interrupt()
            await asyncio.wait([work], timeout=_INTERRUPT_S)
        work.exception()  # what came of it is not asked for

    def _make(self) -> Path:
        self._measure()
        processes = self.settings.threads or os.cpu_count() or 1
        return write_report(self.layout.report, self._results, processes, self._go_on)

    def _measure(self) -> None:
        spill = self.layout.report / _WORK
        spill.mkdir(parents=True, exist_ok=True)
        try:
            with disk_errors(), opened(self.settings, spill) as connection:
                self._connection = connection
                create_views(connection, self.layout)
                prepare(connection)
                for metric in metrics():
                    self._go_on()
                    self._results.append((metric, measure(connection, metric)))
        finally:
            self._connection = None
            shutil.rmtree(spill, ignore_errors=True)

    def _go_on(self) -> None:
        if self._cancelled.is_set():
            raise Cancelled

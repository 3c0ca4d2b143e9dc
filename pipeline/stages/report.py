"""Running the report: the tables of what was found so far, and the document that shows them."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import duckdb

from pipeline.stages.bench import Bench, Report
from pipeline.summaries import documented, page_lines, report_lines, reported
from report.engine import DocumentEngine
from report.tables.engine import TablesEngine
from report.views import files_by_table

if TYPE_CHECKING:
    from report.tables.engine import TablesSummary


async def report(bench: Bench, *, rebuild: bool = False, tables_only: bool = False) -> int:
    """Run the stage; returns the exit status."""
    return await bench.record(partial(_report, bench, rebuild=rebuild, tables_only=tables_only))


async def _report(bench: Bench, *, rebuild: bool, tables_only: bool) -> Report:
    tables = await _tables(bench, rebuild=rebuild)
    if isinstance(tables, Report):
        return tables
    files = {name: len(paths) for name, paths in files_by_table(bench.layout).items()}
    done = Report(
        this_run=list(reported(tables)),
        census=report_lines(bench.layout, files),
        summaries=[tables],
        stopped=None,
    )
    return done if tables_only else await _document(bench, done)


async def _tables(bench: Bench, *, rebuild: bool) -> TablesSummary | Report:
    engine = TablesEngine(bench.catalog, bench.layout, bench.settings.report, anew=rebuild)
    try:
        return await bench.run(engine, "layer")
    except duckdb.OutOfMemoryException:
        return _stopped("the tables need more memory than they may have: raise report.memory_bytes")
    except duckdb.Error as error:
        return _stopped(f"the tables cannot be made ({str(error).partition(chr(10))[0]})")


async def _document(bench: Bench, tables: Report) -> Report:
    """The page, once the tables are up to date."""
    try:
        summary = await bench.run(DocumentEngine(bench.layout, bench.settings.report), "metric")
    except duckdb.OutOfMemoryException:
        return _stopped("the statistics need more memory than they may have: raise report.memory_bytes")
    except duckdb.Error as error:
        return _stopped(f"the tables cannot be read ({str(error).partition(chr(10))[0]})")
    return replace(
        tables,
        this_run=[*tables.this_run, *documented(summary)],
        census=[*page_lines(bench.layout), *tables.census],
        summaries=[*tables.summaries, summary],
    )


def _stopped(why: str) -> Report:
    return Report(this_run=[], census=[], summaries=[], stopped=why)

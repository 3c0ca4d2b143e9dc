"""Running ``verify``: a look that changes nothing, or a repair that is recorded like any stage."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console

from corpus.catalog import read_catalog
from downloader.repair import Repair
from downloader.verify import VerifyEngine
from pipeline import phrases
from pipeline.directory import census_in
from pipeline.output import say
from pipeline.progress import Display
from pipeline.stages.bench import DONE, STOPPED, Report, run_guarded, run_stage
from pipeline.summaries import labelled
from pipeline.verification import as_json, finding_lines, verified
from registry.transport.clock import SystemClock

if TYPE_CHECKING:
    from downloader.findings import VerifySummary
    from pipeline.config import Resolved
    from pipeline.settings import Settings
    from pipeline.stages.bench import Bench


def check(resolved: Resolved, *, json: bool) -> int:
    """Look, beside whoever is at work; read-only storage will do. 1 if something is wrong."""
    console = Console(stderr=True)
    return run_guarded(_check(resolved.settings, console, json=json), console)


def mend(resolved: Resolved, *, json: bool) -> int:
    """Look and repair; 1 if something is left that cannot be repaired."""

    async def verify(bench: Bench) -> int:
        return await bench.record(partial(_mend, bench, json=json))

    return run_stage(verify, resolved)


async def _check(settings: Settings, console: Console, *, json: bool) -> int:
    layout, clock = census_in(settings.general.data), SystemClock()
    started_s = clock.monotonic()
    interval_s = settings.general.progress_interval_s
    display = Display("verify", "blob", interval_s=interval_s, clock=clock, console=console)
    async with read_catalog(layout) as catalog:
        engine = VerifyEngine(catalog, layout)
        async with display.showing(engine.statistics):
            summary = await engine.run()
    say(as_json(summary, layout.root) if json else _as_text(summary, clock.monotonic() - started_s))
    return STOPPED if summary.found else DONE


async def _mend(bench: Bench, *, json: bool) -> Report:
    engine = VerifyEngine(
        bench.catalog, bench.layout, Repair(bench.catalog.verification, bench.layout, bench.clock)
    )
    summary = await bench.run(engine, "blob")
    return Report(
        this_run=list(verified(summary)),
        census=list(finding_lines(summary)),
        summaries=[summary],
        stopped=summary.stopped,
        as_json=as_json(summary, bench.layout.root) if json else None,
    )


def _as_text(summary: VerifySummary, took_s: float) -> str:
    lines = [*labelled("this run", verified(summary)), *finding_lines(summary)]
    return "\n".join([f"verify finished after {phrases.duration(took_s)}", *lines])

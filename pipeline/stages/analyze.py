"""Running stage 3: profile every layer and image of the store."""

from __future__ import annotations

from functools import partial

from msgspec.structs import replace

from analyzer.engine import AnalyzeEngine, has_work
from pipeline.stages.bench import Bench, Report
from pipeline.summaries import NOTHING_LISTED, WHICH_FAILED, analyze_lines, analyzed
from registry.errors import ConfigurationError


async def analyze(bench: Bench) -> int:
    """Run the stage; returns the exit status."""
    if await has_work(bench.catalog, bench.settings.analyze):
        return await bench.record(partial(_analyze, bench))
    census = await bench.census()
    if not census.blobs.count and census.images.pending:
        raise ConfigurationError("nothing was downloaded yet: begin with `hubcrawl download`")
    why = "every layer and image in the store has its profile"
    if await has_work(bench.catalog, replace(bench.settings.analyze, retry_failed=True)):
        why += ", or was given up; `hubcrawl analyze --retry-failed` tries those again"
    if not census.repositories.found:
        why = NOTHING_LISTED
    elif not census.blobs.count:
        why = f"no image could be had: `{WHICH_FAILED}` says why"
    return bench.nothing_to_do(why, analyze_lines(census, bench.layout.root))


async def _analyze(bench: Bench) -> Report:
    engine = AnalyzeEngine(bench.catalog, bench.layout, bench.settings.analyze, bench.clock)
    summary = await bench.run(engine, "layer")
    return Report(
        this_run=list(analyzed(summary)),
        census=analyze_lines(await bench.census(), bench.layout.root),
        summaries=[summary],
        stopped=summary.stopped,
    )

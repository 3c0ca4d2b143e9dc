"""Running stage 3: profile every layer and image of the store."""

from __future__ import annotations

from functools import partial

from analyzer.engine import AnalyzeEngine, has_work
from pipeline.phrases import counted, size
from pipeline.stages.bench import Bench, Report
from pipeline.summaries import analyze_lines


async def analyze(bench: Bench) -> int:
    """Run the stage; returns the exit status."""
    if await has_work(bench.catalog):
        return await bench.record(partial(_analyze, bench))
    lines = analyze_lines(await bench.census(), bench.layout.root)
    return bench.nothing_to_do("every layer and image in the store has its profile", lines)


async def _analyze(bench: Bench) -> Report:
    engine = AnalyzeEngine(bench.catalog, bench.layout, bench.settings.analyze, bench.clock)
    summary = await bench.run(engine, "layer")
    return Report(
        headline=(
            f"{counted(summary.layers, 'layer')} and {counted(summary.images, 'image')} profiled, "
            f"{counted(summary.files, 'file')} in {size(summary.als_bytes)} of tar read"
        ),
        lines=analyze_lines(await bench.census(), bench.layout.root),
        summaries=[summary],
        stopped=summary.stopped,
    )

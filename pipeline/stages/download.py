"""Running stage 2: fetch the images of the hub or registry named, or of every registry of the catalog."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from downloader.engine import DownloadEngine, has_work
from pipeline.network import client, open_transport, require_accounts, started, unreachable
from pipeline.phrases import counted, size
from pipeline.stages.bench import Bench, Report
from pipeline.summaries import download_lines
from pipeline.targets import download_targets
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.targets import Target


async def download(bench: Bench) -> int:
    """Run the stage; returns the exit status."""
    settings = bench.settings
    known = await bench.catalog.repositories.registries()
    targets = download_targets(settings.source, known)
    names = [target.registry.name for target in targets]
    if names and await has_work(bench.catalog, names, settings.download):
        unlimited = msgspec.structs.replace(settings.download, limit=0)
        busy = [t for t in targets if await has_work(bench.catalog, [t.registry.name], unlimited)]
        return await bench.record(partial(_download, bench, busy))
    unknown = [name for name in names if name not in {registry.name for registry in known}]
    why = "every image wanted is fetched, or failed for good"
    if unknown or not names:
        why = f"{unknown[0] if unknown else 'no registry'} was crawled yet; begin with `hubcrawl crawl`"
    return bench.nothing_to_do(why, download_lines(await bench.census(), bench.layout.root))


async def _download(bench: Bench, targets: Sequence[Target]) -> Report:
    async with AsyncExitStack() as stack:
        reached = [await stack.enter_async_context(started(target)) for target in targets]
        answering, missed = await _answering(bench, reached)
        transport = await stack.enter_async_context(open_transport(bench.settings, bench.clock, answering))
        await require_accounts(transport, bench.settings, answering)
        clients = {
            target.registry.name: client(transport, target, bench.settings.download.max_manifest_bytes)
            for target in answering
        }
        engine = DownloadEngine(
            bench.catalog, bench.blobs, bench.layout, clients, bench.settings.download, bench.clock
        )
        summary = await bench.run(engine, "image")
    return Report(
        headline=(
            f"{counted(summary.done, 'image')} fetched, {sum(summary.failed.values()):,} could not be had, "
            f"{size(summary.bytes_fetched)} came over the network"
        ),
        lines=download_lines(await bench.census(), bench.layout.root),
        summaries=[summary],
        stopped=summary.stopped or missed,
    )


async def _answering(bench: Bench, targets: Sequence[Target]) -> tuple[list[Target], str | None]:
    """The targets that answer, and a sentence on those left out; ``ConfigurationError`` if none does."""
    # A host that only a list names is an entry of that list: its images fail, and the run goes on.
    asked = {f"{target.base_url}/v2/": target for target in targets if target.is_own and not target.is_sample}
    problems = await unreachable(bench.settings, bench.clock, list(asked))
    silent = [asked[url] for url in problems]
    answering = [target for target in targets if target not in silent]
    missed = "; ".join(problems.values()) or None
    if missed and not answering:
        raise ConfigurationError(missed)
    return answering, missed

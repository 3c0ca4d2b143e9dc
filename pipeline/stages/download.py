"""Running stage 2: fetch the images of the hub or registry named, or of every registry of the catalog."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

import msgspec

from downloader.engine import DownloadEngine, has_work
from downloader.plan import parse_platforms, parse_tags
from pipeline.directory import no_census
from pipeline.network import client, open_transport, require_accounts, started, unreachable
from pipeline.phrases import counted
from pipeline.stages.bench import Bench, Report
from pipeline.summaries import download_lines, downloaded
from pipeline.targets import download_targets
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.settings import Settings
    from pipeline.targets import Target


def check(settings: Settings) -> None:
    """``ConfigurationError`` for what cannot be used, whether or not there is anything to fetch."""
    parse_platforms(settings.download.platform)
    parse_tags(settings.download.tags)
    download_targets(settings.source, known=())


async def download(bench: Bench) -> int:
    """Run the stage; returns the exit status."""
    settings = bench.settings
    targets = await _targets(bench)
    names = [target.registry.name for target in targets]
    unlimited = msgspec.structs.replace(settings.download, limit=0)
    busy = [t for t in targets if await has_work(bench.catalog, [t.registry.name], unlimited)]
    if busy and await has_work(bench.catalog, names, settings.download):
        return await bench.record(partial(_download, bench, busy))
    census = await bench.census()
    why = "every image wanted is fetched"
    if busy:
        limit = counted(settings.download.limit, "image")
        why = f"the limit of {limit} is reached; {census.images.pending:,} pending"
    elif await bench.catalog.images.has_reopenable(names, permanent=True):
        why += ", or failed for good; `hubcrawl download --retry-failed` tries those again"
    return bench.nothing_to_do(why, download_lines(census, bench.layout.root))


async def _targets(bench: Bench) -> list[Target]:
    """What to fetch from; ``ConfigurationError`` where that was not crawled."""
    known = await bench.catalog.repositories.registries()
    targets = download_targets(bench.settings.source, known)
    if not known:
        raise no_census(bench.layout)
    for target in targets:
        if target.registry.name not in {registry.name for registry in known}:
            raise ConfigurationError(
                f"{target.registry.name} was not crawled yet: name it to `hubcrawl crawl` first"
            )
    return targets


async def _download(bench: Bench, targets: Sequence[Target]) -> Report:
    async with AsyncExitStack() as stack:
        reached = [await stack.enter_async_context(started(target, bench.tell)) for target in targets]
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
        this_run=list(downloaded(summary)),
        census=download_lines(await bench.census(), bench.layout.root),
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

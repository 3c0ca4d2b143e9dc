"""Running stage 1: list the registry that the settings name, or go on with the last one."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import msgspec

from pipeline.listings import listings
from pipeline.network import open_transport, require_accounts, started, unreachable
from pipeline.phrases import counted
from pipeline.stages.bench import Bench, Report
from pipeline.summaries import crawl_lines, crawled
from pipeline.targets import crawl_target, registry_named
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from corpus.records import Registry
    from hubcrawl.engine import CrawlSummary
    from hubcrawl.settings import CrawlSettings
    from pipeline.listings import Listing
    from pipeline.targets import Target
    from registry.transport.http import Transport


async def crawl(bench: Bench) -> int:
    """Run the stage; returns the exit status."""
    settings = bench.settings
    known = await bench.catalog.repositories.registries()
    target = crawl_target(settings.source, known)
    async with open_transport(settings, bench.clock, bench.catalog.allowances, [target]) as transport:
        listed = [
            (registry_named(each.registry, target, known), each)
            for each in await listings(transport, target, settings.crawl)
        ]
        if pending := await _pending(bench, listed, settings.crawl):
            return await bench.record(partial(_crawl, bench, transport, target, pending))
    why = f"{target.listed} is listed; `hubcrawl crawl --again` lists it anew"
    if await _pending(bench, listed, msgspec.structs.replace(settings.crawl, limit=0)):
        why = f"the limit of {counted(settings.crawl.limit, 'repository')} is reached, and more are listed"
    return bench.nothing_to_do(why, crawl_lines(await bench.census(), bench.layout.root))


async def _pending(
    bench: Bench, listed: Sequence[tuple[Registry, Listing]], settings: CrawlSettings
) -> set[str]:
    """Which of these listings have something to ask for, by name."""
    return {
        listing.name
        for registry, listing in listed
        if await listing.has_work(bench.catalog, registry, settings)
    }


async def _crawl(bench: Bench, transport: Transport, target: Target, pending: Collection[str]) -> Report:
    """Read the ``pending`` listings, one after the other."""
    settings = bench.settings.crawl
    known = await bench.catalog.repositories.registries()
    summaries: list[CrawlSummary] = []
    async with started(target, bench.tell) as reached:
        await _require_site(bench, transport, reached)
        if target.source.registry:
            await bench.patiently(transport.waiting, require_accounts(transport, [target]))
        for listing in await listings(transport, reached, settings):
            if listing.name in pending:
                registry = registry_named(listing.registry, target, known)
                engine = listing.engine(bench.catalog, registry, settings, bench.clock)
                summaries.append(await bench.run(engine, "row", transport.waiting))
    return Report(
        this_run=list(crawled(summaries, target.listed)),
        census=crawl_lines(await bench.census(), bench.layout.root),
        summaries=summaries,
        stopped=next((summary.stopped for summary in summaries if summary.stopped), None),
    )


async def _require_site(bench: Bench, transport: Transport, target: Target) -> None:
    """A site that gives no answer at all is a mistake to correct, and not a page to try again."""
    if target.is_sample or target.source.images:
        return
    urls = [target.ping_url] if target.source.registry else target.source.site_urls
    for problem in (await bench.patiently(transport.waiting, unreachable(transport, urls))).values():
        raise ConfigurationError(problem)

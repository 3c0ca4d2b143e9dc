"""Running stage 2: fetch the images of the hub or registry named, or of every registry of the catalog."""

from __future__ import annotations

from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from corpus.oci import write_index
from downloader.engine import DownloadEngine, registries_with_work
from downloader.plan import parse_platforms
from downloader.tags import parse_tag_rule
from pipeline.directory import no_census
from pipeline.network import client, open_transport, require_accounts, started, unreachable, v1_client
from pipeline.phrases import counted
from pipeline.stages.bench import Bench, Report
from pipeline.summaries import NOTHING_LISTED, download_lines, downloaded, retried
from pipeline.targets import download_targets
from registry.errors import ConfigurationError
from registry.transport.allowance import parse_limits

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from pipeline.settings import Settings
    from pipeline.targets import Target
    from registry.transport.http import Transport


def check(settings: Settings) -> None:
    """``ConfigurationError`` for what cannot be used, whether or not there is anything to fetch."""
    parse_platforms(settings.download.platform)
    parse_tag_rule(settings.download.tags)
    parse_limits(settings.http.max_requests)
    download_targets(settings.source, known=())


async def download(bench: Bench) -> int:
    """Run the stage; returns the exit status."""
    targets = await _targets(bench)
    names = [target.registry.name for target in targets]
    busy = await registries_with_work(bench.catalog, names, bench.settings.download, bench.clock.now())
    if busy:
        return await bench.record(partial(_download, bench, targets, busy))
    if await bench.catalog.contents.is_index_stale():  # a run that was killed did not come to it
        await write_index(bench.layout, bench.catalog.contents)
    why = await _why_nothing(bench, names)
    return bench.nothing_to_do(why, download_lines(await bench.census(), bench.layout.root))


async def _why_nothing(bench: Bench, names: Sequence[str]) -> str:
    """Why there is nothing to do, and what else could be done."""
    images, limit = bench.catalog.images, bench.settings.download.limit
    census = await bench.census()
    pending = census.images.pending
    retries = await images.retries(names)
    why = "every image wanted is fetched"
    if not census.repositories.found:
        why = NOTHING_LISTED
    elif limit and pending:
        why = f"the limit of {counted(limit, 'image')} is reached; {pending:,} pending"
    elif await images.has_given_up(names):
        why += ", or failed for good; `hubcrawl download --retry-failed` tries those again"
    elif retries.images:
        why += ", or not due yet"
    return "; ".join([why, *retried(retries, bench.clock.now())])


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


async def _download(bench: Bench, targets: Sequence[Target], busy: Container[str]) -> Report:
    """Fetch from the ``busy`` ones of the targets; the order is over all of them."""
    async with AsyncExitStack() as stack:
        wanted = [target for target in targets if target.registry.name in busy]
        reached = [await stack.enter_async_context(started(target, bench.tell)) for target in wanted]
        transport = await stack.enter_async_context(
            open_transport(bench.settings, bench.clock, bench.catalog.allowances, reached)
        )
        answering, missed = await _answering(bench, transport, reached)
        await bench.patiently(transport.waiting, require_accounts(transport, answering))
        names = [target.registry.name for target in targets]
        clients = dict.fromkeys(names) | {
            target.registry.name: v1_client(transport, target)
            if target.is_v1
            else client(transport, target, bench.settings.download.max_manifest_bytes)
            for target in answering
        }
        engine = DownloadEngine(
            bench.catalog, bench.blobs, bench.layout, clients, bench.settings.download, bench.clock
        )
        summary = await bench.run(engine, "image", transport.waiting)
    return Report(
        this_run=list(downloaded(summary, bench.clock.now())),
        census=download_lines(await bench.census(), bench.layout.root),
        summaries=[summary],
        stopped=summary.stopped or missed,
    )


async def _answering(
    bench: Bench, transport: Transport, targets: Sequence[Target]
) -> tuple[list[Target], str | None]:
    """The targets that answer, and a sentence on those left out; ``ConfigurationError`` if none does."""
    # A host that only a list names is an entry of that list: its images fail, and the run goes on.
    asked = {target.ping_url: target for target in targets if target.is_own and not target.is_sample}
    problems = await bench.patiently(transport.waiting, unreachable(transport, list(asked)))
    silent = [asked[url] for url in problems]
    answering = [target for target in targets if target not in silent]
    missed = "; ".join(problems.values()) or None
    if missed and not answering:
        raise ConfigurationError(missed)
    return answering, missed

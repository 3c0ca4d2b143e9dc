"""How targets are reached: transport, the sample hub where it is wanted, clients and sources."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from hubcrawl.sources.catalog import PAGE_SIZE, RegistryCatalog
from hubcrawl.sources.listfile import PAGE_LINES, sources_of
from hubcrawl.sources.official import OfficialListing
from hubcrawl.sources.pages import HubPages
from hubcrawl.sources.search import HubSearch
from hubcrawl.sources.search_v1 import HubSearchV1
from pipeline.accounts import credentials_for
from pipeline.targets import Target
from registry.client import RegistryClient
from registry.errors import Reason, RegistryError
from registry.transport.http import MAX_BODY_BYTES, Transport
from registry.transport.session import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from hubcrawl.settings import CrawlSettings
    from hubcrawl.sources import Source
    from pipeline.settings import Settings
    from registry.transport.clock import Clock

# No answer came at all; any answer, a refusal too, proves that somebody is there.
_UNREACHABLE = frozenset({Reason.NETWORK, Reason.TIMEOUT, Reason.TLS})
_ANY_REFUSAL = frozenset(range(400, 600))


@asynccontextmanager
async def open_transport(
    settings: Settings, clock: Clock, targets: Sequence[Target] = ()
) -> AsyncIterator[Transport]:
    """A transport with the accounts that the settings give for ``targets``; it connects to nobody yet."""
    credentials = credentials_for(settings.source, targets)
    async with open_session(settings.http) as session:
        jitter = random.Random()  # noqa: S311 - spreads retries, guards nothing
        yield Transport(session, settings.http, clock=clock, random=jitter, credentials=credentials)


@asynccontextmanager
async def started(target: Target) -> AsyncIterator[Target]:
    """The target with its URLs: the sample hub is served while the block runs, others are there already."""
    if not target.is_sample:
        yield target
        return
    from samplehub import build_hub, serve  # noqa: PLC0415 - imports that only the sample needs

    hub = await asyncio.to_thread(build_hub)
    async with serve(hub) as running:
        urls = {
            "search_url": running.site_url,
            "v1_url": running.site_url,
            "registry_url": running.registry_url,
        }
        yield Target(target.registry, msgspec.structs.replace(target.source, **urls))


async def unreachable(settings: Settings, clock: Clock, urls: Sequence[str]) -> dict[str, str]:
    """Which of these URLs give no answer at all, and why; asked once, without patience."""
    impatient = msgspec.structs.replace(settings, http=msgspec.structs.replace(settings.http, attempts=1))
    problems: dict[str, str] = {}
    async with open_transport(impatient, clock) as transport:
        for url in urls:
            try:
                await transport.request("HEAD", url, accept_statuses=_ANY_REFUSAL)
            except RegistryError as error:
                if error.reason in _UNREACHABLE:
                    problems[url] = (
                        f"cannot reach {url} ({error.detail}): check the address and the network, "
                        "and that the server is running"
                    )
    return problems


def client(transport: Transport, target: Target, max_manifest_bytes: int = MAX_BODY_BYTES) -> RegistryClient:
    """The client of a target's registry."""
    return RegistryClient(
        transport, name=target.registry.name, base_url=target.base_url, max_manifest_bytes=max_manifest_bytes
    )


async def listings(transport: Transport, target: Target, settings: CrawlSettings) -> list[tuple[str, Source]]:
    """What to crawl, as ``(registry name, source)``: one listing, or one per registry that a list names."""
    name, source = target.registry.name, target.source
    if source.images:
        lists = await sources_of(Path(source.images), name, settings.rows_per_page(PAGE_LINES))
        return [(each.registry, each) for each in lists]
    if source.registry:
        page_size = settings.rows_per_page(PAGE_SIZE)
        return [(name, RegistryCatalog(client(transport, target), page_size=page_size))]
    page_size = settings.rows_per_page(settings.page_size)
    return [
        (name, _hub_listing(each, transport, target, settings.query, page_size)) for each in source.listing
    ]


def _hub_listing(listing: str, transport: Transport, target: Target, query: str, page_size: int) -> Source:
    name, source = target.registry.name, target.source
    if listing == "official":
        return OfficialListing(transport, name, source.search_url, page_size=page_size)
    if listing == "search":
        return HubSearch(transport, name, source.search_url, query=query, page_size=page_size)
    if listing == "v1":
        return HubSearchV1(transport, name, source.v1_url, query=query, page_size=page_size)
    return HubPages(transport, name, source.search_url, query=query)

"""What a crawl reads: the sources of a target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from hubcrawl.sources.catalog import PAGE_SIZE, RegistryCatalog
from hubcrawl.sources.listfile import PAGE_LINES, sources_of
from hubcrawl.sources.official import OfficialListing
from hubcrawl.sources.pages import HubPages
from hubcrawl.sources.registry_v1 import V1Search
from hubcrawl.sources.search import HubSearch
from hubcrawl.sources.search_v1 import HubSearchV1
from pipeline.network import client, v1_client

if TYPE_CHECKING:
    from hubcrawl.settings import CrawlSettings
    from hubcrawl.sources import Source
    from pipeline.targets import Target
    from registry.transport.http import Transport


async def listings(transport: Transport, target: Target, settings: CrawlSettings) -> list[tuple[str, Source]]:
    """What to crawl, as ``(registry name, source)``: one listing, or one per registry that a list names."""
    name, source = target.registry.name, target.source
    if source.images:
        lists = await sources_of(Path(source.images), name, settings.rows_per_page(PAGE_LINES))
        return [(each.registry, each) for each in lists]
    if target.is_v1:
        return [(name, V1Search(v1_client(transport, target)))]
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

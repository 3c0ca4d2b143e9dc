"""The sample hub, crawled by every way it can be listed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from hubcrawl.endpoints.namespaces import Namespace
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.queries import Query
from hubcrawl.sources.catalog import RegistryCatalog
from hubcrawl.sources.pages import HubPages
from hubcrawl.sources.query import QueryListing
from registry.client import RegistryClient
from samplehub import Hub, Running, build_hub, serve
from tests.hubcrawl.conftest import REGISTRY, engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from corpus.catalog import Catalog
    from hubcrawl.engine import CrawlSummary
    from hubcrawl.sources import Source
    from registry.transport.http import Transport

pytestmark = pytest.mark.slow  # building the hub takes a second


@pytest.fixture(scope="module")
def hub() -> Hub:
    return build_hub()


@pytest.fixture
async def running(hub: Hub) -> AsyncIterator[Running]:
    async with serve(hub) as running:
        yield running


def names_of(hub: Hub, *, official_only: bool = False) -> set[str]:
    return {repository.name for repository in hub.repositories if repository.is_official or not official_only}


async def crawled(catalog: Catalog, source: Source) -> CrawlSummary:
    summary = await engine(catalog, source).run()
    assert (summary.is_complete, summary.stopped) == (True, None)
    return summary


async def test_search_finds_every_repository(
    transport: Transport, catalog: Catalog, hub: Hub, running: Running
) -> None:
    source = QueryListing(transport, REGISTRY.name, SearchV2(running.site_url), Query("*"), 25)
    summary = await crawled(catalog, source)
    assert summary.found == len(names_of(hub))
    assert summary.repeats > 0


async def test_result_pages_find_what_search_finds_and_nothing_else(
    transport: Transport, catalog: Catalog, hub: Hub, running: Running
) -> None:
    await crawled(catalog, HubPages(transport, REGISTRY.name, running.site_url, query="*"))
    source = QueryListing(transport, REGISTRY.name, SearchV2(running.site_url), Query("*"), 100)
    summary = await crawled(catalog, source)
    assert (summary.new, summary.found) == (0, len(names_of(hub)))


async def test_official_listing_and_explore_pages_agree(
    transport: Transport, catalog: Catalog, hub: Hub, running: Running
) -> None:
    await crawled(
        catalog, QueryListing(transport, REGISTRY.name, Namespace(running.site_url), Query("library"), 20)
    )
    summary = await crawled(catalog, HubPages(transport, REGISTRY.name, running.site_url))
    assert (summary.new, summary.found) == (0, len(names_of(hub, official_only=True)))


async def test_catalog_of_its_registry_holds_only_listed_names(
    transport: Transport, catalog: Catalog, hub: Hub, running: Running
) -> None:
    client = RegistryClient(transport, name=REGISTRY.name, base_url=running.registry_url)
    summary = await crawled(catalog, RegistryCatalog(client, page_size=7))
    assert 0 < summary.found <= len(names_of(hub))

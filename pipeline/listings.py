"""What a crawl reads: plain listings of a target, or the sweep of a hub."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hubcrawl.endpoints.namespaces import OFFICIAL_NAMESPACE, Namespace
from hubcrawl.endpoints.newest import Newest
from hubcrawl.endpoints.repository import OneRepository
from hubcrawl.endpoints.search_v1 import SearchV1
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.endpoints.search_v3 import SearchV3
from hubcrawl.endpoints.search_v4 import SearchV4
from hubcrawl.engine import CrawlEngine, has_work
from hubcrawl.queries import Query
from hubcrawl.reading import PageReader
from hubcrawl.sources.catalog import PAGE_SIZE, RegistryCatalog
from hubcrawl.sources.listfile import PAGE_LINES, sources_of
from hubcrawl.sources.pages import HubPages
from hubcrawl.sources.query import QueryListing
from hubcrawl.sources.registry_v1 import V1Search
from hubcrawl.sweep import SweepEngine, is_to_be_swept
from hubcrawl.territory import Territory
from hubcrawl.updates import Updates, require_a_sweep
from pipeline.network import client, v1_client
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from corpus.catalog import Catalog
    from corpus.records import Registry
    from hubcrawl.endpoints import Endpoint
    from hubcrawl.settings import CrawlSettings
    from hubcrawl.sources import Source
    from pipeline.targets import Target
    from registry.transport.clock import Clock
    from registry.transport.http import Transport

_SEARCHES: Mapping[str, Callable[[str], Endpoint]] = {
    "v1": SearchV1,
    "v2": SearchV2,
    "v3": SearchV3,
    "v4": SearchV4,
}


class Listing(Protocol):
    """One thing that a crawl does."""

    @property
    def registry(self) -> str:
        """The registry whose repositories it lists, by name."""

    @property
    def name(self) -> str:
        """What it is called in the catalog."""

    async def has_work(self, catalog: Catalog, registry: Registry, settings: CrawlSettings) -> bool:
        """Whether a run would ask for anything."""

    def engine(
        self, catalog: Catalog, registry: Registry, settings: CrawlSettings, clock: Clock
    ) -> CrawlEngine | SweepEngine:
        """What does it."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A listing that is read from its first page to its last."""

    registry: str
    source: Source

    @property
    def name(self) -> str:
        """That of the source."""
        return self.source.name

    async def has_work(self, catalog: Catalog, registry: Registry, settings: CrawlSettings) -> bool:
        """See :class:`Listing`."""
        return await has_work(catalog, registry, self.source.name, settings)

    def engine(
        self, catalog: Catalog, registry: Registry, settings: CrawlSettings, clock: Clock
    ) -> CrawlEngine:
        """See :class:`Listing`."""
        return CrawlEngine(catalog, registry, self.source, settings, clock)


@dataclass(frozen=True, slots=True)
class Swept:
    """A hub that lists nothing whole: searched by many queries."""

    registry: str
    endpoints: tuple[Endpoint, ...]
    reader: PageReader
    account: str

    @property
    def name(self) -> str:
        """There is one sweep of a hub."""
        return f"{self.registry} sweep"

    async def has_work(self, catalog: Catalog, registry: Registry, settings: CrawlSettings) -> bool:
        """See :class:`Listing`."""
        return await is_to_be_swept(catalog, registry, self.endpoints, settings)

    def engine(
        self, catalog: Catalog, registry: Registry, settings: CrawlSettings, clock: Clock
    ) -> SweepEngine:
        """See :class:`Listing`."""
        territory = Territory(catalog, registry, self.endpoints, clock, account=self.account)
        return SweepEngine(territory, self.reader, settings, clock)


@dataclass(frozen=True, slots=True)
class Updated(Swept):
    """What changed in a hub since it was swept."""

    @property
    def name(self) -> str:
        """There is one update of a hub at a time."""
        return f"{self.registry} updates"

    async def has_work(
        self,
        catalog: Catalog,
        registry: Registry,
        settings: CrawlSettings,  # noqa: ARG002 - nobody knows before it is asked
    ) -> bool:
        """Always; ``ConfigurationError`` where nothing can have changed yet."""
        await require_a_sweep(catalog, registry.name)
        return True

    def engine(
        self, catalog: Catalog, registry: Registry, settings: CrawlSettings, clock: Clock
    ) -> SweepEngine:
        """See :class:`Listing`."""
        territory = Updates(catalog, registry, self.endpoints, clock, account=self.account)
        return SweepEngine(territory, self.reader, settings, clock)


async def listings(transport: Transport, target: Target, settings: CrawlSettings) -> list[Listing]:
    """What to crawl: one listing or more of a target, or one per registry that a list names."""
    name, source = target.registry.name, target.source
    if settings.updates:
        return [_updates(transport, target, settings)]
    if source.images:
        lists = await sources_of(Path(source.images), name, settings.rows_per_page(PAGE_LINES))
        return [Plain(each.registry, each) for each in lists]
    if target.is_v1:
        return [Plain(name, V1Search(v1_client(transport, target)))]
    if source.registry:
        page_size = settings.rows_per_page(PAGE_SIZE)
        return [Plain(name, RegistryCatalog(client(transport, target), page_size=page_size))]
    return [_of_hub(each, transport, target, settings) for each in source.listing]


def _of_hub(listing: str, transport: Transport, target: Target, settings: CrawlSettings) -> Listing:
    if listing == "sweep":
        endpoints = tuple(_endpoints(target, settings))
        return Swept(target.registry.name, endpoints, PageReader(transport), target.source.username)
    page_size = settings.rows_per_page(settings.page_size)
    return Plain(target.registry.name, _hub_listing(listing, transport, target, settings.query, page_size))


def _updates(transport: Transport, target: Target, settings: CrawlSettings) -> Listing:
    source = target.source
    if settings.again:
        raise ConfigurationError("--again lists everything, --updates only what changed: give one of them")
    if source.images or source.registry or source.listing != ("sweep",):
        raise ConfigurationError("--updates is for a hub that is swept: no list, registry or other listing")
    newest, namespaces = Newest(source.search_url), Namespace(source.search_url)
    endpoints = (newest, namespaces) if settings.namespaces else (newest,)
    return Updated(target.registry.name, endpoints, PageReader(transport), source.username)


def _endpoints(target: Target, settings: CrawlSettings) -> list[Endpoint]:
    source = target.source
    urls = {"v1": source.v1_url}
    endpoints: list[Endpoint] = [
        _SEARCHES[each](urls.get(each, source.search_url)) for each in settings.searches
    ]
    if settings.namespaces:
        endpoints += [Namespace(source.search_url), OneRepository(source.search_url)]
    return endpoints


def _hub_listing(listing: str, transport: Transport, target: Target, query: str, page_size: int) -> Source:
    name, source = target.registry.name, target.source
    if listing == "official":
        official = Query(OFFICIAL_NAMESPACE)
        return QueryListing(transport, name, Namespace(source.search_url), official, page_size)
    if listing == "search":
        return QueryListing(transport, name, SearchV2(source.search_url), Query(query), page_size)
    if listing == "v1":
        return QueryListing(transport, name, SearchV1(source.v1_url), Query(query), page_size)
    return HubPages(transport, name, source.search_url, query=query)

"""A registry's own ``_catalog``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from corpus.records import RepositoryRecord
from hubcrawl.sources.catalog import RegistryCatalog
from registry.client import CatalogPage
from registry.errors import RegistryError
from tests.hubcrawl.conftest import REGISTRY, Site, client_of, engine, names_in, read_all, serving

if TYPE_CHECKING:
    from corpus.catalog import Catalog
    from registry.transport.http import Transport

NAMES = [f"team/app{number:02}" for number in range(25)]


async def test_every_name_is_listed_by_following_links(transport: Transport) -> None:
    async with serving(Site(NAMES)) as site:
        pages = await read_all(RegistryCatalog(client_of(transport, site), page_size=10))
    assert names_in(pages) == NAMES
    assert len(site.asked) == 3
    assert pages[1].url.startswith(site.url)


async def test_listing_goes_on_from_a_cursor_kept_by_another_process(transport: Transport) -> None:
    async with serving(Site(NAMES)) as site:
        first = await RegistryCatalog(client_of(transport, site), page_size=10).read("")
        second = await RegistryCatalog(client_of(transport, site), page_size=3).read(first.next_cursors[0])
    assert names_in([first, second]) == NAMES[:20]


async def test_name_is_all_that_is_known(transport: Transport) -> None:
    async with serving(Site(["debian"])) as site:
        (page,) = await read_all(RegistryCatalog(client_of(transport, site)))
    assert page.records == (RepositoryRecord("debian"),)


async def test_empty_registry_is_crawled_and_said_to_be_empty(transport: Transport, catalog: Catalog) -> None:
    async with serving(Site([])) as site:
        source = RegistryCatalog(client_of(transport, site))
        summary = await engine(catalog, source).run()
    assert source.name == f"{REGISTRY.name} catalog"
    assert (summary.found, summary.is_complete, summary.stopped) == (0, True, None)
    assert any("empty" in note for note in summary.notes)


class OddClient:
    """A client whose registry links to bytes that are no ASCII."""

    name = REGISTRY.name
    base_url = "http://registry.test"

    async def catalog_page(self, cursor: str | None, size: int) -> CatalogPage:  # noqa: ARG002 - of the client
        return CatalogPage(("a/x",), "/v2/_catalog?last=\udce9")


async def test_link_that_cannot_be_kept_is_refused() -> None:
    source = RegistryCatalog(OddClient())  # type: ignore[arg-type]
    with pytest.raises(RegistryError, match="a link to"):
        await source.read("")

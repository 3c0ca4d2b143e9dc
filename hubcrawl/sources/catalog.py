"""A registry's own list of repositories: ``GET /v2/_catalog`` (distribution-spec v1.0, not on Docker Hub)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpus.records import RepositoryRecord
from hubcrawl.shapes import unexpected
from hubcrawl.sources import Listing
from hubcrawl.texts import as_name
from registry.transport.urls import origin, redacted

if TYPE_CHECKING:
    from registry.client import RegistryClient

# The reference registry serves at most 1,000 names a page (distribution, catalog.maxentries).
PAGE_SIZE = 1000


class RegistryCatalog:
    """The names a registry lists, which is all it says of them; its ``Link`` header is the next cursor."""

    def __init__(self, client: RegistryClient, *, page_size: int = PAGE_SIZE) -> None:
        self.name = f"{client.name} catalog"
        self._client = client
        self._page_size = page_size

    def first_cursors(self) -> tuple[str, ...]:
        """The first page, which no link names."""
        return ("",)

    def after_failure(self, cursor: str) -> tuple[str, ...]:  # noqa: ARG002 - of the protocol
        """Nothing: only a page itself names the next one."""
        return ()

    async def read(self, cursor: str) -> Listing:
        """Read the page that ``cursor``, a link of this registry, leads to."""
        page = await self._client.catalog_page(cursor or None, self._page_size)
        url = redacted(origin(self._client.base_url) + (cursor or f"/v2/_catalog?n={self._page_size}"))
        if page.next and not page.next.isascii():
            raise unexpected(url, f"a link to {page.next[:100]!r}")
        records = tuple(RepositoryRecord(name=as_name(name)) for name in page.names)
        return Listing(url, records, (page.next,) if page.next else ())

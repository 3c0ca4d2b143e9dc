"""The result of one query, listed from its first page to its last."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubcrawl.queries import Slice
from hubcrawl.sources.numbered import NumberedListing, Place

if TYPE_CHECKING:
    from hubcrawl.endpoints import Endpoint, Rows
    from hubcrawl.queries import Query
    from registry.transport.http import Transport


class QueryListing(NumberedListing):
    """One query of one endpoint. It ends where the site does: nothing is split."""

    def __init__(
        self, transport: Transport, registry_name: str, endpoint: Endpoint, query: Query, page_size: int
    ) -> None:
        asked = query.key if query.facets or query.order else query.term
        super().__init__(transport, f"{registry_name} {endpoint.title} {asked}", page_size, endpoint.headers)
        self._endpoint = endpoint
        self._query = query

    def url(self, place: Place) -> str:
        """Where the page is."""
        return self._endpoint.url(self._query, Slice(place.page, place.page_size))

    def parse(self, body: bytes, url: str) -> Rows:
        """Read a page of the result."""
        return self._endpoint.parse(body, url)

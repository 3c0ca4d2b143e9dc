"""Docker Hub's search, version 1, that of ``docker search``: ``GET /v1/search`` of the index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from corpus.records import RepositoryRecord
from hubcrawl.sources.numbered import NumberedListing, Place, Rows, build_url
from hubcrawl.sources.shapes import Count, Name, decode
from hubcrawl.sources.texts import as_description, as_name
from registry.names import hub_repository

if TYPE_CHECKING:
    from registry.transport.http import Transport


class SearchV1Row(msgspec.Struct, frozen=True):
    """A row of search results; ``name`` of an official repository has no slash."""

    name: Name
    star_count: Count
    is_official: bool
    description: str | None
    pull_count: Count | None = None  # since 2022

    def record(self) -> RepositoryRecord:
        """This row as the census keeps it."""
        return RepositoryRecord(
            name=as_name(hub_repository(self.name)),
            is_official=self.is_official,
            pull_count=self.pull_count,
            star_count=self.star_count,
            description=as_description(self.description),
        )


class _Page(msgspec.Struct, frozen=True):
    num_pages: Count
    num_results: Count
    page: Count
    results: tuple[SearchV1Row, ...]


class HubSearchV1(NumberedListing):
    """The results of one query; ``num_results`` was not seen to saturate (2022)."""

    def __init__(
        self, transport: Transport, registry_name: str, index_url: str, *, query: str, page_size: int
    ) -> None:
        super().__init__(transport, f"{registry_name} search v1 {query}", page_size)
        self._index_url = index_url
        self._query = query

    def url(self, place: Place) -> str:
        """Where the page is."""
        query: dict[str, str | int] = {"q": self._query, "page": place.page, "n": place.page_size}
        return build_url(self._index_url, "/v1/search", query)

    def parse(self, body: bytes, url: str) -> Rows:
        """Read a page of results."""
        page = decode(body, _Page, url)
        return Rows(tuple(row.record() for row in page.results), page.page < page.num_pages, page.num_results)

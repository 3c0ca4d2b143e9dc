"""Docker Hub's search, version 2: ``GET /v2/search/repositories/``."""

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


class SearchRow(msgspec.Struct, frozen=True):
    """A row of search results; ``repo_name`` of an official repository has no slash."""

    repo_name: Name
    star_count: Count
    pull_count: Count
    is_official: bool
    short_description: str | None

    def record(self) -> RepositoryRecord:
        """This row as the census keeps it."""
        return RepositoryRecord(
            name=as_name(hub_repository(self.repo_name)),
            is_official=self.is_official,
            pull_count=self.pull_count,
            star_count=self.star_count,
            description=as_description(self.short_description),
        )


class _Page(msgspec.Struct, frozen=True):
    count: Count
    next: str | None  # "" or null at the end
    results: tuple[SearchRow, ...]


class HubSearch(NumberedListing):
    """The results of one query; ``count`` saturates at 10,000, and anonymous paging ends far earlier."""

    def __init__(
        self, transport: Transport, registry_name: str, site_url: str, *, query: str, page_size: int
    ) -> None:
        super().__init__(transport, f"{registry_name} search {query}", page_size)
        self._site_url = site_url
        self._query = query

    def url(self, place: Place) -> str:
        """Where the page is."""
        query: dict[str, str | int] = {"query": self._query, "page": place.page, "page_size": place.page_size}
        return build_url(self._site_url, "/v2/search/repositories/", query)

    def parse(self, body: bytes, url: str) -> Rows:
        """Read a page of results."""
        page = decode(body, _Page, url)
        return Rows(tuple(row.record() for row in page.results), bool(page.next), page.count)

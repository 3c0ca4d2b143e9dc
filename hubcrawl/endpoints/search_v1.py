"""Docker Hub's search, version 1, that of ``docker search``: ``GET /v1/search`` of the index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from corpus.records import RepositoryRecord
from hubcrawl.endpoints import Endpoint, Rows
from hubcrawl.shapes import Count, Name, decode
from hubcrawl.texts import as_description, as_name
from registry.names import hub_repository

if TYPE_CHECKING:
    from hubcrawl.queries import Query, Slice


class _Row(msgspec.Struct, frozen=True):
    """A row of search results; ``name`` of an official repository has no slash."""

    name: Name
    star_count: Count
    is_official: bool
    description: str | None
    pull_count: Count | None = None  # since 2022

    def record(self) -> RepositoryRecord:
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
    results: tuple[_Row, ...]
    page_size: Count | None = None


class SearchV1(Endpoint):
    """Whoever asks is anonymous to it; ``num_results`` was not seen to saturate (2022)."""

    name = "search-v1"
    title = "search v1"
    ends_by_403 = True

    def url(self, query: Query, part: Slice) -> str:
        """See :meth:`Endpoint.url`. The index counts pages by ``n``, which has to stay the same."""
        return self._url("/v1/search", {"q": query.term, "page": part.page, "n": part.size})

    def parse(self, body: bytes, url: str) -> Rows:
        """See :meth:`Endpoint.parse`."""
        page = decode(body, _Page, url)
        records = tuple(row.record() for row in page.results)
        return Rows(records, page.page < page.num_pages, page.num_results, page.page_size)

"""Docker Hub's search, version 2: ``GET /v2/search/repositories/``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from corpus.records import RepositoryRecord
from hubcrawl.endpoints import Endpoint, Facet, Rows
from hubcrawl.shapes import Count, Name, decode
from hubcrawl.texts import as_description, as_name
from registry.names import hub_repository

if TYPE_CHECKING:
    from hubcrawl.endpoints import Facets, Orders
    from hubcrawl.queries import Query, Slice


_USUAL_ORDER = "-pull_count"


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


class SearchV2(Endpoint):
    """The search of the site until 2023; ``is_automated``, its other facet, is never true any more."""

    name = "search-v2"
    title = "search"
    orders: ClassVar[Orders] = (("-pull_count", "pull_count"), ("-star_count", "star_count"))
    facets: ClassVar[Facets] = (Facet("is_official", ("true", "false"), is_exclusive=True),)
    saturates_at: ClassVar[int | None] = 10_000

    def url(self, query: Query, part: Slice) -> str:
        """See :meth:`Endpoint.url`."""
        # A stated order has an opposite; the site's own may have none.
        ordering = {"ordering": query.order or _USUAL_ORDER}
        paging: dict[str, str | int] = {"query": query.term, "page": part.page, "page_size": part.size}
        return self._url("/v2/search/repositories/", paging | ordering | dict(query.facets))

    def parse(self, body: bytes, url: str) -> Rows:
        """See :meth:`Endpoint.parse`."""
        page = decode(body, _Page, url)
        return Rows(tuple(row.record() for row in page.results), bool(page.next), page.count)

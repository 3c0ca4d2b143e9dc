"""Docker Hub's search, version 4, that of the site today: ``GET /api/search/v4``."""

from __future__ import annotations

import msgspec

from corpus.records import RepositoryRecord
from hubcrawl.endpoints import Rows
from hubcrawl.endpoints.catalog_search import CatalogSearch
from hubcrawl.shapes import Count, Instant, Name, decode
from hubcrawl.texts import as_description, as_instant, as_name
from registry.names import hub_repository

_OFFICIAL = "official"


class _Row(msgspec.Struct, frozen=True):
    """A row of search results.

    ``pull_count`` is a rounded text ("500K+"), which nobody could tell from an exact count later: without
    ``raw_pull_count`` none is recorded.
    """

    name: Name
    star_count: Count
    pull_count: str
    updated_at: Instant | None
    raw_pull_count: Count | None = None
    created_at: Instant | None = None
    short_description: str | None = None
    badge: str | None = None

    def record(self) -> RepositoryRecord:
        name = as_name(hub_repository(self.name))
        return RepositoryRecord(
            name=name,
            is_official=self.badge == _OFFICIAL or name.startswith("library/"),
            pull_count=self._exact_pulls(),
            star_count=self.star_count,
            description=as_description(self.short_description),
            registered_at=as_instant(self.created_at),
            last_updated_at=as_instant(self.updated_at),
        )

    def _exact_pulls(self) -> int | None:
        if self.raw_pull_count is not None:
            return self.raw_pull_count
        # As long as it has no suffix it is exact; the longest that fits a column has 18 digits.
        is_exact = self.pull_count.isascii() and self.pull_count.isdecimal() and len(self.pull_count) <= 18
        return int(self.pull_count) if is_exact else None


class _Page(msgspec.Struct, frozen=True):
    total: Count
    results: tuple[_Row, ...]


class SearchV4(CatalogSearch):
    """The only search that tells dates."""

    name = "search-v4"
    title = "search v4"
    path = "/api/search/v4"

    def parse(self, body: bytes, url: str) -> Rows:
        """See :meth:`Endpoint.parse`."""
        page = decode(body, _Page, url)
        return Rows(tuple(row.record() for row in page.results), None, page.total)

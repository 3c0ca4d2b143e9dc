"""Docker Hub's search, version 3: ``GET /api/search/v3/catalog/search``."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar

import msgspec

from corpus.records import RepositoryRecord
from hubcrawl.endpoints import Rows
from hubcrawl.endpoints.catalog_search import CatalogSearch
from hubcrawl.shapes import Count, Name, decode
from hubcrawl.texts import as_name
from registry.names import hub_repository

if TYPE_CHECKING:
    from collections.abc import Mapping


class _Row(msgspec.Struct, frozen=True):
    """A row of search results, of which only the names are known; ``name`` is without the namespace."""

    id: Name
    name: Name

    def record(self) -> RepositoryRecord:
        return RepositoryRecord(name=as_name(hub_repository(self.id)))


class _Page(msgspec.Struct, frozen=True):
    total: Count
    results: tuple[_Row, ...]


class SearchV3(CatalogSearch):
    """It wants its version named in a header."""

    name = "search-v3"
    title = "search v3"
    path = "/api/search/v3/catalog/search"
    headers: ClassVar[Mapping[str, str]] = MappingProxyType({"Search-Version": "v3"})

    def parse(self, body: bytes, url: str) -> Rows:
        """See :meth:`Endpoint.parse`."""
        page = decode(body, _Page, url)
        return Rows(tuple(row.record() for row in page.results), None, page.total)

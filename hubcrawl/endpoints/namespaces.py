"""The repositories of one namespace of Docker Hub: ``GET /v2/namespaces/{namespace}/repositories``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import msgspec

from corpus.catalog.ledgers import NAMESPACE
from corpus.records import RepositoryRecord
from hubcrawl.endpoints import Endpoint, Facet, Rows
from hubcrawl.shapes import Count, Instant, Name, decode
from hubcrawl.texts import as_description, as_instant, as_name
from registry.transport.urls import path_of

if TYPE_CHECKING:
    from hubcrawl.endpoints import Facets, Orders
    from hubcrawl.queries import Query, Slice

OFFICIAL_NAMESPACE = "library"


class NamespaceRow(msgspec.Struct, frozen=True):
    """A row of a namespace listing, which says more than search does: dates and storage."""

    name: Name
    namespace: Name
    star_count: Count
    pull_count: Count
    description: str | None
    last_updated: Instant | None
    date_registered: Instant | None = None
    storage_size: Count | None = None  # bytes

    def record(self) -> RepositoryRecord:
        """This row as the census keeps it."""
        return RepositoryRecord(
            name=as_name(f"{self.namespace}/{self.name}"),
            is_official=self.namespace == OFFICIAL_NAMESPACE,
            pull_count=self.pull_count,
            star_count=self.star_count,
            description=as_description(self.description),
            registered_at=as_instant(self.date_registered),
            last_updated_at=as_instant(self.last_updated),
            storage_bytes=self.storage_size,
        )


class _Page(msgspec.Struct, frozen=True):
    count: Count
    next: str | None  # "" or null at the end
    results: tuple[NamespaceRow, ...]


class Namespace(Endpoint):
    """The term of a query is the namespace; ``name``, a part of a name, narrows the listing.

    By which end an order begins does not matter, since orders come in pairs: there are reports that the
    sign means the opposite of what it says.
    """

    name = NAMESPACE
    title = "namespace"
    orders: ClassVar[Orders] = (
        ("", "-name"),
        ("-last_updated", "last_updated"),
        ("-pull_count", "pull_count"),
    )
    facets: ClassVar[Facets] = (Facet("name"),)

    def url(self, query: Query, part: Slice) -> str:
        """See :meth:`Endpoint.url`."""
        # A stated order keeps rows from moving between pages while they are read.
        ordering: dict[str, str | int] = {"ordering": query.order or "name"}
        paging: dict[str, str | int] = {"page": part.page, "page_size": part.size}
        path = f"/v2/namespaces/{path_of(query.term)}/repositories"
        return self._url(path, paging | ordering | dict(query.facets))

    def parse(self, body: bytes, url: str) -> Rows:
        """See :meth:`Endpoint.parse`."""
        page = decode(body, _Page, url)
        return Rows(tuple(row.record() for row in page.results), bool(page.next), page.count)

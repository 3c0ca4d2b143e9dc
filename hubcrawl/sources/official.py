"""The repositories of one namespace of Docker Hub: ``GET /v2/namespaces/{namespace}/repositories``."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import msgspec

from corpus.records import RepositoryRecord
from hubcrawl.sources.numbered import NumberedListing, Place, Rows, build_url
from hubcrawl.sources.shapes import Count, Instant, Name, decode
from hubcrawl.sources.texts import as_description, as_name, storable

if TYPE_CHECKING:
    from registry.transport.http import Transport

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
            registered_at=_stated(self.date_registered),
            last_updated_at=_stated(self.last_updated),
            storage_bytes=self.storage_size,
        )


class _Page(msgspec.Struct, frozen=True):
    count: Count
    next: str | None  # "" or null at the end
    results: tuple[NamespaceRow, ...]


class OfficialListing(NumberedListing):
    """The official repositories, ``library/``; or, given its name, any other namespace."""

    def __init__(
        self,
        transport: Transport,
        registry_name: str,
        site_url: str,
        *,
        page_size: int,
        namespace: str = OFFICIAL_NAMESPACE,
    ) -> None:
        super().__init__(transport, f"{registry_name} namespace {namespace}", page_size)
        self._site_url = site_url
        self._path = f"/v2/namespaces/{quote(namespace, safe='')}/repositories"

    def url(self, place: Place) -> str:
        """Where the page is."""
        # A stated order keeps rows from moving between pages while they are read.
        query: dict[str, str | int] = {"page": place.page, "page_size": place.page_size, "ordering": "name"}
        return build_url(self._site_url, self._path, query)

    def parse(self, body: bytes, url: str) -> Rows:
        """Read a page of the namespace."""
        page = decode(body, _Page, url)
        return Rows(tuple(row.record() for row in page.results), bool(page.next), page.count)


def _stated(instant: str | None) -> str | None:
    return storable(instant, 64) if instant else None

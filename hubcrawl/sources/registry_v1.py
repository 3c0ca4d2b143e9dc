"""A registry of version 1: ``GET /v1/search`` without a term finds everything (docker-registry 0.9)."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from corpus.records import RepositoryRecord
from hubcrawl.shapes import Count, Name, decode, unexpected
from hubcrawl.sources import Listing
from hubcrawl.texts import as_description, as_name
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from registry.v1 import V1Client

# What docker.io's index served at most. Registries of the time ignore it, and send all in one page.
_PAGE_ROWS = 100

_NO_SEARCH = (
    "the registry has no search, or does not speak version 1: "
    "check its address, or name its images in a file with --images"
)


class _Row(msgspec.Struct, frozen=True):
    name: Name
    description: str | None = None

    def record(self) -> RepositoryRecord:
        return RepositoryRecord(as_name(self.name), description=as_description(self.description or None))


class _Page(msgspec.Struct, frozen=True):
    results: tuple[_Row, ...]
    num_results: Count | None = None
    num_pages: Count = 1  # absent where all is on one


class V1Search:
    """The repositories that a registry finds, with their names and descriptions."""

    def __init__(self, client: V1Client) -> None:
        self.name = f"{client.name} v1"
        self._client = client

    def first_cursors(self) -> tuple[str, ...]:
        """Page 1."""
        return ("1",)

    def after_failure(self, cursor: str) -> tuple[str, ...]:  # noqa: ARG002 - of the protocol
        """Nothing: only a page itself says whether there is another."""
        return ()

    async def read(self, cursor: str) -> Listing:
        """Read the page with this number."""
        number = int(cursor)
        query = urlencode({"q": "", "page": number, "n": _PAGE_ROWS})
        try:
            answer = await self._client.search(query)
        except RegistryError as error:
            if error.status == 404:
                error.reason, error.detail, error.temporary = Reason.REPO_MISSING, _NO_SEARCH, True
            raise
        page = decode(answer.body, _Page, answer.url)
        has_more = number < page.num_pages
        if has_more and not page.results:
            raise unexpected(answer.url, "an empty page that says the listing goes on")
        records = tuple(row.record() for row in page.results)
        return Listing(answer.url, records, (str(number + 1),) if has_more else (), page.num_results)

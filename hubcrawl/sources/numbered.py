"""Listings whose pages are numbered: how they go on, end, and are refused.

A server's ``next`` only says *whether* the listing goes on. It is never followed, because it has
named hosts of the inside (``search-api.s.us-east-1.aws.dckr.io``); the URL is built anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import msgspec

from hubcrawl.sources import Listing
from hubcrawl.sources.shapes import unexpected
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from corpus.records import RepositoryRecord
    from registry.transport.http import Transport

# A page of 100 rows takes 60 kB, a saved result page 97 kB; this bounds the parsing of a hostile one.
MAX_PAGE_BYTES = 2 << 20

# Refusals and the end of a listing are told by these.
_TELLING = frozenset({403, 404})


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Which page: the cursor of a numbered listing.

    The page size is part of it, because changing it between two pages would skip or repeat rows.
    """

    page: int  # from 1
    page_size: int = 0  # rows; 0 where the site decides

    @classmethod
    def parse(cls, cursor: str) -> Place:
        """The place that ``cursor`` names."""
        return msgspec.json.decode(cursor, type=cls)

    @property
    def cursor(self) -> str:
        """This place as text."""
        return msgspec.json.encode(self).decode()

    @property
    def following(self) -> Place:
        """The next page."""
        return Place(self.page + 1, self.page_size)

    def __str__(self) -> str:
        """How far the pages before this one reach."""
        rows = (self.page - 1) * self.page_size
        return f"{rows:,} rows" if rows else f"{self.page - 1:,} pages"


@dataclass(frozen=True, slots=True)
class Rows:
    """What was read from the body of one page."""

    records: tuple[RepositoryRecord, ...]
    has_more: bool
    claimed: int | None


class NumberedListing(ABC):
    """A listing whose pages are numbered; subclasses know its URLs and how to read a body."""

    def __init__(self, transport: Transport, name: str, page_size: int = 0) -> None:
        self.name = name
        self._transport = transport
        self._page_size = page_size

    @abstractmethod
    def url(self, place: Place) -> str:
        """Where the page is."""

    @abstractmethod
    def parse(self, body: bytes, url: str) -> Rows:
        """Read a page; ``RegistryError(UNEXPECTED_ANSWER)`` if it is not in the shape of this listing."""

    def first_cursors(self) -> tuple[str, ...]:
        """Page 1."""
        return (Place(1, self._page_size).cursor,)

    def after_failure(self, cursor: str) -> tuple[str, ...]:
        """The page after it: one that cannot be read does not hide the others."""
        return (Place.parse(cursor).following.cursor,)

    async def read(self, cursor: str) -> Listing:
        """Read the page; one past the end is an empty one."""
        place = Place.parse(cursor)
        url = self.url(place)
        answer = await self._transport.request("GET", url, max_bytes=MAX_PAGE_BYTES, accept_statuses=_TELLING)
        if answer.status == 404 and place.page > 1:
            return Listing(url)
        if answer.status in _TELLING:
            raise refusal(answer.status, answer.body, url, place)
        rows = self.parse(answer.body, url)
        if rows.has_more and not rows.records:
            raise unexpected(url, "an empty page that says the listing goes on")
        return Listing(url, rows.records, (place.following.cursor,) if rows.has_more else (), rows.claimed)


def refusal(status: int, body: bytes, url: str, place: Place) -> RegistryError:
    """Why a page was refused, told apart by what is known of Docker Hub's answers.

    Only the window is permanent: an address may be corrected, and a block is lifted.
    """
    said = body[:65_536].lower()
    if status == 404:
        return RegistryError(
            Reason.REPO_MISSING, "there is no such listing", url=url, status=status, temporary=True
        )
    if b"offset too large" in said:
        detail = f"the site refuses to list beyond {place} anonymously; what lies further takes other queries"
        return RegistryError(Reason.DENIED, detail, url=url, status=status)
    if b"just a moment" in said:
        detail = "the site wants a browser to solve a challenge; wait some hours, or use another source"
    else:
        detail = "the site refuses this listing"
    return RegistryError(Reason.DENIED, detail, url=url, status=status, temporary=True)


def build_url(base_url: str, path: str, query: Mapping[str, str | int]) -> str:
    """``base_url`` + ``path`` + ``query``, percent-encoded."""
    return f"{base_url.rstrip('/')}{path}?{urlencode(query)}"

"""Listings whose pages are numbered: how they go on, end, and are refused.

A server's ``next`` only says *whether* the listing goes on. It is never followed, because it has
named hosts of the inside (``search-api.s.us-east-1.aws.dckr.io``); the URL is built anew.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import msgspec

from hubcrawl.answers import Answer, classify
from hubcrawl.endpoints import served_size
from hubcrawl.queries import Slice
from hubcrawl.shapes import unexpected
from hubcrawl.sources import Listing
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubcrawl.endpoints import Rows
    from registry.transport.http import Transport

# A page of 100 rows takes 60 kB, a saved result page 97 kB; this bounds the parsing of a hostile one.
MAX_PAGE_BYTES = 2 << 20

# Refusals and the end of a listing are told by these.
_TELLING = frozenset({403, 404})

_CHALLENGED = "the site wants a browser to solve a challenge; wait some hours, or use another source"


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

    @property
    def part(self) -> Slice:
        """The rows it has."""
        return Slice(self.page, self.page_size)

    def after(self, rows: Rows) -> tuple[Place, ...]:
        """The pages that this one, with ``rows``, leads to."""
        if not rows.goes_on(self.part):
            return ()
        if rows.has_more is not None:
            return (self.following,)
        # Where pages are offsets, a site that serves fewer rows than asked for would have some skipped.
        return (Place(self.page + 1, served_size(self.part, rows)),)

    def __str__(self) -> str:
        """How far the pages before this one reach."""
        rows = (self.page - 1) * self.page_size
        return f"{rows:,} rows" if rows else f"{self.page - 1:,} pages"


class NumberedListing(ABC):
    """A listing whose pages are numbered; subclasses know its URLs and how to read a body."""

    def __init__(
        self, transport: Transport, name: str, page_size: int = 0, headers: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self._transport = transport
        self._page_size = page_size
        self._headers = headers

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
        answer = await self._transport.request(
            "GET", url, headers=self._headers, scope="", max_bytes=MAX_PAGE_BYTES, accept_statuses=_TELLING
        )
        if answer.status == 404 and place.page > 1:
            return Listing(url)
        if answer.status in _TELLING:
            raise refusal(answer.status, answer.body, url, place)
        rows = self.parse(answer.body, url)
        if rows.has_more and not rows.records:
            raise unexpected(url, "an empty page that says the listing goes on")
        following = tuple(each.cursor for each in place.after(rows))
        return Listing(url, rows.records, following, rows.claimed)


def refusal(status: int, body: bytes, url: str, place: Place) -> RegistryError:
    """Why a page was refused, or not found though it is the first, as an error.

    Only the window is permanent: an address may be corrected, and a block is lifted.
    """
    answer = classify(status, {}, body, place.part)
    if answer is Answer.WINDOW:
        detail = f"the site refuses to list beyond {place} anonymously; what lies further takes other queries"
        return RegistryError(Reason.DENIED, detail, url=url, status=status)
    if status == 404:
        reason, detail = Reason.REPO_MISSING, "there is no such listing"
    elif answer is Answer.CHALLENGE:
        reason, detail = Reason.DENIED, _CHALLENGED
    else:
        reason, detail = Reason.DENIED, "the site refuses this listing"
    return RegistryError(reason, detail, url=url, status=status, temporary=True)

"""What a hub can be asked: one module per endpoint, all behind one record.

An endpoint is a value without a connection: it builds the URL of one page of one query, and reads the
body that came. A ``next`` in a body only says *whether* a result goes on. It is never followed, because it
has named hosts of the inside (``search-api.s.us-east-1.aws.dckr.io``); every URL is built from the base URL.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import urlencode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from corpus.records import RepositoryRecord
    from hubcrawl.queries import Query, Slice

# Rows that any of Docker Hub's endpoints serves at once; more are asked for in vain.
MAX_ROWS = 100


@dataclass(frozen=True, slots=True)
class Facet:
    """Something by which an endpoint narrows a result.

    Attributes:
        name: As the endpoint names it.
        values: Those known; none where any text will do.
        is_exclusive: Whether a row has at most one of the values. A row may always have none of them, so that
            the parts that a facet makes never add up to the whole for certain.
    """

    name: str
    values: tuple[str, ...] = ()
    is_exclusive: bool = False


# What an endpoint may say of itself, see :class:`Endpoint`.
Orders = tuple[tuple[str, str], ...]
Facets = tuple[Facet, ...]


@dataclass(frozen=True, slots=True)
class Rows:
    """What was read from the body of one page.

    Attributes:
        records: In their order, repeats included.
        has_more: Whether the body says that there is another page; ``None`` where it does not say.
        claimed: How many rows the whole result is said to have; it may be wrong, or saturated.
        page_size: How many rows a page has, as the body states it; ``None`` where it does not.
    """

    records: tuple[RepositoryRecord, ...]
    has_more: bool | None
    claimed: int | None
    page_size: int | None = None

    def goes_on(self, part: Slice) -> bool:
        """Whether there is another page after this one, ``part``; by the claim where nothing says so."""
        if self.has_more is not None:
            return self.has_more
        return bool(self.records) and part.offset + len(self.records) < (self.claimed or 0)


def served_size(part: Slice, rows: Rows) -> int:
    """The page size that the site went by when ``part`` was asked for: less than that where it clamps.

    It does where the body states a smaller size, or where fewer rows came although more are to follow.
    Whoever goes on with the page after it, in pages of this size, skips nothing by either way of counting.
    """
    if rows.page_size is not None and 0 < rows.page_size < part.size:
        return rows.page_size
    came = len(rows.records)
    return came if 0 < came < part.size and rows.goes_on(part) else part.size


class Endpoint(ABC):
    """One way to ask one hub.

    Attributes:
        name: What windows and frontiers are kept under.
        title: What a plain listing of one query is called in the catalog.
        orders: Pairs of opposite orders, which show the two ends of one result; ``""`` is the endpoint's own.
        facets: By what a result can be narrowed.
        max_rows: The largest page.
        saturates_at: The most rows that are ever claimed; ``None`` where the claim was seen not to saturate.
        ends_by_403: Whether a page past the end is refused, where others say 404.
        headers: Of every request.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    orders: ClassVar[Orders] = ()
    facets: ClassVar[Facets] = ()
    max_rows: ClassVar[int] = MAX_ROWS
    saturates_at: ClassVar[int | None] = None
    ends_by_403: ClassVar[bool] = False
    headers: ClassVar[Mapping[str, str]] = MappingProxyType({})

    def __init__(self, base_url: str) -> None:
        """Take the address of the site."""
        self.base_url = base_url.rstrip("/")

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"

    @abstractmethod
    def url(self, query: Query, part: Slice) -> str:
        """Where a page of the result is."""

    @abstractmethod
    def parse(self, body: bytes, url: str) -> Rows:
        """Read a page; ``RegistryError(UNEXPECTED_ANSWER)`` if it is not in the shape of this endpoint."""

    def _url(self, path: str, parameters: Mapping[str, str | int]) -> str:
        return build_url(self.base_url, path, parameters)


def build_url(base_url: str, path: str, query: Mapping[str, str | int]) -> str:
    """``base_url`` + ``path`` + ``query``, percent-encoded."""
    return f"{base_url.rstrip('/')}{path}?{urlencode(query)}"

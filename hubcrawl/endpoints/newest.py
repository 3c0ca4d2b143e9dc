"""What changed last: Docker Hub's search, version 4, in the order of updates."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar

from hubcrawl.endpoints.search_v4 import SearchV4

if TYPE_CHECKING:
    from hubcrawl.endpoints import Facets, Orders
    from hubcrawl.queries import Query, Slice


class Newest(SearchV4):
    """Its results are read from one end, and only as far as something is new in them."""

    name = "search-v4 newest"
    title = "search v4, newest first"
    orders: ClassVar[Orders] = ()
    facets: ClassVar[Facets] = ()

    def url(self, query: Query, part: Slice) -> str:
        """See :meth:`Endpoint.url`."""
        return super().url(replace(query, order="updated_at:desc"), part)

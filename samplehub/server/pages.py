"""Numbered pages in the shape of the Hub: count, next, previous, results."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from samplehub.server.answers import not_found
from samplehub.server.paging import number, numbered_page

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from samplehub.server.visit import Visit

Item = TypeVar("Item")

# The host that the Hub's own `next` has named: nobody outside can reach it.
_INTERNAL = "https://search-api.s.us-east-1.aws.dckr.io"


@dataclass(frozen=True, slots=True)
class Manner:
    """How an endpoint shows its pages.

    Attributes:
        size: Rows of a page where none is asked for.
        nothing: Where there is no neighbouring page.
        saturates_at: Greatest count that it tells.
    """

    size: int
    nothing: str | None
    saturates_at: int | None = None


LISTING = Manner(size=10, nothing=None)


def numbered(
    request: web.Request,
    visit: Visit,
    items: Sequence[Item],
    show: Callable[[list[Item]], Iterable[str]],
    manner: Manner = LISTING,
) -> web.Response:
    """A page of rows, which ``show`` turns into JSON; ``next`` echoes the size that was asked for."""
    asked = number(request.query.get("page_size"), manner.size)
    served, page = min(asked, visit.state.options.search.most_rows), number(request.query.get("page"), 1)
    visit.reach((page - 1) * served)
    shown = numbered_page(items, page, served)
    if shown is None:
        return not_found("page not found")
    has_more = page * served < len(items)
    head = json.dumps(
        {
            "count": told(len(items), manner.saturates_at),
            "next": _neighbour(request, page + 1, asked) if has_more else manner.nothing,
            "previous": _neighbour(request, page - 1, asked) if page > 1 else manner.nothing,
        }
    )
    results = ", ".join(show(shown))
    return web.json_response(text=f'{head[:-1]}, "results": [{results}]}}')


def told(count: int, saturates_at: int | None) -> int:
    """The count that a search tells."""
    return count if saturates_at is None else min(count, saturates_at)


def _neighbour(request: web.Request, page: int, size: int) -> str:
    others = {key: value for key, value in request.query.items() if key not in ("page", "page_size")}
    return f"{_INTERNAL}{request.path}?{urlencode({**others, 'page': page, 'page_size': size})}"

"""The searches of the site: v1, v2, v3, v4, and one that is dead."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING

from aiohttp import web

from samplehub.server import rows
from samplehub.server.pages import Manner, numbered, told
from samplehub.server.paging import number, numbered_page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from samplehub.model import Repository
    from samplehub.server.index import Filters
    from samplehub.server.state import State
    from samplehub.server.visit import Handler, Visit

# Rows in JSON, of 200 bytes or so: most queries show what others have shown.
_REMEMBERED = 250_000

_FLAGS = ("is_official", "is_automated")
_FACETS = ("badges", "type", "architectures", "operating_systems", "categories")
_V2_ORDERS = {"pull_count": "pulls", "-pull_count": "-pulls", "star_count": "stars", "-star_count": "-stars"}
_V4_SORTS = {"pull_count": "pulls", "updated_at": "updated"}


class Searches:
    """Handlers of the searches."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._options = state.options.search
        self._v2_row = lru_cache(_REMEMBERED)(self._make_v2_row)

    def paths(self) -> Mapping[str, tuple[str, Handler]]:
        """Endpoints and handlers by path."""
        return {
            "/v1/search": ("search-v1", self.v1),
            "/v2/search/repositories": ("search-v2", self.v2),
            "/api/search/v3/catalog/search": ("search-v3", self.v3),
            "/api/search/v4": ("search-v4", self.v4),
            "/api/content/v1/products/search": ("products", self.products),
        }

    async def v1(self, request: web.Request, visit: Visit) -> web.Response:
        """The oldest search, that of ``docker search``; 403 past the end, and its count tells the truth."""
        self._state.traffic["search"] += 1
        query, page = request.query.get("q", ""), number(request.query.get("page"), 1)
        size = number(request.query.get("n"), 25, most=self._options.most_rows)
        visit.reach((page - 1) * size)
        found = visit.index.search(query)
        shown = numbered_page(visit.flawed(found, query), page, size)
        if shown is None:
            raise visit.refusal()
        return web.json_response(
            {
                "num_pages": -(-len(found) // size),
                "num_results": len(found),
                "page_size": size,
                "page": page,
                "query": query,
                "results": [rows.v1_row(repository) for repository in visit.repositories(shown, query)],
            }
        )

    async def v2(self, request: web.Request, visit: Visit) -> web.Response:
        """The search of the site."""
        self._state.traffic["search"] += 1
        query, order = request.query.get("query", ""), _V2_ORDERS.get(request.query.get("ordering", ""), "")
        found = visit.index.search(query, _filters(request, _FLAGS), order)
        return numbered(
            request,
            visit,
            visit.flawed(found, f"{query} {order}"),
            lambda shown: map(self._v2_row, visit.shown(shown, query)),
            Manner(size=25, nothing="", saturates_at=self._options.saturates_at),
        )

    async def v3(self, request: web.Request, visit: Visit) -> web.Response:
        """The search between; it wants its version named in a header."""
        if request.headers.get("Search-Version") != "v3":
            return web.json_response({"message": "Search-Version header is required"}, status=400)
        return self._from_offset(request, visit, rows.v3_row)

    async def v4(self, request: web.Request, visit: Visit) -> web.Response:
        """The newest search."""
        return self._from_offset(request, visit, lambda repository: rows.v4_row(repository, self._state.hub))

    async def products(self, _request: web.Request, _visit: Visit) -> web.Response:
        """The search that Docker retired without saying so: 200, and nothing."""
        self._state.traffic["search"] += 1
        nothing = {"count": 0, "next": "", "previous": "", "page": 1, "page_size": 25, "summaries": []}
        return web.json_response(nothing)

    def _make_v2_row(self, number: int) -> str:
        return json.dumps(rows.v2_row(self._state.hub.repositories[number]))

    def _from_offset(
        self, request: web.Request, visit: Visit, row: Callable[[Repository], rows.Row]
    ) -> web.Response:
        """Rows from an offset on, after the facets."""
        self._state.traffic["search"] += 1
        query, order = request.query.get("query", ""), _V4_SORTS.get(request.query.get("sort", ""), "")
        if order and request.query.get("order", "desc") == "desc":
            order = f"-{order}"
        start = number(request.query.get("from"), 0, least=0)
        size = number(request.query.get("size"), 25, most=self._options.most_rows)
        visit.reach(start)
        found = visit.index.search(query, _filters(request, _FACETS), order)
        shown = visit.flawed(found, f"{query} {order}")[start : start + size]
        return web.json_response(
            {
                "total": told(len(found), self._options.saturates_at),
                "results": [row(repository) for repository in visit.repositories(shown, query)],
            }
        )


def _filters(request: web.Request, names: tuple[str, ...]) -> Filters:
    """Those of the parameters that are given; flags may also be numbers."""
    given = ((name, request.query.get(name, "").lower()) for name in names)
    return tuple((name, {"1": "true", "0": "false"}.get(values, values)) for name, values in given if values)

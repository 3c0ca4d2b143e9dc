"""The JSON of the search site: searches, namespace listings, repositories, tags."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode

from aiohttp import web

from samplehub.model import Access, Repository
from samplehub.server import rows
from samplehub.server.answers import not_found
from samplehub.server.paging import number, numbered_page
from samplehub.server.search import find

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from samplehub.server.state import State

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

Item = TypeVar("Item")

_MOST_ROWS = 100  # the Hub serves more as this many, and echoes the greater number in `next`

# The host that the Hub's own `next` has named: nobody outside can reach it.
_INTERNAL = "https://search-api.s.us-east-1.aws.dckr.io"

# As on the Hub: pull_count descends, -pull_count ascends, and so do the others.
_ORDERINGS: dict[str, Callable[[Repository], Any]] = {
    "name": lambda repository: repository.short_name,
    "last_updated": lambda repository: repository.updated,
    "pull_count": lambda repository: repository.pulls,
}


class Site:
    """Handlers of the JSON endpoints."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Every path with and without its final slash."""
        paths: dict[str, Handler] = {
            "/v1/search": self.search_v1,
            "/v2/search/repositories": self.search_v2,
            "/api/search/v3/catalog/search": self.search_v3,
            "/api/search/v4": self.search_v4,
            "/api/content/v1/products/search": self.search_products,
            "/v2/users/{namespace}": self.user,
        }
        for prefix in ("/v2/namespaces/{namespace}/repositories", "/v2/repositories/{namespace}"):
            paths[prefix] = self.namespace
            paths[prefix + "/{repository}"] = self.repository
            paths[prefix + "/{repository}/tags"] = self.tags
            paths[prefix + "/{repository}/tags/{tag}"] = self.tag
        return [
            web.get(path + slash, limited(self._state, handler))
            for path, handler in paths.items()
            for slash in ("", "/")
        ]

    async def search_v1(self, request: web.Request) -> web.Response:
        """The oldest search, that of ``docker search``; 403 past the end."""
        self._state.traffic["search"] += 1
        query, size = request.query.get("q", ""), number(request.query.get("n"), 25, most=_MOST_ROWS)
        found, page = find(self._state.hub.repositories, query), number(request.query.get("page"), 1)
        shown = numbered_page(found, page, size)
        if shown is None:
            message = "pagination offset too large for anonymous requests; sign in to page further"
            return web.json_response({"message": message, "errinfo": {}}, status=403)
        return web.json_response(
            {
                "num_pages": -(-len(found) // size),
                "num_results": len(found),
                "page_size": size,
                "page": page,
                "query": query,
                "results": [rows.v1_row(repository) for repository in shown],
            }
        )

    async def search_v2(self, request: web.Request) -> web.Response:
        """The search of the site."""
        self._state.traffic["search"] += 1
        found = find(self._state.hub.repositories, request.query.get("query", ""))
        found = [repository for repository in found if _has_flags(repository, request)]
        order = request.query.get("ordering", "")
        if order.lstrip("-") in ("pull_count", "star_count"):
            key = _ORDERINGS["pull_count"] if "pull" in order else lambda repository: repository.stars
            found.sort(key=key, reverse=order.startswith("-"))
        return _page(request, found, rows.v2_row, size=25, nothing="")

    async def search_v3(self, request: web.Request) -> web.Response:
        """The search between; it wants its version named in a header."""
        if request.headers.get("Search-Version") != "v3":
            return web.json_response({"message": "Search-Version header is required"}, status=400)
        return self._window(request, rows.v3_row)

    async def search_v4(self, request: web.Request) -> web.Response:
        """The newest search."""
        return self._window(request, lambda repository: rows.v4_row(repository, self._state.hub))

    async def search_products(self, _request: web.Request) -> web.Response:
        """The search that Docker retired without saying so: 200, and nothing."""
        self._state.traffic["search"] += 1
        nothing = {"count": 0, "next": "", "previous": "", "page": 1, "page_size": 25, "summaries": []}
        return web.json_response(nothing)

    def _window(self, request: web.Request, row: Callable[[Repository], rows.Row]) -> web.Response:
        """Rows from an offset, after the facets."""
        self._state.traffic["search"] += 1
        found = find(self._state.hub.repositories, request.query.get("query", ""))
        badge = request.query.get("badges")
        if badge:
            found = [repository for repository in found if repository.is_official == (badge == "official")]
        order = {"pull_count": "pull_count", "updated_at": "last_updated"}.get(request.query.get("sort", ""))
        if order:
            found.sort(key=_ORDERINGS[order], reverse=request.query.get("order", "desc") == "desc")
        start = number(request.query.get("from"), 0, least=0)
        size = number(request.query.get("size"), 25, most=_MOST_ROWS)
        shown = [row(repository) for repository in found[start : start + size]]
        return web.json_response({"total": len(found), "results": shown})

    async def namespace(self, request: web.Request) -> web.Response:
        """Repositories of one owner; 404 where there is none."""
        self._state.traffic["listing"] += 1
        owned = self._visible(request.match_info["namespace"])
        if not owned:
            return not_found()
        order = request.query.get("ordering", "last_updated")
        if order.lstrip("-") not in _ORDERINGS or order.startswith("--"):
            return web.json_response(
                {"fields": {"ordering": [order]}, "text": "Invalid ordering value"}, status=400
            )
        named = [repository for repository in owned if request.query.get("name", "") in repository.short_name]
        named.sort(key=_ORDERINGS[order.lstrip("-")], reverse=not order.startswith("-"))
        return _page(request, named, self._listing_row, size=10, nothing=None)

    async def user(self, request: web.Request) -> web.Response:
        """Whether an owner exists."""
        owner = request.match_info["namespace"]
        return web.json_response({"username": owner, "type": "User"}) if self._visible(owner) else not_found()

    async def repository(self, request: web.Request) -> web.Response:
        """Everything about one repository."""
        repository = self._find(request)
        return (
            not_found() if repository is None else web.json_response(rows.detail(repository, self._state.hub))
        )

    async def tags(self, request: web.Request) -> web.Response:
        """Tags of one repository, ``latest`` first."""
        repository = self._find(request)
        if repository is None:
            return not_found()
        names = [tag for tag in repository.tags if request.query.get("name", "") in tag]
        return _page(
            request,
            sorted(names, key=lambda tag: (tag != "latest", tag)),
            lambda tag: rows.tag_row(repository, tag, self._state.hub),
            size=10,
            nothing=None,
        )

    async def tag(self, request: web.Request) -> web.Response:
        """One tag."""
        repository, tag = self._find(request), request.match_info["tag"]
        if repository is None or tag not in repository.tags:
            return not_found()
        return web.json_response(rows.tag_row(repository, tag, self._state.hub))

    def _listing_row(self, repository: Repository) -> rows.Row:
        return rows.listing_row(repository, self._state.hub)

    def _visible(self, namespace: str) -> list[Repository]:
        """What an owner shows to everyone. Unlike the search index, the listing knows what was deleted."""
        hidden = (Access.DELETED, Access.PRIVATE)
        return [
            r for r in self._state.hub.repositories if r.namespace == namespace and r.access not in hidden
        ]

    def _find(self, request: web.Request) -> Repository | None:
        name = "{namespace}/{repository}".format_map(request.match_info)
        return next((r for r in self._visible(request.match_info["namespace"]) if r.name == name), None)


def limited(state: State, handler: Handler) -> Handler:
    """The handler with the site's request limit: three headers on every answer, 429 above the limit."""

    async def answer(request: web.Request) -> web.StreamResponse:
        allowance = state.site_requests
        if allowance.take():
            response = await handler(request)
        else:
            response = web.json_response({"detail": "Rate limit exceeded", "error": False}, status=429)
            response.headers["Retry-After"] = str(max(1, int(allowance.reset - state.clock())))
        response.headers["X-RateLimit-Limit"] = str(allowance.limit)
        response.headers["X-RateLimit-Remaining"] = str(allowance.remaining)
        response.headers["X-RateLimit-Reset"] = str(allowance.reset)
        return response

    return answer


def _has_flags(repository: Repository, request: web.Request) -> bool:
    wanted = (("is_official", repository.is_official), ("is_automated", repository.is_automated))
    return all(
        request.query.get(key, "").lower() in ("", str(value).lower(), str(int(value)))
        for key, value in wanted
    )


def _page(
    request: web.Request,
    items: Sequence[Item],
    row: Callable[[Item], rows.Row],
    *,
    size: int,
    nothing: str | None,
) -> web.Response:
    """A numbered page; ``next`` echoes the size that was asked for, also where less is served."""
    asked = number(request.query.get("page_size"), size)
    served, page = min(asked, _MOST_ROWS), number(request.query.get("page"), 1)
    shown = numbered_page(items, page, served)
    if shown is None:
        return not_found("page not found")
    more = numbered_page(items, page + 1, served) is not None
    return web.json_response(
        {
            "count": len(items),
            "next": _neighbour(request, page + 1, asked) if more else nothing,
            "previous": _neighbour(request, page - 1, asked) if page > 1 else nothing,
            "results": [row(item) for item in shown],
        }
    )


def _neighbour(request: web.Request, page: int, size: int) -> str:
    others = {key: value for key, value in request.query.items() if key not in ("page", "page_size")}
    return f"{_INTERNAL}{request.path}?{urlencode({**others, 'page': page, 'page_size': size})}"

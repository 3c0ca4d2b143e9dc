"""The JSON of the site: searches, namespace listings, repositories, tags."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aiohttp import web

from samplehub.model import Access
from samplehub.server import rows
from samplehub.server.answers import not_found
from samplehub.server.gate import Gate
from samplehub.server.pages import numbered
from samplehub.server.searches import Searches

if TYPE_CHECKING:
    from samplehub.model import Repository
    from samplehub.server.state import State
    from samplehub.server.visit import Handler, Visit

_ORDERINGS = {"name": "name", "last_updated": "updated", "pull_count": "pulls"}


class Site:
    """Handlers of the JSON endpoints."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Every path with and without its final slash."""
        paths: dict[str, tuple[str, Handler]] = {
            **Searches(self._state).paths(),
            "/v2/users/{namespace}": ("user", self.user),
        }
        for prefix in ("/v2/namespaces/{namespace}/repositories", "/v2/repositories/{namespace}"):
            paths[prefix] = ("namespace", self.namespace)
            paths[prefix + "/{repository}"] = ("repository", self.repository)
            paths[prefix + "/{repository}/tags"] = ("tags", self.tags)
            paths[prefix + "/{repository}/tags/{tag}"] = ("tag", self.tag)
        gate = Gate(self._state)
        return [
            web.get(path + slash, gate.guard(endpoint, handler))
            for path, (endpoint, handler) in paths.items()
            for slash in ("", "/")
        ]

    async def namespace(self, request: web.Request, visit: Visit) -> web.Response:
        """Repositories of one owner; 404 where there is none."""
        self._state.traffic["listing"] += 1
        owner, part = request.match_info["namespace"], request.query.get("name", "")
        if not visit.index.listing(owner):
            return not_found()
        asked = request.query.get("ordering", "last_updated")
        key = _ORDERINGS.get(asked.removeprefix("-"))
        if key is None:
            return web.json_response(
                {"fields": {"ordering": [asked]}, "text": "Invalid ordering value"}, status=400
            )
        # On the Hub pull_count descends, -pull_count ascends, and so do the others.
        is_descending = asked.startswith("-") != self._state.options.search.is_inverted
        found = visit.index.listing(owner, part, f"-{key}" if is_descending else key)
        return numbered(
            request,
            visit,
            visit.flawed(found, f"{owner}/ {part} {asked}"),
            lambda shown: [
                json.dumps(rows.listing_row(each, self._state.hub))
                for each in visit.repositories(shown, part)
            ],
        )

    async def user(self, request: web.Request, visit: Visit) -> web.Response:
        """Whether an owner exists."""
        owner = request.match_info["namespace"]
        exists = bool(visit.index.listing(owner))
        return web.json_response({"username": owner, "type": "User"}) if exists else not_found()

    async def repository(self, request: web.Request, visit: Visit) -> web.Response:
        """Everything about one repository."""
        repository = _find(request, visit)
        return (
            not_found() if repository is None else web.json_response(rows.detail(repository, self._state.hub))
        )

    async def tags(self, request: web.Request, visit: Visit) -> web.Response:
        """Tags of one repository, ``latest`` first."""
        repository = _find(request, visit)
        if repository is None:
            return not_found()
        names = [tag for tag in repository.tags if request.query.get("name", "") in tag]
        return numbered(
            request,
            visit,
            sorted(names, key=lambda tag: (tag != "latest", tag)),
            lambda shown: [json.dumps(rows.tag_row(repository, tag, self._state.hub)) for tag in shown],
        )

    async def tag(self, request: web.Request, visit: Visit) -> web.Response:
        """One tag."""
        repository, tag = _find(request, visit), request.match_info["tag"]
        if repository is None or tag not in repository.tags:
            return not_found()
        return web.json_response(rows.tag_row(repository, tag, self._state.hub))


def _find(request: web.Request, visit: Visit) -> Repository | None:
    """The repository that a request names, where it is shown to everyone."""
    repository = visit.index.repository("{namespace}/{repository}".format_map(request.match_info))
    is_hidden = repository is None or repository.access in (Access.DELETED, Access.PRIVATE)
    return None if is_hidden else repository

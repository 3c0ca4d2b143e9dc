"""The HTML of the Hub's website as it was in 2017 and 2018, and a page for whoever opens ``/`` today."""

from __future__ import annotations

import json
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from samplehub.model import Access
from samplehub.server import rows
from samplehub.server.gate import Gate
from samplehub.server.numerals import rounded, short
from samplehub.server.paging import number, numbered_page

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from samplehub.model import Repository
    from samplehub.server.state import State
    from samplehub.server.visit import Visit

_EXPLORE_ROWS = 15
_SEARCH_ROWS = 10
_HOME_ROWS = 100
_MOST_LINKS = 100  # to pages of results
_MOST_PULLS = 10_000_000  # the greatest step that the site of 2018 showed: "10M+"


class HubPages:
    """Handlers of ``/search/``, ``/explore/``, the pages of repositories, and ``/``."""

    def __init__(self, state: State) -> None:
        self._state = state

    def routes(self) -> list[web.RouteDef]:
        """Paths end in a slash, as they did."""
        paths = {
            "/search/": self.search,
            "/explore/": self.explore,
            "/_/{name}/": self.repository,
            "/r/{namespace}/{name}/": self.repository,
        }
        gate = Gate(self._state)
        pages = [web.get(path, gate.guard("html", handler)) for path, handler in paths.items()]
        return [*pages, web.get("/", self.home)]

    async def search(self, request: web.Request, visit: Visit) -> web.Response:
        """Results of ``?q=&page=``, ten a page; 404 past the end."""
        self._state.traffic["html"] += 1
        found = visit.index.search(request.query.get("q", ""))
        page = number(request.query.get("page"), 1)
        numbers = numbered_page(found, page, _SEARCH_ROWS)
        if numbers is None:
            return _page_not_found()
        shown = [self._state.hub.repositories[i] for i in numbers]
        store = {
            "SearchStore": {"count": len(found), "page": page, "results": [rows.v2_row(r) for r in shown]}
        }
        pages = _page_links(request, page, -(-len(found) // _SEARCH_ROWS))
        return _page(f"Repositories ({len(found)})", _list(shown) + pages, store)

    async def explore(self, request: web.Request, visit: Visit) -> web.Response:
        """The official repositories, fifteen a page; 404 past the end."""
        self._state.traffic["html"] += 1
        official = visit.index.owned("library")
        page = number(request.query.get("page"), 1)
        numbers = numbered_page(official, page, _EXPLORE_ROWS)
        if numbers is None:
            return _page_not_found()
        shown = [self._state.hub.repositories[i] for i in numbers]
        store = {"DashboardReposStore": {"repos": [_dashboard_row(repository) for repository in shown]}}
        pages = _page_links(request, page, -(-len(official) // _EXPLORE_ROWS))
        return _page("Explore Official Repositories", _list(shown) + pages, store)

    async def repository(self, request: web.Request, visit: Visit) -> web.Response:
        """The page of one repository."""
        self._state.traffic["html"] += 1
        name = f"{request.match_info.get('namespace', 'library')}/{request.match_info['name']}"
        repository = visit.index.repository(name)
        if repository is None or repository.access in (Access.DELETED, Access.PRIVATE):
            return _page_not_found()
        tags = "".join(f"<li>{escape(tag)}</li>" for tag in sorted(repository.tags))
        body = f"<p>{escape(repository.description)}</p><h4>Tags</h4><ul>{tags}</ul>"
        body += f"<pre>skopeo inspect --tls-verify=false docker://{escape(request.host)}/{escape(name)}</pre>"
        return _page(name, body, {})

    async def home(self, request: web.Request) -> web.Response:
        """What there is to try, with commands to copy."""
        base = f"http://{escape(request.host)}"
        examples = "\n".join(example.format(base=base, host=escape(request.host)) for example in _EXAMPLES)
        links = "".join(f'<li><a href="{path}">{escape(path)}</a></li>' for path in _PLACES)
        listed = _list(self._state.hub.repositories[:_HOME_ROWS])
        body = f"<p>{_WHAT_IT_IS}</p><ul>{links}</ul><pre>{examples}</pre>{listed}"
        return _page("The sample hub", body, {})


_WHAT_IT_IS = (
    "A small, invented Docker Hub on this machine: search site, token server, registry and CDN. "
    "Everything in it was generated; nothing in it runs."
)
_PLACES = (
    "/search/?q=*&page=1",
    "/explore/?page=1",
    "/v2/search/repositories/?query=nginx",
    "/v2/namespaces/library/repositories?page_size=100",
    "/v1/search?q=python",
    "/api/search/v4?query=redis",
    "/v2/_catalog?n=10",
)
_EXAMPLES = (
    "curl {base}/v2/_catalog",
    "curl '{base}/v2/search/repositories/?query=nginx'",
    "skopeo inspect --tls-verify=false docker://{host}/library/debian",
    "skopeo copy --all --src-tls-verify=false docker://{host}/library/busybox dir:/tmp/busybox",
    "SCOPE=repository:library/nginx:pull",
    'TOKEN=$(curl -s "{base}/token?service=samplehub&amp;scope=$SCOPE" | jq -r .token)',
    'curl -H "Authorization: Bearer $TOKEN" {base}/v2/library/nginx/manifests/latest',
)


def _list(repositories: Sequence[Repository]) -> str:
    items = "".join(_item(repository) for repository in repositories)
    return f'<div class="row explore-repo-list"><ul class="large-12 columns no-bullet">{items}</ul></div>'


def _item(repository: Repository) -> str:
    """One result, in the markup of 2018 (class names with the hashes of its build)."""
    name, official = escape(repository.search_name), repository.is_official
    kind = ("official" if official else "public") + (" | automated build" if repository.is_automated else "")
    return _ITEM.format(
        href=f"/_/{name}/" if official else f"/r/{name}/",
        name=name,
        kind=kind,
        stars=_NUMBER.format(value=short(repository.stars), label="STARS"),
        pulls=_NUMBER.format(value=rounded(repository.pulls, _MOST_PULLS), label="PULLS"),
    )


_ITEM = (
    '<li class="RepositoryListItem__repositoryListItem___w1rvf">'
    '<a class="RepositoryListItem__flexible___3R0Sg" href="{href}">'
    '<div class="RepositoryListItem__head___3ubbP RepositoryListItem__section___1CXRq">'
    '<div class="RepositoryListItem__title___3var6"><div class="RepositoryListItem__labels___3OXOZ">'
    '<div class="RepositoryListItem__repoName___28cOR">{name}</div><span class="undefined">{kind}</span>'
    "</div></div></div>{stars}{pulls}"
    '<div class="RepositoryListItem__action___2Q4rL RepositoryListItem__section___1CXRq">'
    '<i class="fa fa-chevron-right fa-lg"></i><div class="RepositoryListItem__text___10Td_">DETAILS</div>'
    "</div></a></li>"
)
_NUMBER = (
    '<div class="RepositoryListItem__stats___1l3sP RepositoryListItem__section___1CXRq">'
    '<div class="RepositoryListItem__labelValue___fUSbB">'
    '<div class="RepositoryListItem__value___1Wqzm">{value}</div>'
    '<div class="RepositoryListItem__subLabel___3P7ap">{label}</div></div></div>'
)


def _dashboard_row(repository: Repository) -> rows.Row:
    """A row of ``DashboardReposStore.repos``."""
    return {
        "user": repository.namespace,
        "name": repository.short_name,
        "namespace": repository.namespace,
        "repository_type": "image",
        "status": 1,
        "description": repository.description,
        "is_private": False,
        "is_automated": repository.is_automated,
        "can_edit": False,
        "star_count": repository.stars,
        "pull_count": repository.pulls,
        "last_updated": rows.timestamp(repository.updated),
    }


def _page_links(request: web.Request, page: int, pages: int) -> str:
    others = {key: value for key, value in request.query.items() if key != "page"}
    links = "".join(
        f'<li class="{"current" if n == page else ""}">'
        f'<a href="{escape(request.path)}?{escape(urlencode({**others, "page": n}))}">{n}</a></li>'
        for n in range(1, min(pages, _MOST_LINKS) + 1)
    )
    return f'<ul class="pagination">{links}</ul>'


def _page(title: str, body: str, stores: Mapping[str, object], status: int = 200) -> web.Response:
    text = _PAGE.format(title=escape(title), style=_STYLE, body=body, script=_app_script(stores))
    return web.Response(text=text, content_type="text/html", status=status)


# Readable in a browser; the markup of 2018, which is what is read by machine, stays as it was.
_STYLE = (
    "body{font:16px/1.5 sans-serif;color:#222;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "pre{background:#f4f4f4;padding:1rem;overflow-x:auto;font-size:14px}"
    "a{color:#0b5394}h3{font-size:1.6rem;margin:0 0 1rem}"
    ".no-bullet{list-style:none;padding:0}"
    "li[class^=RepositoryListItem] a{display:flex;gap:1rem;align-items:center;padding:.5rem 0;"
    "border-bottom:1px solid #ddd;text-decoration:none;color:inherit}"
    "[class^=RepositoryListItem__head]{flex:1}[class^=RepositoryListItem__repoName]{font-weight:bold}"
    "[class^=RepositoryListItem__stats]{width:5rem;text-align:right}"
    "[class^=RepositoryListItem__subLabel],[class^=RepositoryListItem__text],.undefined"
    "{font-size:.75rem;color:#666}"
    ".pagination{display:flex;flex-wrap:wrap;gap:.75rem;list-style:none;padding:0}"
    ".current a{color:inherit;font-weight:bold;text-decoration:none}"
)

_PAGE = (
    '<!DOCTYPE html><html><head><meta charset="utf-8"/><title>Docker Hub</title><style>{style}</style></head>'
    '<body><div id="app"><main class="Application__main___hmFcL">'
    '<div class="PageHeader__pageHeader___27fyX"><div class="row"><div class="large-12 columns">'
    '<h3 class="left">{title}</h3></div></div></div>{body}</main></div><script>{script}</script></body>'
    "</html>"
)


def _app_script(stores: Mapping[str, object]) -> str:
    """The state of the page as the site embedded it: JSON, but for functions among the values."""
    route = '{"route":{"routes":[{"name":"app","component":' + _FUNCTION + "}]}}"
    texts = {"ApplicationStore": route} | {name: _embedded(store) for name, store in stores.items()}
    everything = ",".join(f'"{name}":{text}' for name, text in texts.items())
    return 'window.App={"context":{"dispatcher":{"stores":{' + everything + "}}}};"


_FUNCTION = "function StoreConnector(props, context) {\n\tReact.Component.apply(this, arguments);\n}"


def _embedded(store: object) -> str:
    """JSON that may stand in a script element."""
    return json.dumps(store, separators=(",", ":")).replace("/", r"\u002F").replace("<", r"\u003C")


def _page_not_found() -> web.Response:
    return _page(
        "404", "<p>Page not found: sorry, but the page you were looking for is not here.</p>", {}, status=404
    )

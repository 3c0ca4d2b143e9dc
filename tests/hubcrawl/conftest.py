"""A listing site on loopback that can be made to refuse, fail and repeat; and what it takes to crawl it."""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from corpus.records import Registry, RepositoryRecord
from hubcrawl.engine import CrawlEngine
from hubcrawl.settings import CrawlSettings
from hubcrawl.sources import Listing, Source
from registry.client import RegistryClient
from registry.errors import RegistryError
from registry.transport.credentials import Credentials
from registry.transport.http import Transport
from registry.transport.session import open_session
from registry.transport.settings import HttpSettings

REGISTRY = Registry("registry.test", "hub=http://registry.test")
OFFSET_TOO_LARGE = (
    '{"message":"pagination offset too large for anonymous requests; sign in to page further","errinfo":{}}'
)
EXPLORE_PAGE = 15
SEARCH_PAGE = 10

Fault = Callable[[], web.Response]


class InstantClock:
    """Time that passes at once when somebody waits."""

    def __init__(self) -> None:
        self._seconds = 1_800_000_000.0

    def now(self) -> float:
        return self._seconds

    def monotonic(self) -> float:
        return self._seconds

    async def sleep(self, seconds: float) -> None:
        self._seconds += max(seconds, 0.0)


@dataclass
class Site:
    """Docker Hub's listings of ``names``, and ``_catalog``, as in docker-hub.md.

    Attributes:
        names: With their namespace, in the order of the listing; a repeated name is listed twice.
        window: The first row offset that is refused; ``None`` refuses none.
        claimed: What ``count`` says; ``None`` tells the truth.
        faults: What is answered instead, by page number.
        asked: Path and query of every request.
    """

    names: list[str]
    window: int | None = None
    claimed: int | None = None
    faults: dict[int, Fault] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.get("/v2/search/repositories/", self._search),
                web.get("/v2/namespaces/{namespace}/repositories", self._namespace),
                web.get("/search/", self._html),
                web.get("/explore/", self._html),
                web.get("/v2/_catalog", self._catalog),
            ]
        )
        return application

    @property
    def pages_asked(self) -> list[int]:
        """The page numbers of all requests, in order."""
        return [int(query.partition("page=")[2].partition("&")[0]) for query in self.asked]

    async def _search(self, request: web.Request) -> web.Response:
        rows = [
            {
                "repo_name": name.removeprefix("library/"),
                "short_description": f"About {name}.",
                "star_count": 7,
                "pull_count": 13_114_222_271,
                "repo_owner": "",
                "is_automated": False,
                "is_official": name.startswith("library/"),
            }
            for name in self.names
        ]
        return self._json_page(request, rows)

    async def _namespace(self, request: web.Request) -> web.Response:
        namespace = request.match_info["namespace"]
        rows = [
            {
                "name": name.partition("/")[2],
                "namespace": namespace,
                "description": f"About {name}.",
                "star_count": 7,
                "pull_count": 1_168_131_338,
                "last_updated": "2022-12-09T19:13:54.287062Z",
                "date_registered": "2013-04-30T20:54:08Z",
                "storage_size": 25_907_042_872,
            }
            for name in self.names
            if name.startswith(f"{namespace}/")
        ]
        return self._json_page(request, rows)

    def _json_page(self, request: web.Request, rows: Sequence[object]) -> web.Response:
        self.asked.append(request.path_qs)
        page, size = int(request.query["page"]), min(int(request.query["page_size"]), 100)
        first = (page - 1) * size
        if fault := self.faults.get(page):
            return fault()
        if self.window is not None and first >= self.window:
            return web.json_response(text=OFFSET_TOO_LARGE, status=403)
        if first >= max(len(rows), 1):
            return web.json_response({"detail": "Not found"}, status=404)
        more = first + size < len(rows)
        answer = {
            "count": len(rows) if self.claimed is None else self.claimed,
            "next": f"https://search-api.s.us-east-1.aws.dckr.io/?page={page + 1}" if more else "",
            "previous": None,
            "results": rows[first : first + size],
        }
        return web.json_response(answer)

    async def _html(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        page = int(request.query["page"])
        size = EXPLORE_PAGE if request.path == "/explore/" else SEARCH_PAGE
        if fault := self.faults.get(page):
            return fault()
        names = self.names[(page - 1) * size : page * size]
        if not names and page > 1:
            return web.Response(text="<h1>Page not found</h1>", status=404, content_type="text/html")
        return web.Response(text=result_page(names, len(self.names)), content_type="text/html")

    async def _catalog(self, request: web.Request) -> web.Response:
        self.asked.append(request.path_qs)
        size, last = int(request.query["n"]), request.query.get("last", "")
        after = [name for name in sorted(self.names) if name > last]
        headers = {}
        if len(after) > size:
            headers["Link"] = f'</v2/_catalog?last={after[size - 1]}&n={size}>; rel="next"'
        return web.json_response({"repositories": after[:size]}, headers=headers)


def result_page(names: Sequence[str], total: int) -> str:
    """A search page of 2017, without rows for its script."""
    items = [
        f'<li class="RepositoryListItem__repositoryListItem___{index:05x}"><a href="{escape(link_to(name))}">'
        f'<div class="RepositoryListItem__repoName___28cOR">{escape(name)}</div>'
        '<div class="RepositoryListItem__value___1Wqzm">10M+</div>'
        '<div class="RepositoryListItem__subLabel___3P7ap">PULLS</div></a></li>'
        for index, name in enumerate(names)
    ]
    return (
        f"<html><body><h3>Repositories ({total})</h3>"
        f'<ul class="large-12 columns no-bullet">{"".join(items)}</ul></body></html>'
    )


def link_to(name: str) -> str:
    """The address of a repository's page."""
    return f"/_/{name.removeprefix('library/')}/" if name.startswith("library/") else f"/r/{name}/"


def answer(status: int, text: str = "", content_type: str = "application/json") -> Fault:
    """A fault: this answer instead of the page."""
    return lambda: web.Response(status=status, text=text, content_type=content_type)


def json_answer(value: object) -> Fault:
    """A fault: this JSON, status 200."""
    return answer(200, json.dumps(value))


@asynccontextmanager
async def serving(site: Site) -> AsyncIterator[Site]:
    """``site``, on a free port of loopback."""
    runner = web.AppRunner(site.application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield site
    finally:
        await runner.cleanup()


class ScriptedSource:
    """A listing known in advance: what each cursor leads to, or fails with; an empty page past its end."""

    def __init__(self, pages: dict[str, Listing | RegistryError], name: str = "scripted") -> None:
        self.name = name
        self.pages = pages
        self.read_cursors: list[str] = []

    def first_cursors(self) -> tuple[str, ...]:
        return ("1",)

    def after_failure(self, cursor: str) -> tuple[str, ...]:
        return (str(int(cursor) + 1),)

    async def read(self, cursor: str) -> Listing:
        self.read_cursors.append(cursor)
        page = self.pages.get(cursor, Listing(f"http://site/{cursor}"))
        if isinstance(page, RegistryError):
            raise page
        return page


def pages_of(*pages: Sequence[str], claimed: int | None = None) -> dict[str, Listing | RegistryError]:
    """Pages of names, each leading to the next."""
    return {
        str(number): Listing(
            f"http://site/{number}",
            tuple(RepositoryRecord(name) for name in names),
            (str(number + 1),) if number < len(pages) else (),
            claimed,
        )
        for number, names in enumerate(pages, 1)
    }


@pytest.fixture
async def transport() -> AsyncIterator[Transport]:
    settings = HttpSettings(attempts=2)
    luck = random.Random(7)  # noqa: S311 - jitter
    async with open_session(settings) as session:
        yield Transport(session, settings, clock=InstantClock(), random=luck, credentials=Credentials())


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    layout = Layout(tmp_path / "data")
    layout.ensure()
    async with open_catalog(layout) as catalog:
        yield catalog


def engine(catalog: Catalog, source: Source, **chosen: Any) -> CrawlEngine:
    """The engine for ``source`` with these settings."""
    return CrawlEngine(catalog, REGISTRY, source, CrawlSettings(**chosen), InstantClock())


def client_of(transport: Transport, site: Site) -> RegistryClient:
    """A client of the site's registry."""
    return RegistryClient(transport, name=REGISTRY.name, base_url=site.url)


async def read_all(source: Source) -> list[Listing]:
    """Every page of ``source``, the way the engine reads them."""
    cursors, pages = list(source.first_cursors()), []
    while cursors:
        pages.append(await source.read(cursors.pop(0)))
        cursors += pages[-1].next_cursors
    return pages


def names_in(pages: Sequence[Listing]) -> list[str]:
    """The names on ``pages``, in order."""
    return [record.name for page in pages for record in page.records]

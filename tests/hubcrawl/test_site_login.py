"""Listings of a hub as an account of it: its site is logged in at, and shows more than to others."""

from __future__ import annotations

import random

from aiohttp import web
from aiohttp.typedefs import Handler

from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.queries import Query
from hubcrawl.sources.query import QueryListing
from registry.transport.credentials import Account, Credentials
from registry.transport.http import Transport
from registry.transport.session import open_session
from registry.transport.settings import HttpSettings
from tests.hubcrawl.conftest import InstantClock, Site, names_in, read_all, serving

NAMES = [f"owner{number}/app" for number in range(35)]


async def test_window_of_an_account_is_paged_through_and_its_token_renewed_without_a_failed_page() -> None:
    site = Site(NAMES)
    tokens: list[str] = []

    async def give(request: web.Request) -> web.Response:
        assert await request.json() == {"identifier": "erika", "secret": "PAT"}
        tokens.append(f"T{len(tokens)}")
        return web.json_response({"access_token": tokens[-1]})

    @web.middleware
    async def only_the_newest(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.method == "POST":
            return await give(request)
        token, page = request.headers.get("Authorization"), int(request.query["page"])
        if token is not None and (token != f"Bearer {tokens[-1]}" or (page == 3 and len(tokens) == 1)):
            return web.json_response({"detail": "token expired"}, status=401)
        site.window = 10 if token is None else None
        return await handler(request)

    application = site.application()
    application.middlewares.append(only_the_newest)
    site.application = lambda: application  # type: ignore[method-assign]
    luck, settings = random.Random(1), HttpSettings()  # noqa: S311 - jitter
    accounts = Credentials({"registry.test": Account("erika", "PAT")})
    async with serving(site), open_session(settings) as session:
        transport = Transport(session, settings, clock=InstantClock(), random=luck, credentials=accounts)
        transport.log_in(site.url, "https://registry.test")
        source = QueryListing(transport, "docker.io", SearchV2(site.url), Query("*"), 10)
        assert names_in(await read_all(source)) == NAMES
    assert tokens == ["T0", "T1"]

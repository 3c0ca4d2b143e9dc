"""The account of a hub is its site's, too, and shown to no other site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from corpus.records import Registry
from pipeline.network import open_transport
from pipeline.settings import Settings, SourceSettings
from pipeline.targets import Target
from registry.transport.clock import SystemClock
from registry.transport.memory import NoMemory

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def site() -> AsyncIterator[str]:
    """Says in a body what it is shown."""

    async def give(request: web.Request) -> web.Response:
        return web.json_response({"access_token": f"token-of-{(await request.json())['identifier']}"})

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=request.headers.get("Authorization", "nobody"))

    application = web.Application()
    application.add_routes([web.post("/v2/auth/token", give), web.get("/page", page)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(("username", "shown"), [("erika", "Bearer token-of-erika"), ("", "nobody")])
async def test_the_site_of_a_hub_is_asked_as_its_account(site: str, username: str, shown: str) -> None:
    source = SourceSettings(
        hub="hub.test",
        search_url=site,
        registry_url="https://hub.test",
        username=username,
        password="PAT",
    )
    target = Target(Registry("hub.test", "hub=hub.test"), source)
    settings = Settings(source=source)
    async with open_transport(settings, SystemClock(), NoMemory(), [target]) as transport:
        assert (await transport.request("GET", f"{site}/page", scope="")).body.decode() == shown


async def test_the_site_is_not_asked_as_the_account_of_a_registry_that_it_does_not_list(site: str) -> None:
    source = SourceSettings(
        registry="https://registry.test", search_url=site, username="erika", password="PAT"
    )
    target = Target(Registry("registry.test", "registry=https://registry.test"), source)
    settings = Settings(source=source)
    async with open_transport(settings, SystemClock(), NoMemory(), [target]) as transport:
        assert (await transport.request("GET", f"{site}/page", scope="")).body == b"nobody"

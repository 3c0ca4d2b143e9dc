"""The login at Docker Hub's site: one token for all, renewed in time, and shown to nobody else."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from aiohttp import web

from registry.errors import ConfigurationError, Reason, RegistryError
from registry.transport.credentials import Account, Credentials
from registry.transport.http import Transport
from tests.registry.conftest import InstantClock, Server, answer, transporting

REGISTRY = "https://registry.test"
ACCOUNT = Account("erika", "dckr_pat_SECRET")


@dataclass
class Site:
    """A site that gives tokens for ten minutes, and tells whom it takes a request to be from."""

    server: Server
    clock: InstantClock
    lifetime_s: float = 600
    logins: list[object] = field(default_factory=list)
    good_until: dict[str, float] = field(default_factory=dict)

    def start(self) -> Site:
        self.server.on("POST /v2/auth/token", self.log_in)
        self.server.on("GET /page", self.page)
        return self

    @property
    def url(self) -> str:
        return f"{self.server.url}/page"

    async def log_in(self, request: web.BaseRequest) -> web.StreamResponse:
        self.logins.append(await request.json())
        token = f"TOKEN-{len(self.logins)}"
        self.good_until[token] = self.clock.now() + self.lifetime_s
        return web.json_response({"access_token": token})

    async def page(self, request: web.BaseRequest) -> web.StreamResponse:
        shown = request.headers.get("Authorization")
        if shown is None:
            return web.Response(text="anonymous")
        token = shown.removeprefix("Bearer ")
        if self.clock.now() >= self.good_until.get(token, 0):
            return web.json_response({"detail": "token expired"}, status=401)
        return web.Response(text=token)


@pytest.fixture
def site(server: Server, clock: InstantClock) -> Site:
    return Site(server, clock).start()


@pytest.fixture
async def logged_in(site: Site, clock: InstantClock) -> AsyncIterator[Transport]:
    async with transporting(clock, credentials=Credentials({"registry.test": ACCOUNT})) as transport:
        transport.log_in(site.server.url, REGISTRY)
        yield transport


async def ask(transport: Transport, url: str) -> str:
    return (await transport.request("GET", url, scope="")).body.decode()


async def test_many_requests_share_one_login(site: Site, logged_in: Transport) -> None:
    answers = await asyncio.gather(*(ask(logged_in, site.url) for _ in range(20)))
    assert set(answers) == {"TOKEN-1"}
    assert site.logins == [{"identifier": "erika", "secret": "dckr_pat_SECRET"}]


async def test_the_token_is_renewed_before_it_ends(
    site: Site, logged_in: Transport, clock: InstantClock
) -> None:
    for moment, token in ((0, "TOKEN-1"), (589, "TOKEN-1"), (2, "TOKEN-2")):
        clock.seconds += moment
        assert await ask(logged_in, site.url) == token
    assert [seen.target for seen in site.server.seen].count("/page") == 3


async def test_a_token_that_ends_early_costs_no_page_and_one_login_for_all(
    site: Site, logged_in: Transport
) -> None:
    await ask(logged_in, site.url)
    site.good_until.clear()
    answers = await asyncio.gather(*(ask(logged_in, site.url) for _ in range(10)))
    assert set(answers) == {"TOKEN-2"}
    assert len(site.logins) == 2


async def test_without_an_account_the_site_is_asked_by_nobody_in_particular(
    site: Site, transport: Transport
) -> None:
    transport.log_in(site.server.url, REGISTRY)
    assert await ask(transport, site.url) == "anonymous"
    assert site.logins == []


async def test_an_account_that_is_good_for_registry_tokens_only_is_not_offered(
    site: Site, clock: InstantClock
) -> None:
    account = Account("", identity_token="IDENTITY")
    async with transporting(clock, credentials=Credentials({"registry.test": account})) as transport:
        transport.log_in(site.server.url, REGISTRY)
        assert await ask(transport, site.url) == "anonymous"


async def test_a_request_without_a_scope_is_anonymous(site: Site, logged_in: Transport) -> None:
    assert (await logged_in.request("GET", site.url)).body == b"anonymous"


async def test_the_token_goes_to_no_other_host(site: Site, other: Server, logged_in: Transport) -> None:
    other.on("GET /x", answer())
    site.server.on("GET /away", answer(307, Location=f"{other.url}/x"))
    await ask(logged_in, f"{site.server.url}/away")
    await ask(logged_in, f"{other.url}/x")
    assert site.server.seen[-1].authorization == "Bearer TOKEN-1"
    assert [seen.authorization for seen in other.seen] == [None, None]


async def test_a_login_is_sent_where_it_is_meant_for_only(
    site: Site, other: Server, logged_in: Transport
) -> None:
    site.server.on("POST /v2/auth/token", answer(307, Location=f"{other.url}/steal"))
    with pytest.raises(RegistryError):
        await ask(logged_in, site.url)
    assert other.seen == []


async def test_a_refused_account_is_an_error_of_the_login_not_of_the_page(
    site: Site, logged_in: Transport
) -> None:
    site.server.on("POST /v2/auth/token", answer(401, '{"detail": "incorrect authentication credentials"}'))
    with pytest.raises(RegistryError, match="no token") as caught:
        await ask(logged_in, site.url)
    assert (caught.value.reason, caught.value.status, caught.value.temporary) == (
        Reason.AUTH_REQUIRED,
        None,
        False,
    )


async def test_a_site_that_never_takes_its_token_is_asked_twice(site: Site, logged_in: Transport) -> None:
    site.lifetime_s = 0
    with pytest.raises(RegistryError) as caught:
        await ask(logged_in, site.url)
    assert caught.value.reason is Reason.AUTH_REQUIRED
    assert len(site.logins) == 2


async def test_an_account_is_never_sent_in_the_clear(clock: InstantClock) -> None:
    async with transporting(clock, credentials=Credentials({"registry.test": ACCOUNT})) as transport:
        transport.log_in("http://hub.test", REGISTRY)
        with pytest.raises(ConfigurationError, match="unencrypted to http://hub.test"):
            await ask(transport, "http://hub.test/page")


async def test_neither_logs_nor_errors_nor_texts_show_a_secret(
    site: Site, logged_in: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await ask(logged_in, site.url)
    site.server.on("GET /page", answer(500, json.dumps({"said": "TOKEN-1 dckr_pat_SECRET"})))
    with pytest.raises(RegistryError) as caught:
        await ask(logged_in, site.url)
    shown = f"{caplog.text} {caught.value} {logged_in!r} {[vars(record) for record in caplog.records]}"
    assert "TOKEN-" not in shown
    assert "SECRET" not in shown

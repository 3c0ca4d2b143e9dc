"""Accounts of every kind, against registries and token servers that speak the protocol."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from registry.errors import ConfigurationError, Reason, RegistryError
from registry.transport.auth import Authenticator
from registry.transport.challenges import Challenge
from registry.transport.credentials import Account, Credentials
from registry.transport.http import Transport
from registry.transport.keyring import Keyring
from registry.transport.settings import HttpSettings
from registry.transport.tokens import Token, TokenRequest, parse_token
from tests.registry.conftest import InstantClock, Responder, Server, answer, transporting

SCOPE = "repository:x:pull"
IDENTITY = Account("", identity_token="SECRET")
TOKEN = json.dumps({"access_token": "t"})


def basic(pair: str) -> str:
    return "Basic " + base64.b64encode(pair.encode()).decode()


def wanting(header: str, challenge: str) -> Responder:
    """A responder that wants to see this in ``Authorization``."""

    async def guard(request: web.BaseRequest) -> web.StreamResponse:
        is_known = request.headers.get("Authorization") == header
        return web.Response(status=200 if is_known else 401, headers={"WWW-Authenticate": challenge})

    return guard


@pytest.fixture
def registry(server: Server, other: Server) -> Server:
    """A registry whose token server is ``other``."""
    server.on("GET /v2/x", wanting("Bearer t", f'Bearer realm="{other.url}/token",service="s"'))
    return server


async def asked(clock: InstantClock, registry: Server, account: Account, times: int = 1) -> None:
    async with transporting(clock, credentials=Credentials({registry.host: account})) as transport:
        for number in range(times):
            await transport.request("GET", f"{registry.url}/v2/x", scope=f"{SCOPE}{number or ''}")


class Forms:
    """A responder that keeps the forms it was sent."""

    def __init__(self, body: str = TOKEN, status: int = 200) -> None:
        self.seen: list[dict[str, str]] = []
        self._body, self._status = body, status

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.headers["Content-Type"] == "application/x-www-form-urlencoded"
        self.seen.append(dict(parse_qsl((await request.read()).decode())))
        return web.Response(status=self._status, text=self._body)


async def test_an_identity_token_is_exchanged_by_a_form(
    registry: Server, other: Server, clock: InstantClock
) -> None:
    forms = Forms()
    other.on("POST /token", forms)
    await asked(clock, registry, IDENTITY)
    assert forms.seen == [
        {
            "grant_type": "refresh_token",
            "refresh_token": "SECRET",
            "client_id": "hubcrawl",
            "service": "s",
            "scope": SCOPE,
        }
    ]
    assert [seen.authorization for seen in other.seen] == [None]


@pytest.mark.parametrize("status", [400, 401, 404, 405])
async def test_an_identity_token_goes_into_a_header_where_no_form_is_taken(
    registry: Server, other: Server, clock: InstantClock, status: int
) -> None:
    """Which is found out once."""
    other.on("POST /token", answer(status))
    other.on("GET /token", answer(200, TOKEN))
    await asked(clock, registry, IDENTITY, times=3)
    assert [seen.method for seen in other.seen] == ["POST", "GET", "GET", "GET"]
    assert {seen.authorization for seen in other.seen} == {None, basic(":SECRET")}


async def test_a_password_goes_into_a_form_where_no_header_is_taken(
    registry: Server, other: Server, clock: InstantClock
) -> None:
    forms = Forms()
    other.on("GET /token", answer(405))
    other.on("POST /token", forms)
    await asked(clock, registry, Account("me", "SECRET"), times=2)
    assert [seen.method for seen in other.seen] == ["GET", "POST", "POST"]
    assert (forms.seen[0]["grant_type"], forms.seen[0]["password"]) == ("password", "SECRET")


async def test_a_form_with_a_secret_follows_no_redirect(
    registry: Server, other: Server, clock: InstantClock
) -> None:
    other.on("POST /token", answer(307, Location=f"{registry.url}/stolen"))
    with pytest.raises(RegistryError, match="no token: the server answered 307"):
        await asked(clock, registry, IDENTITY)
    assert "POST" not in {seen.method for seen in registry.seen}


async def test_an_identity_token_is_no_password_for_the_registry(server: Server, clock: InstantClock) -> None:
    server.on("GET /v2/x", answer(401, WWW_Authenticate='Basic realm="r"'))
    with pytest.raises(RegistryError) as caught:
        await asked(clock, server, IDENTITY)
    assert (caught.value.reason, len(server.seen)) == (Reason.AUTH_REQUIRED, 1)


@pytest.mark.parametrize("challenge", ['Bearer realm="http://127.0.0.1:1/token"', 'Basic realm="r"'])
async def test_a_registry_token_is_sent_whatever_is_asked_for(
    server: Server, clock: InstantClock, challenge: str
) -> None:
    server.on("GET /v2/x", wanting("Bearer ready", challenge))
    await asked(clock, server, Account("", registry_token="ready"), times=2)
    assert [seen.authorization for seen in server.seen] == [None, "Bearer ready", "Bearer ready"]


async def test_what_a_registry_calls_its_service_need_not_be_text(
    server: Server, other: Server, transport: Transport
) -> None:
    async def guard(_: web.BaseRequest) -> web.StreamResponse:
        header = f'Bearer realm="{other.url}/token",service="\udcff"'
        return web.Response(status=401, headers={"WWW-Authenticate": header})

    server.on("GET /v2/x", guard)
    other.on("GET /token", answer(200, TOKEN))
    with pytest.raises(RegistryError):
        await transport.request("GET", f"{server.url}/v2/x", scope=SCOPE)
    assert other.seen


@pytest.fixture
def helper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Sets the secret that the helper ``x`` tells."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    program, secret = tmp_path / "docker-credential-x", tmp_path / "secret"
    program.write_text(f'#!/bin/sh\nprintf \'{{"Username":"me","Secret":"%s"}}\' "$(cat {secret})"\n')
    program.chmod(0o755)

    def tell(text: str) -> None:
        secret.write_text(text)

    return tell


async def test_an_account_of_a_helper_that_ran_out_is_renewed_and_loses_nothing(
    server: Server, clock: InstantClock, helper: Callable[[str], None]
) -> None:
    """A registry that wants the password itself."""
    helper("old")
    server.on("GET /v2/x", wanting(basic("me:old"), 'Basic realm="r"'))
    async with transporting(clock, credentials=Credentials(helpers={server.host: "x"})) as transport:
        await transport.request("GET", f"{server.url}/v2/x", scope=SCOPE)
        helper("new")
        server.on("GET /v2/x", wanting(basic("me:new"), 'Basic realm="r"'))
        clock.seconds += 61
        await transport.request("GET", f"{server.url}/v2/x", scope=SCOPE)
    assert [seen.authorization for seen in server.seen] == [
        *(None, basic("me:old"), basic("me:old"), basic("me:new"))
    ]


async def test_a_token_is_asked_for_with_the_renewed_account_of_a_helper(
    registry: Server, other: Server, clock: InstantClock, helper: Callable[[str], None]
) -> None:
    helper("old")

    async def give(request: web.BaseRequest) -> web.StreamResponse:
        is_known = request.headers.get("Authorization") == basic("me:new")
        return web.Response(status=200 if is_known else 401, text=TOKEN)

    other.on("GET /token", give)
    async with transporting(clock, credentials=Credentials(helpers={registry.host: "x"})) as transport:
        assert await transport.account(registry.url) == Account("me", "old")
        helper("new")
        clock.seconds += 61
        await transport.request("GET", f"{registry.url}/v2/x", scope=SCOPE)
    assert [seen.authorization for seen in other.seen] == [basic("me:old"), basic("me:new")]


async def test_no_helper_is_started_for_a_request_without_a_scope(
    server: Server, clock: InstantClock
) -> None:
    """Sites, stores and whatever else is asked need no account."""
    server.on("GET /v2/x", answer(401, WWW_Authenticate='Basic realm="r"'))
    async with transporting(clock, credentials=Credentials(store="is.missing")) as transport:
        with pytest.raises(RegistryError):
            await transport.request("GET", f"{server.url}/v2/x")
        with pytest.raises(ConfigurationError, match="docker-credential-is.missing"):
            await transport.request("GET", f"{server.url}/v2/x", scope=SCOPE)


class Wires:
    """Keeps what would be sent for tokens."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def ask(self, request: TokenRequest, _: str | None) -> Token:
        self.asked.append(request.url.partition("?")[0])
        return parse_token(TOKEN.encode(), 0.0, request.url)

    def check(self, _: str, __: str) -> None:
        """Everywhere is fine."""


def bearer(realm: str) -> tuple[Challenge, ...]:
    return (Challenge("bearer", {"realm": realm}),)


PASSWORD, READY = Account("me", "SECRET"), Account("", registry_token="SECRET")


@pytest.mark.parametrize(
    ("account", "url", "challenges"),
    [
        (PASSWORD, "http://h:5000/v2/x", (Challenge("basic"),)),
        (PASSWORD, "http://h:5000/v2/x", bearer("https://h/token")),
        (PASSWORD, "http://127.0.0.1:5000/v2/x", bearer("http://h/token")),
        (IDENTITY, "http://127.0.0.1:5000/v2/x", bearer("http://h/token")),
        (READY, "http://h:5000/v2/x", bearer("https://h/token")),
    ],
)
async def test_no_secret_is_sent_over_plain_http_unless_told(
    clock: InstantClock, account: Account, url: str, challenges: tuple[Challenge, ...]
) -> None:
    """Neither to a registry nor to a token server; a token that an account obtained is one, too."""
    wires, keyring = Wires(), Keyring(Credentials({"h:5000": account, "127.0.0.1:5000": account}), clock)
    careful, careless = (
        Authenticator(keyring, clock, settings, ask=wires.ask, check=wires.check)
        for settings in (HttpSettings(), HttpSettings(plain_credentials=True))
    )
    with pytest.raises(
        ConfigurationError, match=r"unencrypted to http://h.*http\.plain_credentials"
    ) as caught:
        await careful.answer(url, SCOPE, challenges, None)
    assert "SECRET" not in str(caught.value)
    assert wires.asked == []
    assert (await careless.answer(url, SCOPE, challenges, None)).header


@pytest.mark.parametrize(
    ("url", "realm"),
    [
        ("https://h:5000/v2/x", "https://h/token"),
        ("http://127.0.0.1:5000/v2/x", "http://127.0.0.1:1/token"),
        ("http://localhost:5000/v2/x", "http://[::1]:1/token"),
    ],
)
async def test_encrypted_or_on_this_machine_an_account_is_used(
    clock: InstantClock, url: str, realm: str
) -> None:
    hosts = ("h:5000", "127.0.0.1:5000", "localhost:5000")
    wires, keyring = Wires(), Keyring(Credentials(dict.fromkeys(hosts, Account("me", "SECRET"))), clock)
    authenticator = Authenticator(keyring, clock, HttpSettings(), ask=wires.ask, check=wires.check)
    assert (await authenticator.answer(url, SCOPE, bearer(realm), None)).header == "Bearer t"
    assert wires.asked == [realm]


async def test_without_an_account_plain_http_is_fine(clock: InstantClock) -> None:
    wires = Wires()
    keyring = Keyring(Credentials({"other": Account("me", "SECRET")}), clock)
    authenticator = Authenticator(keyring, clock, HttpSettings(), ask=wires.ask, check=wires.check)
    challenges = bearer("http://h/token")
    assert (await authenticator.answer("http://h/v2/x", SCOPE, challenges, None)).header == "Bearer t"

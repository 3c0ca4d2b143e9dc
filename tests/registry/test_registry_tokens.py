"""Logins, against a registry and a token server that speak the protocol."""

from __future__ import annotations

import asyncio
import base64
import json
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import pytest
from aiohttp import web

from registry.errors import Reason, RegistryError
from registry.transport.credentials import Account, Credentials
from registry.transport.http import Transport
from registry.transport.settings import HttpSettings
from tests.registry.conftest import HeldClock, InstantClock, Server, answer, serving, transporting

SCOPE = "repository:x:pull"


@dataclass
class Guarded:
    """A registry that wants tokens, and the token server that gives them.

    Attributes:
        lifetime_s: What the token server announces.
        really_s: For how long the registry takes a token.
    """

    registry: Server
    tokens: Server
    clock: InstantClock
    lifetime_s: float | None = 300
    really_s: float = 300
    given: dict[str, float] = field(default_factory=dict)

    def start(self) -> None:
        self.registry.on("GET /v2/x", self.guard)
        self.tokens.on("GET /token", self.give)

    async def guard(self, request: web.BaseRequest) -> web.StreamResponse:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.clock.now() < self.given.get(token, 0):
            return web.Response(text="content")
        challenge = f'Bearer realm="{self.tokens.url}/token",service="the registry",scope="{SCOPE}"'
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    async def give(self, _: web.BaseRequest) -> web.StreamResponse:
        token = f"SECRET-{len(self.given)}"
        self.given[token] = self.clock.now() + self.really_s
        body = {"token": token} | ({} if self.lifetime_s is None else {"expires_in": self.lifetime_s})
        return web.Response(text=json.dumps(body))

    @property
    def url(self) -> str:
        return f"{self.registry.url}/v2/x"


@pytest.fixture
def guarded(server: Server, other: Server, clock: InstantClock) -> Guarded:
    guarded = Guarded(server, other, clock)
    guarded.start()
    return guarded


async def failure(transport: Transport, url: str, scope: str | None = SCOPE) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        await transport.request("GET", url, scope=scope)
    return caught.value


async def test_a_hundred_requests_at_once_ask_for_one_token(guarded: Guarded, transport: Transport) -> None:
    answers = await asyncio.gather(*(transport.request("GET", guarded.url, scope=SCOPE) for _ in range(100)))
    assert {got.body for got in answers} == {b"content"}
    (target,) = guarded.tokens.targets()
    assert dict(parse_qsl(target.partition("?")[2])) == {"service": "the registry", "scope": SCOPE}
    assert guarded.tokens.seen[0].authorization is None


async def test_the_second_request_brings_the_token_along(guarded: Guarded, transport: Transport) -> None:
    for _ in range(3):
        await transport.request("GET", guarded.url, scope=SCOPE)
    assert [seen.authorization for seen in guarded.registry.seen] == [None, *["Bearer SECRET-0"] * 3]


async def test_another_scope_needs_another_token_but_no_other_challenge(
    guarded: Guarded, transport: Transport
) -> None:
    for scope in (SCOPE, "repository:y:pull", SCOPE):
        await transport.request("GET", guarded.url, scope=scope)
    assert len(guarded.tokens.seen) == 2
    assert [seen.authorization for seen in guarded.registry.seen] == [
        *(None, "Bearer SECRET-0", "Bearer SECRET-1", "Bearer SECRET-0")
    ]


async def test_without_a_scope_no_login_is_tried(guarded: Guarded, transport: Transport) -> None:
    await transport.request("GET", guarded.url, scope=SCOPE)
    assert (await failure(transport, guarded.url, scope=None)).reason is Reason.AUTH_REQUIRED
    assert guarded.registry.seen[-1].authorization is None
    assert len(guarded.tokens.seen) == 1


async def test_a_token_is_renewed_before_it_ends(
    guarded: Guarded, transport: Transport, clock: InstantClock
) -> None:
    for wait in (0, 200, 95):
        clock.seconds += wait
        await transport.request("GET", guarded.url, scope=SCOPE)
    assert len(guarded.tokens.seen) == 2
    assert [seen.authorization for seen in guarded.registry.seen].count(None) == 1
    assert len(guarded.registry.seen) == 4


@pytest.mark.parametrize("lifetime_s", [2, None, 300])
async def test_a_token_that_ends_early_costs_a_renewal_and_no_request(
    guarded: Guarded, transport: Transport, clock: InstantClock, lifetime_s: float | None
) -> None:
    """Whatever the server announces: the registry takes each for two seconds only."""
    guarded.lifetime_s, guarded.really_s = lifetime_s, 2
    for _ in range(20):
        await transport.request("GET", guarded.url, scope=SCOPE)
        clock.seconds += 0.5
    assert len(guarded.tokens.seen) == 5


async def test_a_token_that_is_refused_is_renewed_once_then_a_login_is_required(
    guarded: Guarded, transport: Transport
) -> None:
    await transport.request("GET", guarded.url, scope=SCOPE)
    guarded.given = dict.fromkeys(guarded.given, 0)
    guarded.really_s = -1
    error = await failure(transport, guarded.url)
    assert (error.reason, error.status, error.temporary) == (Reason.AUTH_REQUIRED, 401, False)
    assert (len(guarded.registry.seen), len(guarded.tokens.seen)) == (4, 2)


async def test_a_fresh_token_that_is_refused_means_that_a_login_is_required(
    guarded: Guarded, transport: Transport
) -> None:
    guarded.really_s = -1
    assert (await failure(transport, guarded.url)).reason is Reason.AUTH_REQUIRED
    assert (len(guarded.registry.seen), len(guarded.tokens.seen)) == (2, 1)


async def test_a_token_that_ran_out_in_the_queue_is_no_missing_login(server: Server, other: Server) -> None:
    """A pause of the host may outlast any number of tokens."""
    clock = HeldClock()
    guarded = Guarded(server, other, clock)
    guarded.start()
    async with transporting(clock) as transport:
        await transport.request("GET", guarded.url, scope=SCOPE)
        server.on("GET /v2/y", answer(503, Retry_After="1000"))
        pausing = asyncio.create_task(transport.request("GET", f"{server.url}/v2/y"))
        await clock.sleepers(1)
        waiting = asyncio.create_task(transport.request("GET", guarded.url, scope=SCOPE))
        await clock.sleepers(2)
        pausing.cancel()
        await asyncio.wait([pausing])
        clock.advance(1000)
        assert (await waiting).body == b"content"


async def test_a_token_that_runs_out_before_it_is_ever_sent_is_tried_again(
    guarded: Guarded, transport: Transport, clock: InstantClock
) -> None:
    challenge = f'Bearer realm="{guarded.tokens.url}/token"'
    reset = str(int(clock.now()) + 1000)
    paused = answer(401, WWW_Authenticate=challenge, X_RateLimit_Remaining="0", X_RateLimit_Reset=reset)
    guarded.registry.on("GET /v2/x", paused, guarded.guard)
    assert (await transport.request("GET", guarded.url, scope=SCOPE)).body == b"content"
    assert [seen.authorization for seen in guarded.registry.seen] == [
        None,
        "Bearer SECRET-0",
        "Bearer SECRET-1",
    ]


@pytest.mark.parametrize(
    ("status", "reason"), [(401, Reason.AUTH_REQUIRED), (403, Reason.DENIED), (404, Reason.UNEXPECTED_ANSWER)]
)
async def test_a_token_server_that_refuses_is_believed(
    guarded: Guarded, transport: Transport, status: int, reason: Reason
) -> None:
    guarded.tokens.on("GET /token", answer(status))
    error = await failure(transport, guarded.url)
    assert (error.reason, error.status, error.temporary) == (reason, None, False)
    assert len(guarded.tokens.seen) == 1


async def test_a_token_server_that_is_down_is_tried_by_one_loop_only(
    guarded: Guarded, transport: Transport
) -> None:
    guarded.tokens.on("GET /token", answer(503))
    errors = await asyncio.gather(*(failure(transport, guarded.url) for _ in range(10)))
    assert {(error.reason, error.temporary, error.attempts) for error in errors} == {
        ("server_error", True, 6)
    }
    assert (len(guarded.tokens.seen), len(guarded.registry.seen)) == (6, 10)


async def test_a_token_server_on_the_registrys_host_needs_no_second_slot(
    server: Server, clock: InstantClock
) -> None:
    guarded = Guarded(server, server, clock)
    guarded.start()
    async with transporting(clock, HttpSettings(parallel_per_host=1)) as transport:
        await asyncio.gather(*(transport.request("GET", guarded.url, scope=SCOPE) for _ in range(10)))


async def test_credentials_go_to_the_token_server_of_their_registry(
    guarded: Guarded, clock: InstantClock
) -> None:
    credentials = Credentials({guarded.registry.host: Account("me", "SECRET")})
    async with transporting(clock, credentials=credentials) as transport:
        await transport.request("GET", guarded.url, scope=SCOPE)
    basic = "Basic " + base64.b64encode(b"me:SECRET").decode()
    assert [seen.authorization for seen in guarded.tokens.seen] == [basic]
    assert [seen.authorization for seen in guarded.registry.seen] == [None, "Bearer SECRET-0"]


@pytest.mark.parametrize("name", ["me", ""])
async def test_a_token_is_shown_to_no_registry_but_the_one_that_it_was_given_for(
    server: Server, other: Server, clock: InstantClock, name: str
) -> None:
    """Another may name the same token server, service and scope, and know us by the same name, or by none."""
    async with serving() as hostile:
        registries, given = (server, hostile), dict[str, float]()
        for registry in registries:
            Guarded(registry, other, clock, given=given).start()
        other.on("POST /token", *other.answers["GET /token"])
        account = Account("me", "PASSWORD") if name else Account("", identity_token="SECRET")
        credentials = Credentials({registry.host: account for registry in registries})
        async with transporting(clock, credentials=credentials) as transport:
            for registry in registries:
                await transport.request("GET", f"{registry.url}/v2/x", scope=SCOPE)
        assert [registry.seen[-1].authorization for registry in registries] == [
            "Bearer SECRET-0",
            "Bearer SECRET-1",
        ]


async def test_a_registry_that_wants_a_password_gets_it_at_once_the_second_time(
    server: Server, clock: InstantClock
) -> None:
    basic = "Basic " + base64.b64encode(b"me:pw").decode()

    async def guard(request: web.BaseRequest) -> web.StreamResponse:
        is_known = request.headers.get("Authorization") == basic
        return web.Response(status=200 if is_known else 401, headers={"WWW-Authenticate": 'Basic realm="r"'})

    server.on("GET /v2/x", guard)
    async with transporting(clock, credentials=Credentials({server.host: Account("me", "pw")})) as transport:
        for _ in range(2):
            await transport.request("GET", f"{server.url}/v2/x", scope=SCOPE)
    assert [seen.authorization for seen in server.seen] == [None, basic, basic]


@pytest.mark.parametrize("challenge", ['Basic realm="r"', "Negotiate", "", "Bearer", 'Bearer realm=""'])
async def test_a_challenge_nobody_can_meet_means_that_a_login_is_required(
    server: Server, transport: Transport, challenge: str
) -> None:
    server.on("GET /v2/x", answer(401, WWW_Authenticate=challenge))
    error = await failure(transport, f"{server.url}/v2/x")
    assert (error.reason, error.status, len(server.seen)) == (Reason.AUTH_REQUIRED, 401, 1)


async def test_a_wrong_password_is_sent_once(server: Server, clock: InstantClock) -> None:
    server.on("GET /v2/x", answer(401, WWW_Authenticate='Basic realm="r"'))
    async with transporting(clock, credentials=Credentials({server.host: Account("me", "pw")})) as transport:
        for _ in range(2):
            assert (await failure(transport, f"{server.url}/v2/x")).reason is Reason.AUTH_REQUIRED
    assert [seen.authorization is None for seen in server.seen] == [True, False, False]


@pytest.mark.parametrize("realm", ["ftp://h/t", "/etc/passwd:x", "http://u:p@127.0.0.1/t", "http://[::1"])
async def test_a_realm_that_could_harm_is_not_asked(server: Server, transport: Transport, realm: str) -> None:
    server.on("GET /v2/x", answer(401, WWW_Authenticate=f'Bearer realm="{realm}"'))
    error = await failure(transport, f"{server.url}/v2/x")
    assert (error.reason, error.temporary) == (Reason.UNEXPECTED_ANSWER, False)


async def test_a_realm_that_is_no_ascii_is_asked_for_encoded(server: Server, transport: Transport) -> None:
    realm = f"{server.url}/t k\u00e9"
    server.on("GET /v2/x", answer(401, Www_Authenticate=f'Bearer realm="{realm}"'))
    with pytest.raises(RegistryError) as caught:
        await transport.request("GET", f"{server.url}/v2/x", scope=SCOPE)
    assert server.targets()[1].startswith("/t%20k%C3%A9?")
    assert str(caught.value).isascii(), "the catalog could not keep the reason"


async def test_a_401_of_a_store_is_no_challenge(server: Server, other: Server, transport: Transport) -> None:
    """Whoever was redirected to must not learn a token by asking for one."""
    server.on("GET /v2/x", answer(307, Location=f"{other.url}/y"))
    other.on("GET /y", answer(401, WWW_Authenticate=f'Bearer realm="{other.url}/token"'))
    error = await failure(transport, f"{server.url}/v2/x")
    assert (error.reason, other.targets()) == (Reason.UNEXPECTED_ANSWER, ["/y", "/y"])


async def test_no_token_ever_shows(
    guarded: Guarded, transport: Transport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    await transport.request("GET", guarded.url, scope=SCOPE)
    guarded.registry.on("GET /v2/x", answer(500, "SECRET-0"))
    error = await failure(transport, guarded.url)
    logged = [
        f"{record.getMessage()} {vars(record)}" for record in caplog.records if record.name == "registry"
    ]
    assert {record.getMessage() for record in caplog.records if record.name == "registry"} == {
        "token",
        "retry",
    }
    assert "SECRET" not in f"{error} {error!r} {transport!r} {logged}"

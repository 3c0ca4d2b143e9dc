"""The transport, against servers that misbehave in every way the network knows."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientConnectorCertificateError, web
from aiohttp.client_reqrep import ConnectionKey
from multidict import CIMultiDict

from registry.errors import ConfigurationError, Reason, RegistryError
from registry.transport.failures import error_of_exception
from registry.transport.http import Transport
from registry.transport.session import user_agent
from registry.transport.settings import HttpSettings
from registry.transport.waits import Wait
from tests.registry.conftest import (
    HeldClock,
    InstantClock,
    Server,
    answer,
    cut_after,
    endless,
    transporting,
)

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def talking(talk: Talk) -> AsyncIterator[str]:
    """A server that is no HTTP server; gives its URL."""

    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def failure(transport: Transport, url: str, max_bytes: int = 1 << 20) -> RegistryError:
    with pytest.raises(RegistryError) as caught:
        await transport.request("GET", url, max_bytes=max_bytes)
    return caught.value


async def test_an_answer_is_given_as_it_came(server: Server, transport: Transport) -> None:
    server.on("GET /x", answer(200, b"\x00body", X_Odd="1"))
    got = await transport.request("GET", f"{server.url}/x?q=a", headers={"Accept": "a/b"})
    assert (got.status, got.body, got.headers["x-odd"], got.url) == (
        200,
        b"\x00body",
        "1",
        f"{server.url}/x?q=a",
    )
    (seen,) = server.seen
    assert seen.headers["Accept"] == "a/b"
    assert seen.headers["Accept-Encoding"] == "identity"
    assert seen.headers["User-Agent"].startswith("hubcrawl/")
    assert seen.authorization is None


@pytest.mark.parametrize("target", ["/v2/%2E%2E/a%2fb/..//x", "/x?sig=%2F%27%3A+%20&b", "/a%252Fb?"])
async def test_a_url_arrives_as_it_was_written(server: Server, transport: Transport, target: str) -> None:
    server.on(f"GET {target.partition('?')[0]}", answer())
    await transport.request("GET", server.url + target)
    assert server.targets() == [target.rstrip("?")]


async def test_the_user_agent_names_the_contact_and_nothing_else_fits_in() -> None:
    assert user_agent("mailto:me@example.org").endswith(" (+mailto:me@example.org)")
    with pytest.raises(ConfigurationError, match="contact"):
        user_agent("me\r\nX: y")


@pytest.mark.parametrize(
    ("status", "reason", "requests"),
    [
        *((500, Reason.SERVER_ERROR, 6), (503, Reason.SERVER_ERROR, 6), (504, Reason.TIMEOUT, 6)),
        *((408, Reason.TIMEOUT, 6), (429, Reason.ABUSE_LIMIT, 6), (404, Reason.UNEXPECTED_ANSWER, 1)),
        *(
            (401, Reason.AUTH_REQUIRED, 1),
            (403, Reason.DENIED, 1),
            (451, Reason.LEGAL, 1),
            (501, Reason.SERVER_ERROR, 1),
        ),
    ],
)
async def test_a_request_is_never_tried_more_often_than_allowed(
    server: Server, transport: Transport, clock: InstantClock, status: int, reason: Reason, requests: int
) -> None:
    server.on("GET /x", answer(status))
    error = await failure(transport, f"{server.url}/x")
    assert (error.reason, error.status, error.attempts, error.temporary) == (
        reason,
        status,
        requests,
        requests > 1,
    )
    assert len(server.seen) == requests
    assert len(clock.slept) == requests - 1


async def test_waits_between_tries_stay_below_a_bound_that_doubles(
    server: Server, transport: Transport, clock: InstantClock
) -> None:
    server.on("GET /x", answer(500))
    await failure(transport, f"{server.url}/x")
    assert all(0 <= wait <= 2**number for number, wait in enumerate(clock.slept))
    assert len(set(clock.slept)) == 5


async def test_what_fails_for_a_while_succeeds(server: Server, transport: Transport) -> None:
    server.on("GET /x", answer(500), cut_after(b"ab", 4), answer(429, Retry_After="2"), answer(200, b"abcd"))
    assert (await transport.request("GET", f"{server.url}/x")).body == b"abcd"
    assert len(server.seen) == 4


async def test_statuses_the_caller_accepts_are_answers_and_not_tried_again(
    server: Server, transport: Transport
) -> None:
    server.on("GET /x", answer(503, b"down"))
    got = await transport.request("GET", f"{server.url}/x", accept_statuses=frozenset({503}))
    assert (got.status, got.body, len(server.seen)) == (503, b"down", 1)


async def test_retry_after_pauses_one_host_and_no_other(server: Server, other: Server) -> None:
    """Whoever comes to the paused host meanwhile waits too, without a request and without a slot."""
    clock = HeldClock()
    server.on("GET /x", answer(429, Retry_After="100"), answer())
    other.on("GET /x", answer())
    async with transporting(clock, HttpSettings(parallel_per_host=2)) as transport:
        waiting = [asyncio.create_task(transport.request("GET", f"{server.url}/x"))]
        await clock.sleepers(1)
        waiting += [asyncio.create_task(transport.request("GET", f"{server.url}/x")) for _ in range(5)]
        await clock.sleepers(6)
        assert (await transport.request("GET", f"{other.url}/x")).status == 200
        assert len(server.seen) == 1
        assert f"{server.host}: 0/1" in repr(transport)
        clock.advance(99)
        assert (await transport.request("GET", f"{other.url}/x")).status == 200
        assert len(server.seen) == 1
        clock.advance(1)
        await asyncio.gather(*waiting)
    assert len(server.seen) == 7
    assert set(clock.slept) == {100.0}


async def test_a_used_up_rate_limit_pauses_its_host(
    server: Server, transport: Transport, clock: InstantClock
) -> None:
    reset = str(int(clock.now()) + 40)
    server.on("GET /x", answer(X_RateLimit_Remaining="5", X_RateLimit_Reset=reset), answer())
    await transport.request("GET", f"{server.url}/x")
    assert clock.slept == []
    await transport.request("GET", f"{server.url}/x")
    assert clock.slept == [40.0]


@pytest.mark.parametrize(
    "body",
    [
        '{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}',
        "toomanyrequests: You have reached your unauthenticated pull rate limit.",
    ],
)
async def test_a_used_up_quota_is_waited_for_and_leaves_the_host_open_for_blobs(
    server: Server, body: str
) -> None:
    """However long that is, and it costs no try."""
    clock = HeldClock()
    server.on("HEAD /m", answer())
    server.on("GET /m", answer(429, body, Retry_After="86400"), answer())
    server.on("GET /b", answer())
    async with transporting(clock) as transport:
        pull = asyncio.create_task(transport.request("GET", f"{server.url}/m", is_pull=True))
        await clock.sleepers(1)
        assert transport.waiting() == Wait(clock.now() + 86_400, "quota")
        await transport.request("GET", f"{server.url}/b")
        clock.advance(86_400)
        assert (await pull).status == 200
        assert transport.waiting() is None
    assert (clock.slept, server.targets()) == ([86_400.0], ["/m", "/b", "/m"])


@pytest.mark.parametrize("is_pull", [False, True])
@pytest.mark.parametrize(
    "body", ['{"errors":[{"code":"TOOMANYREQUESTS"}]}', "toomanyrequests: Rate exceeded", ""]
)
async def test_too_many_requests_without_a_word_on_a_quota_are_tried_as_often_as_anything(
    server: Server, transport: Transport, clock: InstantClock, body: str, *, is_pull: bool
) -> None:
    """Each pause is granted, however long, and the host halved; but not for ever."""
    server.on("GET /x", answer(429, body, Retry_After="7200"))
    server.on("HEAD /x", answer())
    with pytest.raises(RegistryError) as caught:
        await transport.request("GET", f"{server.url}/x", is_pull=is_pull)
    assert (caught.value.reason, caught.value.attempts) == (Reason.ABUSE_LIMIT, 6)
    assert (len(server.targets("GET")), clock.slept) == (6, [7200.0] * 5)
    assert f"{server.host}: 0/1" in repr(transport)


async def test_a_quota_on_what_is_no_pull_is_waited_for_in_bounded_tries(
    server: Server, transport: Transport, clock: InstantClock
) -> None:
    """No registry has one; what says so for ever is not asked for ever."""
    server.on("GET /b", answer(429, "toomanyrequests: You have reached your pull rate limit."))
    async with asyncio.timeout(5):
        error = await failure(transport, f"{server.url}/b")
    assert (error.reason, error.temporary, error.attempts) == (Reason.ABUSE_LIMIT, True, 6)
    assert clock.slept == [HttpSettings().quota_pause_s] * 5


async def test_a_429_without_a_body_is_the_quota_if_nothing_is_left_of_it(
    server: Server, transport: Transport, clock: InstantClock
) -> None:
    server.on("HEAD /m", answer(429, RateLimit_Limit="100;w=21600", RateLimit_Remaining="0"), answer())
    await transport.request("HEAD", f"{server.url}/m")
    assert clock.slept == [HttpSettings().quota_pause_s]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_followed_untouched_and_without_credentials(
    server: Server, other: Server, transport: Transport, status: int
) -> None:
    target = "/a%2Fb%3A1?X-Sig=%2F%27%3A%2B+x&e="
    server.on("GET /x", answer(status, Location=other.url + target))
    other.on("GET /a%2Fb%3A1", answer(200, b"blob"))
    headers = {"Authorization": "Bearer SECRET", "Range": "bytes=1-2"}
    got = await transport.request("GET", f"{server.url}/x", headers=headers)
    assert got.body == b"blob"
    assert "X-Sig=REDACTED" in got.url
    (seen,) = other.seen
    assert (seen.target, seen.authorization, seen.headers["Range"]) == (target, None, "bytes=1-2")


async def test_credentials_survive_a_redirect_within_their_host(server: Server, transport: Transport) -> None:
    server.on("GET /x", answer(307, Location="/y?z"))
    server.on("GET /y", answer())
    await transport.request("GET", f"{server.url}/x", headers={"Authorization": "Basic x"})
    assert [seen.authorization for seen in server.seen] == ["Basic x", "Basic x"]


async def test_credentials_do_not_come_back_after_a_detour(
    server: Server, other: Server, transport: Transport
) -> None:
    server.on("GET /x", answer(307, Location=f"{other.url}/y"))
    other.on("GET /y", answer(307, Location=f"{server.url}/z"))
    server.on("GET /z", answer())
    await transport.request("GET", f"{server.url}/x", headers={"Authorization": "Basic x"})
    assert server.seen[1].authorization is None


async def test_a_refusal_after_a_detour_is_no_refusal_of_the_token_that_was_left_behind(
    server: Server, other: Server, transport: Transport
) -> None:
    """Nor does it say that a login is required: we had one."""
    challenge = f'Bearer realm="{server.url}/token"'

    async def guard(request: web.BaseRequest) -> web.StreamResponse:
        if "Authorization" in request.headers:
            return web.Response(status=307, headers={"Location": f"{other.url}/y"})
        return web.Response(status=401, headers={"WWW-Authenticate": challenge})

    server.on("GET /x", guard)
    server.on("GET /token", answer(200, '{"token": "T"}'))
    server.on("GET /z", answer(401, WWW_Authenticate=challenge))
    other.on("GET /y", answer(307, Location=f"{server.url}/z"))
    with pytest.raises(RegistryError) as caught:
        await transport.request("GET", f"{server.url}/x", scope="s")
    assert (caught.value.reason, caught.value.temporary) == (Reason.UNEXPECTED_ANSWER, True)
    assert len([target for target in server.targets() if target.startswith("/token")]) == 1


async def test_a_loop_of_redirects_ends_after_ten_hops(server: Server, transport: Transport) -> None:
    server.on("GET /x", answer(302, Location="/x"))
    error = await failure(transport, f"{server.url}/x")
    assert (error.reason, len(server.seen)) == (Reason.UNEXPECTED_ANSWER, 11)


async def test_redirects_in_one_host_need_one_slot_at_a_time(server: Server, clock: InstantClock) -> None:
    server.on("GET /x", answer(302, Location="/y"))
    server.on("GET /y", answer())
    async with transporting(clock, HttpSettings(parallel_per_host=1)) as transport:
        await asyncio.gather(*(transport.request("GET", f"{server.url}/x") for _ in range(20)))
        assert f"{server.host}: 0/1" in repr(transport)


async def test_a_signed_url_that_ran_out_is_asked_for_again_but_once(
    server: Server, other: Server, transport: Transport
) -> None:
    server.on("GET /x", answer(307, Location=f"{other.url}/old"), answer(307, Location=f"{other.url}/new"))
    other.on("GET /old", answer(403, "<Error>Expired"))
    other.on("GET /new", answer(200, b"blob"))
    assert (await transport.request("GET", f"{server.url}/x")).body == b"blob"
    server.on("GET /x", answer(307, Location=f"{other.url}/old"))
    error = await failure(transport, f"{server.url}/x")
    assert (error.reason, error.status, error.attempts) == (Reason.UNEXPECTED_ANSWER, 403, 2)


async def test_a_body_shorter_than_announced_is_a_network_failure(
    server: Server, transport: Transport
) -> None:
    server.on("GET /x", cut_after(b"ab", 4))
    error = await failure(transport, f"{server.url}/x")
    assert (error.reason, error.status, error.attempts) == (Reason.NETWORK, None, 6)


async def test_an_endless_body_is_broken_off_at_its_bound(server: Server, transport: Transport) -> None:
    server.on("GET /x", endless)
    error = await failure(transport, f"{server.url}/x", max_bytes=1 << 20)
    assert (error.reason, error.temporary, len(server.seen)) == (Reason.TOO_LARGE, False, 1)


async def test_an_endless_explanation_of_an_error_is_not_read_to_its_end(
    server: Server, transport: Transport
) -> None:
    async def endless_404(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=404)
        await response.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await response.write(b"x" * 65536)
        return response

    server.on("GET /x", endless_404)
    assert (await failure(transport, f"{server.url}/x")).status == 404


async def test_an_explanation_that_breaks_off_does_not_hide_the_status(
    server: Server, transport: Transport
) -> None:
    async def broken_403(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(status=403, headers={"Content-Length": "9"})
        await response.prepare(request)
        assert request.transport is not None
        request.transport.close()
        return response

    server.on("GET /x", broken_403)
    error = await failure(transport, f"{server.url}/x")
    assert (error.reason, error.status, len(server.seen)) == (Reason.DENIED, 403, 1)


@pytest.mark.parametrize("encoding", ["gzip", "br", "x"])
async def test_an_encoded_body_is_not_the_original(
    server: Server, transport: Transport, encoding: str
) -> None:
    server.on("GET /x", answer(200, b"zzz", Content_Encoding=encoding))
    error = await failure(transport, f"{server.url}/x")
    assert (error.reason, len(server.seen)) == (Reason.UNEXPECTED_ANSWER, 1)


async def test_no_encoding_hides_behind_another_header(server: Server, transport: Transport) -> None:
    async def twice(_: web.BaseRequest) -> web.StreamResponse:
        headers = CIMultiDict([("Content-Encoding", "identity"), ("Content-Encoding", "identity, gzip")])
        return web.Response(body=b"zzz", headers=headers)

    server.on("GET /x", twice)
    assert (await failure(transport, f"{server.url}/x")).reason is Reason.UNEXPECTED_ANSWER


async def test_the_encoding_identity_is_none(server: Server, transport: Transport) -> None:
    server.on("GET /x", answer(200, b"zzz", Content_Encoding="identity"))
    assert (await transport.request("GET", f"{server.url}/x")).body == b"zzz"


async def test_a_host_that_is_not_there_cannot_be_reached(transport: Transport) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        url = f"http://127.0.0.1:{probe.getsockname()[1]}/x"
    error = await failure(transport, url)
    assert (error.reason, error.temporary, error.attempts) == (Reason.NETWORK, True, 6)
    assert "cannot be reached" in error.detail


async def test_a_name_that_does_not_exist_cannot_be_looked_up(transport: Transport) -> None:
    error = await failure(transport, "http://nowhere.invalid/x")
    assert (error.reason, error.temporary) == (Reason.NETWORK, True)
    assert "looked up" in error.detail


async def test_a_server_that_speaks_no_http_is_asked_twice(transport: Transport) -> None:
    async def garbage(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"SSH-2.0-OpenSSH Authorization: SECRET\r\n\r\n")
        await writer.drain()

    async with talking(garbage) as url:
        error = await failure(transport, url)
    assert (error.reason, error.attempts, error.status) == (Reason.UNEXPECTED_ANSWER, 2, None)
    assert "SECRET" not in str(error)


async def test_a_server_that_hangs_up_is_a_network_failure(transport: Transport) -> None:
    async def hang_up(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")

    async with talking(hang_up) as url:
        error = await failure(transport, url)
    assert (error.reason, error.attempts) == (Reason.NETWORK, 6)


async def test_plain_http_where_tls_is_expected_is_a_tls_failure(
    server: Server, transport: Transport
) -> None:
    error = await failure(transport, server.url.replace("http:", "https:"))
    assert error.reason is Reason.TLS


def test_a_certificate_that_cannot_be_trusted_is_final() -> None:
    key = ConnectionKey("h", 443, is_ssl=True, ssl=True, proxy=None, proxy_auth=None, proxy_headers_hash=None)
    error = error_of_exception(ClientConnectorCertificateError(key, ssl.CertificateError()), "https://h/")
    assert (error.reason, error.temporary) == (Reason.TLS, False)


async def test_a_silent_server_is_given_up(clock: InstantClock) -> None:
    async def silence(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    settings = HttpSettings(read_timeout_s=0.05, attempts=2)
    async with talking(silence) as url, transporting(clock, settings) as transport:
        error = await failure(transport, url)
        assert "0/4" in repr(transport)  # of sixteen slots, halved twice
    assert (error.reason, error.temporary, error.attempts) == (Reason.TIMEOUT, True, 2)


@pytest.mark.parametrize(
    ("beginning", "drop"),
    [
        (b"HTTP/1.1 200 OK\r\nX: ", b"a"),
        (b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=", b"a"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n", b"X: y\r\n"),
    ],
    ids=["a header", "provisional answers", "an extension of a chunk", "trailers"],
)
async def test_a_server_that_is_never_silent_and_says_nothing_is_given_up(
    clock: InstantClock, beginning: bytes, drop: bytes
) -> None:
    """And its slot given back."""

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(beginning)
        with contextlib.suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(drop)
                await writer.drain()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1), 0.01)

    settings = HttpSettings(connect_timeout_s=0.05, read_timeout_s=0.05, stall_window_s=0.1, attempts=1)
    async with talking(drip) as url, transporting(clock, settings) as transport:
        async with asyncio.timeout(3):
            error = await failure(transport, url)
        assert ": 0/" in repr(transport)
    assert (error.reason, error.temporary) == (Reason.TIMEOUT, True)


async def test_a_trickle_is_given_up_though_it_is_never_silent(server: Server, clock: InstantClock) -> None:
    async def trickle(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while request.transport is not None and not request.transport.is_closing():
            await response.write(b"x")
            await clock.sleep(10)
        return response

    server.on("GET /x", trickle)
    async with transporting(clock, HttpSettings(attempts=1)) as transport:
        error = await failure(transport, f"{server.url}/x")
    assert (error.reason, error.detail) == (Reason.TIMEOUT, "the body only trickles")


async def test_a_redirect_to_a_host_that_cannot_be_is_final(server: Server, transport: Transport) -> None:
    server.on("GET /x", answer(307, Location="http://a..b/"))
    error = await failure(transport, f"{server.url}/x")
    assert (error.reason, error.temporary, error.attempts) == (Reason.UNEXPECTED_ANSWER, False, 1)


async def test_a_hundred_faults_leak_no_slot(server: Server, clock: InstantClock) -> None:
    """Every kind of fault, many at a time: all slots are free at the end."""
    faults = [
        answer(500),
        answer(429, Retry_After="1"),
        cut_after(b"a", 9),
        answer(302, Location="ftp://x"),
        answer(404),
    ]
    for number, fault in enumerate(faults):
        server.on(f"GET /{number}", fault)
    async with transporting(clock, HttpSettings(parallel_per_host=4, attempts=2)) as transport:
        results = await asyncio.gather(
            *(transport.request("GET", f"{server.url}/{number % 5}") for number in range(100)),
            return_exceptions=True,
        )
        assert all(isinstance(result, RegistryError) for result in results)
        assert f"{server.host}: 0/" in repr(transport)


async def test_a_secret_never_shows(
    server: Server, other: Server, clock: InstantClock, caplog: pytest.LogCaptureFixture
) -> None:
    """Not in logs, errors or representations, whatever repeats it to us."""
    caplog.set_level(logging.DEBUG)
    echo = '{"errors":[{"code":"SECRET","message":"Bearer SECRET"}]}'
    server.on("GET /x", answer(307, Location=f"{other.url}/y?sig=SECRET&scope=s"))
    other.on("GET /y", answer(500, echo.replace('"SECRET"', '"secret SECRET"')))
    async with transporting(clock) as transport:
        with pytest.raises(RegistryError) as caught:
            await transport.request(
                "GET", f"{server.url}/x?t=SECRET", headers={"Authorization": "Bearer SECRET"}
            )
        shown = [
            repr(transport),
            str(caught.value),
            repr(caught.value),
            repr(vars(caught.value)),
            repr(caught.value.__cause__),
        ]
    logged = [
        f"{record.getMessage()} {vars(record)}" for record in caplog.records if record.name == "registry"
    ]
    assert len(logged) == 5
    assert "SECRET" not in "".join(shown + logged)
    assert "sig=REDACTED&scope=s" in shown[1]

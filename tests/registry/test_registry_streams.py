"""Bodies that are read as they come, and bodies that come too slowly."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from registry.errors import RegistryError
from registry.transport.bodies import RateWatch
from registry.transport.http import Transport
from registry.transport.settings import HttpSettings
from tests.registry.conftest import InstantClock, Responder, Server, answer, cut_after, endless, transporting


def test_a_body_is_judged_by_windows_of_waiting() -> None:
    watch = RateWatch(10, 60)
    assert not watch.is_stalled(0, 59)
    assert not watch.is_stalled(601, 1)
    assert not watch.is_stalled(1000, 1)
    assert not watch.is_stalled(0, 58)
    assert not watch.is_stalled(0, 1)
    assert not watch.is_stalled(599, 60)
    assert not watch.is_stalled(0, 9)
    assert watch.is_stalled(99, 1)


def test_a_window_that_brought_too_little_is_forgiven_if_the_next_ten_seconds_bring_enough() -> None:
    """And then counts no more: the next one has another second look."""
    watch = RateWatch(10, 60)
    for _ in range(3):
        assert not watch.is_stalled(1, 3600)
        assert not watch.is_stalled(100, 10)
        assert not watch.is_stalled(600, 60)
    assert not watch.is_stalled(1, 3600)
    assert watch.is_stalled(99, 10)


def minding(clock: InstantClock, *pieces: tuple[float, bytes]) -> Responder:
    """A body in pieces, each after so many seconds that pass on the clock."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = sum(len(data) for _, data in pieces)
        await response.prepare(request)
        try:
            for seconds, data in pieces:
                await InstantClock.sleep(clock, seconds)
                await response.write(data)
        except ConnectionError:
            pass
        return response

    return respond


async def read(transport: Transport, url: str) -> int:
    async with transport.stream(url) as stream:
        return sum([len(chunk) async for chunk in stream.chunks()])


async def test_a_body_is_not_blamed_for_the_time_in_which_nobody_read(
    server: Server, transport: Transport, clock: InstantClock
) -> None:
    """A process that was stopped for an hour, twice, finds what came meanwhile, and all that follows."""
    flow = [(0.1, bytes(100_000))] * 200
    server.on("GET /x", minding(clock, (0, b"a"), (3600, b"b"), *flow, (3600, b"c"), *flow))
    assert await read(transport, f"{server.url}/x") == 3 + 400 * 100_000


async def test_a_body_that_trickles_is_broken_off_within_ninety_seconds(
    server: Server, transport: Transport, clock: InstantClock
) -> None:
    server.on("GET /x", minding(clock, *[(1.0, b"x" * 100)] * 200))
    before = clock.monotonic()
    with pytest.raises(RegistryError, match="trickles"):
        await read(transport, f"{server.url}/x")
    assert 60 < clock.monotonic() - before < 90


async def test_a_stream_gives_its_size_and_its_bytes(server: Server, transport: Transport) -> None:
    server.on("GET /x", answer(200, b"abcdef"), answer(206, b"cd", Content_Range="bytes 2-3/6"))
    for status, body in ((200, b"abcdef"), (206, b"cd")):
        async with transport.stream(f"{server.url}/x") as stream:
            assert (stream.status, stream.size_bytes) == (status, 6)
            assert b"".join([chunk async for chunk in stream.chunks()]) == body


async def test_a_stream_without_a_length_has_no_size(server: Server, transport: Transport) -> None:
    async def unsized(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(b"abc")
        return response

    server.on("GET /x", unsized)
    async with transport.stream(f"{server.url}/x") as stream:
        assert stream.size_bytes is None
        assert [chunk async for chunk in stream.chunks()] == [b"abc"]


@pytest.mark.parametrize("status", [204, 304, 404])
async def test_only_200_and_206_are_streams(server: Server, transport: Transport, status: int) -> None:
    server.on("GET /x", answer(status))
    with pytest.raises(RegistryError) as caught:
        async with transport.stream(f"{server.url}/x"):
            pass
    assert (caught.value.status, len(server.seen)) == (status, 1)


async def test_a_stream_is_opened_after_retries_and_breaks_off_after_its_good_bytes(
    server: Server, transport: Transport
) -> None:
    server.on("GET /x", answer(503), cut_after(b"abc", 6))
    got = bytearray()
    async with transport.stream(f"{server.url}/x") as stream:
        with pytest.raises(RegistryError) as caught:
            async for chunk in stream.chunks():
                got += chunk
    assert (bytes(got), caught.value.reason, caught.value.temporary, caught.value.status) == (
        b"abc",
        "network",
        True,
        None,
    )
    assert f"{server.host}: 0/" in repr(transport)


@pytest.mark.parametrize("responder", [endless, answer(200, b"x" * 100_000)])
async def test_a_stream_left_early_or_cancelled_gives_its_slot_back(
    server: Server, clock: InstantClock, responder: Responder
) -> None:
    server.on("GET /x", responder)
    async with transporting(clock, HttpSettings(parallel_per_host=1)) as transport:
        for _ in range(3):
            async with transport.stream(f"{server.url}/x") as stream:
                await anext(aiter(stream.chunks()))
        opened = asyncio.Event()

        async def hold() -> None:
            async with transport.stream(f"{server.url}/x"):
                opened.set()
                await asyncio.Event().wait()

        task = asyncio.create_task(hold())
        await opened.wait()
        task.cancel()
        await asyncio.wait([task])
        assert f"{server.host}: 0/1" in repr(transport)

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
    assert watch.is_stalled(599, 60)


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

"""One request of ours is one request on the wire."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from registry.errors import Reason, RegistryError
from registry.transport.settings import HttpSettings
from tests.registry.conftest import InstantClock, transporting


class Impatient:
    """A server that promises to keep connections open, and answers one request on each."""

    def __init__(self) -> None:
        self.url = ""
        self.requests = 0

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            for number in range(2):
                await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                if number == 0:
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n")
                    await writer.drain()
        except asyncio.IncompleteReadError:
            return  # the client has gone
        finally:
            writer.close()


@pytest.fixture
async def impatient() -> AsyncIterator[Impatient]:
    server = Impatient()
    async with await asyncio.start_server(server.talk, "127.0.0.1", 0) as listening:
        server.url = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/x"
        yield server


async def test_a_connection_that_was_kept_open_in_vain_costs_one_request(
    impatient: Impatient, clock: InstantClock
) -> None:
    """Aiohttp alone would ask a second time, which no limit would count."""
    async with transporting(clock, HttpSettings(attempts=1)) as transport:
        await transport.request("GET", impatient.url)
        with pytest.raises(RegistryError) as caught:
            await transport.request("GET", impatient.url)
    assert impatient.requests == 2
    assert (caught.value.reason, caught.value.temporary) == (Reason.NETWORK, True)
    assert "ServerDisconnectedError" in caught.value.detail


async def test_a_connection_that_was_kept_open_in_vain_loses_nothing(
    impatient: Impatient, clock: InstantClock
) -> None:
    """It is tried again as any other request is."""
    async with transporting(clock) as transport:
        for _ in range(3):
            assert (await transport.request("GET", impatient.url)).status == 200
    assert (impatient.requests, len(clock.slept)) == (5, 2)

"""Servers on loopback that speak HTTP as they are told, clocks moved by hand, and a transport on both."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver

from registry.transport.credentials import Credentials
from registry.transport.http import Transport
from registry.transport.memory import Memory
from registry.transport.session import open_session
from registry.transport.settings import HttpSettings
from tests import corpora

Responder = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]


class InstantClock:
    """Time that passes at once for whoever sleeps; others get their turn meanwhile."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.seconds

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += max(seconds, 0.0)
        turn = asyncio.Event()
        asyncio.get_running_loop().call_soon(turn.set)
        await turn.wait()


class HeldClock(InstantClock):
    """Time that passes only when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self._sleepers: list[tuple[float, asyncio.Event]] = []
        self._changed = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        wake = asyncio.Event()
        self._sleepers.append((self.seconds + seconds, wake))
        self._changed.set()
        await wake.wait()

    async def sleepers(self, count: int) -> None:
        """Return when that many tasks sleep."""
        while len(self._sleepers) < count:
            self._changed.clear()
            await self._changed.wait()

    def advance(self, seconds: float) -> None:
        """Let time pass, and wake whoever it is time for."""
        self.seconds += seconds
        for sleeper in [each for each in self._sleepers if each[0] <= self.seconds]:
            self._sleepers.remove(sleeper)
            sleeper[1].set()


@dataclass(frozen=True)
class Seen:
    """A request as it arrived: the target exactly as it stood on the wire."""

    method: str
    target: str
    headers: dict[str, str]

    @property
    def authorization(self) -> str | None:
        return self.headers.get("Authorization")


@dataclass
class Server:
    """One HTTP server: answers by method and raw path (without query); anything else is a 599.

    HEAD is answered as GET would be, where nothing else is said.

    Attributes:
        url: ``http://127.0.0.1:port``.
        answers: By ``"GET /path"``: the responders of successive requests, of which the last one stays.
        seen: Every request, in order.
    """

    url: str = ""
    answers: dict[str, list[Responder]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)

    @property
    def host(self) -> str:
        return self.url.partition("://")[2]

    def on(self, what: str, *responders: Responder) -> None:
        """Answer ``"GET /path"`` by these, one after the other."""
        self.answers[what] = list(responders)

    def targets(self, method: str = "GET") -> list[str]:
        """Of every request with this method, in order."""
        return [seen.target for seen in self.seen if seen.method == method]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.seen.append(Seen(request.method, request.raw_path, dict(request.headers)))
        path = request.raw_path.partition("?")[0]
        responders = self.answers.get(f"{request.method} {path}")
        if responders is None and request.method == "HEAD" and f"GET {path}" in self.answers:
            responders = self.answers[f"GET {path}"][:1]
        if responders is None:
            return web.Response(status=599, text=f"unexpected: {request.method} {request.raw_path}")
        responder = responders.pop(0) if len(responders) > 1 else responders[0]
        return await responder(request)


def answer(status: int = 200, body: bytes | str = b"", **headers: str) -> Responder:
    """A responder; ``Www_Authenticate="x"`` is a header."""
    raw = body.encode() if isinstance(body, str) else body
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def respond(_: web.BaseRequest) -> web.StreamResponse:
        return web.Response(status=status, body=raw, headers=named)

    return respond


def cut_after(body: bytes, announced: int) -> Responder:
    """A responder that announces more than it sends before it hangs up."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": str(announced)})
        await response.prepare(request)
        await response.write(body)
        assert request.transport is not None
        request.transport.close()
        return response

    return respond


async def endless(request: web.BaseRequest) -> web.StreamResponse:
    """A responder whose body never ends."""
    response = web.StreamResponse()
    await response.prepare(request)
    while request.transport is not None and not request.transport.is_closing():
        await response.write(b"x" * 65536)
    return response


@asynccontextmanager
async def serving(address: str = "127.0.0.1") -> AsyncIterator[Server]:
    """A server on a free port of a loopback address, of which there are many."""
    server = Server()
    runner = web.ServerRunner(web.Server(server.handle), shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, address, 0)
    await site.start()
    server.url = f"http://{address}:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def transporting(
    clock: InstantClock,
    settings: HttpSettings | None = None,
    credentials: Credentials | None = None,
    lookup: AbstractResolver | None = None,
    memory: Memory | None = None,
) -> AsyncIterator[Transport]:
    """A transport on ``clock``, for which ``lookup`` looks up names; ``memory`` is what outlives it."""
    chosen = settings or HttpSettings()
    async with open_session(chosen, lookup=lookup) as session:
        yield Transport(
            session,
            chosen,
            clock=clock,
            random=random.Random(1),  # noqa: S311 - jitter, and the same one in every run
            credentials=credentials or Credentials(),
            memory=memory,
        )


@pytest.fixture
def clock() -> InstantClock:
    return InstantClock()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest.fixture
async def other() -> AsyncIterator[Server]:
    """A second host: another port is another host."""
    async with serving() as server:
        yield server


@pytest.fixture
async def transport(clock: InstantClock) -> AsyncIterator[Transport]:
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(transporting(clock))


@pytest.fixture
def manifests() -> Path:
    """The schema 1 manifests that moby tested with."""
    return corpora.folder("manifests")

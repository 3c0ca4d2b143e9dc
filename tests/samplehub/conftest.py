"""One sample hub for all tests of this folder, and servers of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from samplehub import Hub, Options, Running, build_hub, serve

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@dataclass
class FakeClock:
    """Unix time that only a test moves on."""

    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass(frozen=True)
class Client:
    """A client of a running hub: no cookies, no redirects, no decoding."""

    session: aiohttp.ClientSession
    running: Running

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
        """Status, headers (lower-case names) and body of an answer; ``path`` may also be a whole URL."""
        url = path if path.startswith("http") else self.running.registry_url + path
        async with self.session.request(
            method, URL(url, encoded=True), headers=headers, allow_redirects=False
        ) as answer:
            return answer.status, {k.lower(): v for k, v in answer.headers.items()}, await answer.read()

    async def json(self, path: str, **headers: str) -> Any:
        """The decoded body of a 200."""
        async with self.session.get(self.running.site_url + path, headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def token(self, repository: str, **headers: str) -> str:
        """An ``Authorization`` header that may pull ``repository``."""
        url = f"{self.running.token_url}/token?service=samplehub&scope=repository:{repository}:pull"
        async with self.session.get(url, headers=headers) as answer:
            return f"Bearer {(await answer.json())['token']}"

    async def pull(self, repository: str, path: str, method: str = "GET", **headers: str) -> Any:
        """An answer of the registry about ``repository``, with a fresh token."""
        headers["Authorization"] = await self.token(repository)
        return await self.get(f"/v2/{repository}/{path}", method, **headers)


@pytest.fixture(scope="session")
def hub() -> Hub:
    return build_hub()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def options() -> Options:
    return Options()


@pytest.fixture
async def running(hub: Hub, clock: FakeClock, options: Options) -> AsyncIterator[Running]:
    async with serve(hub, options=options, clock=clock) as servers:
        yield servers


@pytest.fixture
async def client(running: Running) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        yield Client(session, running)

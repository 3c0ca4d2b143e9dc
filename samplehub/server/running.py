"""Starting and stopping the servers."""

from __future__ import annotations

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web
from yarl import URL

from samplehub.content import build_hub
from samplehub.server.cdn import cdn_routes
from samplehub.server.hub_pages import HubPages
from samplehub.server.options import Options
from samplehub.server.registry import Registry
from samplehub.server.site import Site
from samplehub.server.state import State
from samplehub.server.tokens import account_routes, token_routes

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncIterator, Callable, Sequence

    from samplehub.model import Hub
    from samplehub.server.journal import Journal

_PATIENCE_S = 1.0  # what a download under way may still take when the hub stops


@dataclass(frozen=True, slots=True)
class Running:
    """Where the servers listen, and what they were asked so far.

    Attributes:
        site_url: Base URL of the search site (JSON and HTML), without a final slash.
        token_url: Base URL of the token server; tokens are at ``/token``.
        registry_url: Base URL of the registry; its API is at ``/v2/``.
        cdn_url: Base URL of the redirect targets.
        traffic: Number of requests by kind: ``manifest_get``, ``manifest_head``, ``blob_get``, ``blob_head``,
            ``cdn_get``, ``token``, ``account_token``, ``tags``, ``catalog``, ``search``, ``listing``,
            ``html``. Those to the site also by endpoint (``search-v2``, ``namespace``, ``repository`` and
            so on), and as ``throttled`` where they were above the limit.
        blob_gets: Number of GETs by digest that delivered bytes (redirects are counted where they lead).
        manifest_gets: Number of GETs by ``repository@reference``.
        journal: When the site was asked for what.
    """

    site_url: str
    token_url: str
    registry_url: str
    cdn_url: str
    traffic: Counter[str]
    blob_gets: Counter[str]
    manifest_gets: Counter[str]
    journal: Journal


@asynccontextmanager
async def serve(
    hub: Hub,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    options: Options | None = None,
    clock: Callable[[], float] = time.time,
) -> AsyncIterator[Running]:
    """Serve ``hub`` while the context lasts: site, tokens and registry on ``port``, the CDN on a free one.

    Args:
        hub: What to serve.
        host: Address to listen on; the sample hub has no business outside loopback.
        port: 0 takes a free one.
        options: Limits and lifetimes.
        clock: Unix time in seconds; tokens, signed URLs and quota windows expire by it.
    """
    state = State(hub, options or Options(), clock)
    async with _listening(cdn_routes(state), host, 0) as cdn_url:
        state.cdn_port = URL(cdn_url).port or 0
        async with _listening(_hub_routes(state), host, port) as url:
            try:
                yield Running(
                    *(url, url, url, cdn_url),
                    state.traffic,
                    state.blob_gets,
                    state.manifest_gets,
                    state.journal,
                )
            finally:
                state.is_stopping.set()


def _hub_routes(state: State) -> list[web.RouteDef]:
    """Site before registry: ``/v2/search/...`` would pass for the name of a repository."""
    site = [*HubPages(state).routes(), *Site(state).routes(), *account_routes(state)]
    return [*site, *token_routes(state), *Registry(state).routes()]


@asynccontextmanager
async def _listening(routes: Sequence[web.RouteDef], host: str, port: int) -> AsyncIterator[str]:
    """A server of these routes; its base URL."""
    app = web.Application()
    app.add_routes(routes)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=_PATIENCE_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        yield str(URL.build(scheme="http", host=host, port=runner.addresses[0][1]))
    finally:
        await runner.cleanup()


async def run(
    host: str,
    port: int,
    announce: Callable[[str], None],
    build: Callable[[], Hub] = build_hub,
    options: Options | None = None,
) -> None:
    """Build and serve a hub until cancelled, telling ``announce`` where it is, line by line."""
    hub = await asyncio.to_thread(build)
    async with serve(hub, host=host, port=port, options=options) as running:
        announce(f"The sample hub is at {running.registry_url}/ (press Ctrl-C to stop).")
        await asyncio.Event().wait()

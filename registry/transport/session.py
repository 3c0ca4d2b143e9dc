"""The one place that configures sockets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

import aiohttp

from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from registry.transport.settings import HttpSettings

# Bytes of one header. Signed URLs in Location come near 9 KB; aiohttp's own bound is 8190.
_MAX_HEADER_BYTES = 64 << 10

# Bytes buffered per answer. More gains nothing and costs memory per stream (measured).
_READ_BUFFER_BYTES = 256 << 10

# Seconds a looked-up address is kept: a census asks the same few hosts for weeks.
_DNS_TTL_S = 300


@asynccontextmanager
async def open_session(settings: HttpSettings) -> AsyncIterator[aiohttp.ClientSession]:
    """A session that changes nothing on the way: no decompression, cookies, proxies or total timeout.

    Raises:
        ConfigurationError: The contact cannot stand in a header.
    """
    timeout = aiohttp.ClientTimeout(
        total=None,
        connect=settings.connect_timeout_s,
        sock_connect=settings.connect_timeout_s,
        sock_read=settings.read_timeout_s,
    )
    async with aiohttp.ClientSession(
        # HostLimits bounds the connections; a second bound here would only hide waiting.
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=_DNS_TTL_S),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent(settings.contact), "Accept-Encoding": "identity"},
        timeout=timeout,
        auto_decompress=False,
        # With the environment's proxies would come ~/.netrc, whose accounts nobody meant for a census.
        trust_env=False,
        read_bufsize=_READ_BUFFER_BYTES,
        max_line_size=_MAX_HEADER_BYTES,
        max_field_size=_MAX_HEADER_BYTES,
    ) as session:
        yield session


def user_agent(contact: str) -> str:
    """``hubcrawl/<version> (+contact)``; ``ConfigurationError`` for a contact no header can hold."""
    if not (contact.isascii() and contact.isprintable()):
        raise ConfigurationError(f"contact must be plain printable ASCII, not {contact[:100]!r}")
    name = f"hubcrawl/{version('hubcrawl')}"
    return f"{name} (+{contact})" if contact else name

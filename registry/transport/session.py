"""The one place that configures sockets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING

import aiohttp
from yarl import URL

from registry.errors import ConfigurationError
from registry.transport.addresses import NotingResolver, PublicResolver, is_private
from registry.transport.redirects import check_target
from registry.transport.urls import host_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from contextlib import AbstractAsyncContextManager

    from aiohttp.abc import AbstractResolver

    from registry.transport.settings import HttpSettings

# Bytes of one header. Signed URLs in Location come near 9 KB; aiohttp's own bound is 8190.
_MAX_HEADER_BYTES = 64 << 10

# Bytes buffered per answer. Four times as much makes 64 streams slower by a sixth, since it does not stay
# in the processor's cache, takes 1 MB more for each of them, and triples the lag of the loop (measured).
_READ_BUFFER_BYTES = 64 << 10

# Seconds a looked-up address is kept: a census asks the same few hosts for weeks.
_DNS_TTL_S = 300


class ConnectionLostError(aiohttp.ClientConnectionError):
    """The connection ended before the answer began.

    Attributes:
        strerror: What happened, in the words of the system or the name of aiohttp's exception.
    """

    def __init__(self, cause: Exception) -> None:
        super().__init__()
        self.strerror = getattr(cause, "strerror", None) or type(cause).__name__


class Wire:
    """Sends requests. One call of :meth:`request` is one request on the wire.

    Whoever a public host names is reached by connections of their own, which never lead into a
    private network: neither a lookup nor an open connection of the others can be borrowed for that.
    """

    def __init__(
        self, anywhere: aiohttp.ClientSession, public: aiohttp.ClientSession, names: NotingResolver
    ) -> None:
        """Take a session for what we ask by ourselves, whose resolver is ``names``, and one for the rest."""
        self._anywhere = anywhere
        self._public = public
        self._names = names

    def __repr__(self) -> str:
        return f"<Wire {self._names!r}>"

    def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        form: bytes | None = None,
        named_by: str | None = None,
        is_foreign: bool = False,
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """Ask ``url``, percent-encoded already; redirects are answers.

        Args:
            method: Of HTTP.
            url: Sent as it is.
            headers: More headers.
            form: A body.
            named_by: The URL of the server that sent us there, see :meth:`check`; ``None``: nobody did.
            is_foreign: Whether it only passed on what anybody may have said.
        """
        is_free = named_by is None or (self._is_inside(named_by) and not is_foreign)
        session = self._anywhere if is_free else self._public
        # Encoded already: normalising would break signatures, and let ".." climb (aio-libs/aiohttp#7222).
        return session.request(
            method, URL(url, encoded=True), headers=headers, data=form, allow_redirects=False
        )

    def check(self, named_by: str, url: str, *, is_foreign: bool = False) -> None:
        """Refuse to be sent to ``url`` by ``named_by``, see :meth:`request` and :func:`check_target`."""
        check_target(named_by, url, is_inside=self._is_inside(named_by) and not is_foreign)

    def _is_inside(self, url: str) -> bool:
        """Whether the host of ``url`` is in a private network, by its address or by what its name led to."""
        return is_private(url) or self._names.is_known_as_private(host_of(url))


@asynccontextmanager
async def open_session(
    settings: HttpSettings, *, lookup: AbstractResolver | None = None
) -> AsyncIterator[Wire]:
    """Open what requests are sent by.

    Args:
        settings: Timeouts and the contact.
        lookup: Looks up names instead of the system.

    Raises:
        ConfigurationError: The contact cannot stand in a header.
    """
    names = NotingResolver(lookup)
    async with _session(settings, names) as anywhere, _session(settings, PublicResolver(lookup)) as public:
        yield Wire(anywhere, public, names)


def _session(settings: HttpSettings, resolver: AbstractResolver) -> aiohttp.ClientSession:
    """A session that changes nothing on the way: no decompression, cookies, proxies or total timeout."""
    timeout = aiohttp.ClientTimeout(
        total=None,
        connect=settings.connect_timeout_s,
        sock_connect=settings.connect_timeout_s,
        sock_read=settings.read_timeout_s,
    )
    return aiohttp.ClientSession(
        # HostLimits bounds the connections; a second bound here would only hide waiting.
        connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=_DNS_TTL_S, resolver=resolver),
        cookie_jar=aiohttp.DummyCookieJar(),
        headers={"User-Agent": user_agent(settings.contact), "Accept-Encoding": "identity"},
        timeout=timeout,
        auto_decompress=False,
        # With the environment's proxies would come ~/.netrc, whose accounts nobody meant for a census.
        trust_env=False,
        read_bufsize=_READ_BUFFER_BYTES,
        max_line_size=_MAX_HEADER_BYTES,
        max_field_size=_MAX_HEADER_BYTES,
        middlewares=(_never_repeat,),
    )


async def _never_repeat(
    request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Keep aiohttp from asking a second time by itself, which nobody would count or pause for.

    It does so when a connection that was kept open turns out to be closed, and cannot be told not
    to (aio-libs/aiohttp#10790); an exception that it does not know it passes on.
    """
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # never connected: not repeated either
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise ConnectionLostError(error) from error


def user_agent(contact: str) -> str:
    """``hubcrawl/<version> (+contact)``; ``ConfigurationError`` for a contact no header can hold."""
    if not (contact.isascii() and contact.isprintable()):
        raise ConfigurationError(f"contact must be plain printable ASCII, not {contact[:100]!r}")
    name = f"hubcrawl/{version('hubcrawl')}"
    return f"{name} (+{contact})" if contact else name

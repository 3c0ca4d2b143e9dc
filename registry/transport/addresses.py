"""Where a URL leads: a public host must not send us into a private network, by address or by name."""

from __future__ import annotations

import ipaddress
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from aiohttp import DefaultResolver
from aiohttp.abc import AbstractResolver

from registry.transport.urls import host_of

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

    Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# All of the Internet's IPv6 addresses so far (IANA, "IPv6 Global Unicast Address Assignments"). What lies
# outside is local, reserved, or an IPv4 address in disguise.
_IPV6_INTERNET = ipaddress.IPv6Network("2000::/3")

# Within the Internet's ranges, yet nobody's public server; the standard library does not know them all.
_NOT_PUBLIC = (
    ipaddress.ip_network("192.0.0.0/24"),  # RFC 6890: protocol assignments; a cloud's metadata among them
    ipaddress.ip_network("168.63.129.16/32"),  # Azure's metadata, at the same address in every network
    ipaddress.ip_network("3fff::/20"),  # RFC 9637: documentation
)

# Translators to IPv4: the last four bytes are the address meant (RFC 6052, RFC 4291 2.5.5.1, RFC 2765).
_IPV4_INSIDE = tuple(ipaddress.IPv6Network(text) for text in ("64:ff9b::/96", "::/96", "::ffff:0:0:0/96"))

# Names kept in mind. A census reaches few; a hostile private registry may name any number.
_MAX_NAMES = 1024


class PrivateAddressError(ValueError):
    """A name that a public host told us leads into a private network."""


class NotingResolver(AbstractResolver):
    """Looks up any name, and keeps in mind which ones lead into a private network."""

    def __init__(self, lookup: AbstractResolver | None = None) -> None:
        self._lookup = lookup or DefaultResolver()
        self._private = dict[str, bool]()  # the oldest first

    def __repr__(self) -> str:
        return f"<NotingResolver private={sum(self._private.values())}>"

    def is_known_as_private(self, host: str) -> bool:
        """Whether ``host`` (see :func:`host_of`) was looked up here, and never had a public address.

        Once is enough: whoever can change what a name leads to could have answered from outside.
        """
        return self._private.get(host, False)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of ``host``, whatever they are."""
        found = await self._lookup.resolve(host, port, family)
        name = host.lower().rstrip(".")
        is_private_now = not any(is_public_address(each["host"]) for each in found)
        self._private[name] = self._private.get(name, True) and is_private_now
        if len(self._private) > _MAX_NAMES:
            del self._private[next(iter(self._private))]
        return found

    async def close(self) -> None:
        """See :meth:`aiohttp.abc.AbstractResolver.close`."""
        await self._lookup.close()


class PublicResolver(AbstractResolver):
    """Knows public addresses only. Who connects does so to what it says: nothing is looked up in between."""

    def __init__(self, lookup: AbstractResolver | None = None) -> None:
        self._lookup = lookup or DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The public ones of the addresses of ``host``.

        Raises:
            PrivateAddressError: It has others only.
        """
        found = await self._lookup.resolve(host, port, family)
        public = [each for each in found if is_public_address(each["host"])]
        if found and not public:
            raise PrivateAddressError(host)
        return public

    async def close(self) -> None:
        """See :meth:`aiohttp.abc.AbstractResolver.close`."""
        await self._lookup.close()


def is_private(url: str) -> bool:
    """Whether the host is this machine, or the address of something inside somebody's network.

    Nothing is looked up: for what a name leads to there are the resolvers above.
    """
    host = host_of(url)
    if host == "localhost" or host.endswith(".localhost"):
        return True
    address = _address(host)
    return address is not None and not _is_public(address)


def is_confidential(url: str) -> bool:
    """Whether nobody on the way reads what is sent: it is encrypted, or surely stays on this machine."""
    if urlsplit(url).scheme == "https":
        return True
    host = host_of(url)
    address = _address(host)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return host == "localhost" if address is None else address.is_loopback


def is_public_address(text: str) -> bool:
    """Whether an address in numbers, as a resolver gives it, is somewhere on the Internet."""
    address = _address(text)
    return address is not None and _is_public(address)


def _address(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return _old_style_address(host)


def _old_style_address(host: str) -> ipaddress.IPv4Address | None:
    """``127.1``, ``0x7f.1`` and ``2130706433`` are loopback too, for whoever connects."""
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host))
    except (OSError, UnicodeError, ValueError):
        return None


def _is_public(address: Address) -> bool:
    inner = _ipv4_inside(address) or address
    if not inner.is_global or inner.is_multicast or any(inner in network for network in _NOT_PUBLIC):
        return False
    return inner.version == 4 or inner in _IPV6_INTERNET


def _ipv4_inside(address: Address) -> ipaddress.IPv4Address | None:
    """The address that packets to an IPv6 address reach in the end, where that is one of IPv4."""
    if address.version == 4:
        return None
    if any(address in network for network in _IPV4_INSIDE):
        return ipaddress.IPv4Address(address.packed[-4:])
    return address.ipv4_mapped or address.sixtofour

"""Where servers send us, by redirects above all, which are followed by hand: where to, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from registry.errors import Reason, RegistryError
from registry.transport.addresses import is_private
from registry.transport.urls import authority, origin, printable, redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

# The specification names 307; stores and mirrors use the others too.
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

# Hops, as many as Go's net/http follows. More is a loop.
MAX_HOPS = 10

_CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


def next_location(current: str, location: str) -> str:
    """The URL that ``location``, a header of the answer of ``current``, names, where it may be followed.

    Raises:
        RegistryError: ``UNEXPECTED_ANSWER``, see :func:`check_target`.
    """
    target = resolve_location(current, location)
    check_target(current, target, is_inside=is_private(current))
    return target


def resolve_location(current: str, location: str) -> str:
    """The URL that ``location`` names. An absolute one stays as it is, byte for byte."""
    location = printable(location)
    if location.lower().startswith(("http://", "https://")):
        scheme, _, rest = location.partition("://")
        return f"{scheme.lower()}://{rest}"
    if location.startswith("/") and not location.startswith("//"):
        return origin(current) + location
    try:
        return urljoin(current, location)
    except ValueError:
        return location  # no URL at all, which is for the check to say


def check_target(current: str, target: str, *, is_inside: bool) -> None:
    """Refuse to be sent from ``current`` to ``target`` where that could harm us or our credentials.

    Args:
        current: Who sends us, by a redirect, as the realm of a challenge, or in a manifest.
        target: Where to.
        is_inside: Whether whoever says so is inside a private network.

    Raises:
        RegistryError: ``UNEXPECTED_ANSWER``: not http, https to http, public to private, with credentials.
    """
    try:
        parts = urlsplit(target)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise _refused(current, "it sends us to something that is not an http URL")
    if parts.username is not None:
        raise _refused(current, "it sends us to a URL with credentials inside")
    if current.startswith("https:") and parts.scheme == "http":
        raise _refused(current, "it sends us from https to http")
    if is_private(target) and not is_inside:
        raise _refused(current, "somebody outside sends us into a private network")


def headers_after(headers: Mapping[str, str], current: str, target: str) -> dict[str, str]:
    """The headers to send to ``target``: credentials stay with the host they were meant for."""
    if _is_same_host(current, target):
        return dict(headers)
    return {name: value for name, value in headers.items() if name.lower() not in _CREDENTIAL_HEADERS}


def _is_same_host(current: str, target: str) -> bool:
    """Also true for the step from http to https of one host, each on its default port."""
    return authority(current) == authority(target)


def _refused(current: str, detail: str) -> RegistryError:
    return RegistryError(Reason.UNEXPECTED_ANSWER, detail, url=redacted(current))

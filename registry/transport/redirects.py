"""Redirects, followed by hand: where to, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from registry.errors import Reason, RegistryError
from registry.transport.urls import authority, is_private, origin, printable, redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

# The specification names 307; stores and mirrors use the others too.
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})

# Hops, as many as Go's net/http follows. More is a loop.
MAX_HOPS = 10

_CREDENTIAL_HEADERS = frozenset({"authorization", "cookie", "proxy-authorization"})


def next_location(current: str, location: str) -> str:
    """The URL that ``location``, an answer's header, names. An absolute one stays as it is, byte for byte.

    Raises:
        RegistryError: ``UNEXPECTED_ANSWER``, see :func:`check_target`.
    """
    target = _resolved(current, printable(location))
    check_target(current, target, "redirect")
    return target


def check_target(current: str, target: str, what: str) -> None:
    """Refuse to be sent from ``current`` to ``target`` where that could harm us or our credentials.

    Raises:
        RegistryError: ``UNEXPECTED_ANSWER``: not http, https to http, public to private, with credentials.
    """
    try:
        parts = urlsplit(target)
        is_usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable:
        raise _refused(current, f"a {what} to something that is not an http URL")
    if parts.username is not None:
        raise _refused(current, f"a {what} with credentials inside")
    if current.startswith("https:") and parts.scheme == "http":
        raise _refused(current, f"a {what} from https to http")
    if is_private(target) and not is_private(current):
        raise _refused(current, f"a {what} from a public host into a private network")


def headers_after(headers: Mapping[str, str], current: str, target: str) -> dict[str, str]:
    """The headers to send to ``target``: credentials stay with the host they were meant for."""
    if _is_same_host(current, target):
        return dict(headers)
    return {name: value for name, value in headers.items() if name.lower() not in _CREDENTIAL_HEADERS}


def _is_same_host(current: str, target: str) -> bool:
    """Also true for the step from http to https of one host, each on its default port."""
    return authority(current) == authority(target)


def _resolved(current: str, location: str) -> str:
    if location.lower().startswith(("http://", "https://")):
        scheme, _, rest = location.partition("://")
        return f"{scheme.lower()}://{rest}"
    if location.startswith("/") and not location.startswith("//"):
        return origin(current) + location
    return urljoin(current, location)


def _refused(current: str, detail: str) -> RegistryError:
    return RegistryError(Reason.UNEXPECTED_ANSWER, detail, url=redacted(current))

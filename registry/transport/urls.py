"""URLs as plain texts: never normalised, because a signed one is broken by that; redacted when shown."""

from __future__ import annotations

import re
import string
from functools import lru_cache
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

# Query keys whose values may be shown: the protocol's own, and those of listings.
# An allow-list, because nobody knows all the names under which signatures travel.
_HARMLESS_KEYS = frozenset(
    {
        "scope",
        "service",
        "mount",
        "from",
        "digest",
        "n",
        "last",
        "q",
        "query",
        "page",
        "page_size",
        "ordering",
    }
    | {"size", "name", "sort", "order", "type", "is_official"}
    | {"badges", "categories", "architectures", "operating_systems"}
)

# What is shown as it is: nothing in it can be a secret, and no URL is more frequent.
_PLAIN = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]+)?/[A-Za-z0-9._~/:%-]*", re.ASCII)

# A URL up to its path. Of these few are asked for many paths, and are kept in mind.
_SERVER = re.compile(r"[^/?#]*//[^/?#]*")
_RECENT_SERVERS = 256

_DEFAULT_PORTS = {"http": 80, "https": 443}


def parse_base_url(text: str) -> str:
    """Check the address of a server as a person configures it; returned without a trailing slash.

    Raises:
        ValueError: One clear sentence: not http or https, no host, or parts that do not belong there.
    """
    url = text.strip()
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
        (host or "").encode("idna")  # what connecting does; ``a..b`` is no name
    except ValueError:
        parts, host = SplitResult("", "", "", "", ""), None
    shown = (redacted(url) if "://" in url else url.rpartition("@")[2])[:200]
    if (
        parts.scheme not in _DEFAULT_PORTS
        or not host
        or not url.isascii()
        or not url.isprintable()
        or " " in url
    ):
        raise ValueError(
            f"{shown!r} is not the address of a server: write http://host[:port] or https://host"
        )
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{shown!r} contains a user name: credentials have their own settings")
    if parts.query or parts.fragment:
        raise ValueError(f"{shown!r} contains a query or fragment: only the address of the server is wanted")
    # In the form that comparisons rely on: the scheme in lower case.
    return f"{parts.scheme}{url[len(parts.scheme) :]}".rstrip("?#").rstrip("/")


def host_of(url: str) -> str:
    """The name or address of the host, in lower case and without the dot that may end a name."""
    return (urlsplit(url).hostname or "").rstrip(".")


def authority(url: str) -> str:
    """``host[:port]`` in lower case, without a default port: what limits and credentials belong to."""
    return _server(_without_path(url))[1]


def origin(url: str) -> str:
    """``scheme://host[:port]``."""
    return "://".join(_server(_without_path(url)))


def _without_path(url: str) -> str:
    found = _SERVER.match(url)
    return url if found is None else found[0]


@lru_cache(_RECENT_SERVERS)
def _server(url: str) -> tuple[str, str]:
    """Scheme, and ``host[:port]`` without a default port."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    host = f"[{host}]" if ":" in host else host
    port = parts.port
    is_default = port is None or port == _DEFAULT_PORTS.get(parts.scheme)
    return parts.scheme, host if is_default else f"{host}:{port}"


def path_and_query(url: str) -> str:
    """What stands after the origin, untouched: ``/v2/_catalog?last=x``."""
    rest = url.partition("://")[2]
    return "/" + rest.partition("/")[2].partition("#")[0]


def printable(url: str) -> str:
    """Percent-encode only what may not stand in a URL at all; everything else may be part of a signature."""
    safe = string.ascii_letters + string.digits + string.punctuation
    return quote(url.strip(), safe=safe, errors="surrogateescape")


def redacted(url: str) -> str:
    """``url`` fit to be shown and kept: ASCII, no credentials, no values of unknown query keys."""
    if _PLAIN.fullmatch(url):
        return url
    try:
        parts = urlsplit(printable(url))
        pairs = parse_qsl(parts.query, keep_blank_values=True)
    except ValueError:
        return "(not a URL)"
    shown = [(key, value if key in _HARMLESS_KEYS else "REDACTED") for key, value in pairs]
    query = urlencode(shown, safe=":/,*", errors="replace")
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query=query, fragment="").geturl()


def path_of(name: str) -> str:
    """A repository name as URL path. Names are hostile: ``..`` must not climb, ``%2f`` must stay itself."""
    return "/".join(
        part.replace(".", "%2E") if part in {".", ".."} else quote(part, safe="") for part in name.split("/")
    )

"""Bearer tokens: how they are asked for, by which way, and what comes back.

Sources: distribution, "Token Authentication Specification" (GET) and "OAuth2 Token Authentication" (POST).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from registry.errors import Reason, RegistryError
from registry.transport.credentials import basic, is_sendable
from registry.transport.urls import redacted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.transport.credentials import Account

# Seconds a token lives when its server does not say; the specification's default.
_DEFAULT_LIFETIME_S = 60.0

# A token is renewed this long before it ends, for the time a request is on its way: a tenth of its life
# at most, because some servers give them for seconds only.
_MARGIN_S = 10.0

# Who asks, for servers that list the tokens given to a user.
_CLIENT_ID = "hubcrawl"

# How servers say that they do not know the way we asked by. Two of them refuse a form as if the account were
# wrong (containerd, core/remotes/docker/authorizer.go: Artifactory 401, Azure 400).
_NO_SUCH_WAY = {"GET": frozenset({404, 405}), "POST": frozenset({400, 401, 404, 405})}


class TokenKey(NamedTuple):
    """What a token is good for: nobody is shown one that was given for another registry."""

    registry: str  # its origin
    realm: str
    service: str
    scope: str
    account: str  # the name of the account, "" is anonymous


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One way to ask for a token, which lives for ``lifetime_s`` if its server does not say."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    form: bytes | None = field(default=None, repr=False)
    lifetime_s: float = _DEFAULT_LIFETIME_S

    def is_unknown_way(self, status: int | None) -> bool:
        """Whether an answer of this status may mean that the server wants to be asked by the other way."""
        return status in _NO_SUCH_WAY[self.method]


def ways_to_ask(key: TokenKey, account: Account | None) -> tuple[TokenRequest, ...]:
    """The requests for a token, the usual one first, as Docker has it.

    Passwords go into the header of a GET, which every token server understands; an identity token is
    for the POST of OAuth2 (``refresh_token``).
    """
    realm = key.realm.partition("#")[0]
    named = {name: value for name, value in (("service", key.service), ("scope", key.scope)) if value}
    url = f"{realm}{'&' if '?' in realm else '?'}{_encoded(named)}" if named else realm
    if account is None:
        return (TokenRequest("GET", url),)
    secret = account.identity_token or account.password
    get = TokenRequest("GET", url, {"Authorization": basic(account.username, secret)})
    form = _encoded(named | {"client_id": _CLIENT_ID} | account.grant).encode()
    post = TokenRequest("POST", realm, {"Content-Type": "application/x-www-form-urlencoded"}, form)
    return (post, get) if account.identity_token else (get, post)


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and until when it is worth sending (monotonic seconds)."""

    value: str = field(repr=False)
    good_until: float


def parse_token(body: bytes, now: float, url: str, default_lifetime_s: float = _DEFAULT_LIFETIME_S) -> Token:
    """Read the answer of a token server, asked at ``now`` (monotonic seconds).

    Raises:
        RegistryError: ``UNEXPECTED_ANSWER``, temporary: it is not one, which may be an accident on the way.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    value = answer.get("token") or answer.get("access_token")
    if not isinstance(value, str) or not is_sendable(value):
        raise RegistryError(
            Reason.UNEXPECTED_ANSWER, "the token server gave none", temporary=True, url=redacted(url)
        )
    lifetime_s = _lifetime(answer.get("expires_in"), default_lifetime_s)
    return Token(value, now + lifetime_s - min(_MARGIN_S, lifetime_s / 10))


def _encoded(values: Mapping[str, str]) -> str:
    # What a header holds besides ASCII came by way of surrogates, and goes back as the bytes it was.
    return urlencode(values, errors="surrogateescape")


def _lifetime(value: object, default_s: float) -> float:
    # bool is an int in Python; NaN fails the comparison.
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**63:
        return float(value)
    return default_s

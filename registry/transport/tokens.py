"""Bearer tokens (distribution, "Token Authentication Specification"): asked for once, used until they age."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlencode

from registry.errors import Reason, RegistryError
from registry.transport.urls import redacted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from registry.transport.clock import Clock

# Seconds a token lives when its server does not say; the specification's default.
_DEFAULT_LIFETIME_S = 60.0

# A token is renewed this long before it ends, for the time a request is on its way: a tenth of its life
# at most, because some servers give them for seconds only.
_MARGIN_S = 10.0

# Tokens kept. One is a few KiB, and a census asks for one per repository.
_MAX_TOKENS = 1024

# RFC 6750, 2.1, and a little more: anything that cannot break out of a header.
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)


class TokenKey(NamedTuple):
    """What a token is good for."""

    realm: str
    service: str
    scope: str
    username: str  # "" is anonymous

    @property
    def url(self) -> str:
        """Where to ask for it."""
        query = {key: value for key, value in (("service", self.service), ("scope", self.scope)) if value}
        realm = self.realm.partition("#")[0]
        return f"{realm}{'&' if '?' in realm else '?'}{urlencode(query)}"


@dataclass(frozen=True, slots=True)
class Token:
    """A token, and until when it is worth sending (monotonic seconds)."""

    value: str = field(repr=False)
    good_until: float


def parse_token(body: bytes, now: float, url: str) -> Token:
    """Read the answer of a token server, asked at ``now`` (monotonic seconds).

    Raises:
        RegistryError: ``UNEXPECTED_ANSWER``: it is not one.
    """
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict):
        answer = {}
    value = answer.get("token") or answer.get("access_token")
    if not isinstance(value, str) or not _TOKEN.fullmatch(value):
        raise RegistryError(Reason.UNEXPECTED_ANSWER, "the token server gave no token", url=redacted(url))
    lifetime_s = _lifetime(answer.get("expires_in"))
    return Token(value, now + lifetime_s - min(_MARGIN_S, lifetime_s / 10))


def _lifetime(value: object) -> float:
    # bool is an int in Python; NaN fails the comparison.
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < 2**63:
        return float(value)
    return _DEFAULT_LIFETIME_S


class TokenCache:
    """Tokens by key. However many tasks want one at once, it is asked for once."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._tokens: dict[TokenKey, Token] = {}
        self._flights: dict[TokenKey, _Flight] = {}

    def __repr__(self) -> str:
        return f"<TokenCache tokens={len(self._tokens)} flights={len(self._flights)}>"

    async def get(self, key: TokenKey, fetch: Callable[[TokenKey], Awaitable[Token]]) -> Token:
        """The token kept for ``key``, or the one that ``fetch`` brings, whoever called it first."""
        token = self._tokens.get(key)
        if token is not None and self._clock.monotonic() < token.good_until:
            return token
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(self._fetch(key, fetch)))
        try:
            return await flight.join()
        finally:
            # At once: whoever comes while a request is being given up must not share its end.
            if flight.is_over and self._flights.get(key) is flight:
                del self._flights[key]

    def refused(self, key: TokenKey, token: Token) -> None:
        """Forget ``token``, unless a newer one took its place already."""
        if self._tokens.get(key) is token:
            del self._tokens[key]

    async def _fetch(self, key: TokenKey, fetch: Callable[[TokenKey], Awaitable[Token]]) -> Token:
        token = await fetch(key)
        self._tokens.pop(key, None)
        self._tokens[key] = token
        while len(self._tokens) > _MAX_TOKENS:
            del self._tokens[next(iter(self._tokens))]
        return token


class _Flight:
    """A request on its way, which ends early only when nobody waits for it any more."""

    def __init__(self, task: asyncio.Future[Token]) -> None:
        self._task = task
        self._waiting = 0

    @property
    def is_over(self) -> bool:
        """Whether it has landed, or nobody waits for it any more."""
        return self._task.done() or self._waiting == 0

    async def join(self) -> Token:
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if self._waiting == 0:
                self._task.cancel()  # does nothing to a task that is done

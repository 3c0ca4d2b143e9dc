"""Who we are to a registry: nobody, a user name and password, or the bearer of a token."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry.errors import ConfigurationError, Reason, RegistryError
from registry.transport.challenges import Challenge, parse_challenges
from registry.transport.redirects import check_target
from registry.transport.tokens import Token, TokenCache, TokenKey, parse_token
from registry.transport.urls import authority, origin, printable, redacted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from registry.transport.clock import Clock

__all__ = [
    "Authenticator",
    "Authorization",
    "Challenge",
    "Credentials",
    "load_docker_credentials",
    "parse_challenges",
]

# One registry by three names; ``docker login`` files it under the second.
_HUB_HOSTS = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})


class Credentials:
    """User names and passwords by host; never shown."""

    def __init__(self, basic: Mapping[str, tuple[str, str]] | None = None) -> None:
        """Take ``{host[:port]: (username, password)}``."""
        self._basic = {_canonical(host): pair for host, pair in (basic or {}).items()}

    def __repr__(self) -> str:
        return f"<Credentials hosts={sorted(self._basic)}>"

    def username(self, host: str) -> str:
        """The user name for ``host[:port]``, ``""`` for none."""
        return self._basic.get(_canonical(host), ("", ""))[0]

    def basic(self, host: str) -> str | None:
        """The value of ``Authorization`` for ``host[:port]`` (RFC 7617), if there is one."""
        pair = self._basic.get(_canonical(host))
        return None if pair is None else "Basic " + base64.b64encode(":".join(pair).encode()).decode()


def load_docker_credentials(path: Path) -> Credentials:
    """The user names and passwords that ``docker login`` wrote into ``config.json``.

    Only ``auths`` is read: credential helpers are programs, and none is started.

    Raises:
        ConfigurationError: The file cannot be read, or is not one of Docker's.
    """
    try:
        content = json.loads(path.read_bytes())
        auths = content.get("auths") or {}
        entries = {host: entry.get("auth") for host, entry in auths.items()}
        pairs = {
            host: base64.b64decode(auth, validate=True).decode() for host, auth in entries.items() if auth
        }
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError, AttributeError, TypeError):
        # Without the cause, whose text may hold a password.
        raise ConfigurationError(f"{path} is not a configuration file of Docker") from None
    # A user name has no colon, a password may; Docker pads with NUL.
    split = {host: pair.rstrip("\0").partition(":") for host, pair in pairs.items()}
    return Credentials({host: (username, password) for host, (username, _, password) in split.items()})


@dataclass(frozen=True, slots=True)
class Authorization:
    """What to send in ``Authorization``; a token knows when it is too old."""

    header: str = field(repr=False)
    key: TokenKey | None = None
    token: Token | None = None

    def is_stale(self, now: float) -> bool:
        """Whether it was a token that may have run out by ``now`` (monotonic seconds)."""
        return self.token is not None and now >= self.token.good_until


class Authenticator:
    """Answers challenges, and remembers them: the second request to a registry brings its token along."""

    def __init__(
        self,
        credentials: Credentials,
        clock: Clock,
        ask: Callable[[str, Mapping[str, str]], Awaitable[bytes]],
        *,
        token_url: str = "",
    ) -> None:
        """Take ``ask``, which gets a URL with the given headers and returns the body.

        ``token_url`` is asked for tokens instead of the realm of a challenge, whatever that is.
        """
        self._token_url = token_url
        self._credentials = credentials
        self._clock = clock
        self._ask = ask
        self._tokens = TokenCache(clock)
        # By origin of a registry; only configured registries are ever asked with a scope.
        self._challenges: dict[str, Challenge] = {}

    def __repr__(self) -> str:
        return f"<Authenticator challenges={sorted(self._challenges)} {self._tokens!r}>"

    async def known(self, url: str, scope: str | None) -> Authorization | None:
        """What the registry of ``url`` is known to want; ``None`` before it ever asked for anything.

        Raises:
            RegistryError: The token cannot be had.
        """
        challenge = self._challenges.get(origin(url))
        return None if challenge is None or scope is None else await self._meet(challenge, url, scope)

    async def answer(
        self, url: str, scope: str, challenges: tuple[Challenge, ...], refused: Authorization | None
    ) -> Authorization:
        """What to send after a 401 with ``challenges``, ``refused`` having been sent before.

        Raises:
            RegistryError: ``AUTH_REQUIRED``: nothing we have can help. Or the token cannot be had.
        """
        if refused is not None and refused.key is not None and refused.token is not None:
            self._tokens.refused(refused.key, refused.token)
        for challenge in sorted(challenges, key=lambda each: each.scheme != "bearer"):
            authorization = await self._meet(challenge, url, scope)
            if authorization is not None and (refused is None or authorization.header != refused.header):
                self._challenges[origin(url)] = challenge
                return authorization
        raise RegistryError(Reason.AUTH_REQUIRED, "a login is required", url=redacted(url), status=401)

    async def _meet(self, challenge: Challenge, url: str, scope: str) -> Authorization | None:
        if challenge.scheme == "basic":
            header = self._credentials.basic(authority(url))
            return None if header is None else Authorization(header)
        realm = self._token_url or printable(challenge.parameters.get("realm", ""))
        if challenge.scheme != "bearer" or not realm:
            return None
        if not self._token_url:  # what the user names is trusted, what a server names is not
            check_target(url, realm, "token realm")
        host = authority(url)
        service = challenge.parameters.get("service", "")
        key = TokenKey(realm, service, scope, self._credentials.username(host))
        token = await self._tokens.get(key, lambda key: self._fetch(key, host))
        return Authorization(f"Bearer {token.value}", key, token)

    async def _fetch(self, key: TokenKey, host: str) -> Token:
        basic = self._credentials.basic(host)
        asked_at = self._clock.monotonic()
        try:
            body = await self._ask(key.url, {} if basic is None else {"Authorization": basic})
        except RegistryError as error:
            # The status is the token server's, and says nothing of what was asked of the registry.
            error.status = None
            error.detail = f"no token: {error.detail}"
            raise
        return parse_token(body, asked_at, key.url)


def _canonical(host: str) -> str:
    """``host[:port]`` of whatever ``docker login`` writes: with or without scheme and path."""
    bare = host.partition("://")[2] or host
    name = bare.partition("/")[0].lower()
    return "docker.io" if name in _HUB_HOSTS else name

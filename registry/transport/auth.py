"""What a registry wants to see before it answers: nothing, a password, or the token of its token server."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry.errors import ConfigurationError, Reason, RegistryError
from registry.transport.addresses import is_confidential
from registry.transport.caching import FreshCache
from registry.transport.credentials import basic
from registry.transport.site_login import SiteLogin
from registry.transport.tokens import Token, TokenKey, ways_to_ask
from registry.transport.urls import authority, origin, printable, redacted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from registry.transport.challenges import Challenge
    from registry.transport.clock import Clock
    from registry.transport.credentials import Account
    from registry.transport.keyring import Keyring
    from registry.transport.settings import HttpSettings
    from registry.transport.tokens import TokenRequest

# Tokens kept. One is a few KiB, and a census asks for one per repository.
_MAX_TOKENS = 1024

# How a token server says that it does not take an account.
_REFUSALS = frozenset({Reason.AUTH_REQUIRED, Reason.DENIED})


@dataclass(frozen=True, slots=True)
class Authorization:
    """What to send in ``Authorization``, and what it was made from; a token knows when it is too old."""

    header: str = field(repr=False)
    account: Account | None = None
    key: TokenKey | None = None
    token: Token | None = None

    def is_stale(self, now: float) -> bool:
        """Whether it was a token that may have run out by ``now`` (monotonic seconds)."""
        return self.token is not None and now >= self.token.good_until

    def differs_from(self, refused: Authorization | None) -> bool:
        """Whether there is any use in sending this after ``refused``."""
        return refused is None or self.header != refused.header


class Authenticator:
    """Answers challenges, and remembers them: the second request to a registry brings its token along."""

    def __init__(
        self,
        keyring: Keyring,
        clock: Clock,
        settings: HttpSettings,
        *,
        ask: Callable[[TokenRequest, str | None], Awaitable[Token]],
        check: Callable[[str, str], None],
    ) -> None:
        """Take what it needs.

        Args:
            keyring: Our accounts.
            clock: The time.
            settings: Whom to ask for tokens, and what may travel unencrypted.
            ask: Sends a request for a token, to where the server of the URL given with it sent us
                (``None``: the user did); returns the token.
            check: Raises where a server, the first URL, must not send us to the second.
        """
        self._keyring = keyring
        self._clock = clock
        self._settings = settings
        self._ask = ask
        self._check = check
        self._tokens = FreshCache[TokenKey, Token](clock, _MAX_TOKENS)
        # By origin of a registry; only configured registries are ever asked with a scope.
        self._challenges: dict[str, Challenge] = {}
        # By origin of a site: the login, and the registry whose account it is for.
        self._sites: dict[str, tuple[SiteLogin, str]] = {}
        # Origin of a registry whose token server has another way than this method.
        self._unknown_ways: set[tuple[str, str]] = set()

    def __repr__(self) -> str:
        return f"<Authenticator challenges={sorted(self._challenges)} tokens={self._tokens!r}>"

    def asking_by(self, ask: Callable[[TokenRequest, str | None], Awaitable[Token]]) -> Authenticator:
        """The same, but tokens are asked for by ``ask``; nobody waits for those who do so otherwise."""
        twin = copy.copy(self)
        twin._ask = ask  # noqa: SLF001 - its own
        twin._tokens = self._tokens.twin()  # noqa: SLF001 - its own
        return twin

    async def account(self, url: str) -> Account | None:
        """The account for the registry of ``url``, ``None`` to be nobody.

        Raises:
            ConfigurationError: It cannot be had, see :meth:`Keyring.account`.
        """
        return await self._keyring.account(authority(url))

    def log_in(self, site_url: str, registry_url: str) -> None:
        """Have requests to this site made as the account of that registry, if there is one.

        A site that is the registry itself says by its challenges what it wants.
        """
        if origin(site_url) != origin(registry_url):
            self._sites[origin(site_url)] = SiteLogin(site_url, self._clock, self._ask), registry_url

    async def known(self, url: str, scope: str | None) -> Authorization | None:
        """What the registry of ``url`` is known to want; ``None`` before it ever asked for anything.

        Raises:
            RegistryError: The token cannot be had.
            ConfigurationError: See :meth:`answer`.
        """
        if scope is None:
            return None
        if origin(url) in self._sites:
            return await self._at_site(url)
        challenge = self._challenges.get(origin(url))
        return None if challenge is None else await self._meet(challenge, url, scope)

    async def answer(
        self, url: str, scope: str, challenges: tuple[Challenge, ...], refused: Authorization | None
    ) -> Authorization:
        """What to send after a 401 with ``challenges``, ``refused`` having been sent before.

        Raises:
            RegistryError: ``AUTH_REQUIRED``: nothing we have can help. Or the token cannot be had.
            ConfigurationError: The account cannot be had, or not without showing it to everybody.
        """
        if origin(url) in self._sites:
            authorization = await self._at_site(url, refused)
            if authorization is not None and authorization.differs_from(refused):
                return authorization
            challenges = ()
        elif refused is not None:
            await self._forget(url, refused)
        for challenge in sorted(challenges, key=lambda each: each.scheme != "bearer"):
            authorization = await self._meet(challenge, url, scope)
            if authorization is not None and authorization.differs_from(refused):
                self._challenges[origin(url)] = challenge
                return authorization
        raise RegistryError(Reason.AUTH_REQUIRED, "a login is required", url=redacted(url), status=401)

    async def _at_site(self, url: str, refused: Authorization | None = None) -> Authorization | None:
        """What to send to a site that is logged in at; ``None`` without an account that it takes."""
        login, registry_url = self._sites[origin(url)]
        account = await self.account(registry_url)
        if account is None:
            return None
        self._require_secrecy(url)
        try:
            token = await login.token(account, None if refused is None else refused.token)
        except RegistryError as error:
            raise _for_want_of_a_token(error) from None
        return None if token is None else Authorization(f"Bearer {token.value}", account, token=token)

    async def _forget(self, url: str, refused: Authorization) -> None:
        """Make room for another token, or for another account where there was none in between."""
        if refused.key is not None and refused.token is not None:
            self._tokens.refused(refused.key, refused.token)
        elif refused.account is not None:
            await self._keyring.instead_of(authority(url), refused.account)

    async def _meet(self, challenge: Challenge, url: str, scope: str) -> Authorization | None:
        """What to send for one challenge; ``None`` where we have nothing that it asks for."""
        account = await self.account(url)
        if account is not None:
            self._require_secrecy(url)
            if account.registry_token:
                return Authorization(f"Bearer {account.registry_token}", account)
        if challenge.scheme == "bearer":
            return await self._bearer(challenge, url, scope, account)
        if challenge.scheme == "basic" and account is not None and account.password:
            return Authorization(basic(account.username, account.password), account)
        return None

    async def _bearer(
        self, challenge: Challenge, url: str, scope: str, account: Account | None
    ) -> Authorization | None:
        realm = self._settings.token_url or printable(challenge.parameters.get("realm", ""))
        if not realm:
            return None
        service = challenge.parameters.get("service", "")
        key = TokenKey(origin(url), realm, service, scope, "" if account is None else account.name)
        token = await self._tokens.get(key, lambda key: self._fetch(key, url, account))
        return Authorization(f"Bearer {token.value}", account, key, token)

    async def _fetch(self, key: TokenKey, url: str, account: Account | None) -> Token:
        """A new token for the registry of ``url``."""
        try:
            return await self._fetch_as(account, key, url)
        except RegistryError as error:
            other = None
            if account is not None and error.reason in _REFUSALS:
                other = await self._keyring.instead_of(authority(url), account)
            if other is None:
                raise
        return await self._fetch_as(other, key, url)

    async def _fetch_as(self, account: Account | None, key: TokenKey, url: str) -> Token:
        named_by = None if self._settings.token_url else url  # what the user names is trusted
        if named_by is not None:
            self._check(named_by, key.realm)
        if account is not None:
            self._require_secrecy(key.realm)
        try:
            return await self._ask_by_some_way(ways_to_ask(key, account), url, named_by)
        except RegistryError as error:
            raise _for_want_of_a_token(error) from None

    async def _ask_by_some_way(self, ways: tuple[TokenRequest, ...], url: str, named_by: str | None) -> Token:
        """The token for the usual request, or to the other one if the server does not know that way."""
        registry = origin(url)
        first, *others = sorted(ways, key=lambda way: (registry, way.method) in self._unknown_ways)
        try:
            return await self._ask(first, named_by)
        except RegistryError as error:
            if not others or not first.is_unknown_way(error.status):
                raise
        token = await self._ask(others[0], named_by)
        self._unknown_ways.add((registry, first.method))
        return token

    def _require_secrecy(self, url: str) -> None:
        """``ConfigurationError`` where what proves who we are could be read by everybody on the way."""
        if self._settings.plain_credentials or is_confidential(url):
            return
        raise ConfigurationError(
            f"the account would be sent unencrypted to {origin(url)}: "
            "use https, or allow it by http.plain_credentials"
        )


def _for_want_of_a_token(error: RegistryError) -> RegistryError:
    """The status is the token server's, and says nothing of what was asked of the registry."""
    error.status = None
    error.detail = f"no token: {error.detail}"
    return error

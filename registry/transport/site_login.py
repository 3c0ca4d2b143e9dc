"""The login at Docker Hub's site, which has tokens of its own (Docker Hub API, "Create access token")."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from registry.transport.caching import FreshCache
from registry.transport.tokens import Token, TokenRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from registry.transport.clock import Clock
    from registry.transport.credentials import Account

# Seconds for which the token is good; the answer does not say so.
_LIFETIME_S = 600.0


class SiteLogin:
    """The token of an account at one site: asked for once, however many need it, and again before it ends."""

    def __init__(
        self, site_url: str, clock: Clock, ask: Callable[[TokenRequest, str | None], Awaitable[Token]]
    ) -> None:
        """Take what asks for a token, see :class:`~registry.transport.auth.Authenticator`."""
        self.url = f"{site_url.rstrip('/')}/v2/auth/token"
        self._ask = ask
        self._tokens = FreshCache[str, Token](clock, 1)

    def __repr__(self) -> str:
        return f"<SiteLogin {self.url}>"

    async def token(self, account: Account, refused: Token | None = None) -> Token | None:
        """The token of ``account``, another one than the ``refused`` one.

        ``None`` for an account without a password or access token, which the site does not take.

        Raises:
            RegistryError: It cannot be had.
        """
        if not account.password:
            return None
        if refused is not None:
            self._tokens.refused(account.name, refused)
        return await self._tokens.get(account.name, lambda _: self._ask(self._request(account), None))

    def _request(self, account: Account) -> TokenRequest:
        form = json.dumps({"identifier": account.username, "secret": account.password}).encode()
        return TokenRequest("POST", self.url, {"Content-Type": "application/json"}, form, _LIFETIME_S)

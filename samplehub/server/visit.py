"""One request to the site, and what it gets to see."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiohttp import web

from samplehub.server.flawed import Flawed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from samplehub.model import Repository
    from samplehub.server.index import Index
    from samplehub.server.state import State

    Handler = Callable[[web.Request, "Visit"], Awaitable[web.Response]]

_OFFSET = "pagination offset too large"
_ANONYMOUS_OFFSET = f"{_OFFSET} for anonymous requests; sign in to page further"
_POISON = "es community product has unexpected number of rate plans (2): expected exactly one"


@dataclass(frozen=True, slots=True)
class Visit:
    """One request.

    Attributes:
        state: Of the running hub.
        endpoint: As :data:`~samplehub.server.options.PAGED` has it.
        number: Its place among all requests to the site, from 1.
        is_account: Whether it brought the token of an account.
        is_blocked: Whether the site pretends to be empty.
    """

    state: State
    endpoint: str
    number: int
    is_account: bool = False
    is_blocked: bool = False

    @property
    def index(self) -> Index:
        """Where to look things up."""
        return self.state.blank if self.is_blocked else self.state.index

    def reach(self, offset: int) -> None:
        """Raise the Hub's 403 for an offset that lies outside the window."""
        window = self._windows().get(self.endpoint)
        if window is not None and offset >= window:
            raise self.refusal()

    def refusal(self) -> web.HTTPForbidden:
        """The Hub's 403 for pages that it does not show."""
        message = _OFFSET if self.is_account else _ANONYMOUS_OFFSET
        body = json.dumps({"message": message, "errinfo": {}})
        return web.HTTPForbidden(text=body, content_type="application/json")

    def flawed(self, found: Sequence[int], query: str) -> Sequence[int]:
        """What was found, with the flaws of the index."""
        flaws = self.state.options.flaws
        return Flawed(found, flaws, query, self.number) if flaws.repeated or flaws.shuffled else found

    def repositories(self, numbers: Sequence[int], query: str) -> list[Repository]:
        """What :meth:`shown` tells the numbers of."""
        return [self.state.hub.repositories[number] for number in self.shown(numbers, query)]

    def shown(self, numbers: Sequence[int], query: str) -> Sequence[int]:
        """The rows of a page; raises the Hub's 500 when one of them is poisoned."""
        is_affected = self.endpoint.startswith("search") or self.state.options.flaws.is_poison_listed
        if is_affected and not self.index.poisoned.isdisjoint(numbers):
            fields = {"count": len(numbers), "query": query}
            body = json.dumps({"fields": fields, "msg": "Internal Server Error", "text": _POISON})
            raise web.HTTPInternalServerError(text=body, content_type="application/json")
        return numbers

    def _windows(self) -> Mapping[str, int]:
        """By endpoint, for this request."""
        windows = self.state.options.windows
        if self.is_account:
            return windows.account
        begun = [changed for first, changed in windows.changes if first <= self.number]
        return begun[-1] if begun else windows.anonymous

"""Repositories that search shows and the listing of their namespace does not: asked for one by one.

A search index is stale: it shows what was deleted or made private long ago. And a listing may leave rows out.
So each such repository is asked for itself: it is there, and says its dates, or the answer is 404. That
counts as gone where a complete listing of its namespace does not have it either.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpus.catalog.ledgers import NAMESPACE, REPOSITORY, WAITING, End, NewQuery
from hubcrawl.queries import Query, Slice
from hubcrawl.words import namespace_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from corpus.catalog import Catalog

# Names looked at together.
_CHUNK = 1_000

# Nothing new is to be expected, but what is known becomes more so.
_PRIORITY = 0.5

ONLY_PAGE = Slice(1, 1)


class Confirming:
    """Which repositories of one hub are to be asked for themselves, and what that says."""

    def __init__(self, catalog: Catalog, registry: str, listing: str) -> None:
        """Take the hub, and the source under which its namespaces are listed."""
        self._sweeps = catalog.sweeps
        self._known = catalog.names
        self._registry = registry
        self._listing = listing

    def __repr__(self) -> str:
        return f"<Confirming {self._registry}>"

    async def ask(self, since: float) -> int:
        """Ask for what was seen since then, and not listed by a namespace that is done; returns how many."""
        added, after = 0, ""
        while names := await self._known.unlisted(self._registry, self._listing, since, after, _CHUNK):
            after = names[-1]
            states = {owner: await self._state(owner) for owner in {namespace_of(name) for name in names}}
            done = [name for name in names if states[namespace_of(name)] not in (None, *WAITING)]
            added += await self._sweeps.add(self._registry, list(_queries(done)))
        return added

    async def refuted(self, name: str, now: float) -> None:
        """A repository was answered with 404, by a site that still shows others."""
        if await self._state(namespace_of(name)) == End.COMPLETE:
            await self._known.mark_one_gone(self._registry, name, now)

    async def proof(self) -> str | None:
        """A repository that is there, as far as is known."""
        return await self._known.listed(self._registry, self._listing)

    async def _state(self, owner: str) -> str | None:
        """How far the listing of a namespace is; ``None`` where nobody asked for it."""
        key = Query(owner).key
        if not await self._sweeps.has_asked(self._registry, NAMESPACE, key):
            return None
        return (await self._sweeps.named(self._registry, NAMESPACE, key)).state


def _queries(names: Sequence[str]) -> Iterable[NewQuery]:
    return (NewQuery(REPOSITORY, Query(name).key, _PRIORITY) for name in names)

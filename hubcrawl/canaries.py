"""Whether a site that shows nothing has nothing: it is asked again what it showed before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hubcrawl.answers import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from hubcrawl.queries import Query, Slice
    from hubcrawl.reading import Read

    Ask = Callable[[str, Query, Slice], Awaitable[Read | None]]


@dataclass(frozen=True, slots=True)
class _Canary:
    """A page that once had rows; of which names is not known where there are none."""

    query: Query
    part: Slice
    names: frozenset[str]


class Canaries:
    """One page per endpoint that had rows."""

    def __init__(self, ask: Ask) -> None:
        """Take what asks an endpoint, by name, for a page; ``None`` is no answer."""
        self._ask = ask
        self._canaries: dict[str, _Canary] = {}

    def __repr__(self) -> str:
        return f"<Canaries {sorted(self._canaries)}>"

    def learn(self, endpoint: str, query: Query, part: Slice, names: Iterable[str] = ()) -> None:
        """Remember a page with rows; the one with most is kept, of first pages."""
        found = frozenset(names)
        known = self._canaries.get(endpoint)
        if known is None or (len(found) > len(known.names) and part.page == 1):
            self._canaries[endpoint] = _Canary(query, part, found)

    def knows(self, endpoint: str) -> bool:
        """Whether the endpoint ever showed anything."""
        return endpoint in self._canaries

    def endpoints(self) -> list[str]:
        """All that ever showed anything."""
        return list(self._canaries)

    async def sings(self, endpoint: str) -> bool:
        """Whether an endpoint that is known still shows some of what it showed."""
        canary = self._canaries[endpoint]
        read = await self._ask(endpoint, canary.query, canary.part)
        if read is None or read.answer is not Answer.ROWS or read.rows is None:
            return False
        shown = {record.name for record in read.rows.records}
        return not canary.names or not canary.names.isdisjoint(shown)

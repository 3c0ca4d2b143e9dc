"""The queries that are asked next, a few at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from corpus.catalog.ledgers import SweepQuery
    from hubcrawl.territory import Territory


class Frontier:
    """What the catalog has to be asked, taken from it a few at a time."""

    def __init__(self, territory: Territory, most: int) -> None:
        """Take where queries come from, and how many at a time."""
        self._territory = territory
        self._most = most
        self._at_hand: list[SweepQuery] = []

    def __repr__(self) -> str:
        return f"<Frontier {len(self._at_hand)}>"

    async def next(self, apart: Collection[int]) -> SweepQuery | None:
        """The query to ask next, but for the numbers ``apart``; ``None`` if there is none."""
        if not self._at_hand:
            self._at_hand = await self._territory.frontier(self._most, apart)
        return self._at_hand.pop(0) if self._at_hand else None

    def drop_children(self, parent_id: int | None) -> None:
        """Forget queries that need not be asked any more."""
        if parent_id is not None:
            self._at_hand = [query for query in self._at_hand if query.parent_id != parent_id]

    def drop_endpoint(self, name: str) -> None:
        """Forget the queries of an endpoint that is asked nothing more."""
        self._at_hand = [query for query in self._at_hand if query.endpoint != name]

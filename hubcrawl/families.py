"""Queries that were split, and what their children have shown: kept at hand while children are asked."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from corpus.catalog.ledgers import End
from hubcrawl.queries import Query
from hubcrawl.views import view

if TYPE_CHECKING:
    from corpus.catalog.ledgers import Ledger
    from corpus.catalog.sweeps import SweepCatalog
    from hubcrawl.asking import Asking

# Families at hand; others are read anew from the catalog.
_MOST = 4096


@dataclass(slots=True)
class Family:
    """One query and its children.

    Attributes:
        id: The query's number.
        endpoint: Whom it was asked of.
        query: What it asked.
        ledger: What it showed.
        end: How it was divided; ``None`` where it was not.
        answered: Ledgers of the children with longer terms that have been answered, by number, in the order
            in which they were.
        is_dropped: Whether those that were not asked are not to be asked any more.
    """

    id: int
    endpoint: str
    query: Query
    ledger: Ledger
    end: End | None
    answered: dict[int, Ledger] = field(default_factory=dict)
    is_dropped: bool = False

    def note(self, number: int, query: Query, ledger: Ledger) -> None:
        """What a child has shown. Parts, which have the same term, show nothing that was not claimed."""
        is_part = view(self.endpoint, query).term == view(self.endpoint, self.query).term
        if not is_part and ledger.pages:
            self.answered[number] = ledger


class Families:
    """The families of one sweep."""

    def __init__(self, catalog: SweepCatalog) -> None:
        self._catalog = catalog
        self._at_hand: OrderedDict[int, Family] = OrderedDict()

    def __repr__(self) -> str:
        return f"<Families {len(self._at_hand)}>"

    def begin(self, parent: Asking, end: End) -> None:
        """A query was divided."""
        self._keep(Family(parent.id, parent.endpoint, parent.query, parent.ledger, end))

    def revive(self, number: int) -> None:
        """A query that was divided has children again that are to be asked."""
        if (family := self._at_hand.get(number)) is not None:
            family.is_dropped = False

    async def of(self, number: int) -> Family:
        """The family of a query."""
        family = self._at_hand.get(number)
        if family is None:
            family = await self._read(number)
        self._keep(family)
        return family

    async def _read(self, number: int) -> Family:
        parent = await self._catalog.query(number)
        end = End(parent.state) if parent.state in set(End) else None
        family = Family(number, parent.endpoint, Query.parse(parent.key), parent.ledger, end)
        for child in await self._catalog.children(number):
            family.note(child.id, Query.parse(child.key), child.ledger)
        return family

    def _keep(self, family: Family) -> None:
        self._at_hand[family.id] = family
        self._at_hand.move_to_end(family.id)
        if len(self._at_hand) > _MOST:
            self._at_hand.popitem(last=False)

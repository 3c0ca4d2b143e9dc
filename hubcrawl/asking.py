"""One query under way: which page to ask for next, and what its pages have shown so far."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from corpus.catalog.ledgers import Ledger, SlicePlace, fingerprints
from hubcrawl.counting import counted
from hubcrawl.queries import Query, Slice

if TYPE_CHECKING:
    from collections.abc import Sequence

    from corpus.catalog.ledgers import Pages, SweepQuery


@dataclass(slots=True)
class Asking:
    """A query and its pages.

    Attributes:
        id: Its number in the ledger.
        endpoint: Whom it is asked of.
        parent_id: The query that was split into it.
        query: What is asked.
        ledger: What it showed.
        names: Fingerprints of the names that came.
        end: Rows up to which pages were asked for.
        waiting: Pages to be asked for before all others, and how often they failed.
        is_promised: Whether there is another page, by what is known.
        elsewhere: Fingerprints of names that the query has shown of which this one is a part.
        most_rows: What the site makes of larger pages; ``None`` while it was not seen to.
        unheard: Its last page, where that came in an earlier run; what it told besides names is not at hand.
    """

    id: int
    endpoint: str
    parent_id: int | None
    query: Query
    ledger: Ledger
    names: set[bytes]
    end: int
    waiting: dict[Slice, int]
    is_promised: bool = True
    elsewhere: set[bytes] = field(default_factory=set)
    most_rows: int | None = None
    unheard: Slice | None = None

    @classmethod
    def of(cls, taken: SweepQuery, pages: Pages) -> Asking:
        """Take up a query where it stands."""
        ledger, query = taken.ledger, Query.parse(taken.key)
        end = max((place.page * place.size for place in pages.done), default=0)
        waiting = {Slice(place.page, place.size): attempts for place, attempts in pages.waiting.items()}
        asking = cls(taken.id, taken.endpoint, taken.parent_id, query, ledger, pages.names, end, waiting)
        is_read = ledger.claimed is not None and end >= ledger.claimed
        asking.is_promised = not is_read and ledger.refused_at is None
        done = (Slice(place.page, place.size) for place in pages.done)
        asking.unheard = max(done, key=lambda part: part.offset, default=None)
        return asking

    @property
    def claimed(self) -> int | None:
        """Rows of the whole result, as the site says."""
        return self.ledger.claimed

    @property
    def is_begun(self) -> bool:
        """Whether anything was heard of it that a decision can be made on."""
        return self.ledger.pages > 0 or self.ledger.refused_at is not None

    @property
    def lacks_rows(self) -> bool:
        """Whether more is claimed than came, or is still asked for."""
        waiting = sum(part.size for part in self.waiting)
        return self.ledger.distinct_names + self.ledger.unreadable + waiting < (self.claimed or 0)

    def place(self, part: Slice) -> SlicePlace:
        """A page as the ledger names it."""
        return SlicePlace(self.id, part.page, part.size)

    def next_part(self, page_size: int) -> Slice:
        """The page to ask for: one put off, first those that failed least; else the one after the last.

        The latter may begin with rows that came, where pages were of another size.
        """
        if self.waiting:
            return min(self.waiting, key=lambda part: (self.waiting[part], part.offset))
        size = page_size if self.most_rows is None else min(page_size, self.most_rows)
        return Slice(self.end // size + 1, size)

    def clamped(self, wanted: Slice, part: Slice) -> None:
        """``part`` came where ``wanted`` was asked for."""
        self.waiting.pop(wanted, None)
        if part.size < wanted.size:
            self.most_rows = part.size

    def came(self, part: Slice, names: Sequence[str], claimed: int | None, *, is_promised: bool) -> Ledger:
        """Count a page; returns the ledger with it, but for what is new to the census.

        A whole page of names that came before is the end: some sites show their last page for ever.
        """
        self.unheard = None
        before, is_further = len(self.names), part.page * part.size > self.end
        self.names |= fingerprints(names)
        is_repeat = is_further and bool(names) and len(self.names) == before
        self._passed(part)
        self.is_promised = is_promised and not is_repeat
        distinct = len(self.names - self.elsewhere if self.elsewhere else self.names)
        self.ledger = counted(self.ledger, self.query.term, names, distinct=distinct, claimed=claimed)
        return self.ledger

    def brought(self, new: int) -> None:
        """How many names of the last page nobody had seen in this sweep."""
        self.ledger = replace(self.ledger, new_names=self.ledger.new_names + new, last_new=new)

    def ended(self, part: Slice) -> None:
        """The result ends before a page, and so before those after it."""
        self.waiting = {each: count for each, count in self.waiting.items() if each.offset < part.offset}
        self.end = max(self.end, part.page * part.size)
        self.is_promised = False

    def refused(self, part: Slice) -> Ledger:
        """The site does not serve a page, nor those after it."""
        self.ended(part)
        at = self.ledger.refused_at
        self.ledger = replace(self.ledger, refused_at=part.offset if at is None else min(at, part.offset))
        return self.ledger

    def cut(self, part: Slice, parts: Sequence[Slice]) -> Ledger:
        """A page that cannot be had in one piece; of a single row nothing is left to cut."""
        attempts = self.waiting.get(part, 0)
        self._passed(part)
        self.waiting |= dict.fromkeys(parts, attempts)
        if not parts:
            self.ledger = replace(self.ledger, unreadable=self.ledger.unreadable + 1)
        return self.ledger

    def put_off(self, part: Slice) -> int:
        """A page that is to be asked for again; returns how often it failed."""
        self.waiting[part] = self.waiting.get(part, 0) + 1
        return self.waiting[part]

    def hear_again(self, part: Slice) -> None:
        """Ask once more for a page that came in an earlier run."""
        self.waiting[part] = 0
        self.unheard = None

    def _passed(self, part: Slice) -> None:
        self.waiting.pop(part, None)
        self.end = max(self.end, part.page * part.size)

"""A sweep without a network: the planner driven as an engine drives it, one request after the other."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

from benchmarks.searching import BEYOND, REVERSED, SATURATES_AT, Words
from hubcrawl import planner
from hubcrawl.planner import Child, Decision, Matching, Seen, Step, Traits
from hubcrawl.queries import Query, Slice
from hubcrawl.words import words_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.searching import Search

PAGE_ROWS = 100
_ORDERS = (("", REVERSED),)


class Census:
    """Which names are known, and what that says about longer terms."""

    def __init__(self, names: Sequence[str]) -> None:
        self.is_known = bytearray(len(names))
        self._words = Words(names)
        self._known_words = Counter[str]()
        self._places = sorted(range(len(names)), key=names.__getitem__)
        self._sorted = [names[number] for number in self._places]

    def add(self, numbers: Iterable[int]) -> list[int]:
        """Those of the names that were not known before."""
        new = [number for number in dict.fromkeys(numbers) if not self.is_known[number]]
        for number in new:
            self.is_known[number] = True
            self._known_words.update(self._words.of[number])
        return new

    @property
    def words(self) -> Counter[str]:
        """Words of known names."""
        return self._known_words

    def evidence(self, term: str, matching: Matching) -> Counter[str]:
        """What follows the term, as the planner wants it."""
        found = Counter[str]()
        if matching is Matching.PREFIX:
            first = bisect_left(self._sorted, term)
            for place in range(first, bisect_left(self._sorted, term + BEYOND, first)):
                if self.is_known[self._places[place]]:
                    found[self._sorted[place][len(term) : len(term) + 1]] += 1
        elif len(words_of(term)) == 1:
            for word in self._words.beginning(term):
                if self._known_words[word]:
                    found[word[len(term) : len(term) + 1]] += self._known_words[word]
        return found


@dataclass(slots=True)
class Family:
    """A query that was divided: its children in the order of their answers, and those that wait."""

    answered: dict[Query, None]
    waiting: set[Query]


class Sweep:
    """Everything that can be asked of one search.

    Args:
        search: Whom to ask.
        reach: Rows shown from one end.
        lead_to: The numbers of names that are known because of new ones, by other ways than this search.
    """

    def __init__(self, search: Search, reach: int, lead_to: Callable[[Sequence[str]], Iterable[int]]) -> None:
        self.requests = 0
        self.census = Census(search.names)
        self._search = search
        self._lead_to = lead_to
        self._unseen = Seen(reach=reach)
        self._traits = Traits(orders=_ORDERS, saturates_at=SATURATES_AT)
        self._ledgers: dict[Query, Seen] = {}
        self._names: defaultdict[Query, set[int]] = defaultdict(set)
        self._parents: dict[Query, Query] = {}
        self._families: defaultdict[Query, Family] = defaultdict(lambda: Family({}, set()))
        self._split: dict[Query, None] = {}
        self._frontier: list[tuple[float, int, Query]] = []
        self._numbers = count()
        self._rows = Counter[str]()

    def run(self) -> None:
        """Ask until names found lead to nothing that was not asked."""
        asked = self._ask(planner.roots())
        while asked:
            while self._frontier:
                self._take_up(heapq.heappop(self._frontier)[-1])
            asked = self._ask(planner.seeds(self.census.words, self._traits))
            asked += sum(self._ask(self._children(query), query) for query in list(self._split))

    def _ask(self, children: Iterable[Child], parent: Query | None = None) -> int:
        """Put queries into the frontier unless they were ever there; how many those are."""
        new = [child for child in children if child.query not in self._ledgers]
        for query, priority in new:
            self._ledgers[query] = self._unseen
            heapq.heappush(self._frontier, (-priority, next(self._numbers), query))
            if parent is not None:
                self._parents[query] = parent
                self._families[parent].waiting.add(query)
        return len(new)

    def _children(self, query: Query) -> list[Child]:
        evidence = self.census.evidence(query.term, self._traits.matching)
        return planner.children(query, self._ledgers[query], evidence, self._traits)

    def _take_up(self, query: Query) -> None:
        """Read pages of a query until the planner has seen enough."""
        parent = self._parents.get(query)
        if parent is not None and query not in self._families[parent].waiting:
            return
        decision = Decision(Step.PAGE)
        while decision.step is Step.PAGE:
            seen = self._read(query)
            decision = planner.after_page(query, seen, self._traits)
        self._settle(query, decision)
        if parent is not None:
            self._answered(query, parent)

    def _answered(self, query: Query, parent: Query) -> None:
        """A child has ended: the others may be needless, or all parts of the parent be read."""
        family = self._families[parent]
        family.waiting.discard(query)
        if query.term == parent.term:
            parts = {query: self._ledgers[query]}
            self._settle(parent, planner.after_parts(parent, self._ledgers[parent], parts, self._traits))
            return
        family.answered[query] = None
        ledgers = [self._ledgers[child] for child in family.answered]
        equal = self.census.evidence(parent.term, Matching.PREFIX)[""] if self._traits.is_exact else 0
        if planner.is_accounted(self._ledgers[parent], ledgers, self._traits, equal):
            family.waiting.clear()

    def _settle(self, query: Query, decision: Decision) -> None:
        if decision.step is Step.ASK:
            self._ask([Child(part, planner.FIRST) for part in decision.parts], query)
        elif decision.step is Step.SPLIT:
            self._split[query] = None
            self._ask(self._children(query), query)
        if decision.step is not Step.ASK:
            self._names.pop(query, None)

    def _read(self, query: Query) -> Seen:
        """Ask for the next page of a query, and count it."""
        old = self._ledgers[query]
        page = Slice(old.pages + 1, PAGE_ROWS)
        numbers, claimed = self._search.page(query, page)
        self.requests += 1
        new = self.census.add(numbers)
        self.census.add(self._lead_to([self._search.names[number] for number in new]))
        self._names[query].update(numbers)
        prefixed = self._count(query, numbers)
        self._ledgers[query] = seen = replace(
            old,
            claimed=claimed,
            rows=old.rows + len(numbers),
            distinct=len(self._names[query]),
            new=old.new + len(new),
            prefixed=old.prefixed + prefixed,
            next_is_promised=page.offset + PAGE_ROWS < claimed,
            pages=page.page,
            last_new=len(new),
        )
        return seen

    def _count(self, query: Query, numbers: Sequence[int]) -> int:
        """Learn how the search matches; returns how many names begin with the term."""
        prefixed = sum(self._search.names[number].startswith(query.term) for number in numbers)
        self._rows.update(all=len(numbers), prefixed=prefixed)
        if len(query.term) > 1:
            wanted = set(words_of(query.term))
            whole = sum(wanted <= self._search.words.of[number] for number in numbers)
            self._rows.update(long=len(numbers), whole=whole)
        counts = [self._rows[name] for name in ("all", "prefixed", "long", "whole")]
        self._traits = replace(self._traits, matching=planner.matching(*counts))
        return prefixed

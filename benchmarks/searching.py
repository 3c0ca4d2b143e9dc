"""A search over any number of names, in memory: how it matches, what its window shows, how its pages lie."""

from __future__ import annotations

import random
from array import array
from bisect import bisect_left
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from hubcrawl.planner import Matching
from hubcrawl.words import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from hubcrawl.queries import Query, Slice

REVERSED = "reversed"  # the opposite of the search's own order
BEYOND = "\U0010ffff"
SATURATES_AT = 10_000
_KEPT_RESULTS = 200


@dataclass(frozen=True, slots=True)
class Habits:
    """What kind of search it is.

    Attributes:
        matching: What has to match.
        window: Rows shown from either end of a result.
        repeats: Share of rows in whose place another row of the result is shown, as when pages move.
        seed: Of all chance.
    """

    matching: Matching
    window: int
    repeats: float = 0.0
    seed: int = 1


class Words:
    """Which names hold a word, and which words begin alike."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.of: list[frozenset[str]] = [frozenset(words_of(text)) for text in texts]
        holders: defaultdict[str, array[int]] = defaultdict(lambda: array("i"))
        for number, words in enumerate(self.of):
            for word in words:
                holders[word].append(number)
        self.holders = dict(holders)
        self.sorted = sorted(holders)

    def beginning(self, start: str) -> Sequence[str]:
        """All words that begin so."""
        return self.sorted[bisect_left(self.sorted, start) : bisect_left(self.sorted, start + BEYOND)]

    def find(self, start: str, *, is_whole: bool) -> set[int]:
        """Numbers of the texts with such a word; words of one character have to be equal."""
        if is_whole or len(start) == 1:
            return set(self.holders.get(start, ()))
        return set().union(*(self.holders[word] for word in self.beginning(start)))


class Search:
    """Answers queries about ``names`` (distinct; official ones without ``library/``), best known first."""

    def __init__(self, names: Sequence[str], descriptions: Sequence[str], habits: Habits) -> None:
        ranked = list(zip(names, descriptions, strict=True))
        random.Random(habits.seed).shuffle(ranked)  # noqa: S311 - no secret
        self.names = [name for name, _ in ranked]
        self.words = Words(f"{name} {text}" for name, text in ranked)
        self._habits = habits
        self._places = sorted(range(len(ranked)), key=self.names.__getitem__)
        self._sorted = [self.names[number] for number in self._places]
        self._results: OrderedDict[str, list[int]] = OrderedDict()

    def page(self, query: Query, part: Slice) -> tuple[list[int], int]:
        """Numbers of the names on a page, and how many the result is said to have."""
        found = self._result(query.term)
        end = min(part.offset + part.size, self._habits.window)
        if query.order == REVERSED:
            shown = found[max(len(found) - end, 0) : max(len(found) - part.offset, 0)]
        else:
            shown = found[part.offset : end]
        if self._habits.repeats and found:
            chance = random.Random(f"{self._habits.seed} {query.key} {part.page}")  # noqa: S311 - no secret
            shown = [chance.choice(found) if chance.random() < self._habits.repeats else row for row in shown]
        return shown, min(len(found), SATURATES_AT)

    def shows(self, number: int) -> bool:
        """Whether any query shows the name: the narrowest one that finds it is made of all its words."""
        is_prefix = self._habits.matching is Matching.PREFIX
        found = self._matches(self.names[number] if is_prefix else " ".join(self.words.of[number]))
        place = found.index(number)
        return min(place, len(found) - 1 - place) < self._habits.window

    def _result(self, term: str) -> list[int]:
        found = self._results.get(term)
        if found is None:
            found = self._results[term] = self._matches(term)
            if len(self._results) > _KEPT_RESULTS:
                self._results.popitem(last=False)
        return found

    def _matches(self, term: str) -> list[int]:
        if self._habits.matching is Matching.PREFIX:
            first = bisect_left(self._sorted, term)
            return sorted(self._places[first : bisect_left(self._sorted, term + BEYOND, first)])
        is_whole = self._habits.matching is Matching.WHOLE
        found = [self.words.find(word, is_whole=is_whole) for word in words_of(term)]
        return sorted(set.intersection(*found)) if found else []


def descriptions(names: Sequence[str], seed: int) -> list[str]:
    """Texts for half of the names: 2 to 9 words, by Zipf's law, half of them words of names."""
    chance = random.Random(seed)  # noqa: S311 - no secret
    letters = "etaoinshrdlucmfwypvbgkjqxz"
    popular = sorted(Words(names).holders.items(), key=lambda item: (-len(item[1]), item[0]))
    vocabulary: list[str] = []
    for word, _ in popular[:10_000]:
        vocabulary += [word, "".join(chance.choices(letters, range(26, 0, -1), k=chance.randint(2, 10)))]
    shares = list(accumulate(1 / rank for rank in range(1, len(vocabulary) + 1)))
    return [
        " ".join(chance.choices(vocabulary, cum_weights=shares, k=chance.randint(2, 9)))
        if chance.random() < 0.5
        else ""
        for _ in names
    ]

"""What a query finds: names by their beginnings and words by theirs, from sorted arrays (pure).

Repositories are numbers: their places in the hub. A search looks at what it finds, never at the whole hub.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_SEPARATORS = re.compile(r"[^0-9a-z\u0080-\U0010ffff]+")
_LAST = "\U0010ffff"


def tokens(text: str) -> list[str]:
    """Lower-case words; ``-``, ``_``, ``/`` and the like separate."""
    return [word for word in _SEPARATORS.split(text.lower()) if word]


class Names:
    """Names of repositories, sorted."""

    def __init__(self, names: Sequence[str], numbers: Sequence[int]) -> None:
        order = sorted(range(len(names)), key=names.__getitem__)
        self._names = [names[i] for i in order]
        self._numbers = array("I", (numbers[i] for i in order))

    def starting(self, prefix: str, part: str = "") -> Sequence[int]:
        """Repositories whose names begin so and then have ``part`` somewhere, in the order of names."""
        first = bisect_left(self._names, prefix)
        last = bisect_left(self._names, prefix + _LAST, first)
        if not part:
            return self._numbers[first:last]
        rest = len(prefix)
        return array("I", (self._numbers[i] for i in range(first, last) if part in self._names[i][rest:]))

    def number(self, name: str) -> int | None:
        """The repository of this name."""
        place = bisect_left(self._names, name)
        there = place < len(self._names) and self._names[place] == name
        return self._numbers[place] if there else None

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)


class Words:
    """The words of repositories, sorted, each with the repositories that have it."""

    def __init__(self, texts: Iterable[tuple[str, int]]) -> None:
        postings: dict[str, array[int]] = {}
        for text, number in texts:
            for word in set(tokens(text)):
                postings.setdefault(word, array("I")).append(number)
        self._words = sorted(postings)
        self._numbers = array("I")
        for word in self._words:
            self._numbers.extend(postings[word])
        self._starts = array("I", accumulate((len(postings[word]) for word in self._words), initial=0))

    def exactly(self, word: str) -> set[int]:
        """Repositories that have this word."""
        place = bisect_left(self._words, word)
        there = place < len(self._words) and self._words[place] == word
        return self._between(place, place + there)

    def starting(self, prefix: str) -> set[int]:
        """Repositories that have a word beginning so.

        One character finds whole words only, and so little, as on the Hub.
        """
        if len(prefix) == 1:
            return self.exactly(prefix)
        first = bisect_left(self._words, prefix)
        return self._between(first, bisect_left(self._words, prefix + _LAST, first))

    def _between(self, first: int, last: int) -> set[int]:
        return set(self._numbers[self._starts[first] : self._starts[last]])

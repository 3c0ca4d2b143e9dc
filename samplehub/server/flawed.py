"""Results as pages show them when the index changes between two requests (pure)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, overload

from samplehub.content.seeds import share_of

if TYPE_CHECKING:
    from samplehub.server.options import Flaws


class Flawed(Sequence[int]):
    """What was found, with rows in wrong places; its slices are pages.

    Rows change places with rows one page away, and so are missed or seen twice by whoever asks for both pages
    in two requests; and earlier rows stand where others should. Of results that fit one page nothing is lost.
    """

    def __init__(self, found: Sequence[int], flaws: Flaws, query: str, request: int) -> None:
        self._found = found
        self._flaws = flaws
        self._query = query
        self._request = request

    def __len__(self) -> int:
        return len(self._found)

    @overload
    def __getitem__(self, index: int) -> int: ...

    @overload
    def __getitem__(self, index: slice) -> list[int]: ...

    def __getitem__(self, index: int | slice) -> int | list[int]:
        """The rows of a page, or one row where it belongs."""
        if not isinstance(index, slice):
            return self._found[index]
        first, end, _ = index.indices(len(self._found))
        size = max(1, index.stop - first)  # of a whole page, also where the last one has less
        return [self._found[self._source(place, first, size)] for place in range(first, end)]

    def _source(self, place: int, first: int, size: int) -> int:
        """The place of the row that is shown here."""
        flaws = self._flaws
        if first > 0 and share_of("repeated", flaws.seed, self._query, place) < flaws.repeated:
            return max(0, place - 1 - place * 31 % size)
        return self._swapped(place, size) if flaws.shuffled else place

    def _swapped(self, place: int, size: int) -> int:
        """The other of a pair of places that are one page apart, or the same; pairs differ by request."""
        is_first = (place // size + self._request) % 2 == 0
        other = place + size if is_first else place - size
        if not 0 <= other < len(self._found):
            return place
        chance = share_of("shuffled", self._flaws.seed, self._request, min(place, other))
        return other if chance < self._flaws.shuffled else place

"""What the site was asked, and when."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

_KEPT = 200_000  # entries; older ones are forgotten


class Entry(NamedTuple):
    """One request: unix s, and its path with its query."""

    time_s: float
    path: str


class Journal:
    """The last requests to the site, those above the limit too.

    Attributes:
        entries: Oldest first; at most 200,000.
        count: Number of all requests, also of those that were forgotten.
    """

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=_KEPT)
        self.count = 0

    def enter(self, time_s: float, path: str) -> int:
        """Note a request; its number, from 1."""
        self.count += 1
        self.entries.append(Entry(time_s, path))
        return self.count

    def most_within(self, seconds: float) -> int:
        """The greatest number of requests in any such time, among those that are kept."""
        times = [entry.time_s for entry in self.entries]
        first, most = 0, 0
        for last, time_s in enumerate(times):
            while times[first] <= time_s - seconds:
                first += 1
            most = max(most, last - first + 1)
        return most

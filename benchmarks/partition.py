"""``python -m benchmarks.partition``: how many requests the planner needs to find all names, and an ideal.

The ideal knows all names, divides them by prefixes only where it must, and asks nothing in vain; it reads
results from one end.
"""

from __future__ import annotations

import argparse
from collections import Counter, defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.searching import Habits, Search, descriptions
from benchmarks.sweeping import PAGE_ROWS, Sweep
from hubcrawl.planner import Matching
from hubcrawl.words import shown_name
from samplehub.content.crowd import crowd_names, names_in

if TYPE_CHECKING:
    from collections.abc import Sequence

_LISTED_FROM = 100  # names known of one owner


def ideal_requests(names: Sequence[str], window: int) -> int:
    """Requests of the ideal partition of sorted names."""
    requests = 0
    groups = [("", names)]
    while groups:
        term, group = groups.pop()
        if len(group) <= window or all(name == term for name in group):
            requests += max(1, -(-len(group) // PAGE_ROWS))
            continue
        requests += 1
        parts = defaultdict(list)
        for name in group:
            if len(name) > len(term):
                parts[name[: len(term) + 1]].append(name)
        groups.extend(parts.items())
    return requests


class Listings:
    """Namespaces with many known names are listed; each costs the ideal partition of its names."""

    def __init__(self, names: Sequence[str], window: int) -> None:
        self.requests = 0
        self._window = window
        self._known = Counter[str]()
        self._names: defaultdict[str, list[str]] = defaultdict(list)
        self._numbers: defaultdict[str, list[int]] = defaultdict(list)
        for number in sorted(range(len(names)), key=names.__getitem__):
            owner = names[number].partition("/")[0]
            self._names[owner].append(names[number])
            self._numbers[owner].append(number)

    def __call__(self, new: Sequence[str]) -> list[int]:
        """The numbers of the names that come to be known because ``new`` ones are."""
        found: list[int] = []
        for name in new:
            owner = name.partition("/")[0]
            self._known[owner] += 1
            if self._known[owner] == _LISTED_FROM:
                self.requests += ideal_requests(self._names[owner], self._window)
                found += self._numbers[owner]
        return found


def measure(names: Sequence[str], texts: Sequence[str], habits: Habits, *, with_listings: bool) -> str:
    """One sweep, as one row of the table."""
    search = Search(names, texts, habits)
    listings = Listings(search.names, habits.window)
    sweep = Sweep(search, habits.window, listings if with_listings else lambda _new: ())
    sweep.run()
    missing = [number for number, is_known in enumerate(sweep.census.is_known) if not is_known]
    found = len(names) - len(missing)
    reachable = found + sum(search.shows(number) for number in missing)
    best, requests = ideal_requests(names, habits.window), sweep.requests + listings.requests
    counts = f"{habits.matching:8} {habits.window:6,} {len(names):8,} {best:8,} {requests:9,}"
    shares = f"{requests / best:6.2f} {len(names) - reachable:11,} {found / reachable:9.3%}"
    return f"{counts} {listings.requests:8,} {shares}"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(prog="benchmarks.partition", description=__doc__)
    parser.add_argument("--names", type=Path, help="names to use, one per line")
    parser.add_argument("--count", type=int, default=250_000, help="names to invent where none are given")
    parser.add_argument("--matching", type=Matching, nargs="+", default=[Matching.PREFIX, Matching.WORDS])
    parser.add_argument(
        "--windows", type=int, nargs="+", default=[10_000, 200, 100], help="rows from one end"
    )
    parser.add_argument("--repeats", type=float, default=0.0, help="share of rows shown in place of others")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-listings", action="store_true", help="list no namespace")
    args = parser.parse_args()
    source = names_in(args.names) if args.names else crowd_names(args.count, args.seed)
    names = sorted({shown_name(name) for name in source})
    texts = descriptions(names, args.seed)
    print("matching window    names    ideal  requests listings  ratio unreachable  coverage")
    for matching in args.matching:
        for window in args.windows:
            habits = Habits(matching, window, args.repeats, args.seed)
            print(measure(names, texts, habits, with_listings=not args.no_listings), flush=True)


if __name__ == "__main__":
    main()

"""What any query at all can show of the sample hub, whoever asks it (pure).

A query finds a repository by words that begin words of its owner, its name or its description, or by the
beginning of its name. Of all queries that find it, the one of all its words, or of its whole name, with its
own value of every facet, finds least: its result is a part of the results of all others. A part has the order
of the whole, so that nothing lies deeper in it from either end. So a repository is within reach of some query
if and only if it is within reach of that one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubcrawl import windows
from samplehub import Matching
from samplehub.server.search import tokens

if TYPE_CHECKING:
    from samplehub import Repository
    from samplehub.server.index import Index

# Those of search v2; each is read from both ends.
_ORDERS = ("pulls", "stars")


def rows_shown(window: int) -> int:
    """Rows that pages show from one end, where this is the first offset that is refused, in rows."""
    return windows.reach(window - 1, windows.best_page_size(window - 1))


def is_reachable(index: Index, matching: Matching, rows: int, repository: Repository) -> bool:
    """Whether a page of any query shows a repository.

    Args:
        index: Of the hub.
        matching: How it searches.
        rows: Shown from either end of a result.
        repository: One of the hub's.
    """
    number, term = index.names.number(repository.name), _narrowest(repository, matching)
    facets = (("is_official", str(repository.is_official).lower()),)
    for order in _ORDERS:
        found = list(index.search(term, facets, order))
        if number in found and min(place := found.index(number), len(found) - 1 - place) < rows:
            return True
    return False


def _narrowest(repository: Repository, matching: Matching) -> str:
    if matching is Matching.PREFIX:
        return repository.search_name
    return " ".join(tokens(f"{repository.name} {repository.description}"))

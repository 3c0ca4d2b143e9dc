"""What any query can show, told from one query, against all queries asked one after the other."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from benchmarks.reachable import is_reachable, rows_shown
from samplehub import Hub, Matching, crowd, crowd_of
from samplehub.server.index import Index
from samplehub.server.search import tokens

ALIKE = [
    f"{owner}/{name}"
    for owner, name in product(["app", "web", "app-web"], ["web", "app", "app-web", "web-app"])
]


def shown_by_any_query(hub: Hub, index: Index, rows: int) -> set[str]:
    """The names that both ends show of all queries for beginnings of up to two words, or for all words."""
    words = {word for each in hub.repositories for word in tokens(f"{each.name} {each.description}")}
    starts = sorted({word[:length] for word in words for length in range(1, len(word) + 1)})
    terms = [*starts, *(" ".join(pair) for pair in combinations(starts, 2))]
    terms += [" ".join(tokens(f"{each.name} {each.description}")) for each in hub.repositories]
    terms += [each.search_name[:length] for each in hub.repositories for length in range(1, 40)]
    shown = set[int]()
    for term, order, facets in product(terms, ("pulls", "stars"), ((), (("is_official", "false"),))):
        found = index.search(term, facets, order)
        shown.update(found[:rows], found[-rows:])
    return {hub.repositories[number].name for number in shown}


@pytest.mark.slow
@pytest.mark.parametrize("matching", [Matching.TOKENS, Matching.PREFIX])
@pytest.mark.parametrize("hub", [crowd(12, 2), crowd_of(ALIKE, 1)], ids=["crowd", "alike"])
def test_a_repository_is_reachable_if_some_query_shows_it(hub: Hub, matching: Matching) -> None:
    index = Index(hub, matching)
    for rows in (1, 2):
        reachable = {each.name for each in hub.repositories if is_reachable(index, matching, rows, each)}
        assert shown_by_any_query(hub, index, rows) == reachable


def test_some_are_out_of_reach_where_all_words_are_alike() -> None:
    hub = crowd_of([f"a/{'-'.join(['a'] * length)}" for length in range(1, 31)], 1)
    index = Index(hub)
    shown = [is_reachable(index, Matching.TOKENS, 1, each) for each in hub.repositories]
    assert 0 < sum(shown) < len(shown)


def test_window_of_100_shows_198_rows_from_an_end() -> None:
    assert (rows_shown(100), rows_shown(10_000)) == (198, 10_098)

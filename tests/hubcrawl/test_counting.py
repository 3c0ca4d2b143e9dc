"""Pages are counted into the ledger of their query, and shown to the planner."""

from __future__ import annotations

import pytest

from corpus.catalog.ledgers import Ledger
from hubcrawl.counting import counted, matched, seen
from hubcrawl.queries import Query
from hubcrawl.views import asked, view
from hubcrawl.words import namespace_of, shown_name, words_of


@pytest.mark.parametrize(
    ("term", "names", "prefixed", "whole"),
    [
        ("ann", ["ann/web", "anna/web", "bob/ann"], 2, 2),
        ("web", ["library/web", "library/webs", "ann/web"], 2, 2),
        ("web ann", ["ann/web", "web/ann-1", "web/anna"], 0, 2),
        ("a", [], 0, 0),
    ],
)
def test_rows_match_by_their_beginning_or_by_their_words(
    term: str, names: list[str], prefixed: int, whole: int
) -> None:
    assert matched(term, names) == (prefixed, whole)


def test_page_is_added_to_the_ledger() -> None:
    ledger = counted(Ledger(), "web", ["library/web", "ann/web"], distinct=2, claimed=9)
    ledger = counted(ledger, "web", ["ann/web"], distinct=2, claimed=9)
    assert (ledger.rows, ledger.distinct_names, ledger.pages, ledger.prefixed, ledger.whole) == (
        3,
        2,
        2,
        1,
        3,
    )


def test_most_that_was_ever_claimed_is_kept() -> None:
    """A blocked client is told 0."""
    ledger = counted(Ledger(), "web", [], distinct=0, claimed=9)
    assert counted(ledger, "web", [], distinct=0, claimed=0).claimed == 9
    assert counted(ledger, "web", [], distinct=0, claimed=None).claimed == 9
    assert counted(Ledger(), "web", [], distinct=0, claimed=None).claimed is None


def test_planner_is_shown_the_ledger() -> None:
    ledger = Ledger(9, 3, 2, new_names=2, last_new=1, pages=2, prefixed=1, refused_at=100, unreadable=4)
    showed = seen(ledger, 198, next_is_promised=True)
    assert (showed.claimed, showed.rows, showed.distinct, showed.new, showed.last_new) == (9, 3, 2, 2, 1)
    assert (showed.is_refused, showed.unreadable, showed.next_is_promised, showed.reach) == (
        True,
        4,
        True,
        198,
    )
    assert not seen(Ledger(), 1, next_is_promised=False).is_refused


def test_names_are_words_and_official_ones_have_no_owner_in_searches() -> None:
    assert words_of("Ann/web__app--1.2") == ["ann", "web", "app", "1", "2"]
    assert (shown_name("library/web"), shown_name("ann/web")) == ("web", "ann/web")
    assert (namespace_of("ann/web"), namespace_of("web")) == ("ann", "")


def test_namespace_is_searched_for_parts_of_names() -> None:
    whole, part = Query("ann"), Query("ann", (("name", "we"),), "-name")
    assert view("namespace", whole) == Query("")
    assert view("namespace", part) == Query("we", (), "-name")
    assert asked("namespace", whole, Query("we", (), "-name")) == part
    assert asked("namespace", part, Query("", (), "")) == whole
    assert view("search-v2", part) == asked("search-v2", whole, part) == part

"""A query under way knows which page comes next, and what its pages have shown."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from corpus.catalog.ledgers import Ledger, Pages, SlicePlace, SweepQuery, fingerprints
from hubcrawl.asking import Asking
from hubcrawl.queries import Query, Slice
from hubcrawl.reading import parts_of

TERM = Query("web")


def asking(ledger: Ledger | None = None, pages: Pages | None = None) -> Asking:
    taken = SweepQuery(7, "search-v2", TERM.key, None, ledger or Ledger(), "pending")
    return Asking.of(taken, pages or Pages())


def names(first: int, count: int) -> list[str]:
    return [f"ann/web{number}" for number in range(first, first + count)]


def test_pages_follow_each_other() -> None:
    query = asking()
    for page in (1, 2, 3):
        assert query.next_part(10) == Slice(page, 10)
        query.came(Slice(page, 10), names(page * 10, 10), 95, is_promised=True)
    assert query.ledger.rows == query.ledger.distinct_names == query.ledger.prefixed + 30 == 30


def test_smaller_pages_go_on_with_rows_that_came_and_skip_none() -> None:
    query = asking()
    query.came(Slice(1, 100), names(0, 100), 500, is_promised=True)
    assert query.next_part(99) == Slice(2, 99)


def test_page_that_was_made_smaller_is_not_asked_for_again() -> None:
    query = asking()
    query.clamped(Slice(1, 100), Slice(1, 30))
    query.came(Slice(1, 30), names(0, 30), 90, is_promised=True)
    assert query.next_part(100) == Slice(2, 30)


def test_page_put_off_comes_first_and_those_that_failed_least_before_others() -> None:
    query = asking()
    query.cut(Slice(1, 4), (Slice(1, 2), Slice(2, 2)))
    query.put_off(Slice(1, 2))
    assert query.next_part(100) == Slice(2, 2)
    query.came(Slice(2, 2), names(2, 2), 4, is_promised=False)
    assert query.next_part(100) == Slice(1, 2)
    assert query.put_off(Slice(1, 2)) == 2


def test_whole_page_of_names_that_came_before_is_the_end() -> None:
    query = asking()
    query.came(Slice(1, 10), names(0, 10), 95, is_promised=True)
    query.came(Slice(2, 10), names(0, 10), 95, is_promised=True)
    assert not query.is_promised
    assert (query.ledger.rows, query.ledger.distinct_names) == (20, 10)


def test_part_of_a_page_may_repeat_what_came_without_being_the_end() -> None:
    query = asking()
    query.came(Slice(1, 10), names(0, 10), 95, is_promised=True)
    query.cut(Slice(2, 10), (Slice(3, 5), Slice(4, 5)))
    query.came(Slice(3, 5), names(5, 5), 95, is_promised=True)
    assert query.is_promised


def test_refused_page_takes_those_after_it_with_it() -> None:
    query = asking()
    query.cut(Slice(1, 6), (Slice(1, 2), Slice(2, 2), Slice(3, 2)))
    query.refused(Slice(2, 2))
    assert set(query.waiting) == {Slice(1, 2)}
    assert (query.ledger.refused_at, query.is_promised) == (2, False)
    query.refused(Slice(1, 4))
    query.refused(Slice(9, 4))
    assert query.ledger.refused_at == 0


def test_rows_are_lacking_only_if_they_are_not_asked_for_any_more() -> None:
    query = asking()
    query.cut(Slice(1, 4), (Slice(1, 2), Slice(2, 2)))
    query.came(Slice(1, 2), names(0, 2), 4, is_promised=True)
    assert not query.lacks_rows
    query.ended(Slice(2, 2))
    assert query.lacks_rows
    for number in (3, 4):
        query.cut(Slice(number, 1), ())
    assert not query.lacks_rows
    assert query.ledger.unreadable == 2


def test_other_end_of_a_result_counts_what_the_first_one_did_not_show() -> None:
    query = asking()
    query.elsewhere = fingerprints(names(0, 10))
    query.came(Slice(1, 4), names(8, 4), 12, is_promised=True)
    assert (query.ledger.rows, query.ledger.distinct_names) == (4, 2)


def test_query_is_taken_up_where_it_stands() -> None:
    done = [SlicePlace(7, 1, 10), SlicePlace(7, 2, 10)]
    pages = Pages(fingerprints(names(0, 20)), done, {SlicePlace(7, 7, 5): 2})
    query = asking(Ledger(claimed=45, rows=20, distinct_names=20, pages=2), pages)
    assert query.is_begun
    assert query.is_promised
    assert query.next_part(10) == Slice(7, 5)
    query.ended(Slice(7, 5))
    assert query.next_part(10).offset >= 20


def test_query_whose_rows_all_came_promises_no_page() -> None:
    pages = Pages(fingerprints(names(0, 10)), [SlicePlace(7, 1, 10)])
    query = asking(Ledger(claimed=10, rows=10, distinct_names=10, pages=1), pages)
    assert not query.is_promised
    assert not asking(Ledger(claimed=50, pages=1, refused_at=10), pages).is_promised


@given(st.integers(1, 300), st.integers(1, 50))
def test_parts_of_a_page_are_that_page(size: int, page: int) -> None:
    whole, parts = Slice(page, size), parts_of(Slice(page, size))
    rows = [row for part in parts for row in range(part.offset, part.offset + part.size)]
    assert rows == (list(range(whole.offset, whole.offset + size)) if size > 1 else [])
    assert len({part.size for part in parts}) <= 1


@given(st.integers(1, 100), st.integers(0, 99))
def test_bisecting_ends_at_one_row_after_few_pages(size: int, bad: int) -> None:
    part, failed = Slice(3, size), 0
    row = part.offset + bad % size
    while parts := parts_of(part):
        part = next(each for each in parts if each.offset <= row < each.offset + each.size)
        failed += 1
    assert (part.offset, part.size) == (row, 1)
    assert failed <= 7

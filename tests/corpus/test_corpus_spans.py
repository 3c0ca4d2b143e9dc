"""Sets of bytes, held against sets of numbers; and maps of which a crash left any beginning."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from corpus.spans import NO_END, Span, Spans, read_map, record

SIZE = 40
spans = st.tuples(st.integers(0, SIZE), st.integers(0, SIZE)).map(lambda pair: Span(*pair))
many = st.lists(spans, max_size=12)


def numbers(spans: list[Span] | Spans) -> set[int]:
    return {number for start, end in spans for number in range(start, end)}


@given(many)
def test_spans_are_the_set_of_all_their_bytes(added: list[Span]) -> None:
    """In order, apart from each other, and none of them empty."""
    found = Spans(added)
    assert numbers(found) == numbers(added)
    assert found.total == len(numbers(added))
    listed = list(found)
    assert all(before.end < after.start for before, after in itertools.pairwise(listed))
    assert all(span.length > 0 for span in listed)


@given(many)
def test_the_prefix_ends_at_the_first_byte_that_is_not_here(added: list[Span]) -> None:
    """Whatever lies behind it."""
    first_missing = min(set(range(SIZE + 1)) - numbers(added))
    assert Spans(added).prefix == first_missing


@given(many, many)
def test_gaps_are_what_is_neither_here_nor_taken(added: list[Span], taken: list[Span]) -> None:
    """Up to the size of the blob, in order."""
    gaps = Spans(added).gaps(SIZE, taken)
    assert numbers(gaps) == set(range(SIZE)) - numbers(added) - numbers(taken)
    assert gaps == sorted(gaps)


@given(many)
def test_a_blob_of_unknown_size_has_a_gap_without_end(added: list[Span]) -> None:
    """Behind all that is here."""
    assert Spans(added).gaps(None)[-1] == (max(numbers(added), default=-1) + 1, NO_END)


@given(many, st.integers(0, 16 * 13), st.integers(0, SIZE))
def test_a_map_cut_off_anywhere_tells_the_records_before_the_cut(
    added: list[Span], cut: int, file_bytes: int
) -> None:
    """And nothing about bytes that the file has not."""
    raw = b"".join(record(*span) for span in added)[:cut]
    found = read_map(raw, file_bytes)
    whole = added[: len(raw) // 16]
    if found is None:
        assert whole == []
    else:
        assert numbers(found) == numbers(whole) & set(range(file_bytes))

"""Windows: how far results can be paged through, learned from what came and what was refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hubcrawl.queries import Slice
from hubcrawl.windows import (
    BOUNDLESS,
    RELEARN_AFTER_S,
    Window,
    after_refused,
    after_served,
    best_page_size,
    next_probe,
    reach,
    slice_at,
)

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("served", "page_size", "rows"),
    [(99, 100, 100), (99, 99, 198), (99, 50, 100), (100, 100, 200), (90, 90, 180), (0, 100, 100), (0, 1, 1)],
)
def test_reach_is_what_whole_pages_bring(served: int, page_size: int, rows: int) -> None:
    assert reach(served, page_size) == rows


@given(st.integers(0, 20_000))
def test_best_page_size_reaches_most_and_is_the_largest_that_does(served: int) -> None:
    best = best_page_size(served)
    for size in range(1, 101):
        assert (reach(served, size), size) <= (reach(served, best), best)


@pytest.mark.parametrize(("served", "size"), [(0, 100), (99, 99), (100, 100), (90, 90), (199, 99)])
def test_best_page_sizes_of_windows_that_were_seen(served: int, size: int) -> None:
    assert best_page_size(served) == size


def test_unknown_window_is_boundless_and_asks_for_no_probe() -> None:
    window = Window()
    assert window.reach == BOUNDLESS
    assert next_probe(window, 10_000, NOW) is None


def test_first_refusal_bounds_the_reach_to_what_was_served() -> None:
    window = after_refused(after_served(Window(), 900, NOW), 1_000, NOW)
    assert window.reach == 1_000


def test_refusal_of_what_was_served_is_a_smaller_window() -> None:
    """Nothing but its first page is known to be in it."""
    window = after_refused(Window(9_900, 10_000, 100, NOW), 200, NOW + 1)
    assert window == Window(0, 200, 100, NOW + 1)


def test_service_of_what_was_refused_is_a_larger_window_without_a_known_edge() -> None:
    window = after_served(Window(99, 100, 99, NOW), 100, NOW + 1)
    assert window == Window(100, None, 100, NOW + 1)


def test_what_is_known_already_changes_nothing() -> None:
    window = Window(99, 100, 99, NOW)
    assert after_served(window, 50, NOW + 1) == window
    assert after_refused(window, 150, NOW + 1) == window


def test_window_is_confirmed_where_its_edge_is_refused_again() -> None:
    assert after_refused(Window(99, 100, 99, NOW), 100, NOW + 9).learned_at == NOW + 9


def test_page_size_stays_while_no_edge_is_known() -> None:
    assert after_served(Window(), 99, NOW).page_size == 100


def test_refusal_of_a_first_page_is_no_window() -> None:
    with pytest.raises(ValueError, match="first page"):
        after_refused(Window(), 0, NOW)


@given(st.integers(0, 100_000), st.integers(1, 100))
def test_page_of_a_probe_begins_at_its_offset(offset: int, max_rows: int) -> None:
    part = slice_at(offset, max_rows)
    assert part.offset == offset
    assert 1 <= part.size <= max_rows


def test_probe_needs_a_query_that_has_rows_there() -> None:
    window = Window(0, 100, 100, NOW)
    assert next_probe(window, 100, NOW) is None
    assert next_probe(window, 101, NOW) is not None


def test_first_offset_that_was_refused_is_tried_again_every_day() -> None:
    window = Window(99, 100, 99, NOW)
    assert next_probe(window, 10_000, NOW + RELEARN_AFTER_S - 1) is None
    assert window.is_due(NOW + RELEARN_AFTER_S)
    assert next_probe(window, 10_000, NOW + RELEARN_AFTER_S) == Slice(2, 100)


def admits(window: Window, offset: int) -> bool:
    """Whether nothing is known against a page."""
    return window.refused is None or offset <= window.served


def learned(edge: int, window: Window, max_rows: int = 100, now: float = NOW) -> tuple[Window, int]:
    """The window after paging on until refused, and probing, and the requests that took beyond its pages."""
    offset, size, probes = 0, window.page_size, 0
    while offset < edge and admits(window, offset):
        window = after_served(window, offset, now, max_rows)
        offset += size
    if admits(window, offset):
        window = after_refused(window, offset, now, max_rows)
        probes = 1
    while (probe := next_probe(window, 1 << 30, now, max_rows)) is not None:
        assert window.served < probe.offset <= (window.refused or 0)
        probes += 1
        after = after_served if probe.offset < edge else after_refused
        window = after(window, probe.offset, now, max_rows)
    return window, probes


@settings(deadline=None)
@given(st.integers(1, 20_000), st.sampled_from([100, 50, 1]))
def test_any_window_is_learned_within_a_dozen_requests(edge: int, max_rows: int) -> None:
    window, probes = learned(edge, Window(page_size=max_rows), max_rows)
    best = reach(edge - 1, best_page_size(edge - 1, max_rows))
    assert window.served < edge <= (window.refused or 0)
    assert best * 0.98 <= window.reach <= best
    assert probes <= 12


@pytest.mark.parametrize(
    ("edge", "rows", "page_size"), [(100, 198, 99), (101, 200, 100), (200, 297, 99), (1, 100, 100)]
)
def test_windows_that_were_seen_are_learned_exactly(edge: int, rows: int, page_size: int) -> None:
    window, _ = learned(edge, Window())
    assert (window.reach, window.page_size) == (rows, page_size)


@settings(deadline=None)
@given(st.integers(2, 12_000), st.integers(1, 12_000))
def test_window_that_moves_is_learned_anew_the_next_day(before: int, after: int) -> None:
    window, _ = learned(before, Window())
    tomorrow = NOW + RELEARN_AFTER_S
    if after <= window.served:  # a page that used to come surprises
        window = after_refused(window, window.served, tomorrow)
    window, _ = learned(after, window, now=tomorrow)
    window, _ = learned(after, window, now=tomorrow)
    best = reach(after - 1, best_page_size(after - 1))
    assert best * 0.98 <= window.reach <= best

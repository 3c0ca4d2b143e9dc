"""Numbers as people read them."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.phrases import counted, duration, moment, size, table


@pytest.mark.parametrize(
    ("count", "expected"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (5 << 30, "5.0 GiB"), (167 << 40, "167.0 TiB")],
)
def test_sizes_are_binary_units(count: int, expected: str) -> None:
    """As ``ls -h`` has them."""
    assert size(count) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (90, "1 min 30 s"),
        (3_661, "1 h 1 min"),
        (100_000, "1 d 3 h"),
    ],
)
def test_durations_have_the_two_largest_units_that_matter(seconds: float, expected: str) -> None:
    """Seconds do not matter to a run of days."""
    assert duration(seconds) == expected


@pytest.mark.parametrize(
    ("count", "noun", "expected"),
    [(1, "image", "1 image"), (2000, "image", "2,000 images"), (0, "new repository", "0 new repositories")],
)
def test_counts_agree_with_their_noun(count: int, noun: str, expected: str) -> None:
    """One image, two images, no repositories."""
    assert counted(count, noun) == expected


@given(st.lists(st.tuples(st.text("ab"), st.text("12"))))
def test_columns_of_a_table_are_aligned(rows: list[tuple[str, ...]]) -> None:
    """Every line is as long as the others, and holds its cells."""
    lines = table(rows)
    assert len(lines) == len(rows)
    assert len({len(line) for line in lines}) <= 1
    assert [tuple(line.split()) for line in lines] == [tuple(cell for cell in row if cell) for row in rows]


def test_a_moment_has_a_date_where_it_is_not_today() -> None:
    """By the clock on the wall."""
    noon = datetime(2026, 1, 30, 12, 0).astimezone().timestamp()
    assert moment(noon, noon - 60) == "12:00"
    assert moment(noon + 86_400, noon) == "2026-01-31 12:00"

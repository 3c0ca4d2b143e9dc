"""Cutting lists into pages (pure)."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = TypeVar("Row")


def cursor_page(names: Sequence[str], last: str, size: int) -> tuple[list[str], str | None]:
    """The ``size`` names after ``last`` of a sorted list, and the cursor of the next page, if any."""
    start = bisect_right(names, last)
    page = list(names[start : start + size])
    return page, page[-1] if len(names) > start + size else None


def numbered_page(rows: Sequence[Row], page: int, size: int) -> list[Row] | None:
    """Page ``page`` (from 1); ``None`` past the end. The first page of nothing is an empty one.

    The pages of the Hub are not taken at one instant: a repository that enters at the top pushes the last
    row of page 1 onto page 2, where it is seen again. Here that always happens between page 1 and page 2,
    provided that the last page has room for one row more, so that the number of pages stays the same.
    """
    start = (page - 1) * size
    if start >= len(rows) and page > 1:
        return None
    if page > 1 and len(rows) % size:
        start -= 1
    return list(rows[start : start + size])


def number(text: str | None, default: int, *, least: int = 1, most: int = 10**9) -> int:
    """A number of a query, ``default`` where it is missing or no number, within bounds."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) < 10):
        return default
    return min(max(least, int(text)), most)

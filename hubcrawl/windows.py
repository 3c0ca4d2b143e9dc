"""How far a result can be paged through: learned from what is served and refused, never assumed (pure).

An endpoint refuses pages by the offset of their first row. With the largest offset served *O* and pages of
*p* rows, ``O // p * p + p`` rows come from one end: where O is 99, pages of 100 reach 100 rows and pages of
99 reach 198.

An unknown window is taken to be boundless. That is the cheapest way to learn it: pages are rows as well as
probes, so all it costs is the first refusal, one request; a search for the edge beforehand would cost seven
or more, and find nothing where there is none. Once a page is refused, the edge lies within one page, and
:func:`next_probe` finds it by bisecting a query that is known to have rows there. It ends when a larger
reach is no longer worth a request.

A window that moves spoils nothing that was decided: a result is complete by its rows, and one that was split
is asked for in its parts whatever the window has become since.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hubcrawl.endpoints import MAX_ROWS
from hubcrawl.queries import Slice

# Seconds after which a window is looked at again.
RELEARN_AFTER_S = 86_400.0

# What is taken for boundless, in rows: no result is as large.
BOUNDLESS = 1 << 40

# Part of the reach that a probe must be able to add: every query that is split pays for a smaller reach.
_WORTH = 0.01

# Offsets near the middle of a gap that are looked at, so that a probe is a page of many rows.
_CANDIDATES = 32


@dataclass(frozen=True, slots=True)
class Window:
    """What one endpoint serves to one kind of client.

    Attributes:
        served: The largest offset, in rows, at which a page was served.
        refused: The smallest one at which it was refused; ``None`` where none ever was.
        page_size: Rows per page with which most rows are reached.
        learned_at: When a page at one of these offsets was served or refused last, Unix time in seconds.
    """

    served: int = 0
    refused: int | None = None
    page_size: int = MAX_ROWS
    learned_at: float = 0.0

    @property
    def reach(self) -> int:
        """Rows that come from one end of a result, with pages of ``page_size``."""
        return BOUNDLESS if self.refused is None else reach(self.served, self.page_size)

    def is_due(self, now: float) -> bool:
        """Whether it is so long ago that the window was learned that it may have moved."""
        return self.refused is not None and now >= self.learned_at + RELEARN_AFTER_S


def reach(served: int, page_size: int) -> int:
    """Rows that come with pages of ``page_size``, where no page after the offset ``served`` does."""
    return served // page_size * page_size + page_size


def best_page_size(served: int, max_rows: int = MAX_ROWS) -> int:
    """The page size that reaches most rows; of those that reach as many, the largest."""
    return max(range(1, max_rows + 1), key=lambda size: (reach(served, size), size))


def after_served(window: Window, offset: int, now: float, max_rows: int = MAX_ROWS) -> Window:
    """The window after a page at ``offset`` came with rows."""
    if window.refused is not None and offset >= window.refused:
        return Window(offset, None, max_rows, now)  # it has grown, nobody knows how far
    if offset <= window.served:
        return window
    size = window.page_size if window.refused is None else best_page_size(offset, max_rows)
    return Window(offset, window.refused, size, now)


def after_refused(window: Window, offset: int, now: float, max_rows: int = MAX_ROWS) -> Window:
    """The window after a page at ``offset`` was refused for its offset, which is at least 1."""
    if offset < 1:
        raise ValueError("no window is so small that it has no first page")
    if offset <= window.served:
        # It has shrunk: all that is known of a smaller window is that the first page is in it.
        return Window(0, offset, max_rows, now)
    if window.refused is None or offset < window.refused:
        return Window(window.served, offset, best_page_size(window.served, max_rows), now)
    return replace(window, learned_at=now) if offset == window.refused else window


def next_probe(window: Window, claimed: int, now: float, max_rows: int = MAX_ROWS) -> Slice | None:
    """The page of a query with so many rows that teaches most; ``None`` if none is worth it.

    Once a day it is the first offset that was refused: if it still is, the window is as it was.
    """
    if window.refused is None or claimed <= window.refused:
        return None
    if window.is_due(now):
        return slice_at(window.refused, max_rows)
    most = window.refused - 1
    gain = reach(most, best_page_size(most, max_rows)) - window.reach
    if most <= window.served or gain <= window.reach * _WORTH:
        return None
    return slice_at(_middle(window.served + 1, most, max_rows), max_rows)


def slice_at(offset: int, max_rows: int = MAX_ROWS) -> Slice:
    """The largest page that begins at ``offset``, which is a multiple of its size."""
    if offset == 0:
        return Slice(1, max_rows)
    size = next(size for size in range(min(max_rows, offset), 0, -1) if offset % size == 0)
    return Slice(offset // size + 1, size)


def _middle(first: int, last: int, max_rows: int) -> int:
    """The offset near the middle of both at which the largest page begins."""
    middle = (first + last) // 2
    slack = min((last - first) // 4, _CANDIDATES // 2)
    near = range(middle - slack, middle + slack + 1)
    return max(near, key=lambda offset: (slice_at(offset, max_rows).size, -abs(offset - middle)))

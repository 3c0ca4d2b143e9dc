"""One drawing with its numbers, and how the series of a metric are called on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure


@dataclass(frozen=True, slots=True)
class Exhibit:
    """One drawing.

    Attributes:
        name: Of its files, without an ending.
        description: What it shows, in words.
        draw: Draws it; ``None`` if there are only numbers.
        columns: Names of the columns of its numbers, with units.
        rows: Its numbers, in base units.
        source: Where the published curves on it come from; empty if there are none.
    """

    name: str
    description: str
    draw: Callable[[], Figure] | None
    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]
    source: str = ""


# Series that people know by another name.
_SERIES = {"archive": "tar"}


def class_label(label: str) -> str:
    """A class as people read it: ``no_tag`` is ``no tag``."""
    return label.replace("_", " ")


def series_label(series: str) -> str:
    """A series as people read it: ``inter_any`` is ``inter any``."""
    return _SERIES.get(series, series.replace("_", " "))

"""Shares and ratios by category."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import FuncFormatter, MaxNLocator

from report.figures.scales import tick_text
from report.figures.style import INK, MUTED, canvas, colour, no_data
from report.numbers import quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from report.figures.values import Series

# Of a bar, of what is between two categories, and of axis and legend.
_BAR_IN, _GAP_IN, _FRAME_IN = 0.15, 0.09, 0.5
_LONGEST = 26


def bars(categories: Sequence[str], series: Sequence[Series], unit: str) -> Figure:
    """One row per category, one bar per series, each with its value; the first category is on top."""
    if not categories or not any(any(each.values) for each in series):
        return no_data()
    row_in = _BAR_IN * len(series) + _GAP_IN
    figure, axes = canvas(row_in * len(categories) + _FRAME_IN + 0.2 * (len(series) > 1))
    thick = _BAR_IN / row_in
    for place, each in enumerate(series):
        ys = [row + (place - (len(series) - 1) / 2) * thick for row in range(len(categories))]
        drawn = axes.barh(
            ys,
            [0.0 if math.isnan(value) else value for value in each.values],
            height=thick * 0.9,
            color=MUTED if each.is_published else colour(each.colour),
            label=each.label,
            alpha=0.5 if each.is_published else 1.0,
        )
        axes.bar_label(
            drawn,
            ["" if math.isnan(value) else quantity(value, unit) for value in each.values],
            padding=3,
            fontsize=6.5,
            color=INK,
        )
    axes.set_yticks(range(len(categories)), [shortened(name) for name in categories])
    axes.set_ylim(len(categories) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.16)
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: tick_text(unit, x)))
    if len(series) > 1:
        figure.legend(loc="outside upper left", ncols=2)
    return figure


def shortened(name: str) -> str:
    """A name on one line of a figure: printable, and no longer than there is room for.

    It may come from a registry. A dollar sign would begin a formula.
    """
    printable = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name)
    cut = printable if len(printable) <= _LONGEST else printable[: _LONGEST - 1] + "…"
    return cut.replace("$", r"\$")

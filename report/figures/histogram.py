"""How often each value occurs, as in the paper's (b) figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

from report.figures.scales import counts_on_y, lay_out_x
from report.figures.style import MUTED, NOTHING, canvas, colour, no_data
from report.numbers import grouped

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from report.figures.values import Axis, Bins


def histogram(axis: Axis, series: Sequence[Bins], of: str) -> Figure:
    """The number ``of`` (``layers``) in each bin; how many lie beyond the right edge is said."""
    shown = [bins for bins in series if sum(bins.counts)]
    if not shown:
        return no_data(_apart(series) or NOTHING)
    figure, axes = canvas()
    lay_out_x(axes, axis, [edge for bins in shown for edge in bins.edges])
    for bins in shown:
        axes.stairs(
            bins.counts,
            bins.edges,
            fill=len(shown) == 1,
            color=colour(bins.colour),
            linewidth=1.2,
            label=bins.label,
        )
    counts_on_y(axes, of)
    axes.set_title(_apart(shown), loc="right", fontsize=7, color=MUTED)
    if len(shown) > 1:
        figure.legend(loc="outside upper left", ncols=4, columnspacing=1.1)
    return figure


def _apart(series: Sequence[Bins]) -> str:
    """How many values have no place on the axis: ``12 at 0 · 3 beyond``."""
    zeros, beyond = sum(bins.zeros for bins in series), sum(bins.beyond for bins in series)
    return " · ".join(
        f"{grouped(count)} {where}" for count, where in ((zeros, "at 0"), (beyond, "beyond →")) if count
    )

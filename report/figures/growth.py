"""A ratio against the size of the sample, or a count against time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from report.figures.scales import lay_out_x
from report.figures.style import MARKERS, MUTED, PUBLISHED, canvas, colour, no_data
from report.numbers import short

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from report.figures.values import Axis, Curve


# More are one thick line.
_MOST_MARKERS = 24


def growth(axis: Axis, lines: Sequence[Curve], label: str) -> Figure:
    """Lines through ``points`` (x, y); y is called ``label``."""
    shown = [line for line in lines if line.points]
    if all(line.is_published for line in shown):
        return no_data()
    figure, axes = canvas()
    lay_out_x(axes, axis, [x for line in shown for x, _ in line.points])
    for line in shown:
        axes.plot(
            *zip(*line.points, strict=True),
            marker=MARKERS[line.colour % len(MARKERS)] if len(line.points) <= _MOST_MARKERS else None,
            markersize=3,
            color=colour(line.colour),
            linestyle=(0, (3, 1.6)) if line.is_published else "-",
            linewidth=1.0 if line.is_published else 1.6,
        )
    axes.set_ylim(bottom=0)
    axes.set_ylabel(label)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: short(y)))
    handles = [Line2D([], [], color=colour(line.colour)) for line in shown if not line.is_published]
    labels = [line.label for line in shown if not line.is_published]
    if any(line.is_published for line in shown):
        handles.append(Line2D([], [], color=MUTED, linestyle=(0, (3, 1.6)), linewidth=1.0))
        labels.append(PUBLISHED)
    if len(labels) > 1:
        figure.legend(handles, labels, loc="outside upper left", ncols=4, columnspacing=1.1)
    return figure

"""A cumulative distribution, as in most figures of the paper."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.lines import Line2D

from report.figures.scales import lay_out_x, shares_on_y
from report.figures.style import INK, MARKERS, MUTED, PUBLISHED, canvas, colour, no_data
from report.numbers import quantity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from report.figures.values import Axis, Curve

# Which quantile is written how.
_NAMES = {0.5: "median", 0.9: "p90"}


def cdf(axis: Axis, curves: Sequence[Curve], of: str) -> Figure:
    """The share ``of`` (``layers``) at or below x; what was published is dashed, quantiles are marked.

    Where an axis is logarithmic, a curve comes in from the left at the share of its zeros.
    """
    ours = [curve for curve in curves if curve.points and not curve.is_published]
    if not ours:
        return no_data()
    figure, axes = canvas()
    shown = [curve for curve in curves if curve.points]
    limits = lay_out_x(axes, axis, [x for curve in shown for x, _ in curve.points])
    shares_on_y(axes, f"share of {of}")
    for curve in shown:
        _draw(axes, curve, limits)
    for curve in ours:
        _mark(axes, curve, limits)
    # Others may be to the right of the first.
    _name_marks(axes, axis, ours[0], until=0.55 if len(ours) == 1 else 0.3)
    _legend(axes, shown)
    return figure


def _draw(axes: Axes, curve: Curve, limits: tuple[float, float]) -> None:
    """The steps of one curve, from edge to edge of the axis."""
    low, high = limits
    before = max((f for x, f in curve.points if x <= low), default=0.0)
    inside = [(x, f) for x, f in curve.points if low < x <= high]
    last = inside[-1][1] if inside else before
    xs = [low, *(x for x, _ in inside), high]
    fs = [before, *(f for _, f in inside), last]
    is_old = curve.is_published
    axes.plot(
        xs,
        fs,
        drawstyle="default" if curve.is_polyline else "steps-post",
        color=colour(curve.colour),
        linestyle=(0, (3, 1.6)) if is_old else "-",
        linewidth=1.0 if is_old else 1.6,
        zorder=2 if is_old else 3,
    )


def _mark(axes: Axes, curve: Curve, limits: tuple[float, float]) -> None:
    """Dots at the quantiles."""
    low, high = limits
    axes.plot(
        [min(max(x, low), high) for x in curve.marks.values()],
        list(curve.marks),
        linestyle="none",
        marker=MARKERS[curve.colour % len(MARKERS)],
        markersize=4,
        color=colour(curve.colour),
        zorder=4,
        clip_on=False,
    )


def _name_marks(axes: Axes, axis: Axis, curve: Curve, until: float) -> None:
    """The quantiles of a curve in numbers."""
    low, _ = axes.get_xlim()
    for share, x in curve.marks.items():
        _name(axes, f"{_NAMES[share]} {quantity(x, axis.unit)}", (max(x, low), share), until)


def _name(axes: Axes, text: str, at: tuple[float, float], until: float) -> None:
    """What a dot says: right below it, from ``until`` of the axis on left above, where no rising curve is."""
    is_left = axes.transAxes.inverted().transform(axes.transData.transform(at))[0] < until
    axes.annotate(
        text,
        at,
        xytext=(6, -8) if is_left else (-6, 4),
        textcoords="offset points",
        ha="left" if is_left else "right",
        fontsize=7,
        color=INK,
        zorder=5,
    )


def _legend(axes: Axes, curves: Sequence[Curve]) -> None:
    """Colours with their names, if there are several; the dash once for all."""
    ours = [curve for curve in curves if not curve.is_published]
    handles = [
        Line2D([], [], color=colour(each.colour), marker=MARKERS[each.colour % len(MARKERS)], markersize=4)
        for each in ours
    ]
    labels = [each.label for each in ours]
    if any(each.is_published for each in curves):
        handles.append(Line2D([], [], color=MUTED, linestyle=(0, (3, 1.6)), linewidth=1.0))
        labels.append(PUBLISHED)
    if len(labels) > 1:
        axes.figure.legend(handles, labels, loc="outside upper left", ncols=4, columnspacing=1.1)

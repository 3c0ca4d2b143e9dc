"""Axes: where they begin and end, and what stands at their ticks."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from report.figures.values import BYTES, SHARE, YEAR
from report.numbers import binary, short

if TYPE_CHECKING:
    from collections.abc import Iterable

    from matplotlib.axes import Axes

    from report.figures.values import Axis

_MOST_TICKS = 7


def lay_out_x(axes: Axes, axis: Axis, xs: Iterable[float]) -> tuple[float, float]:
    """Label x, choose its scale and limits from the values it must show; returns the limits."""
    low, high = limits(axis, [x for x in xs if math.isfinite(x)])
    axes.set_xlabel(axis.label)
    if axis.is_log:
        axes.set_xscale("log", base=2 if axis.unit == BYTES else 10)
        axes.xaxis.set_major_locator(FixedLocator(ticks(axis, low, high)))
        axes.xaxis.set_minor_locator(NullLocator())
    elif axis.unit == BYTES:
        axes.xaxis.set_major_locator(FixedLocator(_even_bytes(high)))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=axis.unit not in {SHARE, "ratio"}))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: tick_text(axis.unit, x)))
    axes.set_xlim(low, high)
    return low, high


def limits(axis: Axis, xs: list[float]) -> tuple[float, float]:
    """Where an axis begins and ends; a logarithmic one, without a place for zero, at the least above it."""
    top = axis.high or max(xs, default=1.0)
    if axis.unit == YEAR:
        return min(xs, default=0.0) - 0.25, top + 0.25
    if not axis.is_log:
        return 0.0, max(top, 1.0) if axis.unit != SHARE else 1.0
    above = [x for x in xs if x > 0]
    least = min(above, default=1.0)
    low = least if axis.unit in {BYTES, "ratio"} else min(least, 1.0)
    return low * 0.9, max(top, low * 10) * 1.25


def ticks(axis: Axis, low: float, high: float) -> list[float]:
    """Powers of 10 (of 2 for bytes) between the limits, as many as there is room for."""
    base = 2.0 if axis.unit == BYTES else 10.0
    first, last = math.ceil(math.log(low, base)), math.floor(math.log(high, base))
    # Steps of 2^5 and 2^10 meet the names of units: 1 KiB, 32 KiB, 1 MiB.
    steps = (5, 10, 20) if axis.unit == BYTES else (1, 2, 3, 4, 6)
    step = next((step for step in steps if (last - first) / step < _MOST_TICKS), steps[-1])
    begin = math.ceil(first / step) * step
    return [base**power for power in range(begin, last + 1, step)]


def tick_text(unit: str, x: float) -> str:
    """What stands at a tick: ``32 KiB``, ``10 k``, ``50 %``."""
    if unit == BYTES:
        return binary(x)
    if unit == SHARE:
        return f"{100 * x:.0f} %"
    if unit == YEAR:
        return f"{x:.0f}"
    return short(x)


def shares_on_y(axes: Axes, label: str) -> None:
    """Label y with shares from 0 to 100 %."""
    axes.set_ylim(0, 1)
    axes.set_ylabel(label)
    axes.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: tick_text(SHARE, y)))


def counts_on_y(axes: Axes, label: str) -> None:
    """Label y with counts from 0 up."""
    axes.set_ylim(bottom=0)
    axes.set_ylabel(label)
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: short(y)))


def _even_bytes(high: float) -> list[float]:
    """Five steps or so of 1, 2 or 4 times a power of two."""
    step = 2.0 ** math.ceil(math.log2(max(high, 1.0) / 5))
    return [step * place for place in range(int(high / step) + 1)]

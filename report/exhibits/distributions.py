"""The drawings of distributions: the cumulative curve, and how often each value occurs."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from report.exhibits.exhibit import Exhibit, series_label
from report.figures import cdf, histogram
from report.figures.style import PUBLISHED
from report.figures.values import Axis, Bins, Curve
from report.published import published_curve
from report.results import Distributions
from report.words import axis_label, things

if TYPE_CHECKING:
    from collections.abc import Iterator

    from report.metrics import Metric
    from report.published import PublishedCurve
    from report.results import Distribution

_MARKED = (50, 90)
_TWOFOLD = ("_files", "_bytes")


def distribution_exhibits(metric: Metric, value: Distributions) -> list[Exhibit]:
    """A curve and a histogram of all series; official and other repositories are apart in the numbers.

    Series that are once by files and once by bytes have drawings of their own for each.
    """
    found = []
    for ending in _endings(value):
        mine = Distributions(tuple(each for each in value.rows if each.series.endswith(ending)))
        found += [_cumulative(metric, mine, ending), _frequencies(metric, mine, ending)]
    return found


def _endings(value: Distributions) -> tuple[str, ...]:
    names = {each.series for each in value.rows}
    is_twofold = bool(names) and all(name.endswith(_TWOFOLD) for name in names)
    return _TWOFOLD if is_twofold else ("",)


def _label(series: str, ending: str) -> str:
    return series_label(series.removesuffix(ending)) or "this corpus"


def _file_ending(ending: str) -> str:
    return ending.replace("_", "-")


def _by(ending: str) -> str:
    return ending.replace("_", ", by ")


def whole(value: Distributions) -> list[Distribution]:
    """The series, each with all of its values."""
    return [each for each in value.rows if each.subset == "all"]


def _cumulative(metric: Metric, value: Distributions, ending: str) -> Exhibit:
    high = metric.bars.high if metric.bars and not metric.is_log else None
    axis = Axis(axis_label(metric) + _by(ending), metric.unit, is_log=metric.is_log, high=high)
    published = _published(metric, value)
    curves = [*_ours(value, ending), *_theirs(published)]
    return Exhibit(
        name=f"{metric.name}{_file_ending(ending)}-cdf",
        description=f"Share of {things(metric)} at or below each value{_by(ending)}",
        draw=partial(cdf, axis, curves, things(metric)),
        columns=("series", "subset", f"x [{metric.unit}]", "share at or below x"),
        rows=(*_points(value), *_published_points(published)),
        source="; ".join(dict.fromkeys(curve.source for _, _, curve in published)),
    )


def _ours(value: Distributions, ending: str) -> Iterator[Curve]:
    for place, each in enumerate(whole(value)):
        marks = {percent / 100: each.percentiles[percent] for percent in _MARKED}
        yield Curve(_label(each.series, ending), each.points, place, marks=marks)


def _published(metric: Metric, value: Distributions) -> list[tuple[int, str, PublishedCurve]]:
    """Curves of 2017 with the places of those that they belong to."""
    found = [
        (place, each.series, published_curve(metric.curves[each.series]))
        for place, each in enumerate(whole(value))
        if each.series in metric.curves
    ]
    return [(place, series, curve) for place, series, curve in found if curve is not None]


def _theirs(published: list[tuple[int, str, PublishedCurve]]) -> Iterator[Curve]:
    for place, series, curve in published:
        yield Curve(
            series_label(series), curve.points, place, is_published=True, is_polyline=curve.is_polyline
        )


def _points(value: Distributions) -> Iterator[tuple[object, ...]]:
    for each in value.rows:
        yield from ((each.series, each.subset, x, share) for x, share in each.points)


def _published_points(published: list[tuple[int, str, PublishedCurve]]) -> Iterator[tuple[object, ...]]:
    for _, series, curve in published:
        yield from ((series, PUBLISHED, x, share) for x, share in curve.points)


def _frequencies(metric: Metric, value: Distributions, ending: str) -> Exhibit:
    bars = metric.bars
    axis = Axis(
        axis_label(metric) + _by(ending), metric.unit, is_log=bars is None, high=bars.high if bars else None
    )
    labels = [_label(each.series, ending) for each in whole(value)]
    series = [
        _bins(each, labels[place], place, is_log=axis.is_log) for place, each in enumerate(whole(value))
    ]
    return Exhibit(
        name=f"{metric.name}{_file_ending(ending)}-histogram",
        description=f"Number of {things(metric)} with each value{_by(ending)}",
        draw=partial(histogram, axis, series, things(metric)),
        columns=("series", "subset", f"from [{metric.unit}]", f"to below [{metric.unit}]", "count"),
        rows=tuple(_bars(value)),
    )


def _bins(each: Distribution, label: str, place: int, *, is_log: bool) -> Bins:
    """On a logarithmic axis the bar of the zeros has no place; it is said how many they are."""
    edges, counts = each.histogram.edges, each.histogram.counts
    has_zeros = is_log and bool(edges) and edges[0] <= 0
    return Bins(
        label=label,
        edges=edges[1:] if has_zeros else edges,
        counts=counts[1:] if has_zeros else counts,
        colour=place,
        zeros=counts[0] if has_zeros else 0,
        beyond=each.histogram.beyond,
    )


def _bars(value: Distributions) -> Iterator[tuple[object, ...]]:
    for each in value.rows:
        known = (each.series, each.subset)
        bars = each.histogram
        if bars.below:
            yield (*known, None, bars.edges[0] if bars.edges else None, bars.below)
        for low, high, count in zip(bars.edges, bars.edges[1:], bars.counts, strict=False):
            yield (*known, low, high, count)
        if bars.beyond:
            yield (*known, bars.edges[-1] if bars.edges else None, None, bars.beyond)

"""The drawings of shares and savings: bars by category; lines where categories are sizes of samples."""

from __future__ import annotations

from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from report.exhibits.exhibit import Exhibit, class_label, series_label
from report.figures import bars, growth
from report.figures.values import Axis, Curve, Series
from report.words import slug

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.figure import Figure

    from report.metrics import Metric
    from report.results import Ratio, Ratios, Share, Shares, Table

# What the names of published shares of bytes end with.
_BYTES = ".bytes"

# A bar without a length.
_UNKNOWN = float("nan")

# As many rows as can be read at a glance; all are in the numbers.
_MOST_BARS = 14


def share_exhibits(metric: Metric, value: Shares) -> list[Exhibit]:
    """For each whole a bar chart by count, and one by size where sizes are known; beside them 2017's."""
    wholes = [(series, list(rows)) for series, rows in groupby(value.rows, key=lambda row: row.series)]
    found = []
    for series, rows in wholes or [("", [])]:
        found.append(_by_count(metric, series, rows))
        if any(row.size_bytes is not None for row in rows):
            found.append(_by_size(metric, series, rows))
    return found


def _by_count(metric: Metric, series: str, rows: Sequence[Share]) -> Exhibit:
    return _shares(
        metric,
        _file_name(metric, series),
        _described(f"Share of {metric.unit}", series, rows),
        rows,
        "",
    )


def _by_size(metric: Metric, series: str, rows: Sequence[Share]) -> Exhibit:
    return _shares(
        metric,
        f"{_file_name(metric, series)}-bytes",
        _described("Share of bytes", series, rows),
        rows,
        _BYTES,
    )


def published_shares(metric: Metric, rows: Sequence[Share], ending: str = "") -> list[float | None]:
    """What was published of each class as a share of its whole.

    Published counts are divided by the sum of all of them, whether or not this corpus has each class.
    """
    numbers = metric.published.get("S17") or metric.published.get("S18", {})
    found = [
        numbers.get(f"{row.series}.{row.label}{ending}" if row.series else row.label + ending) for row in rows
    ]
    total = sum(numbers.values())
    is_counted = any(each > 1 for each in found if each is not None)
    return [each / total if is_counted and each is not None else each for each in found]


def _shares(
    metric: Metric,
    name: str,
    description: str,
    rows: Sequence[Share],
    ending: str,
) -> Exhibit:
    """``ending`` is that of the published numbers: :data:`_BYTES` of shares by size."""
    ours = [(row.size_share or 0.0) if ending == _BYTES else row.count_share for row in rows]
    theirs = published_shares(metric, rows, ending)
    labels = [class_label(row.label) for row in rows[:_MOST_BARS]]
    drawn = [Series("this corpus", tuple(ours[:_MOST_BARS]))]
    if any(each is not None for each in theirs):
        year = "2017 (S17)" if metric.published.get("S17") else "2018, drafts (S18)"
        drawn.append(
            Series(
                year,
                tuple(_UNKNOWN if each is None else each for each in theirs[:_MOST_BARS]),
                is_published=True,
            )
        )
    return Exhibit(
        name=name,
        description=description,
        draw=partial(bars, labels, drawn, "share"),
        columns=(
            "series",
            "class",
            "count",
            "share of count",
            "size [B]",
            "share of bytes",
            "published share",
        ),
        rows=tuple(
            (row.series, row.label, row.count, row.count_share, row.size_bytes, row.size_share, old)
            for row, old in zip(rows, theirs, strict=True)
        ),
    )


def _file_name(metric: Metric, series: str) -> str:
    return f"{metric.name}-{slug(series)}" if series else metric.name


def _described(what: str, series: str, rows: Sequence[Share]) -> str:
    of = f": {series_label(series)}" if series else ""
    left_out = f"; {len(rows) - _MOST_BARS} smaller ones are in the CSV" if len(rows) > _MOST_BARS else ""
    return what + of + left_out


def ratio_exhibits(metric: Metric, value: Ratios) -> list[Exhibit]:
    """Bars of ratios; lines where every label is the size of a sample."""
    is_growth = bool(value.rows) and all(row.label.isdecimal() for row in value.rows)
    return [
        Exhibit(
            name=metric.name,
            description="Before / after, by sample" if is_growth else "Before / after: 1 is nothing saved",
            draw=partial(_grown, metric, value) if is_growth else partial(_saved, value),
            columns=("series", "of", "before", "after", "ratio"),
            rows=tuple((row.series, row.label, row.before, row.after, row.ratio) for row in value.rows),
        )
    ]


def _saved(value: Ratios) -> Figure:
    labels = list(dict.fromkeys(row.label for row in value.rows))
    ratios = {(row.series, row.label): row.ratio or 0.0 for row in value.rows}
    series = [
        Series(series_label(name), tuple(ratios.get((name, label), 0.0) for label in labels), place)
        for place, name in enumerate(_series(value.rows))
    ]
    return bars([class_label(label) for label in labels], series, "ratio")


def _grown(metric: Metric, value: Ratios) -> Figure:
    names = _series(value.rows)
    lines = [
        Curve(
            series_label(name),
            tuple((float(row.label), row.ratio or 0.0) for row in value.rows if row.series == name),
            place,
        )
        for place, name in enumerate(names)
    ]
    lines += [_published_growth(metric, name, place) for place, name in enumerate(names)]
    return growth(Axis("layers sampled", "layers", is_log=True), lines, "ratio")


def _published_growth(metric: Metric, series: str, place: int) -> Curve:
    """The drafts' ratios, which the metric has by series and size of the sample."""
    keys = {key: key.rpartition(".") for key in metric.published.get("S18", {})}
    points = sorted(
        (float(size), metric.published["S18"][key]) for key, (of, _, size) in keys.items() if of == series
    )
    return Curve(series, tuple(points), place, is_published=True)


def _series(rows: Sequence[Ratio]) -> list[str]:
    return list(dict.fromkeys(row.series for row in rows))


def table_exhibits(metric: Metric, value: Table) -> list[Exhibit]:
    """Only numbers; a line where the first column is time."""
    draw = partial(_over_time, metric, value) if value.columns[:1] == ("month",) else None
    return [Exhibit(metric.name, "By month", draw, value.columns, value.rows)]


def _over_time(metric: Metric, value: Table) -> Figure:
    """The column that is called as the unit, by month."""
    place = value.columns.index(metric.unit)
    points = tuple((_year(str(row[0])), float(str(row[place]))) for row in value.rows)
    return growth(Axis("year", "year"), [Curve(metric.unit, points)], metric.unit)


def _year(month: str) -> float:
    """``2017-07`` as a number of years."""
    year, _, number = month.partition("-")
    return int(year) + (int(number[:2]) - 1) / 12

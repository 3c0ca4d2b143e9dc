"""The numbers behind a figure as a table: ours, and beside them what was published."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING

from report.exhibits.exhibit import class_label, series_label
from report.numbers import NONE, grouped, published_quantity, quantity
from report.page.document import Cell, TableBlock
from report.results import Distributions, Ratios, Shares

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from report.metrics import Metric
    from report.results import Distribution, Ratio, Table, Value

_PERCENTILES = (10, 25, 50, 75, 90, 99)
_COLUMNS = {"S17": "2017, published (S17)", "S18": "2018, drafts (S18)"}


# A column that says the unit of the numbers in its row.
_UNIT = "unit"
# Columns whose texts are words of ours; all others are as strangers wrote them.
_NAMED = frozenset({"name", "cause", "setting", "flag"})
_ABBREVIATIONS = frozenset({"cls", "als", "fls", "cis", "ais", "fis"})


def numbers_table(metric: Metric, value: Value) -> TableBlock:
    """Every series of a metric, in the form that its kind has."""
    if isinstance(value, Distributions):
        return _distributions(metric, value)
    if isinstance(value, Shares):
        return _shares(metric, value)
    if isinstance(value, Ratios):
        return _ratios(metric, value)
    return plain_table(metric, value)


def plain_table(metric: Metric, value: Table) -> TableBlock:
    """A table as the query has it, with what was published of its rows beside."""
    published = [column for column in metric.published if metric.published[column]]
    shown = [name for name in value.columns if name != _UNIT]
    rows = tuple(
        tuple(_plain_row(metric, dict(zip(value.columns, row, strict=True)), published)) for row in value.rows
    )
    heads = (*map(column_title, shown), *(_COLUMNS[column] for column in published))
    return TableBlock(metric.name, metric.title, heads, rows)


def _plain_row(metric: Metric, row: Mapping[str, object], published: list[str]) -> Iterator[Cell]:
    """One row; where it has a column for its unit, that is the unit of its numbers."""
    key, *_ = row.values()
    unit = str(row[_UNIT]) if _UNIT in row else None
    for name, each in row.items():
        if name != _UNIT:
            yield cell_of(each, unit or _unit_of(name), is_name=name in _NAMED)
    for column in published:
        yield _published_cell(metric.published[column], str(key), unit or metric.unit)


def cell_of(value: object, unit: str, *, is_name: bool = False) -> Cell:
    """A value of a query as people read it; ``is_name`` of what a row is called by."""
    if value is None:
        return Cell(NONE)
    if isinstance(value, bool):
        return Cell("yes" if value else "no")
    if isinstance(value, int | float):
        return number_cell(float(value), unit)
    if isinstance(value, datetime | date):
        return Cell(value.isoformat()[:10])
    return Cell(_row_name(str(value)) if is_name else str(value))


def number_cell(value: float | None, unit: str) -> Cell:
    """A number with its unit."""
    return Cell(quantity(value, unit), value)


def _row_name(name: str) -> str:
    """``cls_bytes`` as the name of a row: ``CLS``."""
    known = name.removesuffix("_bytes")
    return known.upper() if known in _ABBREVIATIONS else class_label(name)


def column_title(name: str) -> str:
    """``size_bytes`` as the head of a column: ``size``."""
    return "" if name == "name" else name.removesuffix("_bytes").replace("_", " ")


def _unit_of(column: str) -> str:
    """A unit as the names of columns tell it."""
    for ending, unit in (("bytes", "B"), ("share", "share"), ("ratio", "ratio")):
        if column.endswith(ending):
            return unit
    return "1"


def _distributions(metric: Metric, value: Distributions) -> TableBlock:
    heads = ("", "n", "least", *(f"p{each}" for each in _PERCENTILES), "most", "mean")
    rows = [*(_distribution(metric, each) for each in value.rows), *_published_rows(metric)]
    return TableBlock(metric.name, metric.title, heads, tuple(rows))


def _distribution(metric: Metric, each: Distribution) -> tuple[Cell, ...]:
    name = " · ".join(filter(None, (series_label(each.series), each.subset)))
    values = (each.minimum, *(each.percentiles[percent] for percent in _PERCENTILES), each.maximum, each.mean)
    return (Cell(name), Cell(grouped(each.n), each.n), *(number_cell(value, metric.unit) for value in values))


def _published_rows(metric: Metric) -> Iterator[tuple[Cell, ...]]:
    """One row for each series of each column of published numbers."""
    statistics = ("n", "min", *(f"p{each}" for each in _PERCENTILES), "max", "mean")
    for column, numbers in metric.published.items():
        for series in dict.fromkeys(key.rpartition(".")[0] for key in numbers):
            key = f"{series}." if series else ""
            found = [numbers.get(key + statistic) for statistic in statistics]
            if any(each is not None for each in found):
                name = " · ".join(filter(None, (series_label(series), _COLUMNS[column])))
                yield (Cell(name), *(Cell(published_quantity(each, metric.unit), each) for each in found))


def _shares(metric: Metric, value: Shares) -> TableBlock:
    has_sizes = any(row.size_bytes is not None for row in value.rows)
    has_series = any(row.series for row in value.rows)
    published = [column for column in metric.published if metric.published[column]]
    heads = (
        "class",
        *(["of"] if has_series else []),
        "count",
        "share",
        *(["size", "share of bytes"] if has_sizes else []),
        *(_COLUMNS[column] for column in published),
    )
    rows = tuple(
        (
            Cell(class_label(row.label)),
            *([Cell(series_label(row.series))] if has_series else []),
            Cell(grouped(row.count), row.count),
            number_cell(row.count_share, "share"),
            *([number_cell(row.size_bytes, "B"), number_cell(row.size_share, "share")] if has_sizes else []),
            *_published_cells(metric, published, f"{row.series}.{row.label}" if row.series else row.label),
        )
        for row in value.rows
    )
    return TableBlock(metric.name, metric.title, heads, rows)


def _ratios(metric: Metric, value: Ratios) -> TableBlock:
    published = [column for column in metric.published if metric.published[column]]
    heads = ("of", "series", "before", "after", "ratio", *(_COLUMNS[column] for column in published))
    rows = tuple(
        (
            Cell(class_label(row.label)),
            Cell(series_label(row.series)),
            number_cell(row.before, _before_unit(metric, row)),
            number_cell(row.after, _before_unit(metric, row)),
            number_cell(row.ratio, "ratio"),
            *_published_cells(
                metric, published, f"{row.series}.{row.label}" if row.series else row.label, "ratio"
            ),
        )
        for row in value.rows
    )
    return TableBlock(metric.name, metric.title, heads, rows)


def _before_unit(metric: Metric, row: Ratio) -> str:
    return "B" if metric.unit == "B" or "bytes" in {row.series, row.label} else "1"


def _published_cells(metric: Metric, columns: list[str], key: str, unit: str = "") -> Iterator[Cell]:
    """What each column published of the row ``key``."""
    for column in columns:
        yield _published_cell(metric.published[column], key, unit or metric.unit)


def _published_cell(numbers: Mapping[str, float], key: str, unit: str) -> Cell:
    """A published number; of a class it may be its share instead of its count."""
    found = numbers.get(key)
    if found is None:
        return Cell(NONE)
    is_share = 0 < found < 1 and unit not in {"B", "ratio"}
    return Cell(published_quantity(found, "share" if is_share else unit), found)

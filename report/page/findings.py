"""What was found, in sentences with numbers. "Typical" is the median."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from report.exhibits.distributions import whole
from report.exhibits.exhibit import class_label, series_label
from report.exhibits.parts import published_shares
from report.numbers import NBSP, grouped, percent, published_quantity, quantity
from report.results import Distributions, Ratios, Shares
from report.words import axis_label, thing, things, unit_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from report.metrics import Metric
    from report.results import Distribution, Ratio, Share, Table, Value

NO_DATA = "No data: nothing of this kind was profiled yet."

_COLUMNS = {"S17": "in 2017", "S18": "in the drafts of 2018"}
_STATISTICS = ("p50", "p90")
# As many as a sentence bears.
_MOST_SERIES = 4


def finding(metric: Metric, value: Value) -> str:
    """The one sentence that somebody who reads no further should take along."""
    if not value.rows:
        return NO_DATA
    if isinstance(value, Distributions):
        return _of_distributions(metric, whole(value))
    if isinstance(value, Shares):
        return _of_shares(metric, value)
    if isinstance(value, Ratios):
        return _of_ratios(value)
    return _of_table(metric, value)


def then(metric: Metric, value: Value) -> str:
    """What was published of the same quantities; empty if nothing was."""
    if isinstance(value, Shares):
        return _published_parts(metric, value)
    if isinstance(value, Ratios):
        return _published_ratios(metric, value)
    if not isinstance(value, Distributions):
        return ""
    series = [each.series for each in whole(value)] or [""]
    if unit_word(metric.unit):
        series = series[:1]  # as the finding
    said = [
        text
        for column, when in _COLUMNS.items()
        if (text := _published(metric, metric.published.get(column, {}), series, when))
    ]
    return _sentence("; ".join(said))


def amount(value: float, unit: str) -> str:
    """A number with what it counts: ``30 files``, ``3.6 MiB``."""
    word = unit_word(unit, value).strip()
    return f"{quantity(value, unit)}{NBSP}{word}" if word else quantity(value, unit)


def published_amount(value: float, unit: str) -> str:
    """The same of a published number."""
    return published_quantity(value, unit) if unit == "B" else amount(value, unit)


# What is said of several series at once, with their quantiles.
_SENTENCES = {
    "layer_size": (
        "A typical layer is {compressed.p50} compressed and {archive.p50} as a tar; "
        "nine in ten are at most {compressed.p90} and {archive.p90}."
    ),
    "image_size": (
        "A typical image is {compressed.p50} compressed and {archive.p50} as tars; "
        "nine in ten are at most {compressed.p90} and {archive.p90}."
    ),
    "layer_ratio": (
        "Compression makes a typical layer {archive.p50} times smaller, and nine in ten at most "
        "{archive.p90} times."
    ),
    "image_ratio": (
        "Compression makes a typical image {archive.p50} times smaller, and nine in ten at most "
        "{archive.p90} times."
    ),
    "layer_redundancy": (
        "Of the files in a typical layer {inter_any_files.p50} occur more than once over all distinct "
        "layers, {inter_strict_files.p50} in another layer too, and {intra_files.p50} repeat within it."
    ),
    "image_redundancy": (
        "Of the files in a typical image {inter_any_files.p50} occur more than once over all distinct "
        "layers, {inter_strict_files.p50} in another image too, and {intra_files.p50} repeat within it."
    ),
    "repository_age": (
        "A typical repository was last pushed to {p50} days before it was listed; "
        "nine in ten at most {p90} days."
    ),
    "file_size": "Half of all files are {all.p50} or smaller, nine in ten at most {all.p90}.",
}
_QUANTILE = re.compile(r"\{(?:(?P<series>\w+)\.)?p(?P<percent>\d+)\}")


def _of_distributions(metric: Metric, series: Sequence[Distribution]) -> str:
    known = {each.series: each for each in series}
    sentence = _SENTENCES.get(metric.name, "")
    if sentence and all(name in known for name, _ in _QUANTILE.findall(sentence)):
        return _QUANTILE.sub(lambda told: _quantile(metric, known, told), sentence)
    if len(series) == 1 or unit_word(metric.unit):
        middle, high = series[0].percentiles[50], quantity(series[0].percentiles[90], metric.unit)
        return f"{_typical(metric, middle)}; nine in ten {_verb(metric)} at most {high}."
    shown = series[:_MOST_SERIES]
    medians, highs = (
        _listed([f"{quantity(each.percentiles[percent], metric.unit)} {_of(each)}" for each in shown])
        for percent in (50, 90)
    )
    return f"{_subject(metric)} {medians} in the median; nine {things(metric)} in ten have at most {highs}."


def _quantile(metric: Metric, known: Mapping[str, Distribution], told: re.Match[str]) -> str:
    return quantity(known[told["series"] or ""].percentiles[int(told["percent"])], metric.unit)


def _typical(metric: Metric, middle: float) -> str:
    unit = metric.unit
    if unit == "levels":
        return f"A typical {thing(metric)} is {amount(middle, unit)} deep"
    if unit == "days":
        return f"A typical {thing(metric)} is {amount(middle, unit)} old"
    if unit_word(unit):
        return f"A typical {thing(metric)} has {amount(middle, unit)}"
    return f"{_subject(metric)} {quantity(middle, unit)} in the median"


def _verb(metric: Metric) -> str:
    return "are" if metric.unit in {"levels", "days"} else "have"


def _subject(metric: Metric) -> str:
    label = axis_label(metric)
    return f"{label[:1].upper()}{label[1:]}:"


def _of(each: Distribution) -> str:
    return series_label(each.series)


def _published(metric: Metric, numbers: Mapping[str, float], series: Sequence[str], when: str) -> str:
    """``in 2017 it was 30, and 7,410 in one of ten``, of those series and statistics that are published."""
    told = []
    for name in series:
        key = f"{name}." if name else ""
        found = [
            f"{_STATISTIC_WORDS[each]} {quantity(numbers[key + each], metric.unit)}"
            for each in _STATISTICS
            if key + each in numbers
        ]
        if found:
            label = f"{series_label(name)} " if len(series) > 1 else ""
            told.append(label + ", ".join(found))
    return f"{when}: {' and '.join(told)}" if told else ""


def _published_parts(metric: Metric, value: Shares) -> str:
    """Of one whole, the classes that the finding tells of."""
    if len({row.series for row in value.rows}) > 1:
        return ""
    theirs = published_shares(metric, value.rows)
    told = [
        f"{percent(old)} {class_label(row.label)}"
        for row, old in zip(value.rows[:2], theirs, strict=False)
        if old is not None
    ]
    when = _COLUMNS["S17" if metric.published.get("S17") else "S18"]
    return _sentence(f"{when}: {_listed(told)}") if told else ""


def _published_ratios(metric: Metric, value: Ratios) -> str:
    numbers = metric.published.get("S18", {})
    keys = {(f"{row.series}.{row.label}" if row.series else row.label): row for row in value.rows}
    told = [f"{_name(row)} {quantity(numbers[key], 'ratio')}" for key, row in keys.items() if key in numbers]
    return _sentence(f"{_COLUMNS['S18']}: {_listed(told[:_MOST_SERIES])}") if told else ""


_STATISTIC_WORDS = {"p50": "median", "p90": "p90"}


def _of_shares(metric: Metric, value: Shares) -> str:
    """The most frequent class of each whole, and the next where there is one whole."""
    wholes = {row.series: [each for each in value.rows if each.series == row.series] for row in value.rows}
    if len(wholes) > 1:
        tops = [f"{series_label(series)}: {_part(rows[0])}" for series, rows in wholes.items()]
        return _sentence("; ".join(tops[:_MOST_SERIES]))
    rows = value.rows
    total = sum(row.count for row in rows)
    counted = f"{grouped(total)}{unit_word(metric.unit, total)}"
    if len(rows) == 1:
        return f"{f'All {counted}' if total > 1 else counted}: {class_label(rows[0].label)}."
    return f"Of {counted}: {_part(rows[0])} and {_part(rows[1])}."


def _part(row: Share) -> str:
    return f"{percent(row.count_share)} {class_label(row.label)}"


def _of_ratios(value: Ratios) -> str:
    """The last of each series, which of samples is the largest; else the first and the best."""
    ratios = [row for row in value.rows if row.ratio is not None]
    if not ratios:
        return NO_DATA
    last = {row.series: row for row in ratios}
    if all(row.label.isdecimal() for row in ratios):
        told = _listed(
            [f"{quantity(row.ratio, 'ratio')} by {series_label(row.series)}" for row in last.values()]
        )
        return f"Over all {grouped(float(ratios[-1].label))} layers the ratio is {told}."
    return _sentence(
        "; ".join(f"{_name(row)} {quantity(row.ratio, 'ratio')} to 1" for row in ratios[:_MOST_SERIES])
    )


def _name(row: Ratio) -> str:
    return " ".join(filter(None, (class_label(row.label), series_label(row.series))))


def _of_table(metric: Metric, value: Table) -> str:
    """Where time is told, when it began and what all of it made."""
    if value.columns[:1] != ("month",):
        return ""
    first, last = value.rows[0][0], value.rows[-1][0]
    when = f"In {first}" if first == last else f"From {first} to {last}"
    new = f"new_{metric.unit}"
    column = value.columns.index(new if new in value.columns else metric.unit)
    count = sum(float(str(row[column])) for row in value.rows)
    return f"{when} there came to be {grouped(count)}{unit_word(metric.unit, count)}."


def _listed(parts: Sequence[str]) -> str:
    *most, last = parts
    return f"{', '.join(most)} and {last}" if most else last


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""

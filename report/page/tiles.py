"""The few numbers on top of the page: a question, its answer, and what it was in 2017."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from report.exhibits.distributions import whole
from report.page.document import Tile
from report.page.findings import amount, published_amount
from report.results import Distributions, Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from report.metrics import Metric
    from report.results import Value


class _Question(NamedTuple):
    metric: str
    series: str
    label: str


# The medians that the paper is quoted for.
_MEDIANS = (
    _Question("layer_files", "", "in a typical layer"),
    _Question("layer_size", "compressed", "a typical layer, compressed"),
    _Question("image_layers", "distinct", "in a typical image"),
    _Question("image_size", "compressed", "a typical image, compressed"),
)
_TOTALS = (
    _Question("totals", "analyzed_images", "images analyzed"),
    _Question("totals", "analyzed_layers", "layers analyzed"),
    _Question("totals", "files", "files in these layers"),
    _Question("totals", "cls_bytes", "in these layers, compressed"),
)


def tiles(values: Mapping[str, tuple[Metric, Value]]) -> Iterator[Tile]:
    """A tile for every question that there is a value for: what is typical, then how much there is."""
    for question in (*_MEDIANS, *_TOTALS):
        metric, value = values.get(question.metric, (None, None))
        if metric is None:
            continue
        if isinstance(value, Distributions):
            yield from _median(question, metric, value)
        elif isinstance(value, Table):
            yield from _total(question, metric, value)


def _median(question: _Question, metric: Metric, value: Distributions) -> Iterator[Tile]:
    key = f"{question.series}.p50" if question.series else "p50"
    for each in whole(value):
        if each.series == question.series:
            yield _tile(question, metric, each.percentiles[50], (key, metric.unit))


def _total(question: _Question, metric: Metric, value: Table) -> Iterator[Tile]:
    for name, number, unit in value.rows:
        if name == question.series:
            shown = str(unit) if unit == "B" else "1"  # the label says what is counted
            yield _tile(question, metric, float(str(number)), (question.series, shown))


def _tile(question: _Question, metric: Metric, value: float, published: tuple[str, str]) -> Tile:
    """``published`` are the name of the published number, and the unit of both."""
    key, unit = published
    old = metric.published.get("S17", {}).get(key)
    return Tile(
        label=question.label,
        value=amount(value, unit),
        then="" if old is None else f"2017: {published_amount(old, unit)}",
        anchor=metric.name,
    )

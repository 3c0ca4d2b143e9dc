"""What a query comes to: small values, whatever the size of the corpus."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

PERCENTILES = (1, 5, 10, 25, 50, 75, 80, 90, 95, 99)


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many values lie where.

    Attributes:
        edges: Ends of the bars, ascending; empty where no value lies between the outermost.
        counts: Of each bar: values from ``edges[i]`` to below ``edges[i + 1]``.
        below: Values below the first edge.
        beyond: Values from the last edge on.
    """

    edges: tuple[float, ...]
    counts: tuple[int, ...]
    below: int = 0
    beyond: int = 0


@dataclass(frozen=True, slots=True)
class Distribution:
    """How one quantity is distributed. There is at least one value: without any there is no distribution.

    Attributes:
        series: Which of the quantities of a metric; empty where it has one.
        subset: ``all``, or ``official`` or ``other`` where that is known of each.
        n: Values.
        missing: Things that have none, such as a ratio to nothing.
        minimum, maximum, mean, total: Of the values, in the unit of the metric.
        mode: The most frequent value; the smallest of several.
        percentiles: For each of :data:`PERCENTILES` the smallest value x with F(x) >= p.
        points: (x, F): the share of values that are x or less. The last F is 1.
        is_exact: Whether every distinct value has its point; else F leaps by 1/1000 at most between two.
        histogram: Its bars: as wide as the metric says, else powers of two after one that begins at 0.
    """

    series: str
    subset: str
    n: int
    missing: int
    minimum: float
    maximum: float
    mean: float
    mode: float
    total: float
    percentiles: dict[int, float]
    points: tuple[tuple[float, float], ...]
    is_exact: bool
    histogram: Histogram


@dataclass(frozen=True, slots=True)
class Share:
    """One class of a whole.

    Attributes:
        series: Which whole; empty where there is one. Of types it is their group.
        label: The class.
        count: Things in it.
        count_share: Their part of the whole, 0 to 1; 0 of a whole of nothing.
        size_bytes, size_share: The same by size; ``None`` where sizes are not asked for.
    """

    series: str
    label: str
    count: int
    count_share: float
    size_bytes: int | None = None
    size_share: float | None = None


@dataclass(frozen=True, slots=True)
class Ratio:
    """What there is before something is saved, and after.

    Attributes:
        series: In what unit, or of which group; empty where there is one.
        label: Of what.
        before: Before.
        after: After.
        ratio: before / after; ``None`` where nothing is left.
    """

    series: str
    label: str
    before: float
    after: float
    ratio: float | None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows as the query has them: numbers, texts, booleans, dates and ``None``."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


@dataclass(frozen=True, slots=True)
class Distributions:
    """Every series and subset of which there is at least one value; in the order of the metric's series."""

    rows: tuple[Distribution, ...]


@dataclass(frozen=True, slots=True)
class Shares:
    """Classes, in the order of the query: mostly the most frequent first within their series."""

    rows: tuple[Share, ...]


@dataclass(frozen=True, slots=True)
class Ratios:
    """Savings, in the order of the query."""

    rows: tuple[Ratio, ...]


Value: TypeAlias = Distributions | Shares | Ratios | Table


def has_data(value: Value) -> bool:
    """Whether there is anything to be shown; if not, the report says "no data"."""
    return bool(value.rows)

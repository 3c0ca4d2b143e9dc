"""Running the metrics: SQL over the tables, from which only small values come back.

No row of a file is ever seen by Python. Whatever order rows are read in, the values are the same: counts and
sizes are whole numbers, and the rest is summed in the order of the values.
"""

from __future__ import annotations

import math
from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

from corpus.profiles.groups import Group, paper_group
from report.database import disk_errors
from report.metrics import Kind, steps
from report.results import (
    PERCENTILES,
    Distribution,
    Distributions,
    Histogram,
    Ratio,
    Ratios,
    Share,
    Shares,
    Table,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import duckdb

    from report.metrics import Bars, Metric

# Points of a curve: more than a drawing can show, and few enough to be read as a table.
_POINTS = 1000
# Rows of a table or classes of a whole: names from registries may make any number of them. What is cut off
# is the least frequent; shares are of all.
_ROWS = 10_000


class _Key(NamedTuple):
    series: str
    subset: str


def prepare(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the tables that metrics share, in a database that has the tables of a census as views.

    Raises:
        OSError: The disk.
    """
    connection.execute("CREATE OR REPLACE TEMP TABLE paper_groups (type_group VARCHAR, paper_group VARCHAR)")
    pairs = [(str(group), paper_group(group)) for group in Group]
    connection.executemany("INSERT INTO paper_groups VALUES (?, ?)", pairs)
    with disk_errors():
        for step in steps():
            connection.execute(step.sql)


def measure(connection: duckdb.DuckDBPyConnection, metric: Metric) -> Value:
    """The value of a metric, in a database that is prepared.

    Raises:
        OSError: The disk.
    """
    with disk_errors():
        return _MEASURES[metric.kind](connection, metric)


def _rows(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(sql).fetchmany(_ROWS)


def _columns(connection: duckdb.DuckDBPyConnection, metric: Metric) -> list[str]:
    return [name for name, *_ in connection.execute(f"DESCRIBE {metric.sql}").fetchall()]


def _chosen(connection: duckdb.DuckDBPyConnection, metric: Metric, columns: Mapping[str, str]) -> str:
    """The query with just these columns; those that it lacks have the expression given for them."""
    there = _columns(connection, metric)
    chosen = ", ".join(name if name in there else f"{other} AS {name}" for name, other in columns.items())
    return f"SELECT {chosen} FROM (\n{metric.sql}\n)"  # noqa: S608 - queries of ours


def _table(connection: duckdb.DuckDBPyConnection, metric: Metric) -> Table:
    return Table(tuple(_columns(connection, metric)), tuple(_rows(connection, metric.sql)))


# A table keeps the order of the query.
_CLASSES = "CREATE OR REPLACE TEMP TABLE classes AS "
_WHOLES = "SELECT series, sum(count), sum(size_bytes) FROM classes GROUP BY series"


def _shares(connection: duckdb.DuckDBPyConnection, metric: Metric) -> Shares:
    columns = {"series": "''", "label": "''", "count": "0", "size_bytes": "NULL"}
    connection.execute(_CLASSES + _chosen(connection, metric, columns))
    wholes = {series: (count, size) for series, count, size in _rows(connection, _WHOLES)}
    rows = _rows(connection, "SELECT * FROM classes")
    return Shares(tuple(_share(row, *wholes[row[0]]) for row in rows))


def _share(row: tuple[Any, ...], whole_count: int, whole_size: int | None) -> Share:
    series, label, count, size = row
    return Share(
        series=series,
        label=label,
        count=int(count),
        count_share=_part(count, whole_count),
        size_bytes=None if size is None else int(size),
        size_share=None if size is None else _part(size, whole_size or 0),
    )


def _part(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _ratios(connection: duckdb.DuckDBPyConnection, metric: Metric) -> Ratios:
    columns = {"series": "''", "label": "''", "before": "0", "after": "0"}
    rows = _rows(connection, _chosen(connection, metric, columns))
    return Ratios(tuple(_ratio(*row) for row in rows))


def _ratio(series: str, label: object, before: float, after: float) -> Ratio:
    ratio = before / after if after else None
    return Ratio(series, str(label), float(before), float(after), None if ratio is None else float(ratio))


# Every distinct value once: what follows is as large as the number of those.
_COUNTED = """
CREATE OR REPLACE TEMP TABLE counted AS
WITH chosen AS ({chosen}),
distinct_values AS (
    SELECT series, is_official, value::DOUBLE AS value, sum(weight)::BIGINT AS weight
    FROM chosen WHERE weight > 0 GROUP BY ALL
),
subsets AS (
    SELECT series, 'all' AS subset, value, weight FROM distinct_values
    UNION ALL
    SELECT series, CASE WHEN is_official THEN 'official' ELSE 'other' END, value, weight
    FROM distinct_values WHERE is_official IS NOT NULL
)
SELECT series, subset, value, sum(weight)::BIGINT AS weight FROM subsets GROUP BY ALL
"""
_RANKED = """
CREATE OR REPLACE TEMP TABLE ranked AS
SELECT
    series, subset, value, weight,
    (sum(weight) OVER (PARTITION BY series, subset ORDER BY value))::BIGINT AS upto,
    (sum(weight) OVER (PARTITION BY series, subset))::BIGINT AS n,
    count(*) OVER (PARTITION BY series, subset) AS distinct_values
FROM counted WHERE value IS NOT NULL
"""
_SUMMARY = """
SELECT
    series, subset, any_value(n), any_value(distinct_values), min(value), max(value),
    sum(value * weight ORDER BY value), first(value ORDER BY weight DESC, value), {percentiles}
FROM ranked GROUP BY series, subset
"""
# Of each part of 1/1000 of all values the largest; the smallest value first. The curve goes through them.
_CURVE = """
SELECT series, subset, max(value) AS x, max(upto) / any_value(n)
FROM ranked
GROUP BY series, subset,
    CASE WHEN distinct_values <= {points} THEN upto
         WHEN upto = weight THEN -1
         ELSE upto * {points} // n END
ORDER BY series, subset, x
"""
_BARS = "SELECT series, subset, {bar} AS bar, sum(weight)::BIGINT FROM ranked GROUP BY ALL ORDER BY ALL"
_MISSING = "SELECT series, subset, sum(weight)::BIGINT FROM counted WHERE value IS NULL GROUP BY ALL"

# Bars beyond all others: numbers that no power of two has.
_BELOW, _ZERO, _BEYOND = -10_000, -9_999, 10_000


def _distributions(connection: duckdb.DuckDBPyConnection, metric: Metric) -> Distributions:
    columns = {"series": "''", "value": "NULL", "weight": "1", "is_official": "NULL::BOOLEAN"}
    connection.execute(_COUNTED.format(chosen=_chosen(connection, metric, columns)))
    connection.execute(_RANKED)
    points = _by_key(connection.execute(_CURVE.format(points=_POINTS)).fetchall())
    bars = _by_key(connection.execute(_BARS.format(bar=_bar(metric.bars))).fetchall())
    missing = {_Key(series, subset): count for series, subset, count in _rows(connection, _MISSING)}
    found = []
    for series, subset, *summary in sorted(_rows(connection, _summary()), key=partial(_place, metric)):
        key = _Key(series, subset)
        histogram = _histogram(dict(bars[key]), metric.bars)
        found.append(_distribution(key, summary, points[key], histogram, missing.get(key, 0)))
    return Distributions(tuple(found))


def _place(metric: Metric, row: Sequence[Any]) -> tuple[int, str, str]:
    series, subset, *_ = row
    return (metric.series.index(series) if series in metric.series else len(metric.series), series, subset)


def _summary() -> str:
    """The smallest value that has p percent of all values at it or below, for each p."""
    return _SUMMARY.format(
        percentiles=", ".join(f"min(value) FILTER (upto * 100 >= n * {percent})" for percent in PERCENTILES)
    )


def _distribution(
    key: _Key,
    summary: Sequence[Any],
    points: Sequence[tuple[Any, ...]],
    histogram: Histogram,
    missing: int,
) -> Distribution:
    n, distinct, minimum, maximum, total, mode, *percentiles = summary
    return Distribution(
        series=key.series,
        subset=key.subset,
        n=n,
        missing=missing,
        minimum=minimum,
        maximum=maximum,
        mean=total / n,
        mode=mode,
        total=total,
        percentiles=dict(zip(PERCENTILES, percentiles, strict=True)),
        points=tuple((x, share) for x, share in points),
        is_exact=distinct <= _POINTS,
        histogram=histogram,
    )


def _by_key(rows: Sequence[tuple[Any, ...]]) -> dict[_Key, list[tuple[Any, ...]]]:
    found: dict[_Key, list[tuple[Any, ...]]] = defaultdict(list)
    for series, subset, *rest in rows:
        found[_Key(series, subset)].append(tuple(rest))
    return found


def _bar(bars: Bars | None) -> str:
    """The number of the bar that a value belongs to."""
    if bars is None:
        return (
            f"CASE WHEN value < 0 THEN {_BELOW} WHEN value = 0 THEN {_ZERO} ELSE floor(log2(value))::INT END"
        )
    return (
        f"CASE WHEN value < {bars.low} THEN {_BELOW} WHEN value >= {bars.high} THEN {_BEYOND} "
        f"ELSE floor((value - {bars.low}) / {bars.width})::INT END"
    )


def _histogram(counts: Mapping[int, int], bars: Bars | None) -> Histogram:
    """Bars by their numbers, those without a value between them included."""
    if bars is not None:
        edges = [
            bars.low + step * bars.width for step in range(round((bars.high - bars.low) / bars.width) + 1)
        ]
        inside = [counts.get(number, 0) for number in range(len(edges) - 1)]
        return Histogram(tuple(edges), tuple(inside), counts.get(_BELOW, 0), counts.get(_BEYOND, 0))
    powers = [number for number in counts if number > _ZERO]
    low, high = min(powers, default=0), max(powers, default=-1)
    edges = [0.0, *(math.ldexp(1.0, power) for power in range(low, high + 2))]
    inside = [counts.get(_ZERO, 0), *(counts.get(power, 0) for power in range(low, high + 1))]
    return Histogram(tuple(edges), tuple(inside), counts.get(_BELOW, 0))


_MEASURES: Mapping[Kind, Callable[[duckdb.DuckDBPyConnection, Metric], Value]] = {
    Kind.DISTRIBUTION: _distributions,
    Kind.SHARES: _shares,
    Kind.RATIO: _ratios,
    Kind.TABLE: _table,
}

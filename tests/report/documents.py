"""Metrics with values made by hand, and names that somebody chose to do harm."""

from __future__ import annotations

from itertools import pairwise

from report.metrics import Metric, metrics
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

HOSTILE = (
    "<script>document.title='owned'</script>",
    '"><img src=http://192.0.2.1/x onerror=alert(1)>',
    "'+alert(1)+'",
    "{{ 7*7 }}{% raw %}",
    "$\\frac{a}{b}$ \x07\u202eevil",
    "=HYPERLINK(1)",
    "a" * 300,
)


def metric(name: str) -> Metric:
    """One of the metrics of the report."""
    return next(each for each in metrics() if each.name == name)


def distribution(
    series: str, values: list[float], edges: tuple[float, ...] = (0, 1, 10, 100)
) -> Distribution:
    """How ``values`` are distributed."""
    ordered, n = sorted(values), len(values)
    return Distribution(
        series=series,
        subset="all",
        n=n,
        missing=0,
        minimum=ordered[0],
        maximum=ordered[-1],
        mode=max(ordered, key=ordered.count),
        mean=sum(ordered) / n,
        total=sum(ordered),
        percentiles={each: ordered[-(-each * n // 100) - 1] for each in PERCENTILES},
        points=tuple((x, sum(value <= x for value in ordered) / n) for x in sorted(set(ordered))),
        is_exact=True,
        histogram=Histogram(
            edges,
            tuple(sum(low <= value < high for value in ordered) for low, high in pairwise(edges)),
            beyond=sum(value >= edges[-1] for value in ordered),
        ),
    )


def shares(*labels: str) -> Shares:
    """Classes, each half as frequent as the one before."""
    counts = [2 ** (len(labels) - place) for place in range(len(labels))]
    return Shares(
        tuple(
            Share("", label, count, count / sum(counts)) for label, count in zip(labels, counts, strict=True)
        )
    )


def results() -> list[tuple[Metric, Value]]:
    """A few metrics of every kind; the names in them are hostile."""
    return [
        (metric("totals"), Table(("name", "value", "unit"), (("analyzed_layers", 4, "layers"),))),
        (metric("download_failures"), shares(*HOSTILE)),
        (metric("dedup_growth"), Ratios((Ratio("files", "1", 3, 3, 1.0), Ratio("files", "2", 9, 6, 1.5)))),
        (
            metric("top_repositories"),
            Table(
                ("registry", "repository", "pulls", "stars", "is_official"),
                tuple(("docker.io", name, 10**place, None, False) for place, name in enumerate(HOSTILE)),
            ),
        ),
        (metric("layer_files"), Distributions((distribution("", [0, 1, 2, 30]),))),
        (
            metric("layer_size"),
            Distributions(
                (
                    distribution("compressed", [32, 2**10, 2**20], (0, 2**10, 2**20, 2**21)),
                    distribution("archive", [1024, 2**12, 2**22], (0, 2**10, 2**20, 2**23)),
                )
            ),
        ),
        (metric("image_age"), Distributions(())),
    ]

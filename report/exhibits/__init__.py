"""What of a metric is shown: drawings that are yet to be drawn, each with the numbers behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from report.exhibits.distributions import distribution_exhibits
from report.exhibits.exhibit import Exhibit
from report.exhibits.parts import ratio_exhibits, share_exhibits, table_exhibits
from report.results import Distributions, Ratios, Shares, Value

if TYPE_CHECKING:
    from report.metrics import Metric

__all__ = ["Exhibit", "exhibits"]


def exhibits(metric: Metric, value: Value) -> list[Exhibit]:
    """The drawings of one metric; of a plain table there is none, but its numbers."""
    if isinstance(value, Distributions):
        return distribution_exhibits(metric, value)
    if isinstance(value, Shares):
        return share_exhibits(metric, value)
    if isinstance(value, Ratios):
        return ratio_exhibits(metric, value)
    return table_exhibits(metric, value)

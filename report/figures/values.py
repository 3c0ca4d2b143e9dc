"""What a drawing shows: plain values, in base units (bytes, counts, levels, ratios, shares of 1)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

BYTES = "B"
SHARE = "share"
YEAR = "year"


@dataclass(frozen=True, slots=True)
class Axis:
    """What is counted along x.

    ``unit`` is ``B``, ``share``, ``ratio`` or the plural of what is counted (``files``); ``high`` is where
    the paper's figure ends, if it does not show everything.
    """

    label: str
    unit: str
    is_log: bool = False
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Curve:
    """A cumulative distribution: ``points`` are ``(x, F)``, ascending; F holds until the next x.

    ``colour`` is its place in the palette: a curve of 2017 has the colour of the one it belongs to, and is
    dashed. ``marks`` are the quantiles to show: ``{0.5: x}``. With ``is_polyline`` F rises evenly instead.
    """

    label: str
    points: tuple[tuple[float, float], ...]
    colour: int = 0
    is_published: bool = False
    marks: Mapping[float, float] = field(default_factory=dict)
    is_polyline: bool = False


@dataclass(frozen=True, slots=True)
class Bins:
    """A histogram: ``counts[i]`` lie in ``[edges[i], edges[i + 1])``; ``beyond`` lie above the last edge.

    ``zeros`` are those that a logarithmic axis has no place for.
    """

    label: str
    edges: tuple[float, ...]
    counts: tuple[float, ...]
    colour: int = 0
    beyond: float = 0
    zeros: float = 0


@dataclass(frozen=True, slots=True)
class Series:
    """One value per category of a bar chart; NaN where there is none."""

    label: str
    values: tuple[float, ...]
    colour: int = 0
    is_published: bool = False

"""Curves that the paper's authors published in drafts of 2018: to compare with, never to tune towards.

They were read from the vector figures of the sources that each names. Their sizes were drawn in units of
2^20 and 2^10 bytes; ``scale`` makes bytes of them.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

_PARTS = re.compile(r"\W")


@dataclass(frozen=True, slots=True)
class PublishedCurve:
    """One curve.

    Attributes:
        source: Repository, commit and file in which it was published.
        points: (x, F), x in the base unit (bytes, counts, ratios); F holds until the next x.
        is_polyline: Between two points F rises evenly in log x instead.
    """

    source: str
    points: tuple[tuple[float, float], ...]
    is_polyline: bool


def published_curve(name: str) -> PublishedCurve | None:
    """The curve called ``FIGURE/SERIES``, such as ``file_count/layer``; ``None`` if there is none."""
    figure, series, *_ = [*_PARTS.split(name), ""]
    drawn = _figures().get(figure)
    if drawn is None or series not in drawn["series"]:
        return None
    scale = drawn["scale"]
    points = tuple((x * scale, share) for x, share in drawn["series"][series])
    return PublishedCurve(drawn["source"], points, drawn["is_polyline"])


@cache
def _figures() -> dict[str, Any]:
    text = (resources.files(__package__) / "curves.json").read_text("utf-8")
    found: dict[str, Any] = json.loads(text)
    return found

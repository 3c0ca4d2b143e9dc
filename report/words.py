"""The nouns of metrics: what is counted, and what things are called in numbers."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from report.metrics import Metric

# The first of these in what a metric calls a row is what it counts.
_NOUNS = re.compile(
    r"\b(repositor(?:y|ies)|images?|layers?|contents?|files?|director(?:y|ies)|blobs?|manifests?|packages?|types?|groups?"
    r"|days?|failures?)\b"
)
_UNSAFE = re.compile(r"[^a-z0-9]+")
_UNITLESS = frozenset({"B", "ratio", "share", "1", ""})


def things(metric: Metric) -> str:
    """What a metric has one value of, in the plural: ``layers``."""
    return plural(thing(metric))


def thing(metric: Metric) -> str:
    """The same in the singular."""
    found = _NOUNS.search(metric.row.lower())
    return singular(found[1]) if found else "value"


def singular(noun: str) -> str:
    """``layer`` of ``layers``."""
    return noun.removesuffix("ies") + "y" if noun.endswith("ies") else noun.removesuffix("s")


def plural(noun: str) -> str:
    """``layers`` of ``layer``."""
    return noun.removesuffix("y") + "ies" if noun.endswith("y") else noun + "s"


def unit_word(unit: str, amount: float | None = None) -> str:
    """What stands behind a number in a sentence: `` files``, and nothing where the number has its unit."""
    if unit in _UNITLESS:
        return ""
    return " " + (singular(unit) if amount == 1 and unit.endswith("s") else unit)


def axis_label(metric: Metric) -> str:
    """The title of a metric as the name of an axis: in lower case, but for abbreviations."""
    title = metric.title
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def slug(name: str) -> str:
    """A name as part of the name of a file: nothing but letters, digits and hyphens."""
    return _UNSAFE.sub("-", name.lower()).strip("-")[:60] or "unnamed"

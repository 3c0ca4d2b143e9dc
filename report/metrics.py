"""The metrics: one SQL file each, whose header says what it measures and what is published of it.

A header is comment lines ``-- key: text``, and ``--   more`` for what goes on. Keys:

=============  ===================================================================================
``name``       that of the file
``section``    one of :data:`SECTIONS`
``title``      for people
``paper``      the paper's name for it; ``-`` where the paper has none
``metric``     number in the paper's list of metrics (and of those that later studies added)
``figure``     the paper's figures that show it, by number; left out where there is none
``kind``       :class:`Kind`: what its columns are
``series``     names of its series, in the order to show them in
``unit``       of its values
``row``        what one value or row is
``definition``  exactly what is counted
``axis``       ``log`` or ``linear``: how the paper draws it
``histogram``  ``FROM TO WIDTH`` of its bars; left out: powers of two
``note``       what has to be said of a comparison
``inflated``   ``yes`` where the published numbers counted files twice
``s17, s18``   published numbers, ``NAME=NUMBER``. Of a distribution NAME is ``[SERIES.]`` and ``p50`` and the
               like, ``max``, ``mean``, ``mode`` or ``F1``, the share of values up to 1; else it is
               ``[SERIES.]LABEL``, a count or a share, with ``.bytes`` a share of the bytes, with
               ``.mean`` bytes per file
``curve``      published curves, ``SERIES=CURVE`` (``all=CURVE`` where it has no series)
=============  ===================================================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from importlib.resources.abc import Traversable

SECTIONS = ("dataset", "sharing", "repositories", "images", "layers", "files")

_HEADER = re.compile(r"-- (?P<key>[a-z0-9]+): (?P<text>.+)")
_MORE = "--   "
_NUMBER = re.compile(r"(?P<number>-?[0-9.]+)(?P<unit>[A-Za-z%]*)")
# MB and KB of the paper are 2^20 and 2^10 bytes; its TB is not known to be either, and taken as written.
_UNITS = {
    "": 1,
    "%": 0.01,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TB": 10**12,
}


class Kind(StrEnum):
    """What the columns of a query are."""

    DISTRIBUTION = "distribution"  # value; optional: series, weight, is_official
    SHARES = "shares"  # label, count; optional: series, size_bytes
    RATIO = "ratio"  # label, before, after; optional: series
    TABLE = "table"  # whatever they are called


@dataclass(frozen=True, slots=True)
class Bars:
    """The bars of a linear histogram."""

    low: float
    high: float
    width: float


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric; the attributes are the keys of the header, and the query itself.

    Attributes:
        published: For ``S17`` and ``S18`` the published numbers, by ``[SERIES.]STATISTIC``; in the unit.
        curves: Names of published curves, by series (empty where the metric has one).
        is_inflated: Whether what is published counted files twice: ours is lower.
    """

    name: str
    section: str
    title: str
    paper: str
    number: int
    figures: tuple[str, ...]
    kind: Kind
    series: tuple[str, ...]
    unit: str
    row: str
    definition: str
    is_log: bool
    bars: Bars | None
    note: str
    is_inflated: bool
    published: Mapping[str, Mapping[str, float]]
    curves: Mapping[str, str]
    sql: str


@dataclass(frozen=True, slots=True)
class Step:
    """A table that several metrics read, made before them."""

    name: str
    definition: str
    sql: str


@cache
def metrics() -> tuple[Metric, ...]:
    """Every metric, in the order of the report: by section, by number, by name."""
    found = [_metric(path.read_text()) for path in _sql(files(__package__) / "queries")]
    return tuple(sorted(found, key=lambda each: (SECTIONS.index(each.section), each.number, each.name)))


@cache
def steps() -> tuple[Step, ...]:
    """The tables that metrics share, in the order in which they are made."""
    folder = files(__package__) / "queries" / "shared"
    return tuple(_step(path.read_text()) for path in sorted(_sql(folder), key=lambda path: path.name))


def _sql(folder: Traversable) -> Iterable[Traversable]:
    return (path for path in folder.iterdir() if path.name.endswith(".sql"))


def _metric(text: str) -> Metric:
    header = parse_header(text)
    return Metric(
        name=header["name"],
        section=header["section"],
        title=header["title"],
        paper=header["paper"].removeprefix("-"),
        number=int(header["metric"]),
        figures=tuple(header.get("figure", "").split()),
        kind=Kind(header["kind"]),
        series=tuple(header.get("series", "").split()),
        unit=header["unit"],
        row=header["row"],
        definition=header["definition"],
        is_log=header.get("axis") == "log",
        bars=_bars(header["histogram"]) if "histogram" in header else None,
        note=header.get("note", ""),
        is_inflated=header.get("inflated") == "yes",
        published={
            column: parse_numbers(header[column.lower()])
            for column in ("S17", "S18")
            if column.lower() in header
        },
        curves={series.removeprefix("all"): name for series, name in _pairs(header.get("curve", ""))},
        sql=text,
    )


def _step(text: str) -> Step:
    header = parse_header(text)
    return Step(header["name"], header["definition"], text)


def parse_header(text: str) -> dict[str, str]:
    """The keys of the comment lines that a query begins with, and their texts."""
    header: dict[str, str] = {}
    key = ""
    for line in text.splitlines():
        found = _HEADER.fullmatch(line)
        if found:
            key = found["key"]
            header[key] = found["text"].strip()
        elif key and line.startswith(_MORE):
            header[key] += " " + line.removeprefix(_MORE).strip()
        else:
            break
    return header


def parse_numbers(text: str) -> dict[str, float]:
    """``p50=94MiB one=27%`` as numbers: bytes, and shares of 1."""
    return {name: parse_number(number) for name, number in _pairs(text)}


def parse_number(text: str) -> float:
    """A number with its unit.

    Raises:
        ValueError: It is none.
    """
    found = _NUMBER.fullmatch(text.replace(",", ""))
    if found is None:
        raise ValueError(f"not a number with a unit: {text}")
    return round(float(found["number"]) * _UNITS[found["unit"]], 9)


def _pairs(text: str) -> list[tuple[str, str]]:
    pairs = (each.partition("=") for each in text.split())
    return [(name, value) for name, _, value in pairs]


def _bars(text: str) -> Bars:
    low, high, width = map(parse_number, text.split())
    return Bars(low, high, width)

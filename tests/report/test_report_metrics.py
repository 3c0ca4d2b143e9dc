"""Every metric says what it is, where the paper has it, and what was published."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from corpus.profiles.groups import Group, paper_group
from report.metrics import SECTIONS, Kind, Metric, metrics, parse_header, parse_number, parse_numbers, steps
from report.published import published_curve

METRICS = metrics()
_STATISTIC = re.compile(r"p[0-9]+|max|min|mean|mode|F[0-9]+")
# Of the paper's list: what an outline, the print or the authors' code has. Not 7 and 45, which neither the
# catalog nor the profiles say.
ORIGINAL = {1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 14, 15, 16, *range(18, 27), *range(31, 45)}

by_name = pytest.mark.parametrize("metric", METRICS, ids=[metric.name for metric in METRICS])


@by_name
def test_a_metric_is_described(metric: Metric) -> None:
    """It has a definition that is a sentence, a unit, and says what one row is."""
    assert metric.section in SECTIONS
    assert metric.definition.endswith(".")
    assert metric.row
    assert metric.unit
    assert metric.title[0].isupper()


@by_name
def test_published_numbers_are_of_something(metric: Metric) -> None:
    """Of a distribution, each published number names one of its series, and a statistic."""
    if metric.kind is not Kind.DISTRIBUTION:
        return
    for names in metric.published.values():
        for name in names:
            series, _, statistic = name.rpartition(".")
            assert series in (metric.series or ("",))
            assert _STATISTIC.fullmatch(statistic)


@by_name
def test_published_curves_are_there(metric: Metric) -> None:
    """Each curve that a metric names can be drawn beside one of its series."""
    for series, name in metric.curves.items():
        curve = published_curve(name)
        assert curve is not None
        assert curve.points[-1][1] == 1
        assert series in (metric.series or ("",))


def test_names_are_those_of_the_files() -> None:
    """A query is found by its name, and no two have the same."""
    folder = files("report") / "queries"
    named = {path.name.removesuffix(".sql") for path in folder.iterdir() if path.name.endswith(".sql")}
    assert named == {metric.name for metric in METRICS}
    assert len(named) == len(METRICS)


def test_every_figure_has_its_numbers() -> None:
    """Figures 3 to 28 of the paper, and those of the drafts, each belong to a metric."""
    figures = {figure for metric in METRICS for figure in metric.figures}
    assert figures == {"draft", *map(str, range(3, 29))}


def test_every_original_metric_is_measured() -> None:
    """What the paper's list has from the outline, the print or the authors' code is measured."""
    assert ORIGINAL - {metric.number for metric in METRICS} == set()


def test_the_steps_are_described() -> None:
    """Every table that metrics share has a name and a definition."""
    assert all(step.name and step.definition.endswith(".") for step in steps())


def test_a_header_ends_where_the_query_begins() -> None:
    """Lines that go on belong to the key above; comments within the query are none of the header."""
    text = "-- name: a\n-- definition: One\n--   and more.\nSELECT 1\n-- note: no\n"
    assert parse_header(text) == {"name": "a", "definition": "One and more."}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("94MiB", 94 * 2**20),
        ("3KiB", 3072),
        ("27%", 0.27),
        ("0.09%", 0.0009),
        ("47TB", 47e12),
        ("1,026", 1026),
    ],
)
def test_numbers_have_units(text: str, value: float) -> None:
    """MB and KB of the paper are 2^20 and 2^10 bytes; percentages are shares of 1."""
    assert parse_number(text) == value


def test_published_numbers_are_read() -> None:
    """Several stand in one line, each with its name."""
    assert parse_numbers("files.p50=94MiB one=27%") == {"files.p50": 94 * 2**20, "one": 0.27}


def test_what_is_no_number_is_refused() -> None:
    """A unit that nobody knows is a mistake of ours."""
    with pytest.raises(KeyError):
        parse_number("3furlongs")
    with pytest.raises(ValueError, match="not a number"):
        parse_number("many")


def test_the_groups_have_published_shares() -> None:
    """The eight groups are the paper's, by name, and their published shares add up to about all files."""
    published = next(metric for metric in METRICS if metric.name == "file_groups").published["S17"]
    shares = {name: share for name, share in published.items() if "." not in name}
    assert shares.keys() == {paper_group(group) for group in Group}
    assert sum(shares.values()) == pytest.approx(1, abs=0.02)

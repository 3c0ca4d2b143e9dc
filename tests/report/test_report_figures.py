"""Figures: the same values give the same bytes, and what matters can be read in them."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from report.exhibits import exhibits
from report.figures import SUFFIXES, looking_alike, save
from report.figures.style import INK, MUTED, PAPER, SERIES
from report.results import Distributions, Value
from tests.report.documents import HOSTILE, distribution, metric, results, shares


@pytest.fixture(scope="module", autouse=True)
def _look() -> Iterator[None]:
    with looking_alike():
        yield


def drawn(folder: Path, name: str, value: Value, place: int = 0) -> str:
    """The SVG of one drawing of a metric."""
    exhibit = exhibits(metric(name), value)[place]
    assert exhibit.draw is not None
    return save(exhibit.draw(), folder, exhibit.name)


def words(svg: str) -> str:
    """All the text in a drawing."""
    return " | ".join(text.strip() for text in ET.fromstring(svg).itertext() if text.strip())  # noqa: S314 -- our own


# Draws in two processes, and is killed as soon as there is a first batch.
KILLED = """
import os, signal, sys
from pathlib import Path
from report.exhibits import exhibits
from report.page import drawing
from tests.report.documents import results

drawing._BATCH = 1
drawn = [each for metric, value in results() for each in exhibits(metric, value) if each.draw]
enough = drawn * (drawing._FEW // len(drawn) + 1)
drawing.draw_all(enough, Path(sys.argv[1]), 2, lambda: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.mark.slow
def test_who_draws_does_not_outlive_a_report_that_is_killed(tmp_path: Path) -> None:
    """Its output ends only once all that have it have ended."""
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path], stdout=subprocess.PIPE, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL


@pytest.mark.slow
def test_the_same_values_give_the_same_bytes(tmp_path: Path) -> None:
    """SVG, PDF and PNG hold no dates and no identifiers by chance."""
    value = Distributions((distribution("", [0, 1, 2, 30]),))
    for folder in ("one", "two"):
        drawn(tmp_path / folder, "layer_files", value)
    for suffix in SUFFIXES:
        one, two = ((tmp_path / each / f"layer_files-cdf.{suffix}").read_bytes() for each in ("one", "two"))
        assert one == two
        assert len(one) > 1000


@pytest.mark.slow
def test_a_curve_shows_its_quantiles_and_what_was_published(tmp_path: Path) -> None:
    """The median and p90 stand in numbers; the curve of 2017 is dashed, and named as a draft."""
    svg = drawn(tmp_path, "layer_files", Distributions((distribution("", [0, 1, 2, 30]),)))
    said = words(svg)
    assert "median 1" in said
    assert "p90 30" in said
    assert "2017, draft curve (S18)" in said
    assert "stroke-dasharray" in svg


@pytest.mark.slow
def test_sizes_are_in_binary_units(tmp_path: Path) -> None:
    """Ticks of an axis of bytes are powers of two with their units."""
    said = words(drawn(tmp_path, "layer_size", dict_of_results()["layer_size"]))
    assert "1\u00a0KiB" in said
    assert "1\u00a0MiB" in said


def dict_of_results() -> dict[str, Value]:
    return {each.name: value for each, value in results()}


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 1])
def test_an_empty_distribution_says_so(tmp_path: Path, place: int) -> None:
    """There is no axis without data on it, even where something was published."""
    svg = drawn(tmp_path, "layer_files", Distributions(()), place)
    assert "no data" in words(svg)
    assert "axis" not in svg


@pytest.mark.slow
def test_values_that_are_all_zero_are_drawn(tmp_path: Path) -> None:
    """A logarithmic axis has no place for zero: the curve is at the top, and the zeros are counted."""
    value = Distributions((distribution("", [0, 0, 0]),))
    assert "median 0" in words(drawn(tmp_path, "layer_files", value))
    assert "3 at 0" in words(drawn(tmp_path, "layer_files", value, 1))


@pytest.mark.slow
def test_hostile_names_are_text(tmp_path: Path) -> None:
    """Neither markup nor formulas nor control characters of a name do anything."""
    svg = drawn(tmp_path, "download_failures", shares(*HOSTILE))
    root = ET.fromstring(svg)  # noqa: S314 -- our own
    assert not [element for element in root.iter() if element.tag.endswith(("script", "img"))]
    said = words(svg)
    assert "<script>document.title" in said
    assert "\\frac{a}{b}" in said
    assert not re.search("[\x00-\x08\u202e]", svg)
    assert "a" * 40 not in said


@pytest.mark.slow
def test_letters_that_the_font_lacks_warn_nobody(tmp_path: Path) -> None:
    """A name in any script is drawn; the SVG has it as text."""
    assert "汉字" in words(drawn(tmp_path, "download_failures", shares("汉字", "кириллица")))


def luminance(colour: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, two: str) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.2)."""
    light, dark = sorted((luminance(one), luminance(two)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_print_is_readable() -> None:
    """Text has the contrast that WCAG asks for; the first three curves what it asks of graphics."""
    assert contrast(INK, PAPER) > 7
    assert contrast(MUTED, PAPER) > 4.5
    assert all(contrast(colour, PAPER) > 3 for colour in SERIES[:3])


@pytest.mark.parametrize("is_dark", [False, True])
def test_the_page_is_readable_by_day_and_by_night(is_dark: bool) -> None:  # noqa: FBT001
    """The same holds of the style sheet's colours on its cards."""
    style = (Path(__file__).parents[2] / "report/page/assets/style.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w{6});", blocks[is_dark]))
    card = colours["card"]
    assert contrast(colours["ink"], card) > 7
    assert contrast(colours["muted"], card) > 4.5
    assert contrast(colours["accent"], card) > 4.5
    assert all(contrast(colours[name], card) > 3 for name in ("blue", "vermillion", "green"))

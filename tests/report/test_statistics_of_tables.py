"""The statistics of tables that were made from profiles, whatever parts they came in."""

from __future__ import annotations

from pathlib import Path

import pytest

from report.database import opened
from report.metrics import metrics
from report.results import Distributions, Ratios, Value
from report.settings import ReportSettings
from report.statistics import measure, prepare
from report.views import create_views
from tests.report.censuses import Census, populate

pytestmark = pytest.mark.slow


def measured(census: Census, spill: Path) -> dict[str, Value]:
    with opened(ReportSettings(threads=2), spill) as connection:
        create_views(connection, census.layout)
        prepare(connection)
        return {metric.name: measure(connection, metric) for metric in metrics()}


def test_profiles_become_statistics(census: Census, tmp_path: Path) -> None:
    """Of twelve layers with three files each, the numbers are those of what was profiled."""
    populate(census)
    census.update()
    found = measured(census, tmp_path / "spill")
    files, dedup, layers = found["layer_files"], found["file_dedup"], found["image_layers"]
    assert isinstance(files, Distributions)
    assert files.rows[0].points == ((3, 1),)
    assert files.rows[0].n == 12
    assert isinstance(dedup, Ratios)
    contents = {f"content {(number * each) % 7}" for number in range(12) for each in range(3)}
    assert (dedup.rows[0].before, dedup.rows[0].after) == (36, len(contents))
    assert isinstance(layers, Distributions)
    assert layers.rows[0].n == 6


def test_parts_do_not_matter(census: Census, tmp_path: Path) -> None:
    """Tables in one part and in many give the same report."""
    populate(census)
    census.update(rows_per_part=1000)
    one = measured(census, tmp_path / "spill")
    census.update(rows_per_part=1, anew=True)
    assert len(list((census.layout.tables / "files").iterdir())) > 1
    assert measured(census, tmp_path / "spill") == one


def test_a_census_without_profiles_has_a_report(census: Census, tmp_path: Path) -> None:
    """Repositories that were listed are counted before anything was fetched."""
    census.repository("team/waiting")
    census.update()
    found = measured(census, tmp_path / "spill")
    assert found["download_outcome"].rows
    assert not found["layer_files"].rows

"""A census to put profiles into."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.report.censuses import Census


@pytest.fixture
def census(tmp_path: Path) -> Census:
    return Census(tmp_path / "data")

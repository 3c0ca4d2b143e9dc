"""A place for the corpus of one test."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.faults.census")  # so that its assertions tell what differs


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return tmp_path / "data"

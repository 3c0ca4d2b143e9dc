"""``kill -9`` at any moment costs only the work since the last checkpoint."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from corpus.catalog import Catalog
from corpus.layout import Layout
from tests.analyzer.crashing import MOMENTS
from tests.analyzer.test_analyze_engine import Here, analyze, catalog, forget, is_pending, layout, profiles

__all__ = ["catalog", "layout"]  # fixtures

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def killed_at(moment: str, layout: Layout) -> None:
    """Run the stage in a process that does not outlive ``moment``."""
    command = [sys.executable, "-m", "tests.analyzer.crashing", str(layout.root), moment]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_killed_analysis_is_completed_by_the_next(
    catalog: Catalog, layout: Layout, moment: str
) -> None:
    """The profiles are those of an undisturbed run, byte for byte, and no temporary file is left."""
    killed_at(moment, layout)
    assert await is_pending(catalog)
    await analyze(catalog, layout, Here())
    assert not await is_pending(catalog)
    after = profiles(layout)
    assert not [path for path in after if path.endswith(".partial")]
    await forget(catalog, layout)
    await analyze(catalog, layout, Here())
    assert profiles(layout) == after

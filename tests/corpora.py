"""Real inputs that nobody on this project wrote: used when they are there, never needed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

_DEFAULT = Path(__file__).parents[2] / "shared" / "corpora"


def folder(name: str) -> Path:
    """The folder ``name`` of the corpora; the test is skipped, with the reason, where there is none."""
    path = Path(os.environ.get("TEST_CORPORA", _DEFAULT)) / name
    if not path.is_dir():
        pytest.skip(f"no corpora at {path}: name their folder with TEST_CORPORA")
    return path

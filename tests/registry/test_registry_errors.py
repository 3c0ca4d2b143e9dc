"""Reasons are an enumeration, and each is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from registry.errors import Reason
from registry.transport.retry import classify_status

PAGE = Path(__file__).parents[2] / "docs" / "failures.md"

ROW = re.compile(r"^\| `(\w+)` \| ([^|]+) \| (no|yes|depends) \| ([^|]+) \|$", re.MULTILINE)


def explained() -> dict[str, str]:
    """Reason to whether it passes, as the page says."""
    return {row[1]: row[3] for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))}


def test_every_reason_is_explained_once_and_no_other() -> None:
    """In the order of the enumeration: with its meaning, whether it passes, and what to do."""
    assert list(explained()) == [str(reason) for reason in Reason]


@pytest.mark.parametrize("status", range(300, 600))
def test_the_page_agrees_with_what_is_made_of_answers(status: int) -> None:
    """A status that may pass belongs to a reason of which the page says so."""
    reason, is_temporary = classify_status(status)
    assert explained()[reason] in {"depends", "yes" if is_temporary else "no"}

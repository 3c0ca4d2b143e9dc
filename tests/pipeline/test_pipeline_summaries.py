"""What a run left to later ones, in a few words."""

from __future__ import annotations

from datetime import datetime

import pytest

from corpus.catalog.images import Retries
from downloader.engine import DownloadSummary
from pipeline.summaries import downloaded
from registry.errors import Reason

NOW = datetime(2026, 1, 30, 12, 0).astimezone().timestamp()


@pytest.mark.parametrize(
    ("retries", "expected"),
    [
        (Retries(0, None), []),
        (Retries(1, NOW + 3_600), ["1 image is tried again by a run after 13:00"]),
        (Retries(2_000, NOW + 86_400), ["2,000 images are tried again by a run after 2026-01-31 12:00"]),
    ],
)
def test_a_run_says_what_is_tried_again_and_from_when_on(retries: Retries, expected: list[str]) -> None:
    """Whoever runs it need not guess when to run it again."""
    summary = DownloadSummary(
        done=3, failed={Reason.NETWORK: 2_000}, retries=retries, bytes_fetched=1 << 20, stopped=None
    )
    first, *between, last = downloaded(summary, NOW)
    assert first == "3 images fetched, 2,000 could not be had"
    assert between == expected
    assert last == "1.0 MiB came over the network"

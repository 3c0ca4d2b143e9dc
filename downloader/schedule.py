"""When an image that failed for a passing reason is tried again (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from corpus.records import ImageOutcome, ImageTask

# Seconds from the n-th failure in a row to the next try: 1 min, 10 min, 1 h, 6 h, a day. Each request was
# retried over some minutes before, so what is still wrong takes its time: a restart, a deployment, an
# outage, a weekend. After the last the image has failed until somebody asks for it again.
RETRY_DELAYS_S = (60.0, 600.0, 3_600.0, 21_600.0, 86_400.0)


def retry_at(attempts: int, now: float, retry_after_s: float | None = None) -> float | None:
    """When the next try is due, in unix seconds; ``None`` when there is to be none.

    Args:
        attempts: Tries in a row that failed for a passing reason, from 1.
        now: When the last of them failed, in unix seconds.
        retry_after_s: The wait that the server asked for, in seconds: the least there is.
    """
    if attempts > len(RETRY_DELAYS_S):
        return None
    return now + max(RETRY_DELAYS_S[attempts - 1], retry_after_s or 0.0)


def scheduled(outcome: ImageOutcome, task: ImageTask, now: float) -> ImageOutcome:
    """``outcome`` of ``task`` with the next try, if it failed for a reason that may pass."""
    failure = outcome.failure
    if failure is None or not failure.is_temporary:
        return outcome
    attempts = task.attempts + 1
    return replace(outcome, attempts=attempts, retry_at=retry_at(attempts, now, failure.retry_after_s))

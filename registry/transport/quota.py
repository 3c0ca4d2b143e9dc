"""What a server says of the requests it still allows."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_COUNT = re.compile(r"\s*(\d{1,9})\s*(?:;\s*w=(\d{1,9}))?\s*", re.ASCII)
_UNIX_TIME = re.compile(r"\d{1,12}(?:\.\d{0,9})?", re.ASCII)

# Requests left over for answers that are on their way when the last ones are counted.
_KEPT_IN_HAND = 5


@dataclass(frozen=True, slots=True)
class Quota:
    """Docker Hub's pull quota, as told by the last manifest answer.

    Attributes:
        limit: Manifest GETs per window; ``None`` when the server does not say.
        remaining: How many are left.
        window_s: Length of the window in seconds; ``None`` when the server does not say.
        seen_at: When it was told, Unix time in seconds.
    """

    limit: int | None
    remaining: int
    window_s: int | None
    seen_at: float


def parse_quota(headers: Mapping[str, str], now: float) -> Quota | None:
    """Read ``ratelimit-limit: 100;w=21600`` and ``ratelimit-remaining``; ``None`` when absent or garbage.

    Source: Docker documentation, "Docker Hub usage and limits".
    """
    remaining, window_s = _count(headers.get("ratelimit-remaining"))
    if remaining is None:
        return None
    limit, limit_window_s = _count(headers.get("ratelimit-limit"))
    return Quota(limit, remaining, window_s if window_s is not None else limit_window_s, now)


def pause_until_reset(headers: Mapping[str, str], now: float, cap_s: float) -> float | None:
    """Seconds to leave a server alone because its ``X-RateLimit-Remaining`` is used up.

    ``X-RateLimit-Reset`` is Unix time in seconds (Docker Hub's API).
    """
    remaining, _ = _count(headers.get("X-RateLimit-Remaining"))
    reset = headers.get("X-RateLimit-Reset", "").strip()
    if remaining is None or remaining > _KEPT_IN_HAND or not _UNIX_TIME.fullmatch(reset):
        return None
    wait_s = float(reset) - now
    return min(wait_s, cap_s) if wait_s > 0 else None


def _count(text: str | None) -> tuple[int | None, int | None]:
    match = _COUNT.fullmatch(text or "")
    if match is None:
        return None, None
    return int(match[1]), int(match[2]) if match[2] else None

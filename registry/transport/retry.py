"""Whether and when to try again: decisions about plain values."""

from __future__ import annotations

import re
from datetime import UTC
from email.utils import parsedate_to_datetime

from registry.errors import Reason, RegistryError

# Statuses below 500 that pass by themselves; 499 is nginx's "client closed request" seen through a proxy.
_TEMPORARY = frozenset({408, 425, 429, 499})

# "Not implemented" and "version not supported" stay so.
_PERMANENT_SERVER_ERRORS = frozenset({501, 505})

_REASONS = {
    401: Reason.AUTH_REQUIRED,
    403: Reason.DENIED,
    408: Reason.TIMEOUT,
    425: Reason.SERVER_ERROR,
    429: Reason.ABUSE_LIMIT,
    451: Reason.LEGAL,
    499: Reason.SERVER_ERROR,
    504: Reason.TIMEOUT,
}

# Tries of an answer that makes no sense: once more rules out an accident on the way.
_TRIES_OF_NONSENSE = 2

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{0,9})?", re.ASCII)

# A number above this is a moment (Unix time, 2001-09-09), not a duration of 31 years.
_LEAST_UNIX_TIME = 1e9

# Seconds to wait when the moment named has passed, or is now: the server asked for some pause.
_LEAST_PAUSE_S = 1.0


def classify_status(status: int) -> tuple[Reason, bool]:
    """The reason for which an answer of this status failed, and whether it may pass by itself."""
    if status in _TEMPORARY:
        return _REASONS[status], True
    if status >= 500:
        return _REASONS.get(status, Reason.SERVER_ERROR), status not in _PERMANENT_SERVER_ERRORS
    return _REASONS.get(status, Reason.UNEXPECTED_ANSWER), False


def tries_allowed(error: RegistryError, attempts: int, patience_s: float) -> int:
    """How many tries in all a request that failed with ``error`` may have, given ``attempts`` at most.

    A quota comes back after hours, which is for the caller to plan with, unless the server says
    that it comes back within ``patience_s``.
    """
    is_short = error.retry_after_s is not None and error.retry_after_s <= patience_s
    if not error.temporary or (error.reason is Reason.QUOTA and not is_short):
        return 1
    return min(attempts, _TRIES_OF_NONSENSE) if error.reason is Reason.UNEXPECTED_ANSWER else attempts


def delay(attempt: int, fraction: float, base_s: float, cap_s: float) -> float:
    """Seconds to wait after try number ``attempt`` (from 1); ``fraction`` is the luck, from 0 to 1.

    Full jitter spreads clients that failed together (AWS Architecture Blog,
    "Exponential Backoff And Jitter").
    """
    doublings = min(attempt - 1, 32)  # beyond any cap, and safe from overflow
    return fraction * min(cap_s, base_s * 2.0**doublings)


def parse_retry_after(header: str | None, now: float, cap_s: float) -> float | None:
    """Seconds that a ``Retry-After`` asks for: at least 1, at most ``cap_s``; ``None`` for none or garbage.

    Args:
        header: Seconds or a date (RFC 9110, 10.2.3), or Unix time, as some servers write.
        now: Unix time in seconds.
        cap_s: The longest pause to grant.
    """
    moment = _moment(header.strip(), now) if header is not None else None
    return None if moment is None else min(max(moment - now, _LEAST_PAUSE_S), cap_s)


def _moment(text: str, now: float) -> float | None:
    """Unix time at which the pause ends."""
    if _NUMBER.fullmatch(text):
        number = float(text)
        return number if number > _LEAST_UNIX_TIME else now + number
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None

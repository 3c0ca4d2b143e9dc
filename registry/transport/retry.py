"""Whether and when to try again: decisions about plain values."""

from __future__ import annotations

import re
from dataclasses import dataclass
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

# Tries in a row of an answer that makes no sense: once more rules out an accident on the way.
_TRIES_OF_NONSENSE = 2

_NUMBER = re.compile(r"\d{1,15}(?:\.\d{0,9})?", re.ASCII)

# A number above this is a moment (Unix time, 2001-09-09), not a duration of 31 years.
_LEAST_UNIX_TIME = 1e9

# Seconds above which a pause is garbage: quotas are for months at most.
LONGEST_PAUSE_S = 31 * 86_400.0

# Seconds to wait when the moment named has passed, or is now: the server asked for some pause.
_LEAST_PAUSE_S = 1.0


def classify_status(status: int) -> tuple[Reason, bool]:
    """The reason for which an answer of this status failed, and whether it may pass by itself."""
    if status in _TEMPORARY:
        return _REASONS[status], True
    if status >= 500:
        return _REASONS.get(status, Reason.SERVER_ERROR), status not in _PERMANENT_SERVER_ERRORS
    return _REASONS.get(status, Reason.UNEXPECTED_ANSWER), False


@dataclass(slots=True)
class Effort:
    """What one request has cost.

    Attributes:
        tries: How often it was made.
        nonsense_in_a_row: How many of the last ones had an answer that makes no sense.
        spent_s: Seconds for which it held the slot of a host, or waited of our own accord; neither queues nor
            pauses that somebody asked for are among them.
    """

    tries: int = 0
    nonsense_in_a_row: int = 0
    spent_s: float = 0.0

    def count(self, error: RegistryError) -> None:
        """Count a try that failed with ``error``."""
        self.tries += 1
        is_nonsense = error.reason is Reason.UNEXPECTED_ANSWER
        self.nonsense_in_a_row = self.nonsense_in_a_row + 1 if is_nonsense else 0


def is_exhausted(effort: Effort, error: RegistryError, attempts: int, patience_s: float) -> bool:
    """Whether a request that failed with ``error`` is given up, given so many tries and seconds at most."""
    return (
        not error.temporary
        or effort.tries >= attempts
        or effort.nonsense_in_a_row >= _TRIES_OF_NONSENSE
        or effort.spent_s >= patience_s
    )


def delay(attempt: int, fraction: float, base_s: float, cap_s: float) -> float:
    """Seconds to wait after try number ``attempt`` (from 1); ``fraction`` is the luck, from 0 to 1.

    Full jitter spreads clients that failed together (AWS Architecture Blog,
    "Exponential Backoff And Jitter").
    """
    doublings = min(attempt - 1, 32)  # beyond any cap, and safe from overflow
    return fraction * min(cap_s, base_s * 2.0**doublings)


def parse_retry_after(header: str | None, now: float) -> float | None:
    """Seconds that a ``Retry-After`` asks for, at least 1; ``None`` for none or garbage.

    Args:
        header: Seconds or a date (RFC 9110, 10.2.3), or Unix time, as some servers write.
        now: Unix time in seconds.
    """
    moment = _moment(header.strip(), now) if header is not None else None
    if moment is None or moment - now > LONGEST_PAUSE_S:
        return None
    return max(moment - now, _LEAST_PAUSE_S)


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

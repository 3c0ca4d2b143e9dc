"""Dates as registries and images say them, as points in time that can be compared."""

from __future__ import annotations

from datetime import UTC, datetime

LONG_AGO = datetime.min.replace(tzinfo=UTC)


def instant(text: str | None) -> datetime:
    """A date (ISO 8601) as a point in time, to the microsecond; what is no date is before any.

    Texts do not compare as the times they stand for: they have any number of digits after the point, and
    any offset from UTC, or none, which is taken for UTC.
    """
    try:
        moment = datetime.fromisoformat(text or "")
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return LONG_AGO

"""Points in time as tables have them: UTC, microseconds, in text that DuckDB reads (pure)."""

from __future__ import annotations

from datetime import UTC, datetime


def of_unix(seconds: float | None) -> str | None:
    """Of unix seconds."""
    return None if seconds is None else _text(datetime.fromtimestamp(seconds, UTC))


def of_text(stated: str | None) -> str | None:
    """Of ISO 8601 as somebody stated it (without a zone: UTC); ``None`` if that is no time we can have."""
    if stated is None:
        return None
    try:
        moment = datetime.fromisoformat(stated)
        return _text(moment.astimezone(UTC) if moment.tzinfo else moment)
    except (ValueError, OverflowError):
        return None


def _text(moment: datetime) -> str:
    return moment.replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds")

"""Dates as strangers write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.dates import LONG_AGO, instant


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:01Z"),
        (None, "0001-01-02"),
        ("2020-01-01T01:00:00+02:00", "2020-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00.000000001Z", "2020-01-01T00:00:00.1Z"),
        ("yesterday", "1970-01-01T00:00:00Z"),
        ("9999-12-31T23:59:59-23:59", "1970-01-01T00:00:00Z"),
        ("2020-01-01T00:00:00Z", "2020-01-01T00:00:00.5Z"),
        ("2020-01-01T00:00:00.999Z", "2020-01-01T00:00:01Z"),
        ("2020-01-01T23:30:00+10:00", "2020-01-01T13:45:00"),
        ("2020-01-01T23:00:00Z", "2020-01-01T22:30:00-01:00"),
    ],
)
def test_dates_are_points_in_time_and_what_is_none_is_before_them_all(
    earlier: str | None, later: str
) -> None:
    """Zones and fractions of any length are read; a date beyond the calendar is none."""
    assert instant(earlier) < instant(later)


_OFFSETS = st.integers(-1439, 1439).map(lambda minutes: timezone(timedelta(minutes=minutes)))
_MOMENTS = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 29), timezones=_OFFSETS)  # noqa: DTZ001 - bounds


@given(_MOMENTS)
def test_a_moment_is_the_same_in_every_zone(moment: datetime) -> None:
    """With ``Z``, and with any offset."""
    utc = moment.astimezone(UTC)
    assert instant(moment.isoformat()) == utc
    assert instant(utc.isoformat().replace("+00:00", "Z")) == utc


@given(st.text(max_size=40))
def test_any_text_is_a_date_or_before_them_all(text: str) -> None:
    assert instant(text) >= LONG_AGO

"""How numbers are written in figures and on the page: one way, with units."""

from __future__ import annotations

import math

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
_SHORT = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

# From here on three digits round up to 1e+03.
_ROUNDED_UP = 999.5

# Between a number and its unit, where a line must not end.
THIN = "\u202f"
NBSP = "\u00a0"

# Where there is no number.
NONE = "\u2013"


def quantity(value: float | None, unit: str) -> str:
    """A value with its unit, as in a sentence: ``1,090 files``, ``3.6 MiB``, ``2.6``, ``12.5 %``."""
    if value is None or math.isnan(value):
        return NONE
    if unit == "B":
        return binary(value)
    if unit == "share":
        return percent(value)
    if unit == "ratio":
        return f"{value:,.3g}" if value < _ROUNDED_UP else f"{value:,.0f}"
    return grouped(value)


def published_quantity(value: float | None, unit: str) -> str:
    """A value as the paper has it: whether its TB are of 10^12 bytes is not known, so they stay TB."""
    if value is not None and unit == "B" and value >= 10**12:
        return f"{_digits(value / 10**12)}{NBSP}TB"
    return quantity(value, unit)


def binary(value: float) -> str:
    """Bytes with the greatest fitting unit of 2^10: three digits at most, ``1.25 MiB``."""
    power = 0
    while abs(value) >= _ROUNDED_UP and power < len(_BINARY) - 1:
        value, power = value / 1024, power + 1
    return f"{_digits(value)}{NBSP}{_BINARY[power]}"


def percent(value: float) -> str:
    """A share of 1 in percent, to a tenth; what is not quite nothing or all is not written as such."""
    if 0 < value < 0.001:
        return f"<{THIN}0.1{THIN}%"
    if 0.999 < value < 1:
        return f">{THIN}99.9{THIN}%"
    written = f"{100 * value:.1f}".removesuffix(".0")
    return f"{written}{THIN}%"


def grouped(value: float) -> str:
    """A count with separators of thousands; a tenth where it is a mean."""
    if float(value).is_integer() or abs(value) >= 100:
        return f"{value:,.0f}"
    return _digits(value)


def short(value: float) -> str:
    """A number at a tick: ``10``, ``2.5``, ``10 k``, ``3 M``."""
    for size, name in _SHORT:
        if abs(value) >= size:
            return f"{_digits(value / size)}{THIN}{name}"
    return _digits(value)


def _digits(value: float) -> str:
    """Three significant digits, without zeros at the end."""
    return f"{value:.3g}" if abs(value) < _ROUNDED_UP else f"{value:.0f}"

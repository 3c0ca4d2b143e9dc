"""Numbers in tar headers and pax records, accepted exactly where Go's ``archive/tar`` accepts them."""

from __future__ import annotations

import re

from analyzer.layers.faults import LayerFault
from corpus.profiles.layer import LayerReason

MAX_INT64 = 2**63 - 1
MIN_INT64 = -(2**63)
_MAX_UINT64 = 2**64 - 1

_OCTAL = re.compile(rb"[0-7]+")
# More digits than any 64-bit number has, leading zeros aside: longer texts are refused before conversion,
# whose time grows with the square of the length.
_DECIMAL = re.compile(rb"([+-]?)0*([0-9]{1,20})")
# Possessive, so that a long run of digits that ends in something else is refused in one go.
_TIME = re.compile(rb"([+-]?)(?=[0-9])0*+([0-9]*+)(?:\.([0-9]*+))?")


def parse_numeric(field: bytes) -> int:
    """A number of a header field: base-256 if its first bit is set, else octal; may be negative.

    Raises:
        LayerFault: It is neither, or beyond 64 bits.
    """
    if field[0] & 0x80:
        return _parse_base256(field)
    return parse_octal(field)


def parse_octal(field: bytes) -> int:
    """Octal digits, padded with NULs and spaces on both sides; nothing is 0."""
    digits = field.strip(b" \0").partition(b"\0")[0]
    if not digits:
        return 0
    if not _OCTAL.fullmatch(digits):
        raise LayerFault(LayerReason.NUMBER)
    value = int(digits, 8)
    if value > _MAX_UINT64:
        raise LayerFault(LayerReason.NUMBER)
    return value - 2**64 if value > MAX_INT64 else value


def _parse_base256(field: bytes) -> int:
    """Two's complement in big-endian order; the first bit marks the form, the second is the sign."""
    value = int.from_bytes(field, "big") & ~(1 << (8 * len(field) - 1))
    if field[0] & 0x40:
        value -= 1 << (8 * len(field) - 1)
    if not MIN_INT64 <= value <= MAX_INT64:
        raise LayerFault(LayerReason.NUMBER)
    return value


def parse_decimal(text: bytes, reason: LayerReason = LayerReason.PAX_RECORD) -> int:
    """A decimal number of 64 bits, with an optional sign, as in pax records and sparse maps."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise LayerFault(reason)
    value = int(match[1] + match[2])
    if not MIN_INT64 <= value <= MAX_INT64:
        raise LayerFault(reason)
    return value


def parse_time(text: bytes) -> tuple[int, int, bool]:
    """A pax time: seconds (floor), nanoseconds, and whether it had to be clamped to 64 bits.

    Digits beyond the ninth are cut off, never rounded: a time is not a float.
    """
    match = _TIME.fullmatch(text)
    if match is None:
        raise LayerFault(LayerReason.PAX_RECORD)
    is_negative, digits = match[1] == b"-", match[2] or b"0"
    if len(digits) > 19 or int(digits) > MAX_INT64:
        return (MIN_INT64 if is_negative else MAX_INT64), 0, True
    seconds, nanoseconds = int(digits), int((match[3] or b"")[:9].ljust(9, b"0"))
    if not is_negative:
        return seconds, nanoseconds, False
    return (-seconds, 0, False) if not nanoseconds else (-seconds - 1, 10**9 - nanoseconds, False)

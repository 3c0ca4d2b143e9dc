"""Byte ranges of one representation (RFC 9110, section 14)."""

from __future__ import annotations

import re

_ONE_RANGE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


def byte_range(header: str | None, size_bytes: int) -> range | None:
    """The bytes that a ``Range`` header asks for; an empty range cannot be satisfied (416).

    ``None`` means the whole: no header, another unit, or several ranges, which a server may ignore.
    """
    match = _ONE_RANGE.fullmatch((header or "").strip())
    if match is None or match.groups() == ("", ""):
        return None
    first, last = match.groups()
    if not first:
        return range(max(0, size_bytes - int(last)), size_bytes)
    if last and int(last) < int(first):
        return None
    return range(int(first), min(size_bytes, int(last) + 1 if last else size_bytes))

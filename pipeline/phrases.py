"""Numbers as people read them (pure)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SIZES = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")
_MINUTE_S = 60
_HOUR_S = 3_600
_DAY_S = 86_400


def size(count_bytes: float) -> str:
    """``1536`` bytes are ``1.5 KiB``."""
    value = float(count_bytes)
    for unit in _SIZES[:-1]:
        if value < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} {_SIZES[-1]}"


def duration(seconds: float) -> str:
    """``90`` seconds are ``1 min 30 s``: the two largest units that matter."""
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def moment(unix_s: float, now_s: float) -> str:
    """``14:05`` by the clock on the wall; ``2026-01-31 14:05`` on another day than ``now_s``."""
    then, now = (datetime.fromtimestamp(seconds, UTC).astimezone() for seconds in (unix_s, now_s))
    return then.strftime("%H:%M" if then.date() == now.date() else "%Y-%m-%d %H:%M")


def counted(count: int, noun: str) -> str:
    """``1 image``, ``2,000 images``, ``3 repositories``."""
    if count == 1:
        return f"1 {noun}"
    plural = noun[:-1] + "ies" if noun.endswith("y") else noun + "s"
    return f"{count:,} {plural}"


def printable(text: str) -> str:
    """``text`` from anywhere, on one line of a terminal: what is not printable is escaped."""
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape").decode("ascii") for char in text
    )


def table(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Lines with the columns aligned; the first to the left, the others to the right."""
    if not rows:
        return []
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if position == 0 else cell.rjust(width)
            for position, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]

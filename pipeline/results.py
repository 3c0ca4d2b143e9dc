"""Results of queries as people and programs read them: a table, CSV or JSON."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, datetime, time
from decimal import Decimal
from itertools import chain, islice
from math import isfinite
from typing import TYPE_CHECKING, Any

from pipeline.phrases import counted, printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from report.query import Result

# A table is for people: its widths are known once its rows are, which have to be few for that.
_TABLE_ROWS = 1_000
_CELL_COLUMNS = 100


def as_table(result: Result) -> Iterator[str]:
    """Aligned columns, numbers to the right; names of strangers are made printable, long ones cut."""
    rows = chain.from_iterable(result.batches)
    shown = list(islice(rows, _TABLE_ROWS))
    cells = [[_cell(value) for value in row] for row in shown]
    is_number = [
        all(isinstance(row[at], int | float | Decimal | None) for row in shown)
        for at in range(len(result.columns))
    ]
    names = [_cell(name) for name in result.columns]
    widths = [max(map(len, column)) for column in zip(names, *cells, strict=True)]
    for line in (names, ["-" * width for width in widths], *cells):
        aligned = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, is_number, strict=True)
        ]
        yield "  ".join(aligned).rstrip()
    more = sum(1 for _ in rows)
    if more:
        yield f"... and {counted(more, 'row')} more: --csv and --json have all of them"


def as_csv(result: Result) -> Iterator[str]:
    """RFC 4180, but with line feeds only; null is empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(result.columns)
    for batch in result.batches:
        writer.writerows([["" if value is None else _plain(value) for value in row] for row in batch])
        yield buffer.getvalue().removesuffix("\n")
        buffer.seek(0)
        buffer.truncate()
    if text := buffer.getvalue():
        yield text.removesuffix("\n")


def as_json(result: Result) -> Iterator[str]:
    """One array with an object per row, each on a line of its own."""
    yield "["
    before = ""
    for row in chain.from_iterable(result.batches):
        if before:
            yield f"{before},"
        named = {name: _plain(value) for name, value in zip(result.columns, row, strict=True)}
        before = json.dumps(named, ensure_ascii=False, default=str)
    if before:
        yield before
    yield "]"


def _cell(value: object) -> str:
    text = "" if value is None else printable(str(_plain(value)))
    return text if len(text) <= _CELL_COLUMNS else f"{text[: _CELL_COLUMNS - 1]}…"


def _plain(value: Any) -> Any:
    """A value as CSV and JSON can have it, and so whatever is within a list or a struct."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    return _plain_scalar(value)


def _plain_scalar(value: Any) -> Any:
    """Times in ISO 8601, bytes in hexadecimal, no infinities."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, float) and not isfinite(value):
        return None
    return value

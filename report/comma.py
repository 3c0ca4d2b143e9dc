"""Numbers as CSV, for whoever draws them anew."""

from __future__ import annotations

import csv
from io import StringIO
from typing import TYPE_CHECKING

from report.files import put

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

# A spreadsheet takes a text that begins so for a formula; names in here are those of strangers.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table with a header (RFC 4180, UTF-8), whole or not at all.

    An apostrophe stands before a text that a spreadsheet would run as a formula.

    Raises:
        OSError: It cannot be written.
    """
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    put(path, text.getvalue().encode("utf-8", "replace"))


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell

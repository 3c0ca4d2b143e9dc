"""DuckDB, with bounds: so much memory, so many threads, and nothing from the network."""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from report.settings import ReportSettings

_ERRNO_OF = {"No space left on device": errno.ENOSPC, "Disk quota exceeded": errno.EDQUOT}


@contextmanager
def opened(settings: ReportSettings, spill: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A database in memory; what does not fit goes to the folder ``spill``.

    Extensions are never fetched: all that is used is in the program.
    """
    options: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": f"{settings.memory_bytes}B",
        "temp_directory": str(spill),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
    }
    if settings.threads:
        options["threads"] = settings.threads
    connection = duckdb.connect(":memory:", config=options)
    try:
        yield connection
    finally:
        connection.close()


def text(value: object) -> str:
    """A text of ours within a statement that takes no parameters (paths of files)."""
    return "'" + str(value).replace("'", "''") + "'"


def paths(files: list[Path]) -> str:
    """A list of files within a statement."""
    return "[" + ", ".join(map(text, files)) + "]"


@contextmanager
def disk_errors() -> Iterator[None]:
    """Have what DuckDB says of the disk raised as the :class:`OSError` that it is."""
    try:
        yield
    except duckdb.IOException as error:
        message = str(error).partition("\n")[0]
        number = next((number for words, number in _ERRNO_OF.items() if words in message), errno.EIO)
        raise OSError(number, message.removeprefix("IO Error: ")) from error

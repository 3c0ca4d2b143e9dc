"""A process that brings tables up to date and kills itself at a named moment: ``DATA MOMENT``."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from corpus.catalog import open_catalog
from corpus.layout import Layout
from report.settings import ReportSettings
from report.tables import build, parts
from report.tables.engine import TablesEngine
from report.tables.parts import Parts

_commit = Parts.commit
_drop = Parts.drop
_write = build.write


def die(*_: object) -> None:
    """What ``kill -9`` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def commit_and_die(self: Parts, name: str, made: Mapping[str, Path]) -> None:
    """The part is there, and nothing after."""
    _commit(self, name, made)
    die()


def commit_without_record(self: Parts, name: str, made: Mapping[str, Path]) -> None:
    """All files have their names but the one that says so."""
    for table in self.group.others:
        target = self.path(table, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.move(made[table.name], target)
    die()


def drop_half(self: Parts, name: str) -> None:
    """A part that is removed has lost the file that says it is there."""
    self.path(self.group.record, name).unlink()
    die()


def drop_and_die(self: Parts, name: str) -> None:
    """A part has been removed, and nothing after."""
    _drop(self, name)
    die()


def write_and_die(*arguments: object) -> int:
    """A file is written, and has not its name yet."""
    _write(*arguments)  # type: ignore[arg-type]
    die()
    return 0


MOMENTS: dict[str, Callable[[], None]] = {
    "a file is written": lambda: setattr(build, "write", write_and_die),
    "a part is written, none of it has its name": lambda: setattr(Parts, "commit", die),
    "all but the record have their names": lambda: setattr(Parts, "commit", commit_without_record),
    "a part is there": lambda: setattr(Parts, "commit", commit_and_die),
    "names are there, but not on the disk": lambda: setattr(parts, "sync", die),
    "a part lost its record": lambda: setattr(Parts, "drop", drop_half),
    "a part is removed": lambda: setattr(Parts, "drop", drop_and_die),
}


async def main(data: Path, moment: str) -> None:
    """Update until the moment comes."""
    MOMENTS[moment]()
    layout = Layout(data)
    async with open_catalog(layout) as catalog:
        await TablesEngine(catalog, layout, ReportSettings(threads=1, rows_per_part=1000)).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))

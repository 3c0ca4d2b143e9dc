"""Bringing the parts of a group up to date with the profiles there are.

What is new is added, what changed is made again, and small parts become larger ones.
"""

from __future__ import annotations

import shutil
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, NamedTuple, Protocol

import duckdb

from corpus.profiles import ProfileError
from report.database import disk_errors, paths
from report.tables import build
from report.tables.intake import (
    ImageIntake,
    LayerIntake,
    Lines,
    OutdatedError,
    Profiled,
    examine_image,
    examine_layer,
)
from report.tables.parts import Parts, part_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from corpus.layout import Layout
    from report.tables.parts import Group

# Parts below this share of the usual size are merged once there are so many of them: each row is copied a
# few times in its life, and a scan opens few files.
_SMALL = 4
_SMALL_PARTS = 8

_FETCHED_AT_ONCE = 10_000


class Intake(Protocol):
    """Takes in profiles, and counts rows."""

    rows: int
    files: int

    def take(self, profiled: Profiled) -> None:
        """Append the rows of one profile."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is different between the tables of layers and those of images."""

    group: Group
    key: str  # the column of the record that names a profile
    names: Sequence[str]
    intake: Callable[[Layout, Lines], Intake]
    write: Callable[[duckdb.DuckDBPyConnection, Mapping[str, Path], Path], dict[str, Path]]
    examine: Callable[[Layout, Profiled], None]


LAYER_KIND = Kind(
    build.LAYER_GROUP, "layer", LayerIntake.NAMES, LayerIntake, build.write_layers, examine_layer
)
IMAGE_KIND = Kind(
    build.IMAGE_GROUP, "manifest_digest", ImageIntake.NAMES, ImageIntake, build.write_images, examine_image
)


@dataclass(slots=True)
class Tally:
    """What an update did.

    Attributes:
        profiles: Profiles taken in.
        total: Those that there are to take in.
        files: Rows of files.
        parts: Parts written; merged ones not.
        damaged_parts: Parts that could not be read, and were made again.
        refused: Profiles that could not be taken in, by why.
        example: The first of these, and what is wrong with it.
    """

    profiles: int = 0
    total: int = 0
    files: int = 0
    parts: int = 0
    damaged_parts: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    example: str = ""


class _Step(NamedTuple):
    """What becomes one part."""

    taken: list[Profiled]
    sources: Mapping[str, Path]
    folder: Path
    files: int


class Upkeep:
    """Brings one group of tables up to date.

    Args:
        connection: A database with the table ``wanted_<group>``: every profile that the catalog knows.
        layout: Where profiles and tables lie.
        work: A folder for what is under way.
        rows_per_part: Where a part ends.
    """

    def __init__(
        self,
        kind: Kind,
        connection: duckdb.DuckDBPyConnection,
        layout: Layout,
        work: Path,
        rows_per_part: int,
    ) -> None:
        self._kind = kind
        self._connection = connection
        self._layout = layout
        self._work = work / kind.group.record.name
        self._rows_per_part = rows_per_part
        self._numbers = count()
        self.parts = Parts(layout.tables, kind.group)
        self.tally = Tally()

    def run(self, wanted: Path) -> None:
        """Take in what is new or changed; ``wanted`` are JSON lines of ``digest, profiled_at, analysers``.

        Raises:
            OSError: The disk.
        """
        self.tally.damaged_parts = len(self.parts.settle(self._connection))
        self._load(wanted)
        self._drop_stale()
        self._plan()
        for step in self._ahead(self._steps(self._pending(self._connection.cursor()))):
            self._add(step)
        if not self.parts.names():
            self._add(self._gather(iter(())))  # no rows: engines want a file to read the columns from
        self._merge()

    def _load(self, wanted: Path) -> None:
        columns = {"digest": "VARCHAR", "profiled_at": "TIMESTAMP", "analysers": "VARCHAR"}
        with disk_errors():
            self._connection.execute(
                f"CREATE OR REPLACE TABLE wanted AS SELECT * FROM {build.lines(columns, wanted)}"  # noqa: S608 - a path of ours
            )

    def _recorded(self) -> str:
        """What the records have of each profile, and the file it is from."""
        key, files = self._kind.key, self.parts.paths(self._kind.group.record)
        analysers = "analysers" if self._kind is LAYER_KIND else "''"
        columns = f"{key} AS digest, profiled_at, {analysers} AS analysers, filename"
        if not files:
            return (
                "SELECT '' AS digest, NULL::TIMESTAMP AS profiled_at, '' AS analysers, '' AS filename LIMIT 0"
            )
        return f"SELECT {columns} FROM read_parquet({paths(files)}, filename = true)"  # noqa: S608 - paths of ours

    def _drop_stale(self) -> None:
        """Remove parts with a profile that is another one by now, or gone, and parts without any row."""
        query = (
            f"SELECT DISTINCT filename FROM ({self._recorded()}) recorded "  # noqa: S608 - paths of ours
            "ANTI JOIN wanted USING (digest, profiled_at, analysers)"
        )
        stale = {name.rpartition("/")[2] for (name,) in self._connection.execute(query).fetchall()}
        for name in stale | set(self._empty()):
            self.parts.drop(name)

    def _empty(self) -> list[str]:
        return [name for name in self.parts.names() if name == part_name([])]

    def _plan(self) -> None:
        """Find out which profiles are in no part."""
        with disk_errors():
            self._connection.execute(
                "CREATE OR REPLACE TABLE pending AS "  # noqa: S608 - paths of ours
                "SELECT digest, profiled_at::VARCHAR AS profiled_at, analysers "
                f"FROM wanted ANTI JOIN ({self._recorded()}) recorded USING (digest) ORDER BY digest"
            )
        (self.tally.total,) = self._connection.execute("SELECT count(*) FROM pending").fetchall()[0]

    def _pending(self, rows: duckdb.DuckDBPyConnection) -> Iterator[Profiled]:
        rows.execute("SELECT * FROM pending")
        while batch := rows.fetchmany(_FETCHED_AT_ONCE):
            yield from map(Profiled._make, batch)

    def _steps(self, pending: Iterator[Profiled]) -> Iterator[_Step]:
        """Profiles until a part has its rows, again and again; a profile is never divided."""
        while (step := self._gather(pending)).taken:
            yield step

    def _gather(self, pending: Iterator[Profiled]) -> _Step:
        folder = self._work / str(next(self._numbers))
        taken = []
        with Lines(folder, self._kind.names) as lines:
            intake = self._kind.intake(self._layout, lines)
            for profiled in pending:
                if self._is_taken(intake, profiled):
                    taken.append(profiled)
                if intake.rows >= self._rows_per_part:
                    break
        return _Step(taken, lines.paths, folder, intake.files)

    def _is_taken(self, intake: Intake, profiled: Profiled) -> bool:
        try:
            intake.take(profiled)
        except OutdatedError:
            self._refuse("outdated", profiled, "its profile is of another version")
        except FileNotFoundError:
            self._refuse("missing", profiled, "its profile is gone")
        except ProfileError as error:
            self._refuse("damaged", profiled, str(error))
        else:
            return True
        return False

    def _is_sound(self, profiled: Profiled) -> bool:
        """Whether each row of a profile is one: looked at only where a part of many could not be made."""
        try:
            self._kind.examine(self._layout, profiled)
        except ProfileError as error:
            self._refuse("damaged", profiled, str(error))
            return False
        return True

    def _refuse(self, why: str, profiled: Profiled, detail: str) -> None:
        self.tally.example = self.tally.example or f"{profiled.digest}: {detail}"
        self.tally.refused[why] += 1

    @staticmethod
    def _ahead(steps: Iterator[_Step]) -> Iterator[_Step]:
        """The same steps, the next one gathered while one is worked on: the database leaves the lock."""
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(next, steps, None)
            while (step := future.result()) is not None:
                future = pool.submit(next, steps, None)
                yield step

    def _add(self, step: _Step) -> None:
        try:
            made = self._kind.write(self._connection, step.sources, step.folder)
        except (duckdb.InvalidInputException, duckdb.ConversionException):
            sound = [profiled for profiled in step.taken if self._is_sound(profiled)]
            if len(sound) == len(step.taken):
                raise
            self._add(self._gather(iter(sound)))
            return
        self.parts.commit(part_name(profiled.key for profiled in step.taken), made)
        shutil.rmtree(step.folder)
        self.tally.profiles += len(step.taken)
        self.tally.files += step.files
        self.tally.parts += bool(step.taken)

    def _merge(self) -> None:
        """Make one part of small ones, the smallest first, if there are enough of them."""
        sizes = {name: self._rows(name) for name in self.parts.names()}
        small = sorted((size, name) for name, size in sizes.items() if size * _SMALL < self._rows_per_part)
        if len(small) < _SMALL_PARTS:
            return
        chosen: list[str] = []
        rows = 0
        for size, name in small:
            chosen.append(name)
            rows += size
            if rows >= self._rows_per_part:
                break
        self._replace(sorted(chosen))

    def _rows(self, name: str) -> int:
        return max(self.parts.rows(self._connection, name).values())

    def _replace(self, names: Sequence[str]) -> None:
        """Put one part in the place of several. Killed in between, it leaves profiles that are in no part."""
        files = {table.name: self.parts.paths(table, names) for table in self._kind.group.tables}
        folder = self._work / "merged"
        folder.mkdir(parents=True, exist_ok=True)
        made = build.write_merged(self._connection, self._kind.group, files, folder)
        for name in names:
            self.parts.drop(name)
        self.parts.commit(part_name(names), made)
        with suppress(OSError):
            shutil.rmtree(folder)

"""Bringing ``data/tables/`` up to date."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from report.database import opened
from report.tables import build, moments
from report.tables.census import (
    FAILURES,
    IMAGES,
    REFERENCES,
    REPOSITORIES,
    REPOSITORY_COUNTS,
    failure_class,
    stage_of,
)
from report.tables.intake import Lines
from report.tables.parts import part_name
from report.tables.upkeep import IMAGE_KIND, LAYER_KIND, Tally, Upkeep

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    import duckdb

    from corpus.catalog import Catalog
    from corpus.layout import Layout
    from report.settings import ReportSettings
    from report.tables.columns import Table

T = TypeVar("T")

# What was interrupted between two statements goes on with the next one: it is interrupted again.
_INTERRUPT_S = 0.1

# What is under way; its name begins with a dot, so that no engine takes it for a table.
WORK = ".work"

# Tables that are written whole: a census has thousands of files for each of their rows.
_WHOLE = (REPOSITORIES, REPOSITORY_COUNTS, FAILURES)
_WANTED = ("wanted_layers", "wanted_images")
_REFERENCES = "references"


@dataclass(frozen=True, slots=True)
class TablesStatistics:
    """How far an update is; units are layers."""

    done: int
    failed: int
    total: int | None
    bytes_done: int
    note: str


@dataclass(frozen=True, slots=True)
class TablesSummary:
    """What an update did.

    Attributes:
        layers: Layers taken in.
        images: Distinct images taken in.
        files: Rows of files taken in.
        parts: Parts written.
        damaged_parts: Parts that could not be read, and were made again.
        outdated: Profiles of other versions, which no table has.
        refused: Profiles that could not be taken in, by why (``missing``, ``damaged``, ``outdated``).
        example: The first of these, and what is wrong with it; empty if there are none.
    """

    layers: int
    images: int
    files: int
    parts: int
    damaged_parts: int
    outdated: int
    refused: dict[str, int] = field(default_factory=dict)
    example: str = ""


class TablesEngine:
    """Makes the tables of what the catalog knows and of the profiles that are new since the last time.

    Args:
        catalog: What there is.
        layout: Where profiles and tables lie.
        settings: Bounds.
        anew: Whether to throw away the tables first.
    """

    def __init__(
        self, catalog: Catalog, layout: Layout, settings: ReportSettings, *, anew: bool = False
    ) -> None:
        self._catalog = catalog.report
        self._layout = layout
        self._settings = settings
        self._anew = anew
        self._work = layout.tables / WORK
        self._layers = Tally()
        self._images = Tally()

    def statistics(self) -> TablesStatistics:
        """How far the update is."""
        tally = self._layers
        return TablesStatistics(
            done=tally.profiles,
            failed=tally.refused.total(),
            total=tally.total or None,
            bytes_done=0,
            note=f"{self._images.profiles} images" if self._images.profiles else "",
        )

    async def run(self) -> TablesSummary:
        """Update until every profile is in the tables.

        Raises:
            OSError: The disk.
        """
        shutil.rmtree(self._layout.tables if self._anew else self._work, ignore_errors=True)
        self._work.mkdir(parents=True)
        try:
            sources = await self._dump()
            outdated = await self._catalog.outdated()
            with opened(self._settings, self._work / "spill") as connection:
                await _uncancelled(connection, partial(self._build, connection, sources))
        finally:
            shutil.rmtree(self._work, ignore_errors=True)
        return self._summary(sum(outdated))

    def _summary(self, outdated: int) -> TablesSummary:
        layers, images = self._layers, self._images
        return TablesSummary(
            layers=layers.profiles,
            images=images.profiles,
            files=layers.files,
            parts=layers.parts + images.parts,
            damaged_parts=layers.damaged_parts + images.damaged_parts,
            outdated=outdated,
            refused=dict(layers.refused + images.refused),
            example=layers.example or images.example,
        )

    async def _dump(self) -> Mapping[str, Path]:
        """Write what the catalog knows as lines of JSON, by name."""
        dumps: dict[str, tuple[AsyncIterator[list[dict[str, Any]]], Callable[[dict[str, Any]], Any]]] = {
            "wanted_layers": (self._catalog.layer_profiles(), _profiled),
            "wanted_images": (self._catalog.image_profiles(), _profiled),
            _REFERENCES: (self._catalog.references(), _reference),
            REPOSITORIES.name: (self._catalog.repositories(), _repository),
            REPOSITORY_COUNTS.name: (self._catalog.counts(), _count),
            FAILURES.name: (self._catalog.failures(), _failure),
        }
        with Lines(self._work / "catalog", dumps) as lines:
            for name, (batches, as_row) in dumps.items():
                async for rows in batches:
                    lines.rows(name, map(as_row, rows))
            return lines.paths

    def _build(self, connection: duckdb.DuckDBPyConnection, sources: Mapping[str, Path]) -> None:
        build.prepare(connection)
        upkeeps = [
            Upkeep(kind, connection, self._layout, self._work, self._settings.rows_per_part)
            for kind in (LAYER_KIND, IMAGE_KIND)
        ]
        self._layers, self._images = (upkeep.tally for upkeep in upkeeps)
        for upkeep, name in zip(upkeeps, _WANTED, strict=True):
            upkeep.run(sources[name])
        for table in _WHOLE:
            target = self._work / f"{table.name}.parquet"
            build.write(connection, build.rows_of(table, sources[table.name]) + " ORDER BY ALL", target)
            self._replace(table, target)
        images = upkeeps[1].parts
        target = self._work / f"{IMAGES.name}.parquet"
        build.write_references(connection, sources[_REFERENCES], images.paths(images.group.record), target)
        self._replace(IMAGES, target)

    def _replace(self, table: Table, made: Path) -> None:
        """Put the only file of a table in its place."""
        folder = self._layout.tables / table.name
        target = folder / part_name(())
        folder.mkdir(exist_ok=True)
        made.replace(target)
        for path in folder.iterdir():
            if path != target:
                path.unlink()


async def _uncancelled(connection: duckdb.DuckDBPyConnection, work: Callable[[], T]) -> T:
    """Do blocking work beside the event loop; who is cancelled waits until the database has let go."""
    working = asyncio.ensure_future(asyncio.to_thread(work))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        while not working.done():
            connection.interrupt()
            await asyncio.wait([working], timeout=_INTERRUPT_S)
        working.exception()  # that it was interrupted is known
        raise


def _profiled(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        "digest": row["digest"],
        "profiled_at": moments.of_unix(row["finished_at"]),
        "analysers": row.get("analysers", ""),
    }


def _reference(row: Mapping[str, Any]) -> dict[str, object]:
    found = {**row, "repository": row["name"], "fetched_at": moments.of_unix(row["finished_at"])}
    return {column.name: found[column.name] for column in REFERENCES}


def _repository(row: Mapping[str, Any]) -> dict[str, object]:
    namespace, slash, _ = row["name"].partition("/")
    found = {
        **row,
        "repository": row["name"],
        "namespace": namespace if slash else "",
        "pulls": row["pull_count"],
        "stars": row["star_count"],
        "registered_at": moments.of_text(row["registered_at"]),
        "last_updated_at": moments.of_text(row["last_updated_at"]),
        "first_seen_at": moments.of_unix(row["first_seen_at"]),
        "last_seen_at": moments.of_unix(row["last_seen_at"]),
        "gone_at": moments.of_unix(row["gone_at"]),
        "failure_class": failure_class(row["reason"]),
    }
    return {column.name: found[column.name] for column in REPOSITORIES.columns}


def _count(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        "registry": row["registry"],
        "repository": row["name"],
        "counted_at": moments.of_unix(row["seen_at"]),
        "pulls": row["pull_count"],
        "stars": row["star_count"],
    }


def _failure(row: Mapping[str, Any]) -> dict[str, object]:
    return {
        "stage": stage_of(row["unit"]),
        "unit": row["unit"],
        "subject": row["example"],
        "reason": row["reason"],
        "failure_class": failure_class(row["reason"]),
        "is_temporary": bool(row["is_retried"]),
        "detail": row["detail"],
    }

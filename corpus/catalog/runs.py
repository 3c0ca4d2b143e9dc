"""One record per run of a stage: what was asked, what came of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select, update

from corpus.catalog.database import uninterrupted
from corpus.catalog.schema import runs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from corpus.catalog.database import Database


class RunCatalog:
    """Runs of the stages."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @uninterrupted
    async def start(self, run_id: str, stage: str, settings: Mapping[str, Any], now: float) -> None:
        """Record that a stage began, with its settings (never secrets)."""
        row = {"id": run_id, "stage": stage, "started_at": now, "settings": json.dumps(settings)}
        async with self._database.write() as connection:
            await connection.execute(insert(runs).values(row))

    @uninterrupted
    async def end(self, run_id: str, outcome: str, summary: Mapping[str, Any], now: float) -> None:
        """Record how it ended: ``done``, ``stopped``, ``interrupted``."""
        values = {"ended_at": now, "outcome": outcome, "summary": json.dumps(summary)}
        async with self._database.write() as connection:
            await connection.execute(update(runs).where(runs.c.id == run_id).values(values))

    async def latest(self) -> dict[str, dict[str, Any]]:
        """The last run of each stage: ``started_at``, ``ended_at`` (unix seconds) and ``outcome``."""
        query = select(runs.c.stage, runs.c.started_at, runs.c.ended_at, runs.c.outcome).order_by(
            runs.c.started_at
        )
        async with self._database.read() as connection:
            return {row.stage: dict(row._mapping) for row in await connection.execute(query)}  # noqa: SLF001 - its public name

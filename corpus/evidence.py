"""Answers that were not what they should be: their bodies as files, and where each came from."""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from corpus.catalog.database import uninterrupted
from corpus.catalog.schema import evidence
from corpus.durability import replacing

if TYPE_CHECKING:
    from pathlib import Path

    from corpus.catalog.database import Database

# Answers kept per registry and reason: a site that changed its shape says the same on every page.
_MOST = 100


class EvidenceStore:
    """The folder ``evidence/`` and its table."""

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._keeping = asyncio.Lock()  # the same body may come twice at a time

    @uninterrupted
    async def keep(
        self, registry: str, url: str, *, status: int | None, reason: str, body: bytes, now: float
    ) -> bool:
        """Keep an answer, unless there are enough of its kind; tells whether it was kept."""
        async with self._keeping:
            if await self._count(registry, reason) >= _MOST:
                return False
            sha256 = hashlib.sha256(body).hexdigest()
            await asyncio.to_thread(self._write, sha256, body)
            row = {"registry": registry, "url": url, "status": status, "reason": reason}
            async with self._database.write() as connection:
                await connection.execute(insert(evidence).values(**row, body_sha256=sha256, seen_at=now))
        return True

    async def _count(self, registry: str, reason: str) -> int:
        query = select(func.count()).where(evidence.c.registry == registry, evidence.c.reason == reason)
        async with self._database.read() as connection:
            return int((await connection.execute(query)).scalar_one())

    def _write(self, sha256: str, body: bytes) -> None:
        with replacing(self._folder / sha256) as file:
            file.write(body)

"""What limits must know of earlier runs: the requests made, and what registries said of our pull quota."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, select

from corpus.catalog.database import IN_CHUNK, uninterrupted, upsert
from corpus.catalog.schema import quotas, requests
from registry.transport.allowance import Block
from registry.transport.quota import Quota

if TYPE_CHECKING:
    from collections.abc import Sequence

    from corpus.catalog.database import Database


class AllowanceCatalog:
    """The :class:`registry.transport.memory.Memory` of a data directory."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def requests(self) -> list[Block]:
        """The requests made so far, oldest first."""
        columns = requests.c
        query = select(columns.id, columns.starts_at, columns.ends_at, columns.requests).order_by(columns.id)
        async with self._database.read() as connection:
            return [Block(*row) for row in await connection.execute(query)]

    @uninterrupted
    async def record_requests(self, blocks: Sequence[Block], gone: Sequence[int]) -> None:
        """Keep ``blocks``, in the place of those with the same ids; forget the ids in ``gone``."""
        rows = [
            {"id": each.id, "starts_at": each.starts_at, "ends_at": each.ends_at, "requests": each.requests}
            for each in blocks
        ]
        async with self._database.write() as connection:
            for start in range(0, len(gone), IN_CHUNK):
                some = gone[start : start + IN_CHUNK]
                await connection.execute(delete(requests).where(requests.c.id.in_(some)))
            await upsert(connection, requests, rows, key=["id"], update=["starts_at", "ends_at", "requests"])

    async def quota(self, host: str, username: str) -> Quota | None:
        """What was last told by ``host[:port]`` to an account; ``""`` is anonymous."""
        query = select(quotas).where(quotas.c.host == host, quotas.c.username == username)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else Quota(row.limit, row.remaining, row.window_s, row.seen_at)

    @uninterrupted
    async def record_quota(self, host: str, username: str, quota: Quota) -> None:
        """Keep it."""
        row = {
            "host": host,
            "username": username,
            "limit": quota.limit,
            "remaining": quota.remaining,
            "window_s": quota.window_s,
            "seen_at": quota.seen_at,
        }
        changes = ["limit", "remaining", "window_s", "seen_at"]
        async with self._database.write() as connection:
            await upsert(connection, quotas, [row], key=["host", "username"], update=changes)

"""Finished profiles on their way to their names and rows: bytes before rows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from corpus.catalog.database import uninterrupted
from corpus.profiles.stream import commit

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from analyzer.jobs import Profiled
    from corpus.records import ProfileOutcome
    from registry.transport.clock import Clock

# How long finished profiles wait for others, as long as any come: a crash has to make them again.
_CHECKPOINT_S = 5.0
# So many are a checkpoint of their own: some 2 MB, and names for a second of work of the disk.
_CHECKPOINT_PROFILES = 2_000


class Checkpoints:
    """Collects finished profiles; now and then names them durably, and then records them in one transaction.

    A checkpoint goes on beside the work, until as many profiles wait for the next one: then whoever adds one
    waits too.
    """

    def __init__(
        self, record: Callable[[Sequence[ProfileOutcome], float], Awaitable[None]], clock: Clock
    ) -> None:
        self._record = record
        self._clock = clock
        self._finished: list[Profiled] = []
        self._running: asyncio.Task[None] | None = None
        self._due_at = clock.monotonic() + _CHECKPOINT_S

    async def add(self, profiled: Sequence[Profiled]) -> None:
        """Take profiles; whatever stopped an earlier checkpoint is raised here."""
        self._finished += profiled
        running = self._running
        if running is not None and (running.done() or self._is_full()):
            await _end_of(running)
            if self._running is running:
                self._running = None
        if self._running is None and (self._is_full() or self._clock.monotonic() >= self._due_at):
            self._running = asyncio.create_task(self._checkpoint())

    async def close(self) -> None:
        """Record what there is."""
        if self._running is not None:
            await _end_of(self._running)
        await self._checkpoint()

    def _is_full(self) -> bool:
        return len(self._finished) >= _CHECKPOINT_PROFILES

    @uninterrupted
    async def _checkpoint(self) -> None:
        finished, self._finished = self._finished, []
        if finished:
            await asyncio.to_thread(commit, [target for profiled in finished for target in profiled.targets])
            await self._record([profiled.outcome for profiled in finished], self._clock.now())
        self._due_at = self._clock.monotonic() + _CHECKPOINT_S


async def _end_of(checkpoint: asyncio.Task[None]) -> None:
    """Wait for a checkpoint, which is not cancelled with whoever waits; its error is raised."""
    await asyncio.wait([checkpoint])
    checkpoint.result()

"""Requests within the user's own limits: whoever has to wait for one holds nothing meanwhile."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from registry.transport.allowance import Allowance

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from registry.transport.allowance import Block, Limit, Reserved
    from registry.transport.clock import Clock
    from registry.transport.memory import Memory
    from registry.transport.waits import Waits


def _nothing() -> None:
    """Nobody counts."""


class RequestLimits:
    """The requests that may be sent; each is written down before it is."""

    def __init__(self, limits: Sequence[Limit], clock: Clock, waits: Waits, memory: Memory) -> None:
        self._limits = limits
        self._clock = clock
        self._waits = waits
        self._memory = memory
        self._allowance: Allowance | None = None
        self._written: dict[int, Block] = {}
        self._reserving = asyncio.Lock()
        self._epoch = float("-inf")

    async def ready(self) -> None:
        """Return when there are requests to be taken, which others may be quicker to do."""
        while not self._has_some():
            async with self._reserving:
                if not self._has_some():
                    await self._reserve()

    def take(self) -> Callable[[], None] | None:
        """Count one request, which is sent now; gives what to call when it is answered, or has failed.

        ``None`` if there is none to be taken.
        """
        if not self._limits:
            return _nothing
        allowance, now = self._allowance, self._now()
        block = None if allowance is None else allowance.take(now)
        return None if allowance is None or block is None else partial(self._answered, allowance, block)

    async def close(self) -> None:
        """Give back what was reserved and not taken."""
        if self._allowance is not None:
            self._allowance.close()
            await self._write(self._allowance.blocks)

    def _answered(self, allowance: Allowance, block: Reserved) -> None:
        allowance.answered(block, self._now())

    def _has_some(self) -> bool:
        return not self._limits or (self._allowance is not None and self._allowance.has_some(self._now()))

    async def _reserve(self) -> None:
        """Reserve a few more requests, as soon as that may be."""
        allowance = await self._opened()
        now = self._now()
        free_at = allowance.reserve(now)
        if free_at > now:
            await self._waits.sleep("your limit", free_at - now)
            return
        await self._write(allowance.blocks)
        allowance.use()

    async def _opened(self) -> Allowance:
        if self._allowance is None:
            blocks = await self._memory.requests()
            self._written = {block.id: block for block in blocks}
            self._allowance = Allowance(self._limits, blocks, self._now())
        return self._allowance

    async def _write(self, blocks: Sequence[Block]) -> None:
        """Write down what has changed."""
        before, self._written = self._written, {block.id: block for block in blocks}
        changed = [block for block in blocks if before.get(block.id) != block]
        gone = [number for number in before if number not in self._written]
        await self._memory.record_requests(changed, gone)

    def _now(self) -> float:
        """Unix time, which is what the next process knows; where the clock is set back, it goes on."""
        monotonic_s = self._clock.monotonic()
        self._epoch = max(self._epoch, self._clock.now() - monotonic_s)
        return self._epoch + monotonic_s

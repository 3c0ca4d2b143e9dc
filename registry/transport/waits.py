"""Long waits, so that people can be told what for, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from registry.transport.clock import Clock


@dataclass(frozen=True, slots=True, order=True)
class Wait:
    """Until when (Unix time in seconds), and what for: ``quota``, ``your limit``, or a host."""

    until: float
    what: str


class Waits:
    """The waits under way."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waits: dict[object, Wait] = {}

    async def sleep(self, what: str, seconds: float) -> None:
        """Wait ``seconds`` for ``what``."""
        token = object()
        self._waits[token] = Wait(self._clock.now() + seconds, what)
        try:
            await self._clock.sleep(seconds)
        finally:
            del self._waits[token]

    def longest(self) -> Wait | None:
        """The one that ends last."""
        return max(self._waits.values(), default=None)

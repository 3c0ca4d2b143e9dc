"""Pulls within the quota that a registry announces: no GET is sent that it would refuse."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from registry.transport.quota import PullLedger, parse_quota

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    import aiohttp

    from registry.transport.clock import Clock
    from registry.transport.memory import Memory
    from registry.transport.quota import Pull, Quota
    from registry.transport.waits import Waits

    Hear = Callable[[aiohttp.ClientResponse], None]
    Write = Callable[[Quota], Awaitable[None]]

# What is waited for.
QUOTA = "quota"

# Seconds between two records of what is left.
_WRITE_EVERY_S = 5.0


class PullGate:
    """The pulls of one account at one registry. Once nothing is left all wait, and one asks for all."""

    def __init__(self, ledger: PullLedger, clock: Clock, waits: Waits, write: Write) -> None:
        """Take what writes down a quota, for people: the next run asks before it relies on it."""
        self.ledger = ledger
        self._clock = clock
        self._waits = waits
        self._write = write
        self._written: Quota | None = None
        self._write_at = clock.monotonic()
        self._asking = asyncio.Lock()
        self._ended = asyncio.Event()
        self._times_told = 0

    async def admit(self, ask: Callable[[], Awaitable[None]]) -> None:
        """Return when a GET may be sent, which is to be begun at once.

        Args:
            ask: Asks for the same by HEAD, which is free. If that is answered without a word on a quota,
                this GET is none that is counted, or will tell itself.
        """
        while True:
            await self.rest()
            if self.ledger.may_get:
                return
            if self.ledger.in_flight:
                await self._ended.wait()  # its answer may tell that there are more
                continue
            async with self._asking:
                if self._is_to_be_asked and not await self._is_told_by(ask):
                    return

    @contextmanager
    def holding(self, *, is_get: bool) -> Iterator[Hear]:
        """A GET or a HEAD while it is on its way; gives what is to be called with its answer."""
        pull = self.ledger.begin(is_get=is_get)
        try:
            yield partial(self._hear, pull)
        finally:
            self.ledger.end(pull)
            self._ended.set()
            self._ended.clear()

    @property
    def _is_to_be_asked(self) -> bool:
        """Whether only a question can tell if there are more, and nobody else has asked meanwhile."""
        ledger = self.ledger
        return not (ledger.may_get or ledger.in_flight or ledger.ask_at > self._clock.monotonic())

    async def _is_told_by(self, ask: Callable[[], Awaitable[None]]) -> bool:
        times_told = self._times_told
        await ask()
        return self._times_told > times_told

    def refuse(self, retry_after_s: float | None) -> None:
        """See :meth:`PullLedger.refuse`."""
        self.ledger.refuse(retry_after_s, self._clock.monotonic())

    async def rest(self) -> None:
        """Wait until it is time to ask again, if nothing was left."""
        while (wait_s := self.ledger.ask_at - self._clock.monotonic()) > 0:
            await self.record()
            await self._waits.sleep(QUOTA, wait_s)

    async def record_now_and_then(self) -> None:
        """Write down what is left, unless that was done a moment ago."""
        if self._clock.monotonic() >= self._write_at:
            self._write_at = self._clock.monotonic() + _WRITE_EVERY_S
            await self.record()

    async def record(self) -> None:
        """Write down what is left, if it has changed."""
        quota = self.ledger.quota
        if quota is not None and quota != self._written:
            self._written = quota
            await self._write(quota)

    def _hear(self, pull: Pull, response: aiohttp.ClientResponse) -> None:
        quota = parse_quota(response.headers, self._clock.now())
        self._times_told += quota is not None
        if quota is not None or response.status < 300:
            self.ledger.hear(pull, quota, self._clock.monotonic())


class PullGates:
    """The gate of each registry."""

    def __init__(self, pause_s: float, clock: Clock, waits: Waits, memory: Memory) -> None:
        self._pause_s = pause_s
        self._clock = clock
        self._waits = waits
        self._memory = memory
        self._gates: dict[str, PullGate] = {}
        self._opening = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<PullGates { ({host: gate.ledger for host, gate in self._gates.items()}) }>"

    def are_counted(self, host: str) -> bool | None:
        """Whether ``host[:port]`` counts our pulls; ``None`` before it was heard."""
        gate = self._gates.get(host)
        return None if gate is None else gate.ledger.is_counted

    async def of(self, host: str, username: Callable[[], Awaitable[str]]) -> PullGate:
        """The gate of ``host[:port]``; ``username`` tells as whom we go there, and is asked once."""
        if host in self._gates:
            return self._gates[host]
        async with self._opening:
            if host not in self._gates:
                self._gates[host] = await self._open(host, await username())
        return self._gates[host]

    async def record(self) -> None:
        """Write down what is left everywhere."""
        for gate in list(self._gates.values()):
            await gate.record()

    async def _open(self, host: str, username: str) -> PullGate:
        known = await self._memory.quota(host, username)
        if known is not None and known.is_over(self._clock.now()):
            known = None
        write = partial(self._memory.record_quota, host, username)
        return PullGate(PullLedger(self._pause_s, known), self._clock, self._waits, write)

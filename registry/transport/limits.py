"""How much one host gets: requests at a time, and pauses it asked for. No host suffers for another."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from registry.transport.waits import Wait

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from registry.transport.clock import Clock

log = logging.getLogger("registry")

# Hosts remembered. Redirects may name any number of them; those at rest are forgotten beyond this.
_MAX_HOSTS = 1024


class PausedError(Exception):
    """A host has asked for a pause, and whoever comes does not want to wait.

    Attributes:
        left_s: Seconds until it is over.
    """

    def __init__(self, left_s: float) -> None:
        super().__init__()
        self.left_s = left_s


class HostLimits:
    """Slots and pauses per host.

    The number of slots adapts as TCP's window does (additive increase, multiplicative decrease):
    halved when the host complains, one more after as many good answers as there are slots.
    """

    def __init__(self, parallel: int, clock: Clock) -> None:
        self._parallel = parallel
        self._clock = clock
        self._hosts: dict[str, _Host] = {}

    def __repr__(self) -> str:
        hosts = ", ".join(f"{name}: {host.in_use}/{host.allowed}" for name, host in self._hosts.items())
        return f"<HostLimits {hosts}>"

    @asynccontextmanager
    async def slot(self, host: str, *, waits: bool = True) -> AsyncIterator[None]:
        """Hold one of the host's slots. Whoever waits out a pause holds none.

        Raises:
            PausedError: There is a pause, and ``waits`` is false.
        """
        state = self._state(host)
        state.visitors += 1
        try:
            await self._enter(state, waits=waits)
            try:
                yield
            finally:
                state.leave()
        finally:
            state.visitors -= 1

    def pause(self, host: str, seconds: float) -> None:
        """Leave the host alone for ``seconds`` from now; a longer pause under way is kept."""
        state = self._state(host)
        state.paused_until = max(state.paused_until, self._clock.monotonic() + seconds)
        log.info("host_paused", extra={"host": host, "wait_s": round(seconds, 1)})

    def complained(self, host: str) -> None:
        """The host is overloaded, or says so: halve its slots, to one at least."""
        state = self._state(host)
        state.allowed = max(1, state.allowed // 2)
        state.good_answers = 0

    def answered(self, host: str) -> None:
        """The host answered well."""
        state = self._state(host)
        state.good_answers += 1
        if state.allowed < self._parallel and state.good_answers >= state.allowed:
            state.allowed += 1
            state.good_answers = 0
            state.admit()

    def longest_pause(self) -> Wait | None:
        """The pause that ends last, of those that somebody waits out."""
        now, now_s = self._clock.now(), self._clock.monotonic()
        paused = (
            Wait(now + state.paused_until - now_s, name)
            for name, state in self._hosts.items()
            if state.visitors and state.paused_until > now_s
        )
        return max(paused, default=None)

    async def _enter(self, state: _Host, *, waits: bool) -> None:
        while True:
            while (wait_s := state.paused_until - self._clock.monotonic()) > 0:
                if not waits:
                    raise PausedError(wait_s)
                await self._clock.sleep(wait_s)
            await state.enter()
            if state.paused_until <= self._clock.monotonic():
                return
            state.leave()  # it was paused while we stood in the queue

    def _state(self, host: str) -> _Host:
        if host not in self._hosts:
            if len(self._hosts) >= _MAX_HOSTS:
                self._forget_hosts_at_rest()
            self._hosts[host] = _Host(self._parallel)
        return self._hosts[host]

    def _forget_hosts_at_rest(self) -> None:
        now = self._clock.monotonic()
        self._hosts = {
            name: state for name, state in self._hosts.items() if state.visitors or state.paused_until > now
        }


class _Host:
    """The slots of one host, given out in the order of asking."""

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.in_use = 0
        self.visitors = 0  # whoever waits or holds a slot
        self.good_answers = 0
        self.paused_until = float("-inf")
        self._queue: deque[asyncio.Future[None]] = deque()

    async def enter(self) -> None:
        """Take a slot, waiting for one if need be."""
        if self.in_use < self.allowed and not self._queue:
            self.in_use += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.leave()  # the slot was given just before the cancellation: pass it on
            raise

    def leave(self) -> None:
        """Give the slot back."""
        self.in_use -= 1
        self.admit()

    def admit(self) -> None:
        """Give free slots to those who wait."""
        while self._queue and self.in_use < self.allowed:
            turn = self._queue.popleft()
            if not turn.done():
                self.in_use += 1
                turn.set_result(None)

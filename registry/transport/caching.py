"""Answers that age: asked for once, however many want them, and used until they are too old."""

from __future__ import annotations

import asyncio
import copy
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from registry.transport.clock import Clock


class Perishable(Protocol):
    """Something that is worth using for a while."""

    @property
    def good_until(self) -> float:
        """The moment from which it is too old (monotonic seconds)."""
        ...


Key = TypeVar("Key", bound="Hashable")
Value = TypeVar("Value", bound=Perishable)


class FreshCache(Generic[Key, Value]):
    """Values by key, each asked for once at a time. A failure is for those who waited, and not kept."""

    def __init__(self, clock: Clock, capacity: int) -> None:
        """Keep at most ``capacity`` values, the newest ones."""
        self._clock = clock
        self._capacity = capacity
        self._values: dict[Key, Value] = {}
        self._flights: dict[Key, _Flight[Value]] = {}

    def __repr__(self) -> str:
        return f"<FreshCache values={len(self._values)} flights={len(self._flights)}>"

    def twin(self) -> FreshCache[Key, Value]:
        """The same values, for those who do not ask, nor wait for them, together with the others."""
        twin = copy.copy(self)
        twin._flights = {}  # noqa: SLF001 - its own
        return twin

    def kept(self, key: Key) -> Value | None:
        """The value for ``key``, if there is one that is not too old."""
        value = self._values.get(key)
        return value if value is not None and self._clock.monotonic() < value.good_until else None

    async def get(self, key: Key, fetch: Callable[[Key], Awaitable[Value]]) -> Value:
        """The value kept for ``key``, or the one that ``fetch`` brings, whoever called it first."""
        value = self.kept(key)
        return await self._join(key, fetch) if value is None else value

    def refused(self, key: Key, value: Value) -> None:
        """Forget ``value``, unless a newer one took its place already."""
        if self._values.get(key) is value:
            del self._values[key]

    async def _join(self, key: Key, fetch: Callable[[Key], Awaitable[Value]]) -> Value:
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = _Flight(asyncio.ensure_future(self._fetch(key, fetch)))
        try:
            return await flight.join()
        finally:
            # At once: whoever comes while a request is being given up must not share its end.
            if flight.is_over and self._flights.get(key) is flight:
                del self._flights[key]

    async def _fetch(self, key: Key, fetch: Callable[[Key], Awaitable[Value]]) -> Value:
        value = await fetch(key)
        self._values.pop(key, None)
        self._values[key] = value
        if len(self._values) > self._capacity:
            del self._values[next(iter(self._values))]
        return value


class _Flight(Generic[Value]):
    """A request on its way, which ends early only when nobody waits for it any more."""

    def __init__(self, task: asyncio.Future[Value]) -> None:
        self._task = task
        self._waiting = 0

    @property
    def is_over(self) -> bool:
        """Whether it has landed, or nobody waits for it any more."""
        return self._task.done() or self._waiting == 0

    async def join(self) -> Value:
        self._waiting += 1
        try:
            return await asyncio.shield(self._task)
        finally:
            self._waiting -= 1
            if self._waiting == 0:
                self._task.cancel()  # does nothing to a task that is done

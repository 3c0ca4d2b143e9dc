"""One fetch per key, however many ask for it at the same time."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Generic, TypeVar

from downloader.plan import holds_for_all_who_waited
from registry.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable
    from typing import Any

Key = TypeVar("Key")
Value = TypeVar("Value")


class SingleFlight(Generic[Key, Value]):
    """Shares the result of a running or landed fetch until it is forgotten.

    A flight belongs to no one who asked: when one of them is cancelled, the others still
    get the result. :meth:`cancel` ends them all. An exception goes to all who wait for the
    flight; whoever asks after it starts a new one.
    """

    def __init__(self) -> None:
        self._flights: dict[Key, asyncio.Task[Value]] = {}

    def __contains__(self, key: Key) -> bool:
        return self._flight(key) is not None

    def __len__(self) -> int:
        return len(self._flights)

    async def join(self, key: Key, start: Callable[[], Coroutine[Any, Any, Value]]) -> Value:
        """The result for ``key``, from the flight under way or from a new one."""
        flight = self._flight(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(start())
            flight.add_done_callback(partial(self._forget_if_failed, key))
        return await asyncio.shield(flight)

    def forget(self, keys: Iterable[Key]) -> None:
        """Drop landed flights whose results are known elsewhere by now."""
        for key in keys:
            flight = self._flights.get(key)
            if flight is not None and flight.done():
                del self._flights[key]

    async def cancel(self) -> None:
        """End every flight and wait until it has cleaned up."""
        flights = list(self._flights.values())
        self._flights.clear()
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _flight(self, key: Key) -> asyncio.Task[Value] | None:
        """The flight for ``key``, unless it has failed: until that is called back, it is still in the table.

        Who asks again and again, as long as others fail, would get its exception without a pause, for ever.
        """
        flight = self._flights.get(key)
        return None if flight is not None and flight.done() and _has_failed(flight) else flight

    def _forget_if_failed(self, key: Key, flight: asyncio.Task[Value]) -> None:
        if _has_failed(flight) and self._flights.get(key) is flight:
            del self._flights[key]


def _has_failed(flight: asyncio.Task[Any]) -> bool:
    return flight.cancelled() or flight.exception() is not None


async def join_or_ask(
    flights: SingleFlight[Key, Value], key: Key, start: Callable[[], Coroutine[Any, Any, Value]]
) -> Value:
    """As :meth:`SingleFlight.join`; what another one is refused is asked for again, by one at a time.

    Raises:
        RegistryError: It is refused to whoever asks here, or to all.
    """
    while True:
        is_ours = key not in flights
        try:
            return await flights.join(key, start)
        except RegistryError as error:
            if is_ours:
                raise
            if holds_for_all_who_waited(error):
                raise error.shared() from error

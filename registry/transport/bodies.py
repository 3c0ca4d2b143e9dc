"""Bodies, as they come: bounded in size, and not slower than a minimum."""

from __future__ import annotations

import re
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from registry.errors import Reason, RegistryError
from registry.transport.deadlines import Deadlines
from registry.transport.failures import FOREIGN_ERRORS, error_of_exception
from registry.transport.urls import redacted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    import aiohttp
    from multidict import CIMultiDictProxy

    from registry.transport.clock import Clock
    from registry.transport.settings import HttpSettings

_CONTENT_RANGE = re.compile(r"bytes \d{1,19}-\d{1,19}/(\d{1,19})", re.ASCII)
_CONTENT_LENGTH = re.compile(r"\d{1,19}", re.ASCII)


# Of a window, after one that brought too little: time to read what came while nobody read.
_SECOND_LOOK = 1 / 6


class RateWatch:
    """Tells a body that only trickles, which never is silent long enough for a timeout.

    Only time spent waiting for the network counts; what the caller does between two chunks does not. Time for
    which this process was held up, by itself or by the system, looks the same: so a body has stalled only if
    there was nothing to be read afterwards either.
    """

    def __init__(self, rate_bytes_per_s: float, window_s: float) -> None:
        self._rate = rate_bytes_per_s
        self._window_s = window_s
        self._bytes = 0
        self._waited_s = 0.0
        self._is_second_look = False

    def is_stalled(self, size_bytes: int, waited_s: float) -> bool:
        """Count a chunk, and the wait for it; true after a second look that brought too little as well."""
        self._bytes += size_bytes
        self._waited_s += waited_s
        if self._waited_s < self._window_s * (_SECOND_LOOK if self._is_second_look else 1):
            return False
        is_slow = self._bytes < self._rate * self._waited_s
        is_stalled = is_slow and self._is_second_look
        self._bytes, self._waited_s, self._is_second_look = 0, 0.0, is_slow
        return is_stalled


@dataclass(frozen=True, slots=True)
class Stream:
    """An answer whose body has not been read.

    Attributes:
        status: 200 or 206.
        headers: As they came.
        url: Who answered, redacted.
        size_bytes: Of the whole content, not of the part asked for; ``None`` when the server does not say.
    """

    status: int
    headers: CIMultiDictProxy[str]
    url: str
    size_bytes: int | None
    _chunks: AsyncIterator[bytes] = field(repr=False)

    def chunks(self) -> AsyncIterator[bytes]:
        """The body in pieces of any size, once.

        It may end early without an error when the server gave no length: compare sizes and digests.

        Raises:
            RegistryError: ``NETWORK`` or ``TIMEOUT``, temporary; what came before is good.
        """
        return self._chunks


def whole_size(status: int, headers: CIMultiDictProxy[str]) -> int | None:
    """Size of the whole content in bytes, by ``Content-Range`` or ``Content-Length``."""
    pattern, name = (
        (_CONTENT_RANGE, "Content-Range") if status == 206 else (_CONTENT_LENGTH, "Content-Length")
    )
    match = pattern.fullmatch(headers.get(name, ""))
    return None if match is None else int(match[match.lastindex or 0])


class Bandwidth:
    """Bytes per second, over everything that is read. Each reader waits for what it took."""

    def __init__(self, bytes_per_s: int, clock: Clock) -> None:
        self._bytes_per_s = bytes_per_s
        self._clock = clock
        self._free_at = clock.monotonic()

    async def take(self, size_bytes: int) -> None:
        """Return when that much may have come."""
        now = self._clock.monotonic()
        self._free_at = max(self._free_at, now) + size_bytes / self._bytes_per_s
        await self._clock.sleep(self._free_at - now)


class BodyReader:
    """Reads the bodies of answers, while their connections are held."""

    def __init__(self, settings: HttpSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        cap = settings.max_bytes_per_s
        self._bandwidth = Bandwidth(cap, clock) if cap else None
        self._deadlines = Deadlines(settings.stall_window_s)

    def stream(self, response: aiohttp.ClientResponse) -> Stream:
        """The body of ``response``, not read yet."""
        url = redacted(str(response.url))
        size_bytes = whole_size(response.status, response.headers)
        return Stream(response.status, response.headers, url, size_bytes, self._chunks(response))

    async def whole(self, response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
        """The whole body; ``RegistryError(TOO_LARGE)`` as soon as it is known to exceed ``max_bytes``."""
        body = bytearray()
        async with aclosing(self._chunks(response)) as chunks:
            async for chunk in chunks:
                body += chunk
                if len(body) > max_bytes:
                    url = redacted(str(response.url))
                    raise RegistryError(
                        Reason.TOO_LARGE, f"the body is larger than {max_bytes} bytes", url=url
                    )
        return bytes(body)

    async def beginning(self, response: aiohttp.ClientResponse, max_bytes: int) -> bytes:
        """What can be had of a body that only explains: at most ``max_bytes``, no failure for the rest."""
        body = bytearray()
        try:
            async with aclosing(self._chunks(response)) as chunks:
                async for chunk in chunks:
                    body += chunk
                    if len(body) >= max_bytes:
                        break
        except RegistryError:
            return bytes(body)  # the status has been heard; it decides
        return bytes(body[:max_bytes])

    async def _chunks(self, response: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
        """The body as it arrives; ``RegistryError`` when it breaks off, stalls or trickles."""
        watch = RateWatch(self._settings.stall_rate_bytes_per_s, self._settings.stall_window_s)
        while True:
            asked_at = self._clock.monotonic()
            try:
                read = response.content.readany()
                chunk = await (read if response.content.is_eof() else self._deadlines.keep(read))
            except FOREIGN_ERRORS as error:
                raise error_of_exception(error, str(response.url)) from None
            if not chunk:
                return
            if watch.is_stalled(len(chunk), self._clock.monotonic() - asked_at):
                url = redacted(str(response.url))
                raise RegistryError(Reason.TIMEOUT, "the body only trickles", temporary=True, url=url)
            if self._bandwidth is not None:
                await self._bandwidth.take(len(chunk))
            yield chunk

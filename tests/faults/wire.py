"""HTTP/1.1 as bytes on a socket, so that a test can break it anywhere: no server library lets one."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from urllib.parse import urlsplit

HOST = "127.0.0.1"


class End(Enum):
    """How a connection ends before its time."""

    CLOSE = auto()  # what was sent arrives, then the end of the stream
    RESET = auto()  # as when a host crashes
    HANG = auto()  # nothing more comes, and nothing is closed: the client has to


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing comes for so long, while the client may hang up."""

    seconds: float


# Written, waited or ended, one after the other. An answer that ends with bytes keeps its connection.
Act = bytes | Wait | End


@dataclass(frozen=True, slots=True)
class Asked:
    """One request.

    Attributes:
        server: Name of the server that was asked.
        method: Of HTTP.
        target: Path and query as they came.
        headers: By lower-case name.
        turn: How often the same was asked for before, by the same method, whatever the signature.
    """

    server: str
    method: str
    target: str
    headers: Mapping[str, str]
    turn: int

    @property
    def path(self) -> str:
        """Without the query."""
        return urlsplit(self.target).path

    @property
    def query(self) -> str:
        """Behind the path, undecoded."""
        return urlsplit(self.target).query

    @property
    def range(self) -> str | None:
        """The part asked for, if only a part was."""
        return self.headers.get("range")


@dataclass(frozen=True, slots=True)
class Reply:
    """An honest answer, before anything happens to it.

    Attributes:
        status: Of HTTP.
        body: Also where it is not sent.
        headers: But for ``Content-Length``.
        has_body: Whether it is sent.
        source: What ``body`` is a part of.
    """

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    has_body: bool = True
    source: bytes = field(default=b"", repr=False)

    def with_headers(self, **more: str) -> Reply:
        """The same with these headers; underscores stand for hyphens."""
        return replace(self, headers={**self.headers, **{key.replace("_", "-"): more[key] for key in more}})

    def head(self, content_length: int | None = None) -> bytes:
        """Status line and headers; ``content_length`` in bytes where it is not to be the true one."""
        length = len(self.body) if content_length is None else content_length
        lines = [f"HTTP/1.1 {self.status} x", f"Content-Length: {length}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()

    def sent(self) -> bytes:
        """What goes behind the head."""
        return self.body if self.has_body else b""

    def whole(self) -> bytes:
        """All of it, in one piece."""
        return self.head() + self.sent()


# What a server does about a request.
Answer = Callable[[Asked], Iterable[Act]]


class Server:
    """Answers requests, many connections at a time, and remembers them."""

    def __init__(self, name: str, answer: Answer) -> None:
        self.name = name
        self.url = ""
        self.asked: list[Asked] = []
        self._answer = answer
        self._turns = Counter[tuple[str, str]]()
        self._talks: list[asyncio.Task[None]] = []

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Server]:
        """Listen on a free port of loopback."""
        server = await asyncio.start_server(self._accept, HOST, 0, limit=1 << 16)
        self.url = f"http://{HOST}:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()
            await server.wait_closed()
            await self._hang_up()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._talks.append(asyncio.create_task(self._talk(reader, writer)))

    async def _hang_up(self) -> None:
        """End what is under way; what went wrong here, and not at the client, is raised."""
        for talk in self._talks:
            talk.cancel()
        for ended in await asyncio.gather(*self._talks, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection's requests until somebody ends it."""
        writer.transport.set_write_buffer_limits(0)  # so that what was drained is with the system
        try:
            with contextlib.suppress(ConnectionError):  # a client may hang up whenever it likes
                while (asked := await self._read(reader)) is not None:
                    if not await _perform(self._answer(asked), reader, writer):
                        break
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader) -> Asked | None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = dict(line.split(": ", 1) for line in lines if line)
        place = (method, re.sub("[?&](expires|sig)=[^&]*", "", target))
        lowered = {name.lower(): value for name, value in headers.items()}
        asked = Asked(self.name, method, target, lowered, self._turns[place])
        self._turns[place] += 1
        self.asked.append(asked)
        return asked


async def _perform(acts: Iterable[Act], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
    """Whether the connection can be used again."""
    for act in acts:
        if isinstance(act, bytes):
            writer.write(act)
            await writer.drain()
        elif isinstance(act, Wait):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(_hung_up(reader), act.seconds)
        elif act is End.HANG:
            await _hung_up(reader)
        else:
            if act is End.RESET:
                _reset(writer)
            return False
    return True


async def _hung_up(reader: asyncio.StreamReader) -> None:
    """Return never, but raise when the client is gone; it says nothing before it was answered."""
    assert await reader.read(1) == b""
    raise ConnectionResetError


def _reset(writer: asyncio.StreamWriter) -> None:
    """Send RST instead of FIN: a linger of 0 s (socket(7), ``SO_LINGER``)."""
    wire: socket.socket = writer.get_extra_info("socket")
    wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

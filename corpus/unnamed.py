"""Bytes on their way in whose digest nobody told: it is known when all of them are here.

What was gathered by a run that ended too early is trusted only as far as a note beside it goes:
of which version of the content it is, how many bytes it has, and what they hash to. Nothing else
could tell later that a power cut left zeros in the file.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Self

import msgspec

from corpus.durability import replacing
from registry.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash
    from pathlib import Path
    from types import TracebackType

# A hop to a thread costs as much as hashing 200 KiB.
_BATCH_BYTES = 1 << 20

# What is fetched again after a crash, at most; a smaller content is gone through without any note.
_NOTE_EVERY_BYTES = 16 << 20


class Version(msgspec.Struct, frozen=True):
    """What a server says of some content, by which it is known to be the same later."""

    size_bytes: int
    etag: str | None = None


class Sums(NamedTuple):
    """What all bytes hash to: by themselves, and behind the prefix that was given."""

    digest: Digest
    prefixed: Digest | None


class _Note(msgspec.Struct, frozen=True):
    version: Version
    offset: int
    sha256: str


class UnnamedReceiver:
    """One body on its way in: hashed and written together, in batches off the event loop.

    Use as an async context manager. ``offset`` is how many bytes of ``version`` are here. A version of
    ``None`` cannot be recognised later: then nothing is left behind.
    """

    def __init__(self, path: Path, prefix: bytes | None = None) -> None:
        """Gather in ``path``; ``prefix`` is hashed before the bytes, see :class:`Sums`."""
        self._path = path
        self._note = path.with_name(f"{path.name}.json")
        self._prefix = prefix
        self._file: BinaryIO | None = None
        self._batch = bytearray()
        self._job: asyncio.Future[None] | None = None
        self._begin(None)

    def _begin(self, version: Version | None) -> None:
        self.version = version
        self.offset = 0
        self._noted = 0
        self._hashers: list[_Hash] = [hashlib.sha256()]
        if self._prefix is not None:
            self._hashers.append(hashlib.sha256(self._prefix))

    async def __aenter__(self) -> Self:
        try:
            if self._note.exists():
                await self._off_loop(self._resume)
            else:
                self.discard()  # what no note vouches for
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)  # never entered, so never left
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._job is not None:
            await asyncio.wait({self._job})  # cancelled while a thread writes: let it end first
            self._job.exception()  # it was raised where the job was awaited, or nobody waits any more
        try:
            if self.version is None:
                self.discard()
            elif self.offset > self._noted:
                self._flush()
                self._write_note(self.version)
        finally:
            self._close()

    def restart(self, version: Version | None) -> None:
        """Forget what came so far: the server sends this version from its first byte."""
        self.discard()
        self._begin(version)

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._batch += chunk
        self.offset += len(chunk)
        if len(self._batch) >= _BATCH_BYTES:
            await self._off_loop(self._flush)

    async def finish(self) -> Sums:
        """What all bytes hash to. The file is whole now, and gone with the context unless it was adopted."""
        await self._off_loop(self._flush)
        self._close()
        self.version = None  # what is not taken is not kept
        digest, *prefixed = (Digest(f"sha256:{hasher.hexdigest()}") for hasher in self._hashers)
        return Sums(digest, prefixed[0] if prefixed else None)

    def discard(self) -> None:
        """Keep nothing of what came."""
        self._batch.clear()
        self._close()
        self._note.unlink(missing_ok=True)  # first: without it the file is worth nothing
        self._path.unlink(missing_ok=True)
        self._begin(None)

    async def _off_loop(self, work: Callable[[], None]) -> None:
        self._job = asyncio.ensure_future(asyncio.to_thread(work))
        await asyncio.shield(self._job)
        self._job = None

    def _resume(self) -> None:
        """Take up what is here, as far as it is what the note says."""
        note = self._read_note()
        if note is not None and self._is_here(note):
            self.version, self.offset, self._noted = note.version, note.offset, note.offset
            self._opened().truncate(note.offset)
        else:
            self.discard()

    def _read_note(self) -> _Note | None:
        try:
            return msgspec.json.decode(self._note.read_bytes(), type=_Note)
        except (FileNotFoundError, msgspec.MsgspecError, UnicodeDecodeError):
            return None

    def _is_here(self, note: _Note) -> bool:
        file, left = self._opened(), note.offset
        file.seek(0)
        while left and (block := file.read(min(left, _BATCH_BYTES))):
            self._hash(block)
            left -= len(block)
        return not left and self._hashers[0].hexdigest() == note.sha256

    def _flush(self) -> None:
        self._opened().write(self._batch)
        self._hash(self._batch)
        self._batch.clear()
        if self.version is not None and self.offset - self._noted >= _NOTE_EVERY_BYTES:
            self._write_note(self.version)

    def _write_note(self, version: Version) -> None:
        self._opened().flush()
        with replacing(self._note) as file:
            file.write(msgspec.json.encode(_Note(version, self.offset, self._hashers[0].hexdigest())))
        self._noted = self.offset

    def _hash(self, data: bytes | bytearray) -> None:
        for hasher in self._hashers:
            hasher.update(data)

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = self._path.open("a+b")
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

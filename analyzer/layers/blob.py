"""The blob file, read once from its first byte to its last, hashed on the way."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, BinaryIO

from analyzer.layers.deadline import Deadline
from analyzer.layers.faults import LayerFault
from corpus.profiles.layer import LayerReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.digests import Digest

# Larger reads push the decoded windows out of the processor's cache; smaller ones cost more calls.
READ_BYTES = 256 * 1024
# A decoder copies the input it has no use for. So each member begins with a small piece: a blob of many
# tiny members would otherwise cost the copy of a whole read for each of them.
_FIRST_PIECE_BYTES = 4 * 1024


class Blob:
    """A forward reader that can give back what it read last.

    Attributes:
        size_bytes: Bytes read from the file so far.
        deadline: When the reading has to end; every further read is a :class:`LayerFault` (timeout) then.
    """

    def __init__(
        self,
        file: BinaryIO,
        digest: Digest,
        read_bytes: int = READ_BYTES,
        deadline: Deadline | None = None,
    ) -> None:
        self._file = file
        self._digest = digest
        self._hasher = digest.hasher() if digest.is_verifiable else None
        self._read_bytes = read_bytes
        self.deadline = deadline or Deadline()
        self._is_read = False
        self._data = b""
        self._position = 0
        self.size_bytes = 0

    @property
    def offset(self) -> int:
        """Bytes consumed: read, and not given back."""
        return self.size_bytes - len(self._data) + self._position

    def read(self, limit: int = READ_BYTES) -> bytes:
        """The next bytes, as many as are at hand but at most ``limit``; ``b""`` at the end of the file."""
        if self._position == len(self._data):
            self._fill()
        data = self._data[self._position : self._position + limit]
        self._position += len(data)
        return data

    def pieces(self) -> Iterator[bytes]:
        """The bytes of one member and what follows it, in pieces that begin small and double."""
        limit = _FIRST_PIECE_BYTES
        while data := self.read(limit):
            yield data
            limit = min(2 * limit, READ_BYTES)

    def unread(self, count: int) -> None:
        """Give back the last ``count`` bytes of what the last call returned."""
        self._position -= count

    def peek(self, count: int) -> bytes:
        """The next ``count`` bytes, fewer at the end of the file, without consuming them."""
        if self._position + count > len(self._data):
            self._gather(count)
        return self._data[self._position : self._position + count]

    def take(self, count: int) -> bytes:
        """Exactly the next ``count`` bytes; :class:`LayerFault` (truncated) if the file ends before."""
        end = self._position + count
        if end > len(self._data):
            if not self._gather(count):
                raise LayerFault(LayerReason.TRUNCATED, offset=self.size_bytes)
            end = self._position + count
        data = self._data[self._position : end]
        self._position = end
        return data

    def skip(self, count: int) -> None:
        """Consume ``count`` bytes in constant memory; :class:`LayerFault` if the file ends before."""
        while count:
            data = self.read(count)
            if not data:
                raise LayerFault(LayerReason.TRUNCATED)
            count -= len(data)

    def drain(self) -> bool:
        """Read to the end of the file; whether every byte of the rest was zero."""
        is_zero = True
        while data := self.read():
            is_zero = is_zero and not data.strip(b"\0")
        return is_zero

    def at(self, offset: int, count: int) -> bytes:
        """Up to ``count`` bytes from ``offset``, without moving: a second look, or one at the end."""
        return os.pread(self._file.fileno(), count, offset)

    def whole_bytes(self) -> int:
        """Bytes of the whole file, read or not."""
        return os.fstat(self._file.fileno()).st_size

    def is_intact(self) -> bool | None:
        """Whether the bytes have the blob's digest; ``None`` where not all are read, or none can tell."""
        if self._hasher is None or not self._is_read:
            return None
        return self._hasher.hexdigest() == self._digest.encoded

    def _fill(self) -> None:
        self.deadline.check()
        self._data = self._file.read(self._read_bytes)
        self._is_read = not self._data
        self._position = 0
        self.size_bytes += len(self._data)
        if self._hasher is not None:
            self._hasher.update(self._data)

    def _gather(self, count: int) -> bool:
        """Have ``count`` unread bytes in one piece; ``False`` if the file ends before."""
        parts = [self._data[self._position :]]
        size = len(parts[0])
        while size < count:
            self._fill()
            if not self._data:
                break
            parts.append(self._data)
            size += len(self._data)
        self._data, self._position = b"".join(parts), 0
        return size >= count

"""A sliding view on the decoded tar: header blocks, extension bodies and payloads, in constant memory."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, NamedTuple

from analyzer.layers.faults import LayerFault
from analyzer.layers.headers import BLOCK_BYTES
from corpus.profiles.layer import LayerReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.layers.sparse import SparseMap

# What type detection looks at: every signature but those of a few media (ISO 9660) lies within.
HEAD_BYTES = 4096

_ZEROS = bytes(1024 * 1024)


class Payload(NamedTuple):
    """The content of an entry, as far as it is kept: its digest and its first 4 KiB."""

    sha256: bytes
    head: bytes


NO_PAYLOAD = Payload(sha256().digest(), b"")


class TarStream:
    """Reads forward through windows of a tar; small payloads are hashed where they lie, without a copy."""

    def __init__(self, windows: Iterator[bytes]) -> None:
        self._windows = windows
        self._window = b""
        self._view = memoryview(b"")
        self._position = 0  # beyond the window while padding is still to be skipped
        self._start = 0

    @property
    def offset(self) -> int:
        """Offset in the tar of what is read next."""
        return self._start + self._position

    def block(self) -> bytes:
        """The next block of 512 bytes, or ``b""`` at the end, where padding may be missing (as in Go).

        Raises:
            LayerFault: The input ends inside the block.
        """
        start = self._position
        end = start + BLOCK_BYTES
        if end > len(self._window):
            return self._gather(BLOCK_BYTES)
        self._position = end
        return self._window[start:end]

    def sure_block(self) -> bytes:
        """The next block, where the tar cannot end."""
        block = self.block()
        if not block:
            raise LayerFault(LayerReason.TRUNCATED)
        return block

    def body(self, size: int) -> bytes:
        """A small payload in memory, and its padding skipped; the caller has bounded ``size``."""
        body = self._gather(size)
        if len(body) < size:
            raise LayerFault(LayerReason.TRUNCATED)
        self._position += -size % BLOCK_BYTES
        return body

    def payload(self, size: int) -> Payload:
        """Digest and head of the next ``size`` bytes, and their padding skipped.

        Raises:
            LayerFault: The input ends before.
        """
        start = self._position
        end = start + size
        if end <= len(self._window):
            self._position = end + -size % BLOCK_BYTES
            head = self._window[start : end if size < HEAD_BYTES else start + HEAD_BYTES]
            return Payload(sha256(self._view[start:end]).digest(), head)
        content = _Content()
        self._feed(content, size)
        self._position += -size % BLOCK_BYTES
        return content.payload()

    def sparse_payload(self, sparse: SparseMap, stored: int, *, with_holes: bool) -> Payload:
        """Digest and head of a sparse file: of its content, or (not ``with_holes``) of what is stored."""
        content = _Content()
        position = 0
        for offset, length in sparse.fragments:
            if with_holes:
                content.add_hole(offset - position)
            self._feed(content, length)
            position = offset + length
        if with_holes:
            content.add_hole(sparse.size - position)
        self._position += -stored % BLOCK_BYTES
        return content.payload()

    def rest(self) -> Iterator[bytes]:
        """What is left, window by window."""
        while self._has_data():
            yield self._window[self._position :]
            self._position = len(self._window)

    def _gather(self, size: int) -> bytes:
        """The next ``size`` bytes; ``b""`` at the end of the input, a fault inside."""
        data = bytearray()  # grows in place: a window may be a single byte
        while len(data) < size and self._has_data():
            piece = self._window[self._position : self._position + size - len(data)]
            self._position += len(piece)
            data += piece
        if data and len(data) < size:
            raise LayerFault(LayerReason.TRUNCATED)
        return bytes(data)

    def _feed(self, content: _Content, size: int) -> None:
        while size:
            if not self._has_data():
                raise LayerFault(LayerReason.TRUNCATED)
            piece = self._view[self._position : self._position + size]
            content.add(piece)
            self._position += len(piece)
            size -= len(piece)

    def _has_data(self) -> bool:
        """Whether there is a byte to read; moves on to its window."""
        while self._position >= len(self._window):
            window = next(self._windows, None)
            if window is None:
                return False
            self._start += len(self._window)
            self._position -= len(self._window)
            self._window = window
            self._view = memoryview(window)
        return True


class _Content:
    """A content that comes in pieces: hashed, its head kept."""

    def __init__(self) -> None:
        self._hasher = sha256()
        self._head = b""

    def add(self, piece: memoryview | bytes) -> None:
        self._hasher.update(piece)
        if len(self._head) < HEAD_BYTES:
            self._head += bytes(piece[: HEAD_BYTES - len(self._head)])

    def add_hole(self, size: int) -> None:
        while size:
            piece = memoryview(_ZEROS)[:size]
            self.add(piece)
            size -= len(piece)

    def payload(self) -> Payload:
        return Payload(self._hasher.digest(), self._head)

"""A sliding view on the decoded tar: header blocks, extension bodies and payloads, in constant memory."""

from __future__ import annotations

from hashlib import sha256
from io import BytesIO
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
    """The content of an entry, as far as it is kept: its digest and its first 4 KiB, and all on demand."""

    sha256: bytes
    head: bytes
    content: bytes | None = None


NO_PAYLOAD = Payload(sha256().digest(), b"")


class TarStream:
    """Reads forward through windows of a tar; small payloads are hashed where they lie, without a copy.

    Attributes:
        window: The bytes at hand, and a ``view`` on them.
        position: Where in the window the next byte is read; behind it while padding is still to be skipped.
        start: Offset in the tar of the window.
    """

    def __init__(self, windows: Iterator[bytes]) -> None:
        self._windows = windows
        self.window = b""
        self.view = memoryview(b"")
        self.position = 0
        self.start = 0

    @property
    def offset(self) -> int:
        """Offset in the tar of what is read next."""
        return self.start + self.position

    def block(self) -> bytes:
        """The next block of 512 bytes, or ``b""`` at the end, where padding may be missing (as in Go).

        Raises:
            LayerFault: The input ends inside the block.
        """
        start = self.position
        end = start + BLOCK_BYTES
        if end > len(self.window):
            return self._gather(BLOCK_BYTES)
        self.position = end
        return self.window[start:end]

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
        self.position += -size % BLOCK_BYTES
        return body

    def payload(self, size: int, *, keep: bool = False) -> Payload:
        """Digest and head of the next ``size`` bytes (``keep``: the bytes too), and their padding skipped.

        Raises:
            LayerFault: The input ends before.
        """
        start = self.position
        end = start + size
        if end <= len(self.window):
            self.position = end + -size % BLOCK_BYTES
            head = self.window[start : end if size < HEAD_BYTES else start + HEAD_BYTES]
            kept = self.window[start:end] if keep else None
            return Payload(sha256(self.view[start:end]).digest(), head, kept)
        content = _Content(keep=keep)
        self._feed(content, size)
        self.position += -size % BLOCK_BYTES
        return content.payload()

    def sparse_payload(
        self, sparse: SparseMap, stored: int, *, with_holes: bool, keep: bool = False
    ) -> Payload:
        """Digest and head of a sparse file: of its content, or (not ``with_holes``) of what is stored."""
        content = _Content(keep=keep)
        position = 0
        for offset, length in sparse.fragments:
            if with_holes:
                content.add_hole(offset - position)
            self._feed(content, length)
            position = offset + length
        if with_holes:
            content.add_hole(sparse.size - position)
        self.position += -stored % BLOCK_BYTES
        return content.payload()

    def rest(self) -> Iterator[bytes]:
        """What is left, window by window."""
        while self._has_data():
            yield self.window[self.position :]
            self.position = len(self.window)

    def _gather(self, size: int) -> bytes:
        """The next ``size`` bytes; ``b""`` at the end of the input, a fault inside."""
        data = bytearray()  # grows in place: a window may be a single byte
        while len(data) < size and self._has_data():
            piece = self.window[self.position : self.position + size - len(data)]
            self.position += len(piece)
            data += piece
        if data and len(data) < size:
            raise LayerFault(LayerReason.TRUNCATED)
        return bytes(data)

    def _feed(self, content: _Content, size: int) -> None:
        while size:
            if not self._has_data():
                raise LayerFault(LayerReason.TRUNCATED)
            piece = self.view[self.position : self.position + size]
            content.add(piece)
            self.position += len(piece)
            size -= len(piece)

    def _has_data(self) -> bool:
        """Whether there is a byte to read; moves on to its window."""
        while self.position >= len(self.window):
            window = next(self._windows, None)
            if window is None:
                return False
            self.start += len(self.window)
            self.position -= len(self.window)
            self.window = window
            self.view = memoryview(window)
        return True


class _Content:
    """A content that comes in pieces: hashed, its head kept."""

    def __init__(self, *, keep: bool = False) -> None:
        self._hasher = sha256()
        self._head = b""
        self._kept = BytesIO() if keep else None  # its value is taken out without a copy

    def add(self, piece: memoryview | bytes) -> None:
        self._hasher.update(piece)
        if len(self._head) < HEAD_BYTES:
            self._head += bytes(piece[: HEAD_BYTES - len(self._head)])
        if self._kept is not None:
            self._kept.write(piece)

    def add_hole(self, size: int) -> None:
        while size:
            piece = memoryview(_ZEROS)[:size]
            self.add(piece)
            size -= len(piece)

    def payload(self) -> Payload:
        kept = None if self._kept is None else self._kept.getvalue()
        return Payload(self._hasher.digest(), self._head, kept)

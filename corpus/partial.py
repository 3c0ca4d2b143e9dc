"""The file in which a blob is gathered, and the map beside it once bytes came out of order.

Without a map the file is a prefix of the blob. The map is a log: before the first byte is written
behind a gap it is created and tells the prefix, and from then on every write is followed by its record
(:mod:`corpus.spans`). So a process killed at any instant leaves a file of which the next one knows what
it may use. Nothing is synced: after a power cut the digest of the whole finds out what did not reach
the disk.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from corpus.spans import Spans, read_map, record

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

# Bytes of the file held in memory while it is read.
_BLOCK_BYTES = 1 << 20


class PartialFile:
    """Blocking, and for one thread at a time.

    Attributes:
        spans: The bytes that are in the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.spans = Spans()
        self._file: int | None = None  # opened for the first bytes: creating a file takes its time
        self._map: int | None = None

    def __repr__(self) -> str:
        return f"<PartialFile {self.path.name} {self.spans!r}>"

    @property
    def map_path(self) -> Path:
        """Where the map is, if there is one."""
        return self.path.with_name(f"{self.path.name}.map")

    def load(self, size_bytes: int | None) -> None:
        """Take up what another process left; what is longer than the blob is none of it."""
        file = self._opened()
        length = os.fstat(file).st_size
        mapped = self._read_map(length)
        self.spans = Spans() if mapped is None else mapped
        if mapped is None:
            self.spans.add(0, length)
        if size_bytes is not None and length > size_bytes:
            self.clear()

    def write(self, offset: int, pieces: Sequence[bytes]) -> None:
        """Write ``pieces``, one behind the other, at ``offset``."""
        file = self._opened()
        if self._map is None and offset > self.spans.prefix:
            self._map = _open(self.map_path, os.O_APPEND | os.O_TRUNC)
            os.write(self._map, record(0, self.spans.prefix))
        end = offset + sum(map(len, pieces))
        _write_all(file, pieces, offset)
        if self._map is not None:
            os.write(self._map, record(offset, end))
        self.spans.add(offset, end)

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """The bytes from ``start`` to ``end``, or to where the file ends."""
        file = self._opened()
        while start < end and (block := os.pread(file, min(_BLOCK_BYTES, end - start), start)):
            yield block
            start += len(block)

    def clear(self) -> None:
        """Forget all bytes."""
        os.ftruncate(self._opened(), 0)  # before the map goes, without which this would be a prefix
        self._drop_map()
        self.spans = Spans()

    def finish(self) -> None:
        """Close the file, of which nothing is missing any more; a blob of no bytes has one, too."""
        self._opened()
        self._drop_map()
        self.close()

    def close(self) -> None:
        """Leave everything as it is."""
        for descriptor in (self._file, self._map):
            if descriptor is not None:
                os.close(descriptor)
        self._file = self._map = None

    def remove(self) -> None:
        """Leave nothing."""
        self.path.unlink(missing_ok=True)
        self.map_path.unlink(missing_ok=True)
        self.close()

    def _opened(self) -> int:
        if self._file is None:
            self._file = _open(self.path)
        return self._file

    def _read_map(self, length: int) -> Spans | None:
        try:
            self._map = os.open(self.map_path, os.O_RDWR | os.O_APPEND)
        except FileNotFoundError:
            return None
        raw = self.map_path.read_bytes()
        spans = read_map(raw, length)
        if spans is None:
            self._drop_map()  # nothing was written behind a gap yet
        else:
            os.ftruncate(self._map, len(raw) - len(raw) % len(record(0, 0)))
        return spans

    def _drop_map(self) -> None:
        if self._map is not None:
            self.map_path.unlink(missing_ok=True)
            os.close(self._map)
            self._map = None


def _open(path: Path, flags: int = 0) -> int:
    # 0o666 less the umask, as for every file that Python opens itself.
    return os.open(path, os.O_RDWR | os.O_CREAT | flags, 0o666)


def _write_all(file: int, pieces: Sequence[bytes], offset: int) -> None:
    """One system call, unless the system writes less than it was given."""
    written = os.pwritev(file, pieces, offset)
    if written < sum(map(len, pieces)):
        rest = memoryview(b"".join(pieces))[written:]
        while rest:
            offset += written
            written = os.pwrite(file, rest, offset)
            rest = rest[written:]

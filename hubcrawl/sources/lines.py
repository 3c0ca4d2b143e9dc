"""Lines of a file that may be of any size and hold anything, in constant memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import aiofiles

from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

CHUNK_BYTES = 1 << 20

# A line is kept up to here. The longest reference (host 255, name 255, tag 128, digest 135) fits easily.
MAX_LINE_BYTES = 4096


class Line(NamedTuple):
    """One line: its bytes without the line feed, and the offset at which the next one begins."""

    data: bytes
    end: int


class LineSplitter:
    """Cuts chunks into lines, wherever the chunks were cut; holds at most one line."""

    def __init__(self, offset: int = 0) -> None:
        self._begun = b""
        self._offset = offset

    def feed(self, chunk: bytes) -> Iterator[Line]:
        """The lines that ``chunk`` completes."""
        start = 0
        while (end := chunk.find(b"\n", start)) >= 0:
            self._gather(chunk, start, end)
            self._offset += 1
            yield self._close()
            start = end + 1
        self._gather(chunk, start, len(chunk))

    def finish(self) -> Iterator[Line]:
        """The last line, if no line feed ended it."""
        if self._begun:
            yield self._close()

    def _gather(self, chunk: bytes, start: int, end: int) -> None:
        room = MAX_LINE_BYTES - len(self._begun)
        self._begun += chunk[start : min(end, start + room)]
        self._offset += end - start

    def _close(self) -> Line:
        line = Line(self._begun, self._offset)
        self._begun = b""
        return line


async def read_chunks(path: Path, offset: int = 0) -> AsyncIterator[bytes]:
    """The bytes of ``path`` from ``offset`` on; ``ConfigurationError`` if they cannot be read."""
    try:
        async with aiofiles.open(path, "rb") as file:
            await file.seek(offset)
            while chunk := await file.read(CHUNK_BYTES):
                yield chunk
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> ConfigurationError:
    """The error of a list that cannot be read."""
    return ConfigurationError(
        f"cannot read the list {path} ({error.strerror}): name a text file with one image name per line"
    )


async def read_lines(path: Path, offset: int, most: int) -> list[Line]:
    """The next ``most`` lines from ``offset`` on, fewer at the end of the file."""
    splitter = LineSplitter(offset)
    lines: list[Line] = []
    async for chunk in read_chunks(path, offset):
        for line in splitter.feed(chunk):
            lines.append(line)
            if len(lines) == most:
                return lines
    lines.extend(splitter.finish())
    return lines

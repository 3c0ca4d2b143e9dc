"""The table of packages of ``rpmdb.sqlite`` (rpm, lib/backend/sqlite.cc; sqlite.org, fileformat2.html).

Read here, and not by SQLite itself: a file made to harm would have a whole interpreter to do so. What is not
in the file yet but in a log beside it is not seen; rpm leaves none when it ends.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from analyzer.analysers import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = b"SQLite format 3\0"
_FILE_HEADER_BYTES = 100
_LEAF, _INNER = 13, 5
_NUMBER = struct.Struct(">I")
_SHORT = struct.Struct(">H")
_MAX_COLUMNS = 64
# What a row counts for at least among the bytes of a file; those of rpm have some hundreds.
_LEAST_ROW_BYTES = 32
# Bytes of the kinds of values (section 2.1) below those of texts and blobs.
_VALUE_BYTES = (0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0)


def sqlite_blobs(content: bytes) -> Iterator[bytes]:
    """The headers of the packages, in the order of their numbers.

    Raises:
        MalformedFileError: Where the file is none, or damaged.
    """
    file = _File(content)
    for record in file.table(1):
        kind, name, _, root = (*_values(record), b"", b"", b"", b"")[:4]
        if kind == b"table" and name == b"Packages":
            for row in file.table(int.from_bytes(root)):
                values = _values(row)
                if len(values) < 2:
                    raise MalformedFileError("a row without a header")
                yield values[1]
            return
    raise MalformedFileError("no table of packages")


class _File:
    """A database in memory: pages, numbered from 1, each of which is read once."""

    def __init__(self, content: bytes) -> None:
        if len(content) < _FILE_HEADER_BYTES or not content.startswith(_MAGIC):
            raise MalformedFileError("no database of SQLite")
        self._content = content
        # 65536 does not fit, and is written as 1.
        self._page_bytes = {1: 65536}.get(size := _SHORT.unpack_from(content, 16)[0], size)
        self._usable = self._page_bytes - content[20]
        if self._page_bytes < 512 or self._page_bytes & (self._page_bytes - 1) or self._usable < 480:
            raise MalformedFileError("a size of pages that cannot be")
        self._read: set[int] = set()
        self._left = len(content)

    def table(self, root: int) -> Iterator[bytes]:
        """The records of a table, by their keys; the tree is walked without recursion."""
        ahead = [root]
        while ahead:
            number = ahead.pop()
            page = self._page(number)
            start = _FILE_HEADER_BYTES if number == 1 else 0
            kind, cells = page[start], _SHORT.unpack_from(page, start + 3)[0]
            if kind not in (_LEAF, _INNER):
                raise MalformedFileError(f"page {number} is of no table")
            first = start + (8 if kind == _LEAF else 12)
            if first + 2 * cells > len(page):
                raise MalformedFileError(f"page {number} has more rows than room")
            offsets = [offset for (offset,) in _SHORT.iter_unpack(page[first : first + 2 * cells])]
            if kind == _LEAF:
                for offset in offsets:
                    yield self._record(page, offset)
            else:
                last = _NUMBER.unpack_from(page, start + 8)[0]
                ahead += [last, *(_number(page, offset) for offset in reversed(offsets))]

    def _page(self, number: int) -> bytes:
        """A page; one that comes again would be a circle."""
        start = (number - 1) * self._page_bytes
        if number < 1 or start + self._page_bytes > len(self._content) or number in self._read:
            raise MalformedFileError(f"page {number} does not exist, or is in two places")
        self._read.add(number)
        return self._content[start : start + self._page_bytes]

    def _record(self, page: bytes, offset: int) -> bytes:
        """The record of a row of a leaf, its overflow pages included (section 1.6)."""
        size, offset = _varint(page, offset)
        _, offset = _varint(page, offset)
        self._left -= size + _LEAST_ROW_BYTES
        if self._left < 0:
            raise MalformedFileError("more in it than there are bytes: rows lie over each other")
        most = self._usable - 35
        if size <= most:
            return page[offset : offset + size]
        least = (self._usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (self._usable - 4)
        local = local if local <= most else least
        parts = [page[offset : offset + local]]
        left, number = size - local, _number(page, offset + local)
        while left > 0:
            overflow = self._page(number)
            parts.append(overflow[4 : min(self._usable, 4 + left)])
            left -= self._usable - 4
            number = _number(overflow, 0)
        return b"".join(parts)


def _values(record: bytes) -> list[bytes]:
    """The values of a record as bytes: texts, blobs, and numbers as they are stored (section 2)."""
    end, position = _varint(record, 0)
    values: list[bytes] = []
    offset = end
    while position < end and len(values) < _MAX_COLUMNS:
        kind, position = _varint(record, position)
        size = _VALUE_BYTES[kind] if kind < len(_VALUE_BYTES) else (kind - len(_VALUE_BYTES)) // 2
        values.append(record[offset : offset + size])
        offset += size
    if offset > len(record):
        raise MalformedFileError("a row shorter than its values")
    return values


def _number(page: bytes, offset: int) -> int:
    if offset + _NUMBER.size > len(page):
        raise MalformedFileError("a number of a page beyond its end")
    number: int = _NUMBER.unpack_from(page, offset)[0]
    return number


def _varint(data: bytes, offset: int) -> tuple[int, int]:
    """A number of one to nine bytes, and the offset behind it."""
    value = 0
    for index, byte in enumerate(data[offset : offset + 9]):
        if index == 8:
            return value << 8 | byte, offset + 9
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, offset + index + 1
    raise MalformedFileError("a number without an end")

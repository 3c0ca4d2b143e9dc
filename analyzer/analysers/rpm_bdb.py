"""The table ``Packages`` as rpm wrote it until 2020: a hash of Berkeley DB (its src/dbinc/db_page.h).

Pages of keys and values in turn; a value that is longer than a page is a chain of pages of its own.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from analyzer.analysers import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MAGIC = 0x061561
_PAGE_HEADER_BYTES = 26
_METADATA_BYTES = 72
_HASH_PAGES = frozenset({2, 13})  # unsorted, and sorted
_OVERFLOW_PAGE = 7
_ON_PAGE, _OFF_PAGE = 1, 3
_OFF_PAGE_BYTES = 12


def bdb_values(content: bytes) -> Iterator[bytes]:
    """The headers of the packages, in the order of the pages.

    Raises:
        MalformedFileError: Where the file is none, or damaged.
    """
    file = _File(content)
    for number in range(1, file.pages):
        for key, value in file.pairs(number):
            if any(key):  # under 0 is the number that the next package gets
                yield value


class _File:
    """A table in memory; numbers are in the byte order of the machine that wrote it."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        orders = [order for order in "<>" if content[12:16] == struct.pack(order + "I", _MAGIC)]
        if not orders or len(content) < _METADATA_BYTES:
            raise MalformedFileError("no hash of Berkeley DB")
        order = orders[0]
        self._page_bytes: int = struct.unpack_from(order + "I", content, 20)[0]
        if not 512 <= self._page_bytes <= 65536:
            raise MalformedFileError("a size of pages that cannot be")
        if content[24]:
            raise MalformedFileError("an encrypted database")
        # Number, previous, next, entries, first free byte or length, level, type.
        self._header = struct.Struct(order + "8x3IHHBB")
        self._offset = struct.Struct(order + "H")
        self._off_page = struct.Struct(order + "B3xII")
        self._chained: set[int] = set()
        self.pages = len(content) // self._page_bytes

    def pairs(self, number: int) -> Iterator[tuple[bytes, bytes]]:
        """The keys and values of a page; none if it is one of another type."""
        page = self._page(number)
        _, _, _, entries, _, _, kind = self._header.unpack_from(page)
        if kind not in _HASH_PAGES:
            return
        end = _PAGE_HEADER_BYTES + entries * self._offset.size
        if end > len(page):
            raise MalformedFileError(f"page {number} has more entries than room")
        starts = [start for (start,) in self._offset.iter_unpack(page[_PAGE_HEADER_BYTES:end])]
        # They are put from the end of the page towards its beginning; one over another would be read twice.
        if starts != sorted(starts, reverse=True):
            raise MalformedFileError(f"page {number} has entries over each other")
        items = [page[start:end] for start, end in zip(starts, [len(page), *starts], strict=False)]
        for key, value in zip(items[::2], items[1::2], strict=False):
            yield key[1:], self._value(value)

    def _value(self, item: bytes) -> bytes:
        if item[:1] == bytes([_ON_PAGE]):
            return item[1:]
        if item[:1] != bytes([_OFF_PAGE]) or len(item) < _OFF_PAGE_BYTES:
            raise MalformedFileError("a value of a kind that is not known")
        _, number, size = self._off_page.unpack_from(item)
        return self._chain(number, size)

    def _chain(self, number: int, size: int) -> bytes:
        """A value that lies on pages of its own, none of which is part of another."""
        parts, left = [], size
        while left > 0:
            page = self._page(number)
            _, _, following, _, length, _, kind = self._header.unpack_from(page)
            if kind != _OVERFLOW_PAGE or number in self._chained or not 0 < length <= left:
                raise MalformedFileError(f"page {number} does not continue a value")
            self._chained.add(number)
            parts.append(page[_PAGE_HEADER_BYTES : _PAGE_HEADER_BYTES + length])
            left -= length
            number = following
        return b"".join(parts)

    def _page(self, number: int) -> bytes:
        if not 0 < number < self.pages:
            raise MalformedFileError(f"page {number} does not exist")
        return self._content[number * self._page_bytes : (number + 1) * self._page_bytes]

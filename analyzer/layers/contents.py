"""The distinct contents of a layer, and what type each of them has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.layers.compact import EXACT_STRINGS, CompactTable
from analyzer.types.detect import detect

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.layers.windows import Payload
    from analyzer.types.taxonomy import FileType


class Contents:
    """The distinct contents of a layer, each with its type.

    Attributes:
        types: The type of each, by its digest in hexadecimal.
        count: Files with a content.
        duplicate_bytes: Sizes of those whose content had come before.
        stored_bytes: Bytes stored for all of them.
    """

    def __init__(self) -> None:
        self.types: dict[str, FileType] | _CompactTypes = {}
        self.count = 0
        self.duplicate_bytes = 0
        self.stored_bytes = 0

    @property
    def distinct(self) -> int:
        """Number of distinct contents."""
        return len(self.types)

    def add(self, payload: Payload, path: bytes, size: int, stored: int) -> FileType:
        """Take a file of ``size`` apparent bytes; its type is that of the first one with its content."""
        self.count += 1
        self.stored_bytes += stored
        sha = payload.sha256.hex()
        found = self.types.get(sha)
        if found is None:
            return self.new(sha, payload.head, path)
        self.duplicate_bytes += size
        return found

    def new(self, sha: str, head: bytes, path: bytes) -> FileType:
        """Take a content that is new."""
        found = self.types[sha] = detect(head, path)
        return found

    def compact(self) -> None:
        """Take less memory, if there are very many contents."""
        if isinstance(self.types, dict) and len(self.types) >= EXACT_STRINGS:
            self.types = _CompactTypes(self.types)


class _CompactTypes:
    """The types of very many contents: numbers in a compact table."""

    def __init__(self, types: Mapping[str, FileType]) -> None:
        self._types: list[FileType] = []
        self._numbers: dict[FileType, int] = {}
        self._table = CompactTable({sha: self._number(found) for sha, found in types.items()})

    def __len__(self) -> int:
        return len(self._table)

    def __setitem__(self, sha: str, found: FileType) -> None:
        self._table[sha] = self._number(found)

    def get(self, sha: str) -> FileType | None:
        number = self._table.get(sha)
        return None if number is None else self._types[number]

    def _number(self, found: FileType) -> int:
        number = self._numbers.setdefault(found, len(self._types))
        if number == len(self._types):
            self._types.append(found)
        return number

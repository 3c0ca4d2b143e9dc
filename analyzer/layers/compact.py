"""Tables of very many strings: exact while they are small, 20 bytes a string once they are large.

A dictionary takes 150 to 200 bytes for a path or a digest, so that the tables of a layer of millions of
entries would take a gigabyte. Beyond :data:`EXACT_STRINGS` strings only their keyed 64-bit hash is kept: two
of ten million strings share one with a chance of one in 400,000, and nobody can make them.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Up to here a dictionary is three times as fast; nearly every layer has fewer files than this.
EXACT_STRINGS = 1 << 19

_BUCKETS = 1 << 16
_KEY = Struct("<q").pack
_RECORD = Struct("<qq").pack
_KEY_BYTES, _RECORD_BYTES = 8, 16


class CompactTable:
    """From strings to numbers of 64 bits, as far as a dictionary is needed.

    The hash chooses one of many short arrays of records, (hash, number) each, which is searched.
    """

    def __init__(self, items: Mapping[bytes, int] | Mapping[str, int]) -> None:
        self._buckets = [bytearray() for _ in range(_BUCKETS)]
        self._size = 0
        for string, number in items.items():
            self.setdefault(string, number)

    def __len__(self) -> int:
        return self._size

    def __setitem__(self, string: bytes | str, number: int) -> None:
        key = hash(string)
        bucket = self._buckets[key % _BUCKETS]
        at = _find(bucket, _KEY(key))
        if at < 0:
            bucket += _RECORD(key, number)
            self._size += 1
        else:
            bucket[at : at + _RECORD_BYTES] = _RECORD(key, number)

    def get(self, string: bytes | str) -> int | None:
        """The number of ``string``, if it is known."""
        key = hash(string)
        bucket = self._buckets[key % _BUCKETS]
        at = _find(bucket, _KEY(key))
        return None if at < 0 else _number(bucket, at)

    def setdefault(self, string: bytes | str, number: int) -> int:
        """The number of ``string``, which becomes ``number`` if it has none."""
        key = hash(string)
        bucket = self._buckets[key % _BUCKETS]
        at = _find(bucket, _KEY(key))
        if at >= 0:
            return _number(bucket, at)
        bucket += _RECORD(key, number)
        self._size += 1
        return number


Table = dict[bytes, int] | CompactTable


def compacted(table: Table) -> Table:
    """The table in the form that its size asks for."""
    if isinstance(table, dict) and len(table) >= EXACT_STRINGS:
        return CompactTable(table)
    return table


def _find(bucket: bytearray, key: bytes) -> int:
    """Where the record of ``key`` begins; a match across records, or in a number, is none."""
    at = bucket.find(key)
    while at > 0 and at % _RECORD_BYTES:
        at = bucket.find(key, at + 1)
    return at


def _number(bucket: bytearray, at: int) -> int:
    return int.from_bytes(bucket[at + _KEY_BYTES : at + _RECORD_BYTES], "little", signed=True)

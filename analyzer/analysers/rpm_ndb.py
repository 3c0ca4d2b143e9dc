"""The database ``Packages.db`` of rpm's own making (rpm, lib/backend/ndb/rpmpkg.cc).

Pages of slots at the beginning, each of which says where a blob is; blobs in blocks of 16 bytes.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from analyzer.analysers import MalformedFileError

if TYPE_CHECKING:
    from collections.abc import Iterator

_PAGE_BYTES = 4096
_BLOCK_BYTES = 16
_HEADER = struct.Struct("<4sIIII12x")  # magic, version, generation, pages of slots, next index
_SLOT = struct.Struct("<4sIII")  # magic, index of the package, first block, blocks
_BLOB = struct.Struct("<4sIII")  # magic, index of the package, generation, bytes


def ndb_blobs(content: bytes) -> Iterator[bytes]:
    """The headers of the packages, in the order of their slots.

    Raises:
        MalformedFileError: Where the file is none, or damaged.
    """
    if len(content) < _HEADER.size or content[:4] != b"RpmP":
        raise MalformedFileError("no database of the form ndb")
    _, version, _, pages, _ = _HEADER.unpack_from(content)
    end = pages * _PAGE_BYTES
    if version != 0 or end > len(content):
        raise MalformedFileError("a database of another version, or cut off")
    for magic, package, block, blocks in _SLOT.iter_unpack(content[_HEADER.size : end]):
        if magic != b"Slot":
            raise MalformedFileError("a damaged slot")
        if package:
            yield _blob(content, package, block * _BLOCK_BYTES, blocks * _BLOCK_BYTES)


def _blob(content: bytes, package: int, start: int, room: int) -> bytes:
    if start + room > len(content) or room < _BLOB.size:
        raise MalformedFileError("a package beyond the end of the database")
    magic, index, _, size = _BLOB.unpack_from(content, start)
    if magic != b"BlbS" or index != package or size > room - _BLOB.size:
        raise MalformedFileError("a damaged package")
    return content[start + _BLOB.size : start + _BLOB.size + size]

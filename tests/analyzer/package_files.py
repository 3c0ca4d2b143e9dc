"""Databases of packages, made in memory from what their formats say."""

from __future__ import annotations

import sqlite3
import struct
import zlib
from collections.abc import Sequence
from contextlib import closing

NAME, VERSION, RELEASE, EPOCH, ARCHITECTURE, SOURCE_RPM, DESCRIPTION = (
    1000,
    1001,
    1002,
    1003,
    1022,
    1044,
    1005,
)
_INT32, _STRING, _PAGE = 4, 6, 4096


def rpm_header(name: str, version: str = "1", *, epoch: int | None = None, padding: int = 0) -> bytes:
    """A header of a package, with a description of so many bytes in front."""
    values: dict[int, str | int] = {
        DESCRIPTION: "x" * padding,
        NAME: name,
        VERSION: version,
        RELEASE: "2.el9",
        ARCHITECTURE: "x86_64",
        SOURCE_RPM: f"{name}-{version}-2.el9.src.rpm",
    }
    if epoch is not None:
        values[EPOCH] = epoch
    index, store = b"", b""
    for tag, value in sorted(values.items()):
        if isinstance(value, int):
            store += bytes(-len(store) % 4)
        index += struct.pack(">4I", tag, _INT32 if isinstance(value, int) else _STRING, len(store), 1)
        store += struct.pack(">I", value) if isinstance(value, int) else value.encode() + b"\0"
    return struct.pack(">II", len(values), len(store)) + index + store


def sqlite_database(headers: Sequence[bytes], page_bytes: int = 4096) -> bytes:
    """``rpmdb.sqlite``, as SQLite writes it."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute(f"PRAGMA page_size = {page_bytes}")
        connection.execute("CREATE TABLE 'Basenames' (key TEXT, hnum INTEGER, idx INTEGER)")
        connection.execute(
            "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"
        )
        connection.executemany("INSERT INTO Packages (blob) VALUES (?)", [(header,) for header in headers])
        connection.commit()
        return connection.serialize()


def ndb_database(headers: Sequence[bytes]) -> bytes:
    """``Packages.db``: one page of slots, then the blobs."""
    slots = b"RpmP" + struct.pack("<IIII12x", 0, 1, 1, len(headers) + 1)
    blobs = b""
    for number, header in enumerate(headers, 1):
        body = b"BlbS" + struct.pack("<III", number, 1, len(header)) + header
        body += bytes(-(len(body) + 12) % 16)
        body += struct.pack("<II", zlib.adler32(body), len(header)) + b"BlbE"
        slots += b"Slot" + struct.pack("<III", number, (_PAGE + len(blobs)) // 16, len(body) // 16)
        blobs += body
    return slots + b"Slot\0\0\0\0\0\0\0\0\0\0\0\0" * ((_PAGE - len(slots)) // 16) + blobs


def bdb_database(headers: Sequence[bytes], order: str = "<") -> bytes:
    """``Packages``: a hash whose values lie on pages of their own, but for small ones."""
    overflow: list[bytes] = []
    first = 2  # behind the metadata and the one page of pairs
    items = [b"\x01" + bytes(4), b"\x01" + struct.pack(order + "I", len(headers) + 1)]
    for number, header in enumerate(headers, 1):
        items.append(b"\x01" + struct.pack(order + "I", number))
        if len(header) < 100:
            items.append(b"\x01" + header)
            continue
        items.append(struct.pack(order + "B3xII", 3, first + len(overflow), len(header)))
        pieces = [header[start : start + _PAGE - 26] for start in range(0, len(header), _PAGE - 26)]
        for index, piece in enumerate(pieces):
            following = first + len(overflow) + 1 if index + 1 < len(pieces) else 0
            overflow.append(_bdb_page(order, following, 0, len(piece), 7) + piece)
    content, offsets, end = b"", b"", _PAGE
    for item in items:
        end -= len(item)
        content = item + content
        offsets += struct.pack(order + "H", end)
    page = _bdb_page(order, 0, len(items), end, 13) + offsets
    pages = [page + bytes(end - len(page)) + content, *(each.ljust(_PAGE, b"\0") for each in overflow)]
    metadata = bytes(12) + struct.pack(order + "III", 0x061561, 9, _PAGE) + b"\0\x08"
    return metadata.ljust(_PAGE, b"\0") + b"".join(pages)


def _bdb_page(order: str, following: int, entries: int, length: int, kind: int) -> bytes:
    return bytes(8) + struct.pack(order + "IIIHHBB", 0, 0, following, entries, length, 0, kind)

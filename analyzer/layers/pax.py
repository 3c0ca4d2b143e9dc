"""Pax extended headers (POSIX.1-2001) and what they say about the next entry."""

from __future__ import annotations

import base64
import binascii
from typing import NamedTuple

from analyzer.layers.faults import LayerFault
from analyzer.layers.numbers import parse_decimal
from corpus.profiles.layer import LayerReason

# Records whose text becomes a field of the header: a NUL in them would be read differently by every reader.
_TEXTS = frozenset({b"path", b"linkpath", b"uname", b"gname"})
_SPARSE_PAIR = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
SPARSE_MAP = b"GNU.sparse.map"

_SCHILY_XATTR = b"SCHILY.xattr."
_LIBARCHIVE_XATTR = b"LIBARCHIVE.xattr."
# "5 a=\n": no record is shorter.
_SHORTEST_RECORD = 5


class PaxHeader(NamedTuple):
    """The records of one header; of a repeated key the last one counts."""

    records: dict[bytes, bytes]
    is_repeated: bool


def parse_pax(body: bytes) -> PaxHeader:
    r"""Decode ``"%d %s=%s\n"`` records; the pairs of sparse format 0.0 become the map of format 0.1.

    Raises:
        LayerFault: A length is wrong or unterminated, or a key or text holds a NUL.
    """
    records: dict[bytes, bytes] = {}
    sparse: list[bytes] = []
    is_repeated = False
    position = 0
    while position < len(body):
        key, value, position = _parse_record(body, position)
        if key in _SPARSE_PAIR:
            if key != _SPARSE_PAIR[len(sparse) % 2] or b"," in value:
                raise LayerFault(LayerReason.PAX_RECORD)
            sparse.append(value)
        else:
            is_repeated = is_repeated or key in records
            records[key] = value
    if sparse:
        records[SPARSE_MAP] = b",".join(sparse)
    return PaxHeader(records, is_repeated)


def _parse_record(body: bytes, start: int) -> tuple[bytes, bytes, int]:
    """Key and value of the record at ``start``, and where the next one begins."""
    space = body.find(b" ", start, start + 24)  # no length has more digits
    length = parse_decimal(body[start:space]) if space > 0 else 0
    end = start + length
    if length < _SHORTEST_RECORD or space + 1 >= end or end > len(body) or body[end - 1] != 0x0A:
        raise LayerFault(LayerReason.PAX_RECORD)
    key, equals, value = body[space + 1 : end - 1].partition(b"=")
    if not equals or b"\0" in (value if key in _TEXTS else key):
        raise LayerFault(LayerReason.PAX_RECORD)
    return key, value, end


def split_xattrs(records: dict[bytes, bytes]) -> tuple[dict[bytes, bytes], dict[bytes, bytes]]:
    """Extended attributes by name with their raw values, and the records that are none."""
    xattrs: dict[bytes, bytes] = {}
    others: dict[bytes, bytes] = {}
    for key, value in records.items():
        if key.startswith(_SCHILY_XATTR):
            xattrs[key.removeprefix(_SCHILY_XATTR)] = value
        elif key.startswith(_LIBARCHIVE_XATTR):
            # Both forms of one attribute may be there; the raw one is kept.
            xattrs.setdefault(key.removeprefix(_LIBARCHIVE_XATTR), _unbase64(value))
        else:
            others[key] = value
    return xattrs, others


def _unbase64(value: bytes) -> bytes:
    """The decoded value (libarchive leaves the padding away), or the text itself if it is not base64."""
    try:
        return base64.b64decode(value + b"=" * (-len(value) % 4), validate=True)
    except binascii.Error:
        return value

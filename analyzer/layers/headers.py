"""One header block of a tar: its dialects, and the fast way through the plain ones.

:func:`parse_header` is the reference and follows Go's ``archive/tar``; :func:`parse_plain_header` reads the
great majority of headers several times faster and leaves all others to it.
"""

from __future__ import annotations

import zlib
from functools import lru_cache

import msgspec

from analyzer.layers.faults import LayerFault
from analyzer.layers.numbers import parse_numeric, parse_octal
from corpus.profiles.layer import LayerReason

BLOCK_BYTES = 512
ZERO_BLOCK = bytes(BLOCK_BYTES)

_USTAR_MAGIC = b"ustar\0"
_GNU_MAGIC = b"ustar  \0"
_STAR_TRAILER = b"tar\0"
_NO_TAIL = bytes(BLOCK_BYTES - 345)
# Headers of one layer share few owners, modes and times; the caches stay small whatever comes.
CACHE_SIZE = 4096


class Header(msgspec.Struct, gc=False):
    """One header block, decoded. Texts are bytes; ``typeflag`` is one byte, NUL for the oldest files."""

    name: bytes
    typeflag: bytes
    size: int
    mode: int
    uid: int
    gid: int
    mtime: int
    link: bytes
    dialect: str
    uname: bytes = b""
    gname: bytes = b""
    device: tuple[int, int] = (0, 0)


def parse_header(block: bytes) -> Header:
    """Decode a header block that is not all zeros, as Go does.

    Raises:
        LayerFault: Its check sum or one of its numbers is wrong.
    """
    if not has_valid_checksum(block):
        raise LayerFault(LayerReason.CHECKSUM)
    header = Header(
        name=_text(block[:100]),
        typeflag=block[156:157],
        size=parse_numeric(block[124:136]),
        mode=parse_numeric(block[100:108]),
        uid=parse_numeric(block[108:116]),
        gid=parse_numeric(block[116:124]),
        mtime=parse_numeric(block[136:148]),
        link=_text(block[157:257]),
        dialect=_dialect(block),
    )
    if header.dialect != "v7":
        _parse_later_fields(block, header)
    return header


def _parse_later_fields(block: bytes, header: Header) -> None:
    """The fields that came after the seventh edition of Unix."""
    header.uname, header.gname = _text(block[265:297]), _text(block[297:329])
    header.device = parse_numeric(block[329:337]), parse_numeric(block[337:345])
    prefix = b""
    match header.dialect:
        case "ustar":
            prefix = _text(block[345:500])
        case "star":
            prefix = _text(block[345:476])
            for field in (block[476:488], block[488:500]):
                parse_numeric(field)  # access and change time: not kept, but they must be numbers
        case "gnu":
            prefix = _misplaced_prefix(block)
    if prefix:
        header.name = prefix + b"/" + header.name


def _misplaced_prefix(block: bytes) -> bytes:
    """The prefix that old writers (Go before 1.8) put where GNU keeps two times, if it is one."""
    try:
        for field in (block[345:357], block[357:369]):
            if field[0]:
                parse_numeric(field)
    except LayerFault:
        prefix = _text(block[345:500])
        return prefix if prefix.isascii() else b""
    return b""


def parse_plain_header(block: bytes) -> Header | None:
    """Decode a block that is plain in every way; ``None`` leaves it to :func:`parse_header`.

    Plain is: ASCII only, so that the sum of its bytes fits into the low half of Adler-32, which costs a
    twentieth of a sum in Python; ustar or GNU magic; octal digits to the last byte but one of each number.
    """
    if not block.isascii() or zlib.adler32(block) & 0xFFFF != plain_checksum(block[148:156]):
        return None
    owner = plain_owner(block[100:124])
    mtime = plain_number(block[136:148])
    tail = plain_tail(block[257:345])
    size = block[124:135]
    if owner is None or mtime is None or tail is None or block[135] or not size.isdigit():
        return None
    dialect, uname, gname, device = tail
    end = block.find(0, 0, 100)
    name = block[:end] if end >= 0 else block[:100]
    if not block.endswith(_NO_TAIL):
        if dialect == "gnu" or block.endswith(_STAR_TRAILER):
            return None
        prefix = block[345:500].partition(b"\0")[0]
        name = prefix + b"/" + name if prefix else name
    link = block[157:257].partition(b"\0")[0] if block[157] else b""
    try:
        return Header(name, block[156:157], int(size, 8), *owner, mtime, link, dialect, uname, gname, device)
    except ValueError:  # a digit above 7
        return None


@lru_cache(CACHE_SIZE)
def plain_checksum(field: bytes) -> int:
    """What the low half of Adler-32 is for a header whose checksum field this is, if that is right.

    It is 1 plus the sum of the bytes; the checksum counts its own field as eight spaces.
    """
    try:
        return 1 + parse_octal(field) - 8 * 0x20 + sum(field)
    except LayerFault:
        return -1


@lru_cache(CACHE_SIZE)
def plain_owner(fields: bytes) -> tuple[int, int, int] | None:
    """Mode, uid and gid."""
    mode, uid, gid = (plain_number(fields[start : start + 8]) for start in (0, 8, 16))
    return None if mode is None or uid is None or gid is None else (mode, uid, gid)


@lru_cache(CACHE_SIZE)
def plain_number(field: bytes) -> int | None:
    """An octal number; ``None`` if it is none."""
    try:
        return parse_octal(field)
    except LayerFault:
        return None


@lru_cache(CACHE_SIZE)
def plain_tail(fields: bytes) -> tuple[str, bytes, bytes, tuple[int, int]] | None:
    """Dialect, user, group and device numbers: bytes 257 to 344."""
    if fields.startswith(_USTAR_MAGIC):
        dialect = "ustar"
    elif fields.startswith(_GNU_MAGIC):
        dialect = "gnu"
    else:
        return None
    major, minor = plain_number(fields[72:80]), plain_number(fields[80:88])
    if major is None or minor is None:
        return None
    return dialect, _text(fields[8:40]), _text(fields[40:72]), (major, minor)


def has_valid_checksum(block: bytes) -> bool:
    """Whether the sum of the bytes, unsigned or (as on old Suns) signed, is the one stored."""
    try:
        stored = parse_octal(block[148:156])
    except LayerFault:
        return False
    unsigned = sum(block) - sum(block[148:156]) + 8 * 0x20
    signed = unsigned - 256 * sum(byte >> 7 for byte in block[:148] + block[156:])
    return stored in (unsigned, signed)


def _dialect(block: bytes) -> str:
    if block[257:263] == _USTAR_MAGIC:
        return "star" if block[508:] == _STAR_TRAILER else "ustar"
    return "gnu" if block[257:265] == _GNU_MAGIC else "v7"


def _text(field: bytes) -> bytes:
    """A text that ends at its first NUL or fills its field."""
    return field.partition(b"\0")[0]

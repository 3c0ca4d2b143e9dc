"""What wrote a blob's compressed data, guessed from habits that differ between writers.

A guess names a family of writers, never a proof: whoever wants to can imitate another. The habits were read
in the sources of the writers: what they put into the header that a decoder has no use for, and how they end
their data. Go ends a deflate stream with an empty stored block, whatever came before; zlib never does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from corpus.profiles.layer import Compression, Producer

if TYPE_CHECKING:
    from analyzer.layers.blob import Blob


class Span(NamedTuple):
    """Where the first member or frame with data lies in the blob; ``end`` is ``None`` if it has none."""

    start: int
    end: int | None


_HEAD_BYTES, _GZIP_TRAILER_BYTES = 16, 8
_UNIX, _FAT, _UNKNOWN_SYSTEM = 3, 0, 255
_NAME_FLAG = 0x08
_BEST = 2
# Go before 1.8 and pgzip write a time that is not set as that of the year 1, cut to 32 bits.
_YEAR_ONE = -62_135_596_800 & 0xFFFFFFFF

# An empty stored block, without the bits before its length; a flush (Z_SYNC_FLUSH) writes one too.
_EMPTY_BLOCK = b"\0\0\xff\xff"
# Pgzip flushes before it closes, so that the last block is aligned: a stored one, or, since pgzip has its own
# deflate, one with the fixed code, which is shorter.
_FLUSHED_ENDS = (_EMPTY_BLOCK + b"\x01" + _EMPTY_BLOCK, _EMPTY_BLOCK + b"\x03\0")
_ENDING_BYTES = 9
# Pigz cuts its input every 128 KiB, which several flushes of this much output tell.
_SAMPLE_BYTES = 1024 * 1024

_CHECKSUM_ONLY = 0x04  # frame header descriptor: a checksum, no size of the content, no single segment
_PLAIN = 0x00
# Window descriptors of klauspost/compress at its levels 'default', 'better' and 'best': 8, 16 and 32 MiB. Its
# 'fastest' has 4 MiB, as the library has at levels 9 to 16; the library's levels 1 to 8 have less.
_GO_WINDOWS = frozenset({13 << 3, 14 << 3, 15 << 3})
_SHARED_WINDOW = 12 << 3


def guess_producer(blob: Blob, compression: Compression, first: Span | None) -> Producer | None:
    """The guess for a blob whose first member is at ``first``; ``None`` for forms nobody has looked at."""
    if first is None or compression not in (Compression.GZIP, Compression.ZSTD):
        return None
    head = blob.at(first.start, _HEAD_BYTES)
    if compression is Compression.ZSTD:
        return of_zstd_header(head)
    if len(head) < 10:
        return Producer.UNKNOWN
    if first.end is None:
        return of_gzip_member(head, b"")
    end = first.end - _GZIP_TRAILER_BYTES
    if head[9] == _UNIX:
        sample = blob.at(first.start, min(_SAMPLE_BYTES, end - first.start))
        return Producer.PIGZ if _EMPTY_BLOCK in sample else of_gzip_member(head, b"")
    return of_gzip_member(head, blob.at(max(first.start, end - _ENDING_BYTES), _ENDING_BYTES))


def of_gzip_member(header: bytes, ending: bytes) -> Producer:
    """The guess for a member by the ten bytes of its header and the last nine of its deflate stream."""
    flags, mtime = header[3], int.from_bytes(header[4:8], "little")
    level, system = header[8], header[9]
    if system == _UNIX:
        return Producer.GZIP
    if system == _FAT and not flags and not mtime and not level:
        return Producer.JAVA
    if system != _UNKNOWN_SYSTEM:
        return Producer.UNKNOWN
    if ending.endswith(_FLUSHED_ENDS):
        return Producer.PGZIP
    if ending.endswith(_EMPTY_BLOCK) or mtime == _YEAR_ONE:
        return Producer.GO
    # Rust's flate2 and libdeflate write the same header, but never a time or a name of their own accord.
    has_habit = level == _BEST and (mtime or flags & _NAME_FLAG)
    return Producer.PYTHON if has_habit else Producer.UNKNOWN


def of_zstd_header(header: bytes) -> Producer:
    """The guess for a frame by its header: only a stream of unknown length has a window that tells."""
    if len(header) < 6 or header[4] not in (_CHECKSUM_ONLY, _PLAIN):
        return Producer.UNKNOWN
    window = header[5]
    if window < _SHARED_WINDOW:
        return Producer.LIBZSTD
    # The library has these windows only from level 17 on; without its checksum it is not the default of Go.
    is_go = window in _GO_WINDOWS and header[4] == _CHECKSUM_ONLY
    return Producer.GO_ZSTD if is_go else Producer.UNKNOWN

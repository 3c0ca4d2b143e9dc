"""Gzip (RFC 1952), member by member, with bounded output per step and every fault at its place.

The frame around the deflate stream is read here, so that all data of a member with a wrong check sum is
delivered before the fault is raised, and so that its class is known without reading error messages.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Any, Protocol

from analyzer.layers.faults import LayerFault
from analyzer.layers.salvage import Damage, Feed, salvage
from corpus.profiles.layer import LayerReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.layers.blob import Blob

MAGIC = b"\x1f\x8b"
# Output of one step. Deflate expands up to 1,029 times, so the input alone bounds nothing.
WINDOW_BYTES = 1024 * 1024

# ISA-L has twice the speed of zlib, and its interface; not every platform has it.
try:
    from isal import isal_zlib

    _engine: Any = isal_zlib
except ImportError:  # pragma: no cover
    _engine = zlib

_RAW = -zlib.MAX_WBITS
_DEFLATE_METHOD = 8
_FHCRC, _FEXTRA, _FNAME, _FCOMMENT, _RESERVED = 0x02, 0x04, 0x08, 0x10, 0xE0
# A file name is longer than this only in a blob made to be odd.
_TEXT_BYTES = 256


class _Decoder(Protocol):
    @property
    def unused_data(self) -> bytes: ...
    @property
    def unconsumed_tail(self) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...


def read_member(blob: Blob) -> Iterator[bytes]:
    """Decode one member in windows of at most :data:`WINDOW_BYTES`.

    Raises:
        LayerFault: The member is truncated, or its header, its data or its check sums are wrong.
    """
    _read_header(blob)
    crc, size = 0, 0
    for window in _inflate(blob):
        crc = _engine.crc32(window, crc)
        size += len(window)
        yield window
    trailer = blob.take(8)
    if int.from_bytes(trailer[:4], "little") != crc:
        raise LayerFault(LayerReason.CRC)
    if int.from_bytes(trailer[4:], "little") != size & 0xFFFFFFFF:
        raise LayerFault(LayerReason.ISIZE)


def _read_header(blob: Blob) -> None:
    """Consume the header (RFC 1952 section 2.3); the name and comment in it are of no use."""
    header = blob.take(10)
    flags = header[3]
    if header[2] != _DEFLATE_METHOD or flags & _RESERVED:
        raise LayerFault(LayerReason.GZIP_HEADER)
    crc = zlib.crc32(header)
    if flags & _FEXTRA:
        length = blob.take(2)
        crc = zlib.crc32(blob.take(int.from_bytes(length, "little")), zlib.crc32(length, crc))
    for flag in (_FNAME, _FCOMMENT):
        if flags & flag:
            crc = _skip_text(blob, crc)
    if flags & _FHCRC and int.from_bytes(blob.take(2), "little") != crc & 0xFFFF:
        raise LayerFault(LayerReason.GZIP_HEADER)


def _skip_text(blob: Blob, crc: int) -> int:
    """Consume a text and the NUL that ends it, whatever its length; returns the running check sum."""
    while data := blob.read(_TEXT_BYTES):
        end = data.find(b"\0") + 1
        if end:
            blob.unread(len(data) - end)
            return zlib.crc32(data[:end], crc)
        crc = zlib.crc32(data, crc)
    raise LayerFault(LayerReason.TRUNCATED)


def _inflate(blob: Blob) -> Iterator[bytes]:
    """Decode a raw deflate stream; what follows it is given back to the blob."""
    start, produced = blob.offset, 0
    decoder: _Decoder = _engine.decompressobj(_RAW)
    pieces = blob.pieces()
    data = next(pieces, b"")
    while not decoder.eof:
        try:
            window = decoder.decompress(data, WINDOW_BYTES)
        except _engine.error:
            damage = Damage(start, blob.offset - len(data), produced, (_engine.error,))
            offset = yield from salvage(blob, damage, _new_feed)
            raise LayerFault(LayerReason.DEFLATE, offset=offset) from None
        if window:
            produced += len(window)
            yield window
        elif not data:
            raise LayerFault(LayerReason.TRUNCATED)
        data = decoder.unconsumed_tail or (b"" if decoder.eof else next(pieces, b""))
    blob.unread(len(decoder.unused_data))


def _new_feed() -> Feed:
    decoder: _Decoder = _engine.decompressobj(_RAW)

    def feed(data: bytes, step: int) -> Iterator[bytes]:
        is_full = True
        while data or is_full:
            window = decoder.decompress(data, step)
            yield window
            # A decoder that has consumed its input may still hold output.
            data, is_full = decoder.unconsumed_tail, len(window) == step

    return feed

"""Bzip2 and xz, stream by stream, with the decoders of the standard library."""

from __future__ import annotations

import bz2
import lzma
from typing import TYPE_CHECKING, Protocol

from analyzer.layers.faults import LayerFault
from analyzer.layers.salvage import Damage, Feed, salvage
from corpus.profiles.layer import LayerReason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from analyzer.layers.blob import Blob

BZIP2_MAGIC = b"BZh"
XZ_MAGIC = b"\xfd7zXZ\0"
# Output of one step.
_WINDOW_BYTES = 1024 * 1024
# Small, since a damaged piece is looked at byte by byte, which these decoders are slow at.
_READ_BYTES = 8 * 1024
# A dictionary above this is refused: 'xz -9' needs 65 MiB to decode.
_XZ_MEMORY_BYTES = 128 * 1024 * 1024
# What the decoders raise: EOFError where they are given data behind the end of a stream.
_ERRORS = (OSError, EOFError, ValueError, lzma.LZMAError)


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def read_bzip2_stream(blob: Blob) -> Iterator[bytes]:
    """Decode one bzip2 stream in windows of at most 1 MiB; the block that is damaged comes out as it is.

    Raises:
        LayerFault: The stream is truncated or wrong.
    """
    return _read(blob, bz2.BZ2Decompressor)


def read_xz_stream(blob: Blob) -> Iterator[bytes]:
    """Decode one xz stream in windows of at most 1 MiB.

    Raises:
        LayerFault: The stream is truncated or wrong, or needs more memory than is sane.
    """
    return _read(blob, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES))


def _read(blob: Blob, new_decoder: Callable[[], _Decoder]) -> Iterator[bytes]:
    decoder = new_decoder()
    start = given = blob.offset
    produced, is_full = 0, False
    while not decoder.eof:
        data = b""
        if decoder.needs_input and not is_full:
            given = blob.offset
            data = blob.read(_READ_BYTES)
            if not data:
                raise LayerFault(LayerReason.TRUNCATED)
        try:
            window = decoder.decompress(data, _WINDOW_BYTES)
        except _ERRORS as error:
            damage = Damage(start, given, produced, _ERRORS)
            offset = yield from salvage(blob, damage, lambda: _feed_of(new_decoder()))
            raise LayerFault(_reason(error), offset=offset) from None
        if window:
            produced += len(window)
            yield window
        # The bzip2 decoder asks for input although it still holds output.
        is_full = len(window) == _WINDOW_BYTES
    blob.unread(len(decoder.unused_data))


def _feed_of(decoder: _Decoder) -> Feed:
    def feed(data: bytes, step: int) -> Iterator[bytes]:
        is_full = True
        while is_full or not (decoder.eof or decoder.needs_input):
            window = decoder.decompress(data, step)
            yield window
            data, is_full = b"", len(window) == step and not decoder.eof

    return feed


def _reason(error: Exception) -> LayerReason:
    """The class of an error; of liblzma's only the text tells them apart."""
    if not isinstance(error, lzma.LZMAError):
        return LayerReason.BZIP2
    return LayerReason.MEMORY if "memory" in str(error).lower() else LayerReason.XZ

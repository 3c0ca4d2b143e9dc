"""From a blob to the bytes of its tar: sniffed, decoded in bounded windows, hashed on the way."""

from __future__ import annotations

import bz2
import hashlib
import lzma
from typing import TYPE_CHECKING, Protocol

from analyzer.layers import gzipped, zstandard_frames
from analyzer.layers.faults import LayerFault
from corpus.profiles.layer import Compression, LayerFlag, LayerReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.layers.blob import Blob
    from analyzer.settings import LayerLimits

_BZIP2_MAGIC = b"BZh"
_XZ_MAGIC = b"\xfd7zXZ\0"
_HEAD_BYTES = 6
# A dictionary above this is refused: 'xz -9' needs 65 MiB to decode.
_XZ_MEMORY_BYTES = 128 * 1024 * 1024


class _Stream(Protocol):
    """One bzip2 or xz stream of the standard library."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


def sniff_compression(head: bytes) -> Compression:
    """The compression of a blob by its first six bytes; whatever has no magic is taken as plain."""
    if head.startswith(gzipped.MAGIC):
        return Compression.GZIP
    if zstandard_frames.is_magic(head):
        return Compression.ZSTD
    if head.startswith(_BZIP2_MAGIC):
        return Compression.BZIP2
    return Compression.XZ if head == _XZ_MAGIC else Compression.NONE


class Inflater:
    """Decodes a blob; :meth:`windows` may be iterated once.

    Attributes:
        compression: By the magic of the blob, never by its media type.
        members: Members, frames or streams begun so far.
        size_bytes: Bytes decoded so far.
        trailing_bytes: Bytes of the blob behind the compressed data.
        flags: What is odd about the end of the blob.
        is_finished: Whether everything was decoded, so that :meth:`diffid` is that of the whole tar.
    """

    def __init__(self, blob: Blob, limits: LayerLimits) -> None:
        self._blob = blob
        self._limits = limits
        self._frames = zstandard_frames.context(limits.max_window_bytes)
        self._hasher = hashlib.sha256()
        self.compression = sniff_compression(blob.peek(_HEAD_BYTES))
        self.members = 0
        self.size_bytes = 0
        self.trailing_bytes = 0
        self.flags: tuple[LayerFlag, ...] = ()
        self.is_finished = False

    def windows(self) -> Iterator[bytes]:
        """The decoded bytes, in windows of at most 1 MiB.

        Raises:
            LayerFault: The blob is truncated or wrong, or larger than the limit.
        """
        for window in self._located():
            room = self._limits.max_tar_bytes - self.size_bytes
            allowed = window[:room] if len(window) > room else window
            self.size_bytes += len(allowed)
            self._hasher.update(allowed)
            if allowed:
                yield allowed
            if allowed is not window:
                raise LayerFault(LayerReason.OUTPUT)
        self.is_finished = True

    def diffid(self) -> str | None:
        """Digest of the whole tar; ``None`` while it is not decoded to its end."""
        return f"sha256:{self._hasher.hexdigest()}" if self.is_finished else None

    def _located(self) -> Iterator[bytes]:
        """The decoded windows; a fault of the blob gets its place in the blob."""
        try:
            yield from self._decoded()
        except LayerFault as fault:
            fault.offset = self._blob.offset if fault.offset is None else fault.offset
            raise

    def _decoded(self) -> Iterator[bytes]:
        if self.compression is Compression.NONE:
            while data := self._blob.read():
                yield data
            return
        while sniff_compression(self._blob.peek(_HEAD_BYTES)) is self.compression:
            yield from self._member()
        self._consume_trailer()

    def _member(self) -> Iterator[bytes]:
        if self.compression is Compression.ZSTD and zstandard_frames.skip_skippable(self._blob):
            return
        self.members += 1
        match self.compression:
            case Compression.GZIP:
                yield from gzipped.read_member(self._blob)
            case Compression.ZSTD:
                yield from zstandard_frames.read_frame(
                    self._blob, self._frames, self._limits.max_window_bytes
                )
            case Compression.BZIP2:
                yield from _read_stream(self._blob, bz2.BZ2Decompressor(), LayerReason.BZIP2)
            case Compression.XZ:
                decoder = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES)
                yield from _read_stream(self._blob, decoder, LayerReason.XZ)

    def _consume_trailer(self) -> None:
        """What follows the last member is no data; decoders disagree on it, so it is only reported."""
        start = self._blob.offset
        is_zero = self._blob.drain()
        self.trailing_bytes = self._blob.offset - start
        if self.trailing_bytes:
            self.flags = (LayerFlag.TRAILING_ZEROS if is_zero else LayerFlag.TRAILING_GARBAGE,)


def _read_stream(blob: Blob, decoder: _Stream, reason: LayerReason) -> Iterator[bytes]:
    """Decode one bzip2 or xz stream; the output of the call that meets an error is lost."""
    pieces = blob.pieces()
    while not decoder.eof:
        data = next(pieces, b"") if decoder.needs_input else b""
        if decoder.needs_input and not data:
            raise LayerFault(LayerReason.TRUNCATED)
        try:
            window = decoder.decompress(data, gzipped.WINDOW_BYTES)
        except (OSError, EOFError, ValueError):
            raise LayerFault(reason) from None
        except lzma.LZMAError as error:
            raise LayerFault(_xz_reason(error)) from None
        if window:
            yield window
    blob.unread(len(decoder.unused_data))


def _xz_reason(error: lzma.LZMAError) -> LayerReason:
    """The class of an error of liblzma, which only its text tells apart."""
    return LayerReason.MEMORY if "memory" in str(error).lower() else LayerReason.XZ

"""From a blob to the bytes of its tar: sniffed, decoded in bounded windows, hashed on the way."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from analyzer.layers import gzipped, streams, zstandard_frames
from analyzer.layers.faults import LayerFault
from analyzer.layers.producers import Span, guess_producer
from corpus.profiles.layer import Compression, LayerFlag, LayerReason, Producer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.layers.blob import Blob
    from analyzer.settings import LayerLimits

_HEAD_BYTES = 6


def sniff_compression(head: bytes) -> Compression:
    """The compression of a blob by its first six bytes; whatever has no magic is taken as plain."""
    if head.startswith(gzipped.MAGIC):
        return Compression.GZIP
    if zstandard_frames.is_magic(head):
        return Compression.ZSTD
    if head.startswith(streams.BZIP2_MAGIC):
        return Compression.BZIP2
    return Compression.XZ if head == streams.XZ_MAGIC else Compression.NONE


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
        self._first: Span | None = None
        self._budget, self._beyond = _output_budget(blob.whole_bytes(), limits)

    def windows(self) -> Iterator[bytes]:
        """The decoded bytes, in windows of at most 1 MiB.

        Raises:
            LayerFault: The blob is truncated or wrong, or larger than the limit.
        """
        for window in self._located():
            room = self._budget - self.size_bytes
            allowed = window[:room] if len(window) > room else window
            self.size_bytes += len(allowed)
            self._hasher.update(allowed)
            if allowed:
                yield allowed
            if allowed is not window:
                raise LayerFault(self._beyond)
        self.is_finished = True

    def diffid(self) -> str | None:
        """Digest of the whole tar; ``None`` while it is not decoded to its end."""
        return f"sha256:{self._hasher.hexdigest()}" if self.is_finished else None

    def producer(self) -> Producer | None:
        """What wrote the compressed data, as far as that can be guessed."""
        return guess_producer(self._blob, self.compression, self._first)

    def _located(self) -> Iterator[bytes]:
        """The decoded windows; a fault of the blob gets its place in the blob."""
        try:
            yield from self._blob.deadline.bound(self._decoded())
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
        start = self._blob.offset
        self._first = self._first or Span(start, None)
        match self.compression:
            case Compression.GZIP:
                yield from gzipped.read_member(self._blob)
            case Compression.ZSTD:
                yield from zstandard_frames.read_frame(
                    self._blob, self._frames, self._limits.max_window_bytes
                )
            case Compression.BZIP2:
                yield from streams.read_bzip2_stream(self._blob)
            case Compression.XZ:
                yield from streams.read_xz_stream(self._blob)
        if self.members == 1:
            self._first = Span(start, self._blob.offset)

    def _consume_trailer(self) -> None:
        """What follows the last member is no data; decoders disagree on it, so it is only reported."""
        start = self._blob.offset
        is_zero = self._blob.drain()
        self.trailing_bytes = self._blob.offset - start
        if self.trailing_bytes:
            self.flags = (LayerFlag.TRAILING_ZEROS if is_zero else LayerFlag.TRAILING_GARBAGE,)


def _output_budget(blob_bytes: int, limits: LayerLimits) -> tuple[int, LayerReason]:
    """Bytes that a blob may decode to, and what it is beyond them; they depend on its size alone."""
    believed = max(limits.unjudged_tar_bytes, limits.max_expansion * blob_bytes)
    if believed < limits.max_tar_bytes:
        return believed, LayerReason.EXPANSION
    return limits.max_tar_bytes, LayerReason.OUTPUT

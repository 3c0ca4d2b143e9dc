"""Zstandard (RFC 8878), frame by frame and block by block.

Frames and blocks are walked here and each block is given to the decoder whole: a block decodes to at
most 128 KiB, so the output of a step is bounded even where the ratio is 32,000, and the end of a frame,
a cut and the window it asks for are seen before anything is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import zstandard

from analyzer.layers.faults import LayerFault
from corpus.profiles.layer import LayerReason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.layers.blob import Blob

MAGIC = b"\x28\xb5\x2f\xfd"
# Skippable frames are 0x184D2A50 to 0x184D2A5F, little-endian (section 3.1.2).
_SKIPPABLE = b"\x2a\x4d\x18"

_BLOCK_MAX_BYTES = 128 * 1024
_RLE_BLOCK, _RESERVED_BLOCK = 1, 3
_CHECKSUM_BYTES = 4
# Only the text of an error tells this one from others (zstd, error_private.c).
_NO_MEMORY = "not enough memory"


@dataclass(frozen=True, slots=True)
class _FrameHeader:
    """What a frame header says (section 3.1.1.1): its bytes, window in bytes, and two flags."""

    raw: bytes
    window_bytes: int
    has_dictionary: bool
    has_checksum: bool


def is_magic(head: bytes) -> bool:
    """Whether a zstd frame, skippable or not, begins here."""
    return head[:4] == MAGIC or (head[1:4] == _SKIPPABLE and head[0] >> 4 == 5)


def context(max_window_bytes: int) -> zstandard.ZstdDecompressor:
    """What decodes the frames of a blob, one after the other; to make one takes longer than a small frame."""
    return zstandard.ZstdDecompressor(max_window_size=max_window_bytes)


def read_frame(blob: Blob, frames: zstandard.ZstdDecompressor, max_window_bytes: int) -> Iterator[bytes]:
    """Decode one frame in windows of at most 128 KiB, with a :func:`context` for windows of that size.

    Raises:
        LayerFault: The frame is truncated, wrong, or asks for a window or dictionary we do not have.
    """
    header = _read_header(blob)
    if header.window_bytes > max_window_bytes:
        raise LayerFault(LayerReason.WINDOW)
    if header.has_dictionary:
        raise LayerFault(LayerReason.DICTIONARY)
    decoder = frames.decompressobj()
    _decode(decoder, header.raw, LayerReason.ZSTD_FRAME)
    is_last = False
    while not is_last:
        block = blob.take(3)
        is_last = bool(block[0] & 1)
        block += blob.take(_block_bytes(block))
        if window := _decode(decoder, block, LayerReason.ZSTD_FRAME):
            yield window
    if header.has_checksum:
        _decode(decoder, blob.take(_CHECKSUM_BYTES), LayerReason.ZSTD_CHECKSUM)
    if not decoder.eof:
        raise LayerFault(LayerReason.ZSTD_FRAME)


def skip_skippable(blob: Blob) -> bool:
    """Consume a skippable frame, if one begins here."""
    if blob.peek(4) == MAGIC:
        return False
    blob.take(4)
    blob.skip(int.from_bytes(blob.take(4), "little"))
    return True


def _read_header(blob: Blob) -> _FrameHeader:
    raw = blob.take(5)
    descriptor = raw[4]
    is_single_segment = bool(descriptor & 0x20)
    dictionary_bytes = (0, 1, 2, 4)[descriptor & 3]
    size_bytes = (int(is_single_segment), 2, 4, 8)[descriptor >> 6]
    rest = blob.take((not is_single_segment) + dictionary_bytes + size_bytes)
    if is_single_segment:
        # A field of two bytes is stored less 256.
        window = int.from_bytes(rest[dictionary_bytes:], "little") + (256 if size_bytes == 2 else 0)
    else:
        base = 1 << (10 + (rest[0] >> 3))
        window = base + base // 8 * (rest[0] & 7)
    return _FrameHeader(raw + rest, window, dictionary_bytes > 0, bool(descriptor & 4))


def _block_bytes(header: bytes) -> int:
    """Bytes of a block behind its header of 3 bytes (section 3.1.1.2)."""
    number = int.from_bytes(header, "little")
    kind, size = number >> 1 & 3, number >> 3
    if kind == _RESERVED_BLOCK or size > _BLOCK_MAX_BYTES:
        raise LayerFault(LayerReason.ZSTD_FRAME)
    return 1 if kind == _RLE_BLOCK else size


def _decode(decoder: zstandard.ZstdDecompressionObj, data: bytes, reason: LayerReason) -> bytes:
    try:
        return decoder.decompress(data)
    except zstandard.ZstdError as error:
        if _NO_MEMORY in str(error):  # which says nothing of the frame
            raise MemoryError from None
        raise LayerFault(reason) from None

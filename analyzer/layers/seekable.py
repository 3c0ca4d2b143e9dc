"""Seekable layers: their footer, and the table of contents (TOC) that it leads to.

A runtime that fetches single files believes the TOC and never sees the tar; every other one unpacks the tar
and never reads the TOC. So both are read here, and compared in :mod:`analyzer.layers.toc`.

Forms: eStargz (containerd/stargz-snapshotter, docs/estargz.md), its forerunner stargz (google/crfs), and
zstd:chunked (containers/storage, pkg/chunked), each of which is a valid layer to whoever knows none of them.
"""

from __future__ import annotations

import re
import zlib
from typing import TYPE_CHECKING, NamedTuple

import zstandard

from analyzer.layers import gzipped, zstandard_frames
from analyzer.layers.faults import LayerFault
from analyzer.layers.headers import BLOCK_BYTES, parse_header
from corpus.profiles.layer import Seekable

if TYPE_CHECKING:
    from analyzer.layers.blob import Blob

TOC_NAME = b"stargz.index.json"

# An empty gzip member whose extra field has the offset of the TOC. Header, length of the field, for eStargz
# the identifier and length of a subfield, the offset, an empty block, check sum and size.
_GZIP_FOOTER = re.compile(
    rb"\x1f\x8b\x08\x04.{6}(?:\x1a\0SG\x16\0|\x16\0)([0-9a-f]{16})STARGZ\x01\0\0\xff\xff\0{8}", re.DOTALL
)
_GZIP_FOOTER_BYTES = {51: Seekable.ESTARGZ, 47: Seekable.STARGZ}

# A skippable frame of little-endian numbers: of the TOC its offset, its bytes, its bytes decoded, its type,
# and in the longer form the first three of the tar-split data; then a magic, which one writer misspelled.
_ZSTD_FOOTER_BYTES = (8 + 64, 8 + 40)
_ZSTD_MAGICS = (b"GNUlInUx", b"GnUlInUx")
_JSON_TOC = 1
_PIECE_BYTES = 64 * 1024


class Footer(NamedTuple):
    """Where the TOC lies in the blob: compressed, from ``start`` to ``end``, in bytes."""

    form: Seekable
    start: int
    end: int


def find_footer(blob: Blob) -> Footer | None:
    """The footer of a seekable layer, by the last bytes of the blob."""
    size = blob.whole_bytes()
    tail = blob.at(max(0, size - _ZSTD_FOOTER_BYTES[0]), _ZSTD_FOOTER_BYTES[0])
    head = blob.at(0, 4)
    found = None
    if head.startswith(gzipped.MAGIC):
        found = _gzip_footer(tail, size)
    elif zstandard_frames.is_magic(head):
        found = _zstd_footer(tail)
    return found if found is not None and found.start < found.end <= size else None


def _gzip_footer(tail: bytes, blob_bytes: int) -> Footer | None:
    for length, form in _GZIP_FOOTER_BYTES.items():
        match = _GZIP_FOOTER.fullmatch(tail[-length:])
        if match is not None:
            return Footer(form, int(match[1], 16), blob_bytes - length)
    return None


def _zstd_footer(tail: bytes) -> Footer | None:
    if not tail.endswith(_ZSTD_MAGICS):
        return None
    for length in _ZSTD_FOOTER_BYTES:
        frame = tail[-length:]
        payload = frame[8:]
        if frame[:8] == b"\x50\x2a\x4d\x18" + len(payload).to_bytes(4, "little") and len(frame) == length:
            start, compressed, _, kind = (
                int.from_bytes(payload[index : index + 8], "little") for index in range(0, 32, 8)
            )
            return Footer(Seekable.ZSTD_CHUNKED, start, start + compressed) if kind == _JSON_TOC else None
    return None


def read_toc(blob: Blob, footer: Footer, max_bytes: int) -> bytes | None:
    """The JSON of the TOC; ``None`` if it cannot be read or has more than ``max_bytes``."""
    if footer.form is Seekable.ZSTD_CHUNKED:
        return _read_zstd(blob, footer, max_bytes)
    tar = _read_gzip(blob, footer, max_bytes + 4 * BLOCK_BYTES)
    return None if tar is None else _only_file(tar)


def _read_gzip(blob: Blob, footer: Footer, max_bytes: int) -> bytes | None:
    """One gzip member, decoded in bounded steps."""
    decoder = zlib.decompressobj(zlib.MAX_WBITS | 16)
    output, offset = bytearray(), footer.start
    try:
        while offset < footer.end and not decoder.eof:
            data = blob.at(offset, min(_PIECE_BYTES, footer.end - offset))
            offset += len(data)
            while data and len(output) <= max_bytes:
                output += decoder.decompress(data, max_bytes + 1 - len(output))
                data = decoder.unconsumed_tail
            if len(output) > max_bytes:
                return None
    except zlib.error:
        return None
    return bytes(output)


def _only_file(tar: bytes) -> bytes | None:
    """The content of the entry that a tar begins with, if that is the TOC."""
    try:
        header = parse_header(tar[:BLOCK_BYTES]) if len(tar) >= BLOCK_BYTES else None
    except LayerFault:
        return None
    if header is None or header.name != TOC_NAME or header.size < 0:
        return None
    content = tar[BLOCK_BYTES : BLOCK_BYTES + header.size]
    return content if len(content) == header.size else None


def _read_zstd(blob: Blob, footer: Footer, max_bytes: int) -> bytes | None:
    """One zstd frame; it is not compressed to more than its own size, so that its input is bounded too."""
    if footer.end - footer.start > max_bytes:
        return None
    data = blob.at(footer.start, footer.end - footer.start)
    output = bytearray()
    try:
        with zstandard.ZstdDecompressor().stream_reader(data) as reader:
            while len(output) <= max_bytes and (window := reader.read(_PIECE_BYTES)):
                output += window
    except zstandard.ZstdError:
        return None
    return bytes(output) if len(output) <= max_bytes else None

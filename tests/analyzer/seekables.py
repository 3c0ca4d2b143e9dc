"""Seekable layers as their writers make them: eStargz, stargz and zstd:chunked."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
import zlib
from typing import Any

import zstandard

Files = dict[str, bytes]


def go_gzip(data: bytes, *, extra: bytes = b"", mtime: int = 0, is_flushed: bool = False) -> bytes:
    """A gzip member as Go writes it: no system, and an empty stored block at its end."""
    header = b"\x1f\x8b\x08" + (b"\x04" if extra else b"\0") + mtime.to_bytes(4, "little") + b"\0\xff"
    header += len(extra).to_bytes(2, "little") + extra if extra else b""
    body = b"\x01\0\0\xff\xff"
    if data:
        compressor = zlib.compressobj(6, wbits=-15)
        body = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
        # A flush ends with an empty block that is not the last one; Go's close writes just one that is.
        body = body + b"\x03\0" if is_flushed else _closed(body)
    trailer = zlib.crc32(data).to_bytes(4, "little") + (len(data) & 0xFFFFFFFF).to_bytes(4, "little")
    return header + body + trailer


def _closed(flushed: bytes) -> bytes:
    """The same stream, the last bit set in its final (empty) block, wherever that begins."""
    for bit in range(10):
        changed = bytearray(flushed)
        changed[-5 - bit // 8] ^= 1 << (7 - bit % 8)
        decoder = zlib.decompressobj(-15)
        try:
            output = decoder.decompress(bytes(changed))
        except zlib.error:
            continue
        if decoder.eof and not decoder.unused_data and output == zlib.decompressobj(-15).decompress(flushed):
            return bytes(changed)
    raise AssertionError("no bit ends the stream")


def toc_entry(name: str, content: bytes, **changes: Any) -> dict[str, Any]:
    """What a TOC says of a regular file (or, by its final slash, of a directory)."""
    entry: dict[str, Any] = {"type": "dir" if name.endswith("/") else "reg", "name": name, "mode": 0o644}
    if content:
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        entry |= {"size": len(content), "digest": digest, "chunkDigest": digest, "offset": 99}
    return entry | changes


def _tar(name: str, content: bytes) -> bytes:
    info = tarfile.TarInfo(name)
    info.size = len(content)
    info.type = tarfile.DIRTYPE if name.endswith("/") else tarfile.REGTYPE
    return info.tobuf(tarfile.USTAR_FORMAT) + content + bytes(-len(content) % 512)


def estargz(files: Files, toc: list[dict[str, Any]] | None = None, *, is_legacy: bool = False) -> bytes:
    """A layer in members, the TOC its last entry, and the footer."""
    blob = b"".join(go_gzip(_tar(name, content)) for name, content in files.items())
    document = {"version": 1, "entries": toc_of(files) if toc is None else toc}
    table = json.dumps(document, indent="\t").encode()
    offset = b"%016xSTARGZ" % len(blob)
    footer = offset if is_legacy else b"SG\x16\0" + offset
    return blob + go_gzip(_tar("stargz.index.json", table) + bytes(1024)) + go_gzip(b"", extra=footer)


def zstd_chunked(
    files: Files, toc: list[dict[str, Any]] | None = None, *, footer_bytes: int = 64, more: bytes = b""
) -> bytes:
    """A layer in frames (``more`` is tar before the files), the TOC and the footer in skippable ones."""
    compressor = zstandard.ZstdCompressor()
    parts = [more, *(_tar(name, content) for name, content in files.items()), bytes(1024)]
    blob = b"".join(map(compressor.compress, parts))
    table = json.dumps({"version": 1, "entries": toc_of(files) if toc is None else toc}).encode()
    packed = compressor.compress(table)
    numbers = [len(blob) + 8, len(packed), len(table), 1]
    if footer_bytes == 64:
        numbers += [len(blob) + 8 + len(packed) + 8, 3, 3]
        packed_split = skippable(b"abc")
    else:
        packed_split = b""
    footer = b"".join(number.to_bytes(8, "little") for number in numbers) + b"GNUlInUx"
    return blob + skippable(packed) + packed_split + skippable(footer)


def toc_of(files: Files) -> list[dict[str, Any]]:
    """The TOC that agrees with ``files``."""
    return [toc_entry(name, content) for name, content in files.items()]


def skippable(data: bytes) -> bytes:
    """A skippable zstd frame of the first kind."""
    return b"\x50\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def python_gzip(data: bytes, name: str = "") -> bytes:
    """A member as :class:`gzip.GzipFile` writes it."""
    buffer = io.BytesIO()
    with gzip.GzipFile(filename=name, mode="wb", fileobj=buffer, mtime=1700000000) as file:
        file.write(data)
    return buffer.getvalue()

"""From a tar to the blob that a registry holds: compressions, and every way to damage them."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

import zstandard

from registry.digests import EMPTY_LAYER, Digest
from samplehub.content.archives import gzipped
from samplehub.content.seeds import stream
from samplehub.content.text import text

if TYPE_CHECKING:
    from collections.abc import Callable

_LEVEL = 4  # half the time of the default 6, blobs 3 % larger

# Two zero blocks, as Docker's pre-1.10 engines gzipped them: not what any zlib makes of them, hence literal.
_EMPTY_LAYER_BYTES = bytes.fromhex("1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer blob.

    Attributes:
        digest: What manifests call it.
        diff_id: Digest of the tar that was packed, also where damage keeps it from being recovered.
        data: The bytes that are served; those of a corrupt layer do not hash to ``digest``.
        size_bytes: What manifests announce.
        compression: What media types announce: ``gzip``, ``zstd`` or nothing.
        is_truncated: Whether the second half never arrives.
        foreign_url: Where a non-distributable layer lives; the registry has no bytes of it.
    """

    digest: Digest
    diff_id: Digest
    data: bytes
    size_bytes: int
    compression: str = "gzip"
    is_truncated: bool = False
    foreign_url: str = ""


@dataclass(frozen=True, slots=True)
class Packaging:
    """How a tar becomes a blob.

    Attributes:
        pack: Tar to blob.
        compression: What media types will say.
        spoil: What happens to the bytes on the server's disk.
        is_truncated: Whether the server stops half way.
    """

    pack: Callable[[bytes], bytes]
    compression: str = "gzip"
    spoil: Callable[[bytes], bytes] | None = None
    is_truncated: bool = False


def _gzip(tar: bytes) -> bytes:
    return gzipped(tar, _LEVEL)


def _gzip_members(tar: bytes) -> bytes:
    """Several gzip members in a row (RFC 1952, 2.2), cut where no tar block ends."""
    step = len(tar) // 3 + 100
    return b"".join(_gzip(tar[start : start + step]) for start in range(0, len(tar), step))


def _zstd(tar: bytes) -> bytes:
    return zstandard.ZstdCompressor(level=3, write_checksum=True, write_content_size=False).compress(tar)


def _half(data: bytes) -> bytes:
    return data[: len(data) // 2]


def _flip_crc(data: bytes) -> bytes:
    """A gzip whose CRC-32 (bytes 8 to 5 from the end) is wrong in one bit."""
    return data[:-8] + bytes((data[-8] ^ 1,)) + data[-7:]


def _flip_middle(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes((data[middle] ^ 0x40,)) + data[middle + 1 :]


def _prose(tar: bytes) -> bytes:
    return text(stream("not a tar", len(tar)), 8000, "text")


PACKAGINGS = {
    "gzip": Packaging(_gzip),
    "members": Packaging(_gzip_members),
    "zstd": Packaging(_zstd, "zstd"),
    "plain": Packaging(bytes, ""),
    # Digests hold, the inside is damaged.
    "mislabelled": Packaging(bytes),  # a plain tar whose media type says gzip
    "cut": Packaging(lambda tar: _half(_gzip(tar))),
    "zstd-cut": Packaging(lambda tar: _half(_zstd(tar)), "zstd"),
    "tar-cut": Packaging(lambda tar: _gzip(_half(tar)[:-100])),  # in the middle of a block
    "bad-crc": Packaging(lambda tar: _flip_crc(_gzip(tar))),
    "not-tar": Packaging(lambda tar: _gzip(_prose(tar))),
    # The server gives other bytes than it promises.
    "corrupt": Packaging(_gzip, spoil=_flip_middle),
    "truncated": Packaging(_gzip, is_truncated=True),
}


def layer(tar: bytes, packaging: str = "gzip") -> Layer:
    """The blob of a tar, packed in one of the ways of :data:`PACKAGINGS`."""
    way = PACKAGINGS[packaging]
    packed = way.pack(tar)
    served = way.spoil(packed) if way.spoil else packed
    return Layer(Digest.of(packed), Digest.of(tar), served, len(packed), way.compression, way.is_truncated)


def empty_layer() -> Layer:
    """The empty layer that schema 1 uses for every step without files."""
    return Layer(EMPTY_LAYER, Digest.of(bytes(2 * tarfile.BLOCKSIZE)), _EMPTY_LAYER_BYTES, 32)


def foreign_layer(url: str) -> Layer:
    """A non-distributable layer, of which the registry has the digest only."""
    promised = url.encode()
    return Layer(Digest.of(promised), Digest.of(promised + b" tar"), b"", 117_440_512, foreign_url=url)

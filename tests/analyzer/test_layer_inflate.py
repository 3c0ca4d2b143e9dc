"""Decompression: every form gives the same bytes, every fault is found at its place."""

from __future__ import annotations

import bz2
import errno
import gzip
import hashlib
import io
import lzma
import struct
import zlib
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.layers import gzipped, streams
from analyzer.layers.blob import Blob
from analyzer.layers.faults import LayerFault
from analyzer.layers.inflate import Inflater
from analyzer.settings import LayerLimits
from corpus.profiles.layer import Compression, LayerFlag, LayerReason
from registry.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

TEXT = b"".join(b"line %d of a text that compresses\n" % number for number in range(9000))


def _zstd(data: bytes, *, write_checksum: bool = False, write_content_size: bool = True) -> bytes:
    compressor = zstandard.ZstdCompressor(
        write_checksum=write_checksum, write_content_size=write_content_size
    )
    return compressor.compress(data)


def _skippable(data: bytes) -> bytes:
    return b"\x5a\x2a\x4d\x18" + len(data).to_bytes(4, "little") + data


def _named_gzip(data: bytes) -> bytes:
    """A member with extra field, name, comment and header check sum."""
    header = b"\x1f\x8b\x08\x1e" + bytes(6) + b"\x03\0abc" + b"name\0" + b"comment\0"
    header += (zlib.crc32(header) & 0xFFFF).to_bytes(2, "little")
    return header + gzip.compress(data, mtime=0)[10:]


FORMS: dict[str, tuple[Callable[[bytes], bytes], Compression, int]] = {
    "plain": (bytes, Compression.NONE, 0),
    "gzip": (gzip.compress, Compression.GZIP, 1),
    "gzip, all header fields": (_named_gzip, Compression.GZIP, 1),
    "gzip, three members": (
        lambda data: gzip.compress(data[:10]) + gzip.compress(b"") + gzip.compress(data[10:]),
        Compression.GZIP,
        3,
    ),
    "zstd": (_zstd, Compression.ZSTD, 1),
    "zstd, checksum, no size": (
        lambda data: _zstd(data, write_checksum=True, write_content_size=False),
        Compression.ZSTD,
        1,
    ),
    "zstd, frames between skippable ones": (
        lambda data: (
            _skippable(b"x" * 9) + _zstd(data[:99]) + _skippable(b"") + _zstd(data[99:]) + _skippable(b"y")
        ),
        Compression.ZSTD,
        2,
    ),
    "bzip2, two streams": (
        lambda data: bz2.compress(data[:50]) + bz2.compress(data[50:]),
        Compression.BZIP2,
        2,
    ),
    "xz": (lzma.compress, Compression.XZ, 1),
    "xz, two streams": (
        lambda data: lzma.compress(data[:70]) + lzma.compress(data[70:]),
        Compression.XZ,
        2,
    ),
}


class Decoded:
    """What came out of a blob, and how it ended."""

    def __init__(
        self, path: Path, blob: bytes, *, read_bytes: int = 4096, limits: LayerLimits | None = None
    ) -> None:
        path.write_bytes(blob)
        self.data = b""
        self.fault: LayerFault | None = None
        with path.open("rb") as file:
            self.blob = Blob(file, Digest.of(blob), read_bytes)
            self.inflater = Inflater(self.blob, limits or LayerLimits())
            try:
                for window in self.inflater.windows():
                    assert 0 < len(window) <= gzipped.WINDOW_BYTES
                    self.data += window
            except LayerFault as fault:
                self.fault = fault
            self.blob.drain()

    @property
    def ending(self) -> tuple[LayerReason | None, int | None]:
        """Reason and offset of the fault, if there was one."""
        return (self.fault.reason, self.fault.offset) if self.fault else (None, None)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the blob is put."""
    return tmp_path_factory.mktemp("inflate") / "blob"


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_bytes(path: Path, form: str) -> None:
    """The bytes, the DiffID and the blob's digest are right in every form of compression."""
    compress, compression, members = FORMS[form]
    found = Decoded(path, compress(TEXT))
    assert (found.data, found.fault) == (TEXT, None)
    assert (found.inflater.compression, found.inflater.members) == (compression, members)
    assert found.inflater.diffid() == f"sha256:{hashlib.sha256(TEXT).hexdigest()}"
    assert found.blob.is_intact()


@pytest.mark.slow
@pytest.mark.parametrize("form", [name for name in FORMS if name != "plain"])
def test_a_blob_cut_anywhere_is_truncated(path: Path, form: str) -> None:
    """Of a blob cut at any byte the beginning comes out, and never a DiffID unless a member just ended."""
    text = TEXT[:600]
    blob = FORMS[form][0](text)
    finished = 0
    for length in range(6, len(blob)):
        found = Decoded(path, blob[:length], read_bytes=64)
        assert text.startswith(found.data)
        if found.fault is None:
            finished += 1
        else:
            assert found.ending[0] is LayerReason.TRUNCATED
            assert found.inflater.diffid() is None
    # Between two members, and in the few bytes where the next one cannot be told from garbage.
    assert finished <= 10 * FORMS[form][2]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.sampled_from([name for name in FORMS if name != "plain"]), st.data())
def test_damage_does_not_depend_on_the_size_of_reads(path: Path, form: str, data: st.DataObject) -> None:
    """A changed byte gives the same data, reason and offset whatever the size of the reads."""
    text = TEXT[:30000]
    blob = bytearray(FORMS[form][0](text))
    position = data.draw(st.integers(0, len(blob) - 1))
    blob[position] ^= data.draw(st.integers(1, 255))
    runs = [Decoded(path, bytes(blob), read_bytes=size) for size in (17, 1000, 65536)]
    assert len({(run.data, run.ending, run.inflater.trailing_bytes) for run in runs}) == 1


def test_damaged_deflate_data_is_delivered_up_to_the_damage(path: Path) -> None:
    """What lies before an error in one read is not lost with it."""
    first, second = zlib.compressobj(wbits=-15), b"\x07"  # a block of the reserved type
    stored = first.compress(TEXT[:5000]) + first.flush(zlib.Z_FULL_FLUSH)
    blob = gzip.compress(b"", mtime=0)[:10] + stored + second * 20
    found = Decoded(path, blob, read_bytes=1 << 20)
    assert found.data == TEXT[:5000]
    assert found.ending == (LayerReason.DEFLATE, 10 + len(stored))


GZIP = gzip.compress(TEXT, mtime=0)
ZSTD = _zstd(TEXT, write_checksum=True)


def _changed(blob: bytes, position: int) -> bytes:
    changed = bytearray(blob)
    changed[position] ^= 0x55
    return bytes(changed)


WINDOW_OF_2_GIB = b"\x28\xb5\x2f\xfd\x00" + bytes([(31 - 10) << 3]) + b"\x01\0\0"
FAULTS = {
    "wrong crc": (_changed(GZIP, -8), LayerReason.CRC, len(GZIP), TEXT),
    "wrong isize": (_changed(GZIP, -1), LayerReason.ISIZE, len(GZIP), TEXT),
    "no trailer": (GZIP[:-8], LayerReason.TRUNCATED, len(GZIP) - 8, TEXT),
    "unknown method": (_changed(GZIP, 2), LayerReason.GZIP_HEADER, 10, b""),
    "reserved flag": (GZIP[:3] + b"\x80" + GZIP[4:], LayerReason.GZIP_HEADER, 10, b""),
    "header check sum": (_changed(_named_gzip(TEXT), 13), LayerReason.GZIP_HEADER, 30, b""),
    "name without end": (GZIP[:3] + b"\x08" + bytes(6) + b"a" * 99, LayerReason.TRUNCATED, 109, b""),
    "zstd checksum": (_changed(ZSTD, -1), LayerReason.ZSTD_CHECKSUM, len(ZSTD), TEXT),
    "zstd window": (WINDOW_OF_2_GIB, LayerReason.WINDOW, 6, b""),
    "zstd dictionary": (b"\x28\xb5\x2f\xfd\x21\x07\x05\x01\0\0", LayerReason.DICTIONARY, 7, b""),
    "zstd reserved block": (b"\x28\xb5\x2f\xfd\x00\x58\x07\0\0", LayerReason.ZSTD_FRAME, 9, b""),
    "zstd skippable frame cut": (_skippable(b"abc")[:-1], LayerReason.TRUNCATED, 10, b""),
}


@pytest.mark.parametrize("name", FAULTS)
def test_faults_of_compression(path: Path, name: str) -> None:
    """Each fault has its reason and offset, and all data before it is delivered."""
    blob, reason, offset, data = FAULTS[name]
    found = Decoded(path, blob)
    assert (found.ending, found.data) == ((reason, offset), data)
    assert found.blob.size_bytes == len(blob)
    assert found.inflater.diffid() is None


RARE: dict[str, tuple[Callable[[bytes], bytes], LayerReason, int]] = {
    "bzip2": (bz2.compress, LayerReason.BZIP2, 900_000),  # a block comes out once all of it is there
    "xz": (lzma.compress, LayerReason.XZ, 1000),
}


@pytest.mark.slow
@pytest.mark.parametrize("form", RARE)
@pytest.mark.parametrize("read_bytes", [1000, 1 << 20])
def test_damaged_bzip2_and_xz_are_delivered_up_to_the_damage(path: Path, form: str, read_bytes: int) -> None:
    """All that was decoded before the damage comes out, though it came in the call that met the damage."""
    compress, reason, loss = RARE[form]
    noise = b"".join(hashlib.sha256(b"%d" % number).hexdigest().encode() for number in range(20_000))
    blob = compress(noise)
    damaged = _changed(blob, len(blob) * 2 // 3)
    found = Decoded(path, damaged, read_bytes=read_bytes)
    assert found.ending[0] is reason
    assert found.fault is not None
    assert found.fault.offset is not None
    assert len(blob) * 2 // 3 <= found.fault.offset < len(blob)
    intact = next(
        index for index in range(len(noise)) if found.data[index : index + 1] != noise[index : index + 1]
    )
    assert intact >= len(noise) * 2 // 3 - loss


class Looking(Blob):
    """A blob whose second looks are counted; one of them fails."""

    looks, failing = 0, -1

    def at(self, offset: int, count: int) -> bytes:
        self.looks += 1
        if self.looks == self.failing:
            raise OSError(errno.EIO, "Input/output error")
        return super().at(offset, count)


def test_a_disk_that_fails_during_a_second_look_is_no_word_against_the_layer(path: Path) -> None:
    """Bzip2 raises what disks raise: only its own errors are overlooked."""
    path.write_bytes(_changed(bz2.compress(TEXT), 400))
    with path.open("rb") as file:
        blob = Looking(file, Digest.of(b""))
        with pytest.raises(LayerFault):
            list(Inflater(blob, LayerLimits()).windows())
        for failing in range(blob.looks - 1, blob.looks + 1):
            file.seek(0)
            again = Looking(file, Digest.of(b""))
            again.failing = failing
            with pytest.raises(OSError, match="Input/output error"):
                list(Inflater(again, LayerLimits()).windows())


def test_a_wrong_check_sum_of_xz_or_bzip2_loses_no_data(path: Path) -> None:
    """Where only the check sum is wrong, the data comes out before the fault (of bzip2 all but one byte)."""
    xz, bz = lzma.compress(TEXT[:999], check=lzma.CHECK_CRC32), bz2.compress(TEXT[:999])
    assert lzma.decompress(xz) == bz2.decompress(bz) == TEXT[:999]
    # The check of an xz block stands before the index and the footer of 12 bytes; bzip2's of a block behind
    # the magics of the stream and of the block.
    index_bytes = 4 * (int.from_bytes(xz[-8:-4], "little") + 1)
    for blob, position, reason, size in (
        (xz, len(xz) - 12 - index_bytes - 1, LayerReason.XZ, 999),
        (bz, 11, LayerReason.BZIP2, 998),  # its decoder compares in the very call that gives the last byte
    ):
        for read_bytes in (7, 65536):
            found = Decoded(path, _changed(blob, position), read_bytes=read_bytes)
            assert (found.ending[0], found.data) == (reason, TEXT[:size])


@pytest.mark.parametrize("blob", [bz2.compress(b""), lzma.compress(b"")])
def test_an_empty_stream_is_complete(path: Path, blob: bytes) -> None:
    """A stream of nothing is no truncated one."""
    found = Decoded(path, blob)
    assert (found.fault, found.data, found.inflater.members) == (None, b"", 1)


def test_an_xz_dictionary_that_needs_too_much_memory_is_refused(path: Path) -> None:
    """Memory is bounded for xz too."""
    blob = lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 192 << 20}])
    assert Decoded(path, blob).ending[0] is LayerReason.MEMORY


@pytest.mark.parametrize(
    ("tail", "flag"), [(b"\0" * 700, LayerFlag.TRAILING_ZEROS), (b"garbage", LayerFlag.TRAILING_GARBAGE)]
)
@pytest.mark.parametrize("blob", [GZIP, ZSTD, bz2.compress(TEXT), lzma.compress(TEXT)])
def test_bytes_behind_the_data_are_reported(path: Path, blob: bytes, tail: bytes, flag: LayerFlag) -> None:
    """Trailing bytes belong to the blob's digest, not to the tar, and are counted."""
    found = Decoded(path, blob + tail)
    assert (found.data, found.fault) == (TEXT, None)
    assert (found.inflater.flags, found.inflater.trailing_bytes) == ((flag,), len(tail))
    assert found.blob.is_intact()


@pytest.mark.parametrize("blob", [GZIP, ZSTD, bz2.compress(TEXT), lzma.compress(TEXT), TEXT])
def test_the_output_budget_is_exact(path: Path, blob: bytes) -> None:
    """Output ends at the budget to the byte, and a blob of just that size passes."""
    limit = LayerLimits(max_tar_bytes=len(TEXT) - 1)
    found = Decoded(path, blob, limits=limit)
    assert (found.data, found.ending[0]) == (TEXT[:-1], LayerReason.OUTPUT)
    assert Decoded(path, blob, limits=LayerLimits(max_tar_bytes=len(TEXT))).fault is None


def test_small_members_cost_no_quadratic_time(path: Path) -> None:
    """A blob of many members is one stream (estargz has one per file)."""
    buffer = io.BytesIO()
    for number in range(2000):
        buffer.write(gzip.compress(struct.pack("<I", number), 1))
    found = Decoded(path, buffer.getvalue(), read_bytes=1 << 20)
    assert (found.inflater.members, len(found.data)) == (2000, 8000)


def test_a_member_begins_with_a_small_piece() -> None:
    """What a decoder does not use it copies: a blob of tiny members must not cost a whole read for each."""
    blob = Blob(io.BytesIO(bytes(300_000)), Digest.of(b""), 1 << 20)
    assert [len(piece) for piece in blob.pieces()] == [4096 << step for step in range(6)] + [41_952]
    blob = Blob(io.BytesIO(bytes(100)), Digest.of(b""))
    assert len(blob.read(60)) == 60
    blob.unread(10)
    blob.skip(45)
    assert (blob.offset, len(blob.peek(9)), len(blob.read())) == (95, 5, 5)


@pytest.mark.slow
def test_a_damaged_block_of_46_megabytes_is_no_work(path: Path) -> None:
    """A bzip2 block whose check sum is wrong holds very much: it is gone through in steps, not in bytes."""
    blob = bytearray(bz2.compress(bytes(40_000_000)))
    blob[11] ^= 1
    calls: list[int] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streams, "bz2", _CountingBz2(calls))
        found = Decoded(path, bytes(blob))
    assert found.ending[0] is LayerReason.BZIP2
    assert len(found.data) == 40_000_000 - 1
    assert sum(calls) < 100_000


class _CountingBz2:
    """The module with a decoder that counts its calls."""

    def __init__(self, calls: list[int]) -> None:
        self._calls = calls

    def BZ2Decompressor(self) -> _CountingDecompressor:  # noqa: N802 - the name it stands in for
        """A decoder."""
        return _CountingDecompressor(self._calls)


class _CountingDecompressor:
    def __init__(self, calls: list[int]) -> None:
        self._calls = calls
        self._decoder = bz2.BZ2Decompressor()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._decoder, name)

    def decompress(self, data: bytes, max_length: int) -> bytes:
        self._calls.append(1)
        return self._decoder.decompress(data, max_length)

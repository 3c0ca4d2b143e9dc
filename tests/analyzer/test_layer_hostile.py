"""Hostile layers: each has a status, a reason, an offset and the rows so far; nothing raises or grows."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import tarfile
from typing import TYPE_CHECKING, NamedTuple

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.layers.faults import status_of
from analyzer.settings import LayerLimits
from corpus.profiles.layer import Compression, EntryFlag, Kind, LayerFlag, LayerReason, LayerStatus
from registry.digests import Digest
from tests.analyzer.invariants import confined, profile_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from corpus.profiles.layer import LayerProfile
    from tests.analyzer.conftest import MakeTar, Profile

END = bytes(1024)


def block(name: bytes = b"f", type_: bytes = b"0", size: bytes = b"00000000000\0", **fields: bytes) -> bytes:
    """A ustar header block with raw fields and a right check sum."""
    raw = bytearray(tarfile.TarInfo("x").tobuf(tarfile.USTAR_FORMAT))
    raw[0:100] = name.ljust(100, b"\0")
    raw[124:136] = size
    raw[156:157] = type_
    if "magic" in fields:
        raw[257:265] = fields["magic"]
    if "sparse" in fields:
        raw[386 : 386 + len(fields["sparse"])] = fields["sparse"]
    raw[148:156] = b" " * 8
    raw[148:156] = b"%06o\0 " % sum(raw)
    return bytes(raw)


def padded(data: bytes) -> bytes:
    """Data and its padding to whole blocks."""
    return data + bytes(-len(data) % 512)


def octal(size: int) -> bytes:
    """A size field."""
    return b"%011o\0" % size


def extension(type_: bytes, body: bytes) -> bytes:
    """An extension header and its body."""
    return block(b"ext", type_, octal(len(body))) + padded(body)


def pax(**records: bytes) -> bytes:
    """A pax header with these records; ``__`` in a key stands for a dot."""
    body = b""
    for key, value in records.items():
        rest = b" " + key.replace("__", ".").encode() + b"=" + value + b"\n"
        length = len(rest) + 1
        while len(b"%d" % length) + len(rest) != length:
            length += 1
        body += b"%d" % length + rest
    return extension(b"x", body)


FIRST = block(b"first", size=octal(3)) + padded(b"abc")
FIRST_BYTES = len(FIRST)
GNU = b"ustar  \0"


class Case(NamedTuple):
    """A tar behind a first good entry, and what must come of it; ``offset`` counts from behind that entry."""

    tar: bytes
    status: LayerStatus
    reason: LayerReason
    offset: int
    rows: int = 1


CORRUPT, PARTIAL, BOMB = LayerStatus.CORRUPT, LayerStatus.PARTIAL, LayerStatus.BOMB
SLOT = b"00000000000\0"
DAMAGED = {
    "cut in a header": Case(block()[:300], PARTIAL, LayerReason.TRUNCATED, 300),
    "cut in a payload": Case(block(size=octal(999)) + b"x" * 100, PARTIAL, LayerReason.TRUNCATED, 612, 2),
    "size 2^62": Case(
        block(size=b"\x80\0\0\0\x40" + bytes(7)) + b"x", PARTIAL, LayerReason.TRUNCATED, 513, 2
    ),
    "check sum": Case(b"x" * 512 + END, CORRUPT, LayerReason.CHECKSUM, 512),
    "negative size": Case(block(size=b"\xff" * 12) + END, CORRUPT, LayerReason.NEGATIVE_SIZE, 512),
    "negative size in pax": Case(pax(size=b"-1") + block() + END, CORRUPT, LayerReason.NEGATIVE_SIZE, 1536),
    "size beyond 64 bits": Case(block(size=b"\x80" + b"\xff" * 11) + END, CORRUPT, LayerReason.NUMBER, 512),
    "pax size that is no number": Case(
        pax(size=b"abc") + block() + END, CORRUPT, LayerReason.PAX_RECORD, 1536
    ),
    "pax time of a million digits that is no number": Case(
        pax(mtime=b"0" * 1_000_000 + b"x") + block() + END, CORRUPT, LayerReason.PAX_RECORD, 1_001_472
    ),
    "holes beyond 64 TiB": Case(
        pax(GNU__sparse__major=b"1", GNU__sparse__minor=b"0", GNU__sparse__realsize=b"%d" % 2**62)
        + block(size=octal(512))
        + padded(b"0\n")
        + END,
        BOMB,
        LayerReason.MAP,
        2048,
    ),
    "pax time that is no number": Case(
        pax(mtime=b"nan") + block() + END, CORRUPT, LayerReason.PAX_RECORD, 1536
    ),
    "pax record of length 0": Case(extension(b"x", b"0 a=b\n"), CORRUPT, LayerReason.PAX_RECORD, 1024),
    "pax record without end": Case(extension(b"x", b"9 a=bcdef"), CORRUPT, LayerReason.PAX_RECORD, 1024),
    "pax record longer than its header": Case(
        extension(b"x", b"99 a=b\n"), CORRUPT, LayerReason.PAX_RECORD, 1024
    ),
    "pax digits without end": Case(
        extension(b"x", b"1" * 200_000 + b" a=b\n"), CORRUPT, LayerReason.PAX_RECORD, 512 + 200_192
    ),
    "extension of nothing": Case(pax(path=b"x") + END, CORRUPT, LayerReason.DANGLING_EXTENSION, 2048),
    "extension at the end of input": Case(
        extension(b"L", b"name\0"), CORRUPT, LayerReason.DANGLING_EXTENSION, 1024
    ),
    "data behind one zero block": Case(bytes(512) + block() + END, CORRUPT, LayerReason.ZERO_BLOCK, 1024),
    "extension too large": Case(
        block(type_=b"x", size=octal((1 << 20) + 1)) + END, BOMB, LayerReason.EXTENSION, 512
    ),
    "extension headers in a chain": Case(
        extension(b"L", b"n\0") * 65 + block() + END, BOMB, LayerReason.EXTENSION_CHAIN, 65 * 1024
    ),
    "sparse map that overlaps": Case(
        block(type_=b"S", magic=GNU, sparse=(b"00000000010\0" + SLOT) * 2 + SLOT * 4 + b"\0" + octal(99)),
        PARTIAL,
        LayerReason.TRUNCATED,
        512,
    ),
    "sparse map beyond the file": Case(
        pax(
            GNU__sparse__major=b"0",
            GNU__sparse__minor=b"1",
            GNU__sparse__numblocks=b"1",
            GNU__sparse__map=b"5,9",
            GNU__sparse__size=b"8",
        )
        + block(size=octal(9)),
        CORRUPT,
        LayerReason.SPARSE_MAP,
        1536,
    ),
    "sparse map that does not count": Case(
        pax(
            GNU__sparse__major=b"0",
            GNU__sparse__minor=b"1",
            GNU__sparse__numblocks=b"2",
            GNU__sparse__map=b"5,9",
        )
        + block(size=octal(9)),
        CORRUPT,
        LayerReason.SPARSE_MAP,
        1536,
    ),
    "sparse map in the payload, endless": Case(
        pax(GNU__sparse__major=b"1", GNU__sparse__minor=b"0")
        + block(size=octal(2 << 20))
        + padded(b"9999999\n" + b"0\n" * (1 << 20)),
        BOMB,
        LayerReason.MAP,
        1536 + (1 << 20),
    ),
}
DAMAGED["sparse map that overlaps"] = Case(
    block(
        type_=b"S",
        magic=GNU,
        size=octal(16),
        sparse=(octal(0) + octal(8)) * 2 + bytes(48) + b"\0" + octal(99),
    ),
    CORRUPT,
    LayerReason.SPARSE_MAP,
    512,
)


@pytest.mark.parametrize("name", DAMAGED)
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_damaged_tars(profile: Profile, name: str, compress: Callable[[bytes], bytes]) -> None:
    """Each damage has its status, reason and place, and the rows before it are kept."""
    case = DAMAGED[name]
    found = profile(compress(FIRST + case.tar))
    assert (found.status, found.reason) == (case.status, case.reason)
    assert found.error_tar_offset_bytes == FIRST_BYTES + case.offset
    assert found.error_compressed_offset_bytes is None
    assert (found.error_entry, found.counts.entries, found.counts.files) == (1, case.rows, 1)
    assert len(found.entries) == case.rows
    assert found.entries[0].path == "first"
    assert found.blob_ok
    # A tar that is damaged is read to its end all the same: its DiffID is that of all its bytes.
    assert found.diffid == Digest.of(FIRST + case.tar)
    assert found.als_bytes == len(FIRST + case.tar)


@pytest.mark.parametrize(
    ("limits", "reason", "rows"),
    [
        (LayerLimits(max_entries=2), LayerReason.ENTRIES, 2),
        (LayerLimits(max_tar_bytes=1536), LayerReason.OUTPUT, 2),
        (LayerLimits(max_path_bytes=200), LayerReason.PATHS, 2),
        (LayerLimits(max_tar_bytes=100), LayerReason.OUTPUT, 0),
        (LayerLimits(max_tar_bytes=1537), LayerReason.OUTPUT, 2),
    ],
)
@pytest.mark.parametrize("compress", [bytes, gzip.compress, zstandard.ZstdCompressor().compress])
def test_budgets(
    profile: Profile,
    make_tar: MakeTar,
    limits: LayerLimits,
    reason: LayerReason,
    rows: int,
    compress: Callable[[bytes], bytes],
) -> None:
    """A budget that is used up ends the layer as a bomb, with the rows so far."""
    blob = compress(make_tar(("aa", b"x"), ("bb", b"y"), ("cc", b"z")))
    found = profile(blob, limits=limits)
    assert (found.status, found.reason, len(found.entries)) == (BOMB, reason, rows)
    assert found.counts.entries == rows
    assert found.blob_ok
    assert (found.diffid is None) is (reason is LayerReason.OUTPUT)


def _squashfs() -> bytes:
    return b"hsqs" + bytes(2000)


def _erofs() -> bytes:
    return bytes(100) + b"\1" * 924 + b"\xe2\xe1\xf5\xe0" + bytes(1000)


NO_LAYERS = {
    "json": (
        b'{"_type":"https://in-toto.io/Statement/v1"}',
        LayerStatus.NOT_A_LAYER,
        LayerReason.NOT_TAR,
        "text/json",
    ),
    "elf": (b"\x7fELF" + bytes(5000), LayerStatus.NOT_A_LAYER, LayerReason.NOT_TAR, "eol/elf"),
    "zip": (b"PK\x03\x04" + bytes(5000), LayerStatus.NOT_A_LAYER, LayerReason.NOT_TAR, "archive/zip"),
    "squashfs": (_squashfs(), LayerStatus.UNSUPPORTED, LayerReason.SQUASHFS, None),
    "erofs": (_erofs(), LayerStatus.UNSUPPORTED, LayerReason.EROFS, None),
    "noise": (bytes(range(256)) * 9, CORRUPT, LayerReason.CHECKSUM, None),
}


@pytest.mark.parametrize("name", NO_LAYERS)
def test_what_is_no_tar(profile: Profile, name: str) -> None:
    """Other things than tars are named, plain or compressed."""
    blob, status, reason, sniffed = NO_LAYERS[name]
    for form in (blob, gzip.compress(blob)):
        found = profile(form)
        assert (found.status, found.reason, found.sniffed) == (status, reason, sniffed)
        assert not found.entries
        assert not found.is_empty


UNSUPPORTED = {
    "window": (b"\x28\xb5\x2f\xfd\x00\xa8\x01\0\0", LayerReason.WINDOW, 6),
    "dictionary": (b"\x28\xb5\x2f\xfd\x21\x07\x05\x01\0\0", LayerReason.DICTIONARY, 7),
    "memory": (
        lzma.compress(b"x", filters=[{"id": lzma.FILTER_LZMA2, "dict_size": 192 << 20}]),
        LayerReason.MEMORY,
        None,
    ),
}


@pytest.mark.parametrize("name", UNSUPPORTED)
def test_what_would_take_too_much_is_unsupported(profile: Profile, name: str) -> None:
    """Data that asks for more memory than is sane, or for a dictionary, is refused; the offset is given."""
    blob, reason, offset = UNSUPPORTED[name]
    found = profile(blob)
    assert (found.status, found.reason, found.diffid) == (LayerStatus.UNSUPPORTED, reason, None)
    assert found.error_compressed_offset_bytes is not None
    assert offset in (None, found.error_compressed_offset_bytes)
    assert (found.blob_ok, found.entries) == (True, ())


def test_encrypted_layers_are_unsupported(profile: Profile) -> None:
    """What is announced as encrypted and is no tar is unsupported, not corrupt."""
    media_type = "application/vnd.oci.image.layer.v1.tar+gzip+encrypted"
    found = profile(bytes(range(256)) * 9, media_type=media_type)
    assert (found.status, found.reason) == (LayerStatus.UNSUPPORTED, LayerReason.ENCRYPTED)


def test_a_lying_media_type_decides_nothing(profile: Profile, make_tar: MakeTar) -> None:
    """The bytes decide on the compression; a media type that says otherwise is flagged."""
    blob = zstandard.compress(make_tar(("a", b"x")))
    found = profile(blob, media_type="application/vnd.docker.image.rootfs.diff.tar.gzip")
    assert (found.status, found.compression) == (LayerStatus.COMPLETE, Compression.ZSTD)
    assert found.flags == (LayerFlag.MEDIA_TYPE_LIE,)
    honest = profile(blob, media_type="application/vnd.oci.image.layer.v1.tar+zstd")
    assert honest.flags == ()


def test_a_wrong_digest_is_recorded(profile: Profile, make_tar: MakeTar) -> None:
    """Rows of a blob with other bytes than its digest says are kept, and the profile says so."""
    found = profile(make_tar(("a", b"x")), digest=Digest.of(b"something else"))
    assert (found.status, found.blob_ok, len(found.entries)) == (LayerStatus.COMPLETE, False, 1)


def test_an_unknown_digest_algorithm_is_recorded(profile: Profile, make_tar: MakeTar) -> None:
    """Nobody can say whether the bytes are right."""
    found = profile(make_tar(("a", b"x")), digest=Digest.parse("blake3:abc"))
    assert (found.status, found.blob_ok) == (LayerStatus.COMPLETE, None)


def test_data_behind_the_end_is_counted(profile: Profile, make_tar: MakeTar) -> None:
    """The DiffID covers what lies behind the end of the tar; it is no entry."""
    tar = make_tar(("a", b"x")) + b"hidden" + bytes(9)
    found = profile(gzip.compress(tar))
    assert (found.status, found.flags) == (LayerStatus.COMPLETE, (LayerFlag.DATA_AFTER_END,))
    assert (found.data_after_end_bytes, found.diffid) == (6, Digest.of(tar))


def test_a_tar_without_its_end_is_complete_and_flagged(profile: Profile) -> None:
    """Missing zero blocks, and even missing padding, lose nothing."""
    for tar in (FIRST, FIRST[:-509], FIRST + bytes(512)):
        found = profile(tar)
        assert (found.status, found.flags) == (LayerStatus.COMPLETE, (LayerFlag.NO_END_BLOCKS,))


def test_a_fault_behind_the_end_of_the_tar_counts(profile: Profile, make_tar: MakeTar) -> None:
    """A wrong check sum of the compression makes a layer corrupt though all of its rows were read."""
    blob = bytearray(gzip.compress(make_tar(("a", b"x"))))
    blob[-8] ^= 1
    found = profile(bytes(blob))
    assert (found.status, found.reason, len(found.entries)) == (CORRUPT, LayerReason.CRC, 1)
    assert (found.error_compressed_offset_bytes, found.diffid) == (len(blob), None)


def _flags(found: LayerProfile) -> list[EntryFlag]:
    assert found.status is LayerStatus.COMPLETE
    return list(found.entries[-1].flags)


ODD: dict[str, tuple[bytes, list[EntryFlag]]] = {
    "absolute": (block(b"/etc/x"), [EntryFlag.ABSOLUTE]),
    "dotdot": (block(b"a/../../x"), [EntryFlag.DOTDOT]),
    "not utf8": (block(b"a\xff"), [EntryFlag.NOT_UTF8]),
    "control": (block(b"a\x1b[31m"), [EntryFlag.CONTROL]),
    "unknown type": (block(type_=b"Z"), [EntryFlag.UNKNOWN_TYPE]),
    "size on a directory": (block(b"d/", b"5", octal(512)), [EntryFlag.IGNORED_SIZE]),
    "pax and gnu name": (pax(path=b"a") + extension(b"L", b"b\0") + block(), [EntryFlag.PAX_GNU_MIX]),
    "pax key twice": (
        extension(b"x", b"8 path=\n12 path=abc\n"[8:] + b"12 path=abd\n") + block(),
        [EntryFlag.PAX_REPEATED],
    ),
    "time beyond 64 bits": (pax(mtime=b"9" * 30) + block(), [EntryFlag.TIME_CLAMPED]),
    "whiteout with content": (block(b".wh.a", size=octal(1)) + padded(b"x"), [EntryFlag.WHITEOUT_NOT_EMPTY]),
    "whiteout directory": (block(b".wh.a", b"5"), [EntryFlag.WHITEOUT_NOT_REGULAR]),
    "whiteout of nothing": (block(b"d/.wh."), [EntryFlag.WHITEOUT_BARE]),
    "device 0:0": (block(b"c", b"3"), [EntryFlag.DEVICE_0_0]),
    "deep": (extension(b"L", b"a/" * 5000 + b"f\0") + block(), [EntryFlag.LONG_PATH, EntryFlag.DEEP]),
    "long": (extension(b"L", b"a" * 5000 + b"\0") + block(), [EntryFlag.LONG_PATH]),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_entries_are_flagged(profile: Profile, name: str) -> None:
    """An odd entry leaves the layer complete and carries its flag."""
    tar, flags = ODD[name]
    assert _flags(profile(FIRST + tar + END)) == flags


def test_a_long_path_costs_one_row(profile: Profile) -> None:
    """A path of a million bytes in 200,000 levels is one row, without directories of its own."""
    name = b"abcd/" * 200_000 + b"f\0"
    found = profile(gzip.compress(extension(b"L", name) + block() + END))
    assert (len(found.entries), len(found.directories)) == (1, 1)
    assert found.counts.files == 1


@pytest.mark.parametrize("size", [b"512", b"-512", b"-1536", b"%d" % 2**62])
def test_a_size_in_a_global_header_hides_nothing(profile: Profile, size: bytes) -> None:
    """A pax global header has no payload but its records: the entry behind it is read, and once."""
    records = pax(size=size)
    header = block(b"ext", b"g", records[124:136])
    found = profile(header + records[512:] + block(b"hidden") + block(b"last") + END)
    assert found.status is LayerStatus.COMPLETE
    assert [(row.path, row.size_bytes) for row in found.entries] == [("ext", 0), ("hidden", 0), ("last", 0)]


def test_links_are_data(profile: Profile, make_tar: MakeTar) -> None:
    """A link out of the image is recorded as it stands, and nothing of this machine is read."""
    members = (
        ("evil", {"type": tarfile.SYMTYPE, "linkname": "../../etc/passwd"}),
        ("evil/passwd", b"not the host's"),
        ("hard", {"type": tarfile.LNKTYPE, "linkname": "../../etc/shadow"}),
    )
    found = profile(make_tar(*members))
    assert [entry.kind for entry in found.entries] == [Kind.SYMLINK, Kind.FILE, Kind.HARD_LINK]
    assert found.entries[0].link == "../../etc/passwd"
    assert EntryFlag.LINK_ESCAPE in found.entries[0].flags
    assert EntryFlag.LINK_ESCAPE in found.entries[2].flags
    assert found.entries[1].size_bytes == 14


def test_every_reason_has_one_status() -> None:
    """A reason belongs to one status, and every status but ``complete`` has reasons."""
    found = {reason: status_of(reason) for reason in LayerReason}
    assert set(found.values()) == set(LayerStatus) - {LayerStatus.COMPLETE}


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "gzip, members": lambda tar: gzip.compress(tar[:700]) + gzip.compress(tar[700:]),
    "zstd": lambda tar: zstandard.ZstdCompressor(write_checksum=True).compress(tar),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
}
COMPRESSED = [name for name in FORMS if name != "plain"]


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
def test_a_layer_cut_anywhere_keeps_its_rows(profile: Profile, make_tar: MakeTar, form: str) -> None:
    """Cut at any byte, the rows are the first ones of the whole, and it is never complete and intact."""
    noise = hashlib.sha512(form.encode()).digest() * 3
    blob = FORMS[form](make_tar(("a", noise), ("b", noise[::-1]), ("c/", {}), ("d", noise)))
    whole = profile(blob)
    assert (whole.status, len(whole.entries)) == (LayerStatus.COMPLETE, 4)
    step = 1 if form != "plain" else 13
    seen = set()
    for length in range(0, len(blob), step):
        found = profile(blob[:length], digest=Digest.of(blob))
        assert found.blob_ok is False
        # A row whose payload is cut is there, without what follows from its payload.
        kept = [row for row in found.entries if EntryFlag.INCOMPLETE not in row.flags]
        assert tuple(kept) == whole.entries[: len(kept)]
        assert len(found.entries) - len(kept) in (0, 1)
        # Of less than its magic nobody can say what a blob was.
        assert found.status in (LayerStatus.COMPLETE, PARTIAL, CORRUPT) or length < 6
        if found.status is PARTIAL:
            assert found.reason is LayerReason.TRUNCATED
            # Of what was decoded to its end (between members, or plain) it is the tar that is cut.
            assert found.error_compressed_offset_bytes == (None if found.diffid else length)
        seen.add(len(kept))
    assert 0 in seen
    assert form == "bzip2" or len(seen) > 1  # whose block comes out once it is whole


@pytest.mark.parametrize("form", COMPRESSED)
@pytest.mark.parametrize(
    ("tail", "flag"), [(bytes(5), LayerFlag.TRAILING_ZEROS), (b"more", LayerFlag.TRAILING_GARBAGE)]
)
def test_what_trails_is_counted(
    profile: Profile, make_tar: MakeTar, form: str, tail: bytes, flag: LayerFlag
) -> None:
    """Bytes behind the compressed data leave the layer complete, with their number and a flag."""
    tar = make_tar(("a", b"x"))
    found = profile(FORMS[form](tar) + tail)
    assert (found.status, found.flags, found.trailing_bytes) == (LayerStatus.COMPLETE, (flag,), len(tail))
    assert (found.diffid, found.blob_ok) == (Digest.of(tar), True)


CHECKED = {
    "gzip": (LayerReason.CRC, -8),
    "gzip, members": (LayerReason.ISIZE, -2),
    "zstd": (LayerReason.ZSTD_CHECKSUM, -1),
    "xz": (LayerReason.XZ, -3),
}


@pytest.mark.parametrize("form", CHECKED)
def test_a_wrong_check_sum_keeps_all_rows(profile: Profile, make_tar: MakeTar, form: str) -> None:
    """What the compression says of its own data is checked; the rows before are kept, the offset is given."""
    reason, position = CHECKED[form]
    blob = bytearray(FORMS[form](make_tar(("a", b"x"), ("b", b"y"))))
    blob[position] ^= 1
    found = profile(bytes(blob))
    assert (found.status, found.reason, len(found.entries)) == (CORRUPT, reason, 2)
    assert found.error_compressed_offset_bytes is not None
    assert len(blob) - 12 <= found.error_compressed_offset_bytes <= len(blob)


OCI, DOCKER = "application/vnd.oci.image.layer.v1.", "application/vnd.docker.image.rootfs."
MEDIA_TYPES = {
    OCI + "tar": {"plain"},
    OCI + "tar+gzip": {"gzip", "gzip, members"},
    OCI + "tar+zstd": {"zstd"},
    DOCKER + "diff.tar.gzip": {"gzip", "gzip, members"},
    DOCKER + "diff.tar": {"plain"},
    DOCKER + "foreign.diff.tar.gzip": {"gzip", "gzip, members"},
    "application/octet-stream": set(FORMS),
    "": set(FORMS),
}


@pytest.mark.parametrize("media_type", MEDIA_TYPES)
@pytest.mark.parametrize("form", FORMS)
def test_a_media_type_decides_nothing(
    profile: Profile, make_tar: MakeTar, media_type: str, form: str
) -> None:
    """Whatever it announces, the bytes are read as what they are; a wrong announcement is a flag."""
    found = profile(FORMS[form](make_tar(("a", b"x"))), media_type=media_type)
    assert (found.status, len(found.entries)) == (LayerStatus.COMPLETE, 1)
    lies = form not in MEDIA_TYPES[media_type]
    assert found.flags == ((LayerFlag.MEDIA_TYPE_LIE,) if lies else ())


PIECES = [
    FIRST,
    *(case.tar for case in DAMAGED.values() if len(case.tar) < 9000),
    *(tar for tar, _ in ODD.values()),
    END,
]


@st.composite
def layers(draw: st.DrawFn) -> bytes:
    """A layer of odd pieces in any form, then changed: bits flipped, cut, spliced with itself, added to."""
    tar = b"".join(draw(st.lists(st.sampled_from(PIECES), max_size=4)))
    raw = bytearray(FORMS[draw(st.sampled_from(list(FORMS)))](tar))
    for change in draw(st.lists(st.sampled_from(["flip", "set", "cut", "splice", "drop"]), max_size=4)):
        if not raw:
            break
        start = draw(st.integers(0, len(raw) - 1))
        stop = draw(st.integers(start, min(len(raw), start + 2048)))
        match change:
            case "flip":
                raw[start] ^= 1 << draw(st.integers(0, 7))
            case "set":
                raw[start] = draw(st.integers(0, 255))
            case "cut":
                del raw[start:]
            case "splice":
                place = draw(st.integers(0, len(raw)))
                raw[place:place] = raw[start:stop]
            case "drop":
                del raw[start:stop]
    return bytes(raw) + draw(st.binary(max_size=20))


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(layers())
def test_any_bytes_give_a_profile(profile: Profile, blob: bytes) -> None:
    """Whatever the bytes, there is a profile, and it does not depend on how they were read."""
    assert profile(blob, read_bytes=7) == profile(blob, read_bytes=1 << 20)


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(layers())
def test_every_profile_is_consistent(folder: Path, blob: bytes) -> None:
    """The invariants of the fuzz target, budgets included; and nothing outside of the folder is touched."""
    profile_of(blob, folder)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, outside of which nothing may be touched."""
    return tmp_path_factory.mktemp("confined")


def test_the_invariants_would_notice_a_trespass(folder: Path, tmp_path: Path) -> None:
    """Opening another file, making one or running something is seen, so that the check above can fail."""
    with pytest.raises(AssertionError, match="open"), confined(folder):
        (tmp_path / "elsewhere").write_bytes(b"")
    with pytest.raises(AssertionError, match="symlink"), confined(folder):
        (folder / "../link").symlink_to("/etc/passwd")
    with confined(folder):
        (folder / "blob").write_bytes(b"")

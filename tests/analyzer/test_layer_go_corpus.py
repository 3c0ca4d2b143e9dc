"""Agreement with Go's ``archive/tar`` on the files of its own tests.

Expectations are those of the corpus' README. Where this reader chooses otherwise is told in
docs/data-format.md, and for which files below, in ``CHOSEN``.
"""

from __future__ import annotations

import gzip
import hashlib
import re
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from analyzer.layers.faults import LayerFault
from analyzer.layers.tar import TarReader
from analyzer.settings import LayerLimits
from corpus.profiles.layer import EntryFlag, LayerReason
from tests.analyzer.invariants import profile_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.layers.tar import Member


class Row(NamedTuple):
    """What the README tells of an entry; what it does not tell is ``None``."""

    type: str
    name: bytes
    size: int = 0
    mode: int | None = None
    owner: str | None = None  # "uid:gid user/group"
    mtime: tuple[int, int] | None = None
    link: bytes | None = None
    content: bytes | None = None


def _sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()


# Holes above a mebibyte are not hashed: the corpus has one of 512 MiB.
LIMITS = LayerLimits(max_hole_bytes=1 << 20)

DIGITS = b"0123456789" * 100
DSYMONDS = "73025:5000 dsymonds/eng"
JOETSAI = "319973:5000 joetsai/eng"
RAWR = "1000:1000 rawr/dsnet"
SMALL, SMALL2 = b"Kilts", b"Google.com\n"
LONG = b"".join(b"%d" % number for number in range(1, 101))

ACCEPTED: dict[str, list[Row]] = {
    "empty.tar": [],
    "file-and-dir.tar": [
        Row("0", b"small.txt", 5, 0, "0:0 /", (0, 0), content=SMALL),
        Row("5", b"dir/", 0, 0, "0:0 /", (0, 0)),
    ],
    "gnu.tar": [
        Row("0", b"small.txt", 5, 0o640, DSYMONDS, (1244428340, 0), content=SMALL),
        Row("0", b"small2.txt", 11, 0o640, DSYMONDS, (1244436044, 0), content=SMALL2),
    ],
    "gnu-incremental.tar": [
        Row("D", b"test2/", 14, 0o40755, RAWR, (1441973427, 0)),
        Row("0", b"test2/foo", 64, 0o100644, RAWR, (1441973363, 0)),
        Row("S", b"test2/sparse", 536870912, 0o100644, RAWR, (1441973427, 0)),
    ],
    "gnu-long-nul.tar": [Row("0", b"0123456789", 0, 0o644, None, (1486082191, 0))],
    "gnu-multi-hdrs.tar": [
        Row("2", b"GNU2/GNU2/long-path-name", link=b"GNU4/GNU4/long-linkpath-name"),
    ],
    "gnu-nil-sparse-data.tar": [Row("S", b"sparse.db", 1000, content=DIGITS)],
    "gnu-nil-sparse-hole.tar": [Row("S", b"sparse.db", 1000, content=bytes(1000))],
    "gnu-not-utf8.tar": [Row("0", b"hi\x80\x81\x82\x83bye", 0, 0o644, RAWR)],
    "gnu-sparse-big.tar": [Row("S", b"gnu-sparse", 60000000000)],
    "gnu-utf8.tar": [Row("0", "☺☻☹".encode() * 18, 0, 0o644, "1000:1000 ☺/⚹")],
    "hardlink.tar": [
        Row(
            "0", b"file.txt", 15, 0o644, "1000:100 vbatts/users", (1425484303, 0), content=b"Slartibartfast\n"
        ),
        Row("1", b"hard.txt", link=b"file.txt"),
    ],
    "hdr-only.tar": [
        Row("5", b"dir/"),
        Row("6", b"fifo"),
        Row("0", b"file", 46),
        Row("1", b"hardlink", link=b"file"),
        Row("3", b"null"),
        Row("4", b"sda"),
        Row("2", b"symlink", link=b"file"),
        Row("2", b"badlink", link=b"missing"),
    ]
    * 2,
    "invalid-go17.tar": [Row("0", 97 * b"a" + b"/foo", 0, None, "2097152:0 /")],
    "nil-uid.tar": [Row("0", b"P1050238.JPG.log", 14, 0o664, "0:0 eyefi/eyefi", (1365454838, 0))],
    "pax.tar": [
        Row("0", b"a/" + LONG, 7, 0o664, "1000:1000 shane/shane", (1350244992, 23960108)),
        Row("2", b"a/b", 0, 0o777, "1000:1000 shane/shane", (1350266320, 910238425), LONG),
    ],
    "pax-global-records.tar": [
        Row("g", b"global1", mtime=(1500000000, 0)),
        Row("0", b"file1", mtime=(0, 0)),
        Row("0", b"file2"),
        Row("g", b"GlobalHead.0.0"),
        Row("0", b"file3", mtime=(0, 0)),
        Row("0", b"file4", mtime=(1400000000, 0)),
    ],
    "pax-multi-hdrs.tar": [Row("2", b"bar", link=b"PAX4/PAX4/long-linkpath-name")],
    "pax-nil-sparse-data.tar": [Row("0", b"sparse.db", 1000, content=DIGITS)],
    "pax-nil-sparse-hole.tar": [Row("0", b"sparse.db", 1000, content=bytes(1000))],
    "pax-pos-size-file.tar": [Row("0", b"foo", 999, 0o640, JOETSAI, (1442282516, 0))],
    "pax-records.tar": [Row("0", b"file", 0, None, "0:0 " + "long" * 10 + "/")],
    "pax-sparse-big.tar": [Row("0", b"pax-sparse", 60000000000)],
    "sparse-formats.tar": [
        Row("S", b"sparse-gnu", 200, 0o644, "1000:1000 david/david"),
        Row("0", b"sparse-posix-0.0", 200, 0o644, "1000:1000 david/david"),
        Row("0", b"sparse-posix-0.1", 200, 0o644, "1000:1000 david/david"),
        Row("0", b"sparse-posix-1.0", 200, 0o644, "1000:1000 david/david"),
        Row("0", b"end", 4, 0o644, "1000:1000 david/david"),
    ],
    "star.tar": [
        Row("0", b"small.txt", 5, 0o640, DSYMONDS, (1244592783, 0), content=SMALL),
        Row("0", b"small2.txt", 11, 0o640, DSYMONDS, (1244592783, 0), content=SMALL2),
    ],
    "trailing-slash.tar": [Row("5", b"123456789/" * 30)],
    "ustar.tar": [
        Row(
            "0",
            b"longname/" * 15 + b"file.txt",
            6,
            0o644,
            "501:20 shane/staff",
            (1360135598, 0),
            None,
            b"hello\n",
        ),
    ],
    "ustar-file-devs.tar": [Row("0", b"file", 0, 0o644)],
    "ustar-file-reg.tar": [Row("0", b"foo", 684, 0o640, None, (1442282516, 0))],
    "v7.tar": [
        Row("0", b"small.txt", 5, 0o444, "73025:5000 /", (1244593104, 0), content=SMALL),
        Row("0", b"small2.txt", 11, 0o444, "73025:5000 /", (1244593104, 0), content=SMALL2),
    ],
    "writer.tar": [
        Row("0", b"small.txt", 5, 0o640, None, (1246508266, 0), content=SMALL),
        Row("0", b"small2.txt", 11, 0o640, None, (1245217492, 0), content=SMALL2),
        Row("2", b"link.txt", 0, 0o777, "1000:1000 strings/strings", (1314603082, 0), b"small.txt"),
    ],
    "xattrs.tar": [
        Row("0", b"small.txt", 5, 0o644, "1000:10 alex/wheel", (1386065770, 448252320), content=SMALL),
        Row("0", b"small2.txt", 11, 0o644, "1000:10 alex/wheel", (1386065770, 449252304), content=SMALL2),
    ],
}

REFUSED: dict[str, tuple[list[Row], LayerReason, int]] = {
    "issue10968.tar": ([], LayerReason.CHECKSUM, 512),
    "issue11169.tar": ([], LayerReason.PAX_RECORD, 1024),
    "issue12435.tar": ([], LayerReason.NUMBER, 512),
    "neg-size.tar": ([], LayerReason.NUMBER, 512),
    "pax-bad-hdr-file.tar": ([], LayerReason.PAX_RECORD, 1024),
    "pax-bad-mtime-file.tar": ([], LayerReason.PAX_RECORD, 1536),
    "pax-nul-path.tar": ([], LayerReason.PAX_RECORD, 1024),
    "pax-nul-xattrs.tar": ([], LayerReason.PAX_RECORD, 1024),
    "pax-path-hdr.tar": ([], LayerReason.DANGLING_EXTENSION, 1024),
    "writer-big.tar": (
        [Row("0", b"tmp/16gig.txt", 17179869184, 0o640, None, (1254699560, 0))],
        LayerReason.TRUNCATED,
        512,
    ),
    "writer-big-long.tar": (
        [
            Row(
                "0",
                b"longname/" * 15 + b"16gig.txt",
                17179869184,
                0o644,
                "1000:1000 guillaume/guillaume",
                (1399583047, 0),
            )
        ],
        LayerReason.TRUNCATED,
        1536,
    ),
}


# Files of which this reader says something else than Go, on purpose: the documentation says what and why.
CHOSEN = {
    "pax-path-hdr.tar",
    "hdr-only.tar",
    "writer-big.tar",
    "writer-big-long.tar",
    "gnu-sparse-big.tar",
    "pax-sparse-big.tar",
    "pax-global-records.tar",
}
_DOCUMENT = Path(__file__).parents[2] / "docs" / "data-format.md"


def _windows(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def _members(reader: TarReader) -> tuple[list[Member], LayerFault | None]:
    members: list[Member] = []
    try:
        members.extend(reader)
    except LayerFault as fault:
        return members, fault
    return members, None


def _check(member: Member, row: Row) -> None:
    header = member.header
    assert (header.typeflag.decode(), header.name, header.size) == (row.type, row.name, row.size)
    owner = f"{header.uid}:{header.gid} {header.uname.decode()}/{header.gname.decode()}"
    assert row.mode in {None, header.mode}
    assert row.owner in {None, owner}
    assert row.mtime in {None, (header.mtime, member.overlay.mtime_ns)}
    assert row.link in {None, header.link}
    if row.content is not None:
        assert member.payload is not None
        assert member.payload.sha256 == _sha256(row.content)


@pytest.mark.parametrize("name", ACCEPTED)
def test_reads_what_go_accepts(go_corpus: Path, name: str) -> None:
    """Every archive that Go accepts gives the rows that Go gives."""
    data = (go_corpus / name).read_bytes()
    members, fault = _members(TarReader(_windows(data, 4096), LIMITS))
    assert fault is None
    assert len(members) == len(ACCEPTED[name])
    for member, row in zip(members, ACCEPTED[name], strict=True):
        _check(member, row)


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_what_go_refuses(go_corpus: Path, name: str) -> None:
    """Every archive that Go refuses gives the rows before the fault, its reason and its offset."""
    rows, reason, offset = REFUSED[name]
    reader = TarReader(_windows((go_corpus / name).read_bytes(), 4096), LIMITS)
    members, fault = _members(reader)
    assert fault is not None
    assert (fault.reason, reader.offset) == (reason, offset)
    for member, row in zip(members, rows, strict=True):
        _check(member, row)
        assert EntryFlag.INCOMPLETE in member.flags


@pytest.mark.parametrize("size", [1, 511, 512, 513])
def test_windows_do_not_matter(go_corpus: Path, size: int) -> None:
    """How the tar is cut into windows changes no member and no fault."""
    for name in (*ACCEPTED, *REFUSED):
        data = (go_corpus / name).read_bytes()
        whole, cut = TarReader(iter([data]), LIMITS), TarReader(_windows(data, size), LIMITS)
        (members, fault), (again, fault_again) = _members(whole), _members(cut)
        assert members == again
        assert (fault and fault.reason, whole.offset) == (fault_again and fault_again.reason, cut.offset)


def test_every_file_has_an_expectation(go_corpus: Path) -> None:
    """No file of the corpus is left out."""
    assert {path.name for path in go_corpus.glob("*.tar")} == {*ACCEPTED, *REFUSED}


def test_every_choice_is_documented() -> None:
    """The documentation lists each file with which this reader deals otherwise than Go, and no other."""
    _, _, section = _DOCUMENT.read_text().partition("### Where the tar reader chooses otherwise than Go")
    section = section.partition("\n## ")[0]
    assert set(re.findall(r"`([a-z0-9-]+\.tar)`", section)) == CHOSEN
    assert {*ACCEPTED, *REFUSED} >= CHOSEN


def test_extended_attributes_are_raw_bytes(go_corpus: Path) -> None:
    """Extended attributes keep their bytes, a NUL included."""
    members, _ = _members(TarReader(iter([(go_corpus / "xattrs.tar").read_bytes()]), LIMITS))
    selinux = {b"security.selinux": b"unconfined_u:object_r:default_t:s0\0"}
    assert members[0].overlay.xattrs == {b"user.key": b"value", b"user.key2": b"value2", **selinux}
    assert members[1].overlay.xattrs == selinux


def test_pax_records_without_a_field_are_kept(go_corpus: Path) -> None:
    """Records of other vendors are kept beside the entry."""
    members, _ = _members(TarReader(iter([(go_corpus / "pax-records.tar").read_bytes()]), LIMITS))
    assert members[0].overlay.others == {b"GOLANG.pkg": b"tar", b"comment": "Hello, 世界".encode()}


# Digests that the README gives: file, entry, md5 of the content.
MD5 = [
    ("gnu.tar", 0, "e38b27eaccb4391bdec553a7f3ae6b2f"),
    ("gnu.tar", 1, "c65bd2e50a56a2138bf1716f2fd56fe9"),
    ("gnu-nil-sparse-data.tar", 0, "427008b3fe192f663d665f56cd75716c"),
    ("gnu-nil-sparse-hole.tar", 0, "ede3d3b685b4e137ba4cb2521329a75e"),
    ("pax-pos-size-file.tar", 0, "0afb597b283fe61b5d4879669a350556"),
    ("sparse-formats.tar", 0, "6f53234398c2449fe67c1812d993012f"),
    ("sparse-formats.tar", 1, "6f53234398c2449fe67c1812d993012f"),
    ("sparse-formats.tar", 2, "6f53234398c2449fe67c1812d993012f"),
    ("sparse-formats.tar", 3, "6f53234398c2449fe67c1812d993012f"),
    ("sparse-formats.tar", 4, "b0061974914468de549a2af8ced10316"),
    ("ustar-file-reg.tar", 0, "b7e35f6a7d28199f9bab352b6692ad39"),
]


@pytest.mark.parametrize(("name", "index", "md5"), MD5)
def test_contents_are_those_of_the_readme(go_corpus: Path, name: str, index: int, md5: str) -> None:
    """A content that ``tarfile`` extracts with the known md5 has the sha256 found here, holes included."""
    with tarfile.open(go_corpus / name) as archive:
        extracted = archive.extractfile(archive.getmembers()[index])
        assert extracted is not None
        content = extracted.read()
    assert hashlib.md5(content, usedforsecurity=False).hexdigest() == md5
    members, _ = _members(TarReader(iter([(go_corpus / name).read_bytes()]), LIMITS))
    payload = members[index].payload
    assert payload is not None
    assert payload.sha256 == _sha256(content)


def test_sparse_files_store_less_than_they_show(go_corpus: Path) -> None:
    """The bytes stored of a sparse file are told apart from its size."""
    members, _ = _members(TarReader(iter([(go_corpus / "sparse-formats.tar").read_bytes()]), LIMITS))
    assert {(member.header.size, member.stored) for member in members[:4]} == {(200, 95)}


def test_huge_holes_are_never_hashed(go_corpus: Path) -> None:
    """A hole beyond the budget leaves a digest of the stored bytes, and says so."""
    for name in ("gnu-sparse-big.tar", "pax-sparse-big.tar"):
        (member,), _ = _members(TarReader(iter([(go_corpus / name).read_bytes()]), LIMITS))
        assert EntryFlag.DIGEST_OF_STORED in member.flags
        assert member.payload is not None
        assert member.stored == 3072


def test_sizes_without_payload_are_flagged(go_corpus: Path) -> None:
    """A size on an entry that has no payload skips no data and is flagged."""
    members, _ = _members(TarReader(iter([(go_corpus / "hdr-only.tar").read_bytes()]), LIMITS))
    flagged = [EntryFlag.IGNORED_SIZE in member.flags for member in members]
    assert flagged == [False] * 8 + [True, True, False, True, True, True, True, True]


@pytest.mark.parametrize("name", [*ACCEPTED, *REFUSED])
def test_every_archive_has_a_consistent_profile(go_corpus: Path, tmp_path: Path, name: str) -> None:
    """As a layer each file has the same rows in every form, and all that holds for profiles holds for it."""
    data = (go_corpus / name).read_bytes()
    plain, packed = profile_of(data, tmp_path), profile_of(gzip.compress(data), tmp_path)
    assert (plain.entries, plain.reason) == (packed.entries, packed.reason)

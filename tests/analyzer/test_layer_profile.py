"""Layer profiles as a whole: rows, sums, and what they must not depend on."""

from __future__ import annotations

import gzip
import hashlib
import io
import random
import stat
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.layers.profile import profile_layer, profile_lost_layer
from analyzer.settings import LayerLimits
from corpus.profiles.layer import EntryFlag, Kind, LayerFlag, LayerReason, LayerStatus
from corpus.profiles.names import bytes_of
from corpus.profiles.stream import commit, read_layer_profile, temporary_name
from registry.digests import EMPTY_LAYER, Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.analyzer.conftest import MakeTar, Profile

FORMS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
KINDS = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.DIRECTORY,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.LNKTYPE: Kind.HARD_LINK,
    tarfile.CHRTYPE: Kind.CHARACTER_DEVICE,
    tarfile.BLKTYPE: Kind.BLOCK_DEVICE,
    tarfile.FIFOTYPE: Kind.FIFO,
}
COMPONENT = st.text(st.sampled_from("abcxyz019_-ü☺\udc80"), min_size=1, max_size=30)
NAME = st.lists(COMPONENT, min_size=1, max_size=6).map("/".join)


@st.composite
def members(draw: st.DrawFn, form: int) -> tuple[tarfile.TarInfo, bytes]:
    """A member of any kind that ``tarfile`` can write in ``form``, and its content."""
    info = tarfile.TarInfo(
        draw(NAME if form != tarfile.USTAR_FORMAT else NAME.filter(lambda name: len(name) < 50))
    )
    info.type = draw(st.sampled_from(list(KINDS)))
    info.mode = draw(st.integers(0, 0o7777))
    big = 8**7 - 1 if form == tarfile.USTAR_FORMAT else 2**31
    info.uid, info.gid = draw(st.integers(0, big)), draw(st.integers(0, big))
    info.uname, info.gname = draw(st.sampled_from(["", "root", "ü"])), draw(st.sampled_from(["", "staff"]))
    negative = 0 if form == tarfile.USTAR_FORMAT else -(2**33)
    info.mtime = draw(st.integers(negative, 8**11 - 1))
    if info.issym() or info.islnk():
        info.linkname = draw(NAME)[: 50 if form == tarfile.USTAR_FORMAT else 500]
    content = draw(st.binary(max_size=1500)) if info.isreg() else b""
    info.size = len(content)
    return info, content


def _write(items: list[tuple[tarfile.TarInfo, bytes]], form: int) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, errors="surrogateescape") as archive:
        for info, content in items:
            archive.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


@pytest.mark.slow
@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(FORMS))
def test_rows_are_what_was_written(profile: Profile, data: st.DataObject, form: int) -> None:
    """In every format every field of every entry is the one that was written, byte names included."""
    items = data.draw(st.lists(members(form), max_size=6))
    found = profile(_write(items, form), read_bytes=data.draw(st.sampled_from([100, 4096, 65536])))
    assert found.status is LayerStatus.COMPLETE
    assert len(found.entries) == len(items)
    for entry, (info, content) in zip(found.entries, items, strict=True):
        assert bytes_of(entry.path) == info.name.encode(errors="surrogateescape")
        assert entry.kind is KINDS[info.type]
        assert (entry.mode, entry.uid, entry.gid) == (info.mode, info.uid, info.gid)
        assert (entry.uname, entry.gname) == (info.uname, info.gname)
        assert (entry.mtime_s, entry.mtime_ns) == (info.mtime, 0)
        assert bytes_of(entry.link or "") == info.linkname.encode(errors="surrogateescape")
        if info.isreg():
            assert (entry.size_bytes, entry.sha256) == (len(content), hashlib.sha256(content).hexdigest())
    last = {info.name: (info, content) for info, content in items}.values()
    assert found.counts.files == sum(info.isreg() or info.islnk() for info, _ in last)
    assert found.fls_bytes == sum(len(content) for _, content in last)
    assert found.counts.duplicate_entries == len(items) - len(last)


def _sample(make_tar: MakeTar) -> bytes:
    return make_tar(
        ("etc/", {"mode": 0o755}),
        ("etc/motd", b"hello\n"),
        ("usr/bin/tool", b"\x7fELF" + bytes(700)),
        ("usr/bin/same", b"hello\n"),
        ("usr/bin/hard", {"type": tarfile.LNKTYPE, "linkname": "etc/motd"}),
        ("usr/lib/.wh.old", b""),
        ("usr/lib/.wh..wh..opq", b""),
        ("n" * 150, b"long name"),
        ("empty", b""),
    )


FORMS_OF_BLOB: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "members": lambda tar: gzip.compress(tar[:700]) + gzip.compress(tar[700:]),
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
}


def test_every_form_of_a_tar_has_the_same_rows(profile: Profile, make_tar: MakeTar) -> None:
    """Plain, gzip, several members and zstd give the same rows, sums and DiffID."""
    tar = _sample(make_tar)
    found = [profile(compress(tar)) for compress in FORMS_OF_BLOB.values()]
    assert {each.diffid for each in found} == {Digest.of(tar)}
    for each in found[1:]:
        assert (each.entries, each.directories) == (found[0].entries, found[0].directories)
        assert (each.counts, each.fls_bytes, each.als_bytes) == (
            found[0].counts,
            found[0].fls_bytes,
            len(tar),
        )


def test_the_facts_of_a_layer(profile: Profile, make_tar: MakeTar) -> None:
    """Sizes, ratios, counts and depth are by definition."""
    tar = _sample(make_tar)
    blob = gzip.compress(tar)
    found = profile(blob)
    assert (found.cls_bytes, found.als_bytes, found.fls_bytes) == (len(blob), len(tar), 6 + 704 + 6 + 9)
    assert (found.fls_cls_ratio, found.als_cls_ratio) == (725 / len(blob), len(tar) / len(blob))
    counts = found.counts
    assert (counts.entries, counts.files, counts.regular_files, counts.hard_links) == (9, 6, 5, 1)
    assert (counts.directories, counts.explicit_directories) == (4, 1)
    assert (counts.whiteouts, counts.opaques) == (1, 1)
    assert (counts.contents, counts.distinct_contents, counts.duplicate_content_bytes) == (5, 4, 6)
    assert (found.depth.max, found.depth.min, found.depth.mean) == (2, 1, 1.5)
    types = {entry.path: (entry.group, entry.type, entry.method) for entry in found.entries if entry.type}
    assert types["usr/bin/tool"] == ("eol", "elf", "signature")
    assert types["etc/motd"] == types["usr/bin/same"] == ("text", "ascii", "text")
    assert types["empty"] == ("empty", "empty", "size")


def test_a_content_has_the_type_of_its_first_name(profile: Profile, make_tar: MakeTar) -> None:
    """Types are told once per digest: a second name of a content changes nothing, another content does."""
    same, other = b"import os\n", b"import sys\n"
    tar = make_tar(("a.py", same), ("b.txt", same), ("c.txt", other))
    types = [(entry.group, entry.type, entry.method, entry.mime) for entry in profile(tar).entries]
    python = ("script", "python", "name", "text/x-script.python")
    assert types == [python, python, ("text", "ascii", "text", "text/plain")]


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS_OF_BLOB)
def test_a_layer_cut_at_any_byte_keeps_its_rows(profile: Profile, make_tar: MakeTar, form: str) -> None:
    """Rows before the cut are unchanged, and a cut blob is never complete and intact."""
    blob = FORMS_OF_BLOB[form](_sample(make_tar)[:3000])
    digest = Digest.of(blob)
    whole = profile(blob).entries
    step = 7 if form == "plain" else 1
    for length in range(0, len(blob), step):
        found = profile(blob[:length], digest=digest)
        assert not (found.status is LayerStatus.COMPLETE and found.blob_ok)
        rows = [row for row in found.entries if EntryFlag.INCOMPLETE not in row.flags]
        assert tuple(rows) == whole[: len(rows)]
        assert len(found.entries) - len(rows) <= 1


def test_the_profile_is_the_same_whatever_the_reads(tmp_path: Path, make_tar: MakeTar) -> None:
    """The file is byte-identical for any size of reads, and says nothing of time or machine."""
    files = []
    for compress in FORMS_OF_BLOB.values():
        blob = tmp_path / "blob"
        blob.write_bytes(compress(_sample(make_tar)))
        for read_bytes in (1, 333, 1 << 20):
            target = tmp_path / f"profile-{read_bytes}"
            profile_layer(blob, EMPTY_LAYER, "x", target, LayerLimits(), read_bytes=read_bytes)
            files.append(temporary_name(target).read_bytes())
        assert len(set(files[-3:])) == 1


def test_the_empty_layer(profile: Profile) -> None:
    """The empty layer of schema 1 is complete, empty, and has its root as only directory."""
    found = profile(gzip.compress(bytes(1024), mtime=0))
    assert (found.status, found.is_empty, len(found.directories)) == (LayerStatus.COMPLETE, True, 1)
    assert (found.counts.files, found.depth.max, found.oldest_mtime_s) == (0, 0, None)


def test_an_empty_blob_has_no_ratio(profile: Profile) -> None:
    """A blob of no bytes is a valid empty tar, without ratios."""
    found = profile(b"")
    assert (found.status, found.is_empty) == (LayerStatus.COMPLETE, True)
    assert (found.fls_cls_ratio, found.als_cls_ratio) == (None, None)


def test_duplicates_are_kept_and_the_last_one_counts(profile: Profile, make_tar: MakeTar) -> None:
    """Of a path written twice both rows are there, the second is flagged, and only it counts."""
    found = profile(make_tar(("a", b"first"), ("./a", b"second!")))
    assert [EntryFlag.DUPLICATE in entry.flags for entry in found.entries] == [False, True]
    assert (found.counts.entries, found.counts.files, found.fls_bytes) == (2, 1, 7)
    assert found.entries[1].name == "./a"


def test_times_of_the_layer(profile: Profile, make_tar: MakeTar) -> None:
    """The oldest and newest times are those of the entries."""
    found = profile(
        make_tar(("a", {"mtime": 50}), ("b", {"mtime": 7}), ("c", {"mtime": 90}), ("d", {"mtime": 60}))
    )
    assert (found.oldest_mtime_s, found.newest_mtime_s) == (7, 90)


def test_fractions_of_seconds_are_exact(profile: Profile, make_tar: MakeTar) -> None:
    """Nanoseconds are kept as integers."""
    info: dict[str, Any] = {"pax_headers": {"mtime": "1350244992.023960108"}}
    (entry,) = profile(make_tar(("a", info), form=tarfile.PAX_FORMAT)).entries
    assert (entry.mtime_s, entry.mtime_ns) == (1350244992, 23960108)


def test_a_lost_worker_leaves_a_profile(tmp_path: Path) -> None:
    """A layer whose worker was killed has a profile without rows that says so."""
    blob, target = tmp_path / "blob", tmp_path / "aa" / "profile"
    blob.write_bytes(b"12345")
    profile_lost_layer(blob, EMPTY_LAYER, "x", target, LayerReason.KILLED)
    commit([target])
    found = read_layer_profile(target)
    assert (found.status, found.reason, found.cls_bytes) == (LayerStatus.PARTIAL, LayerReason.KILLED, 5)
    assert (found.entries, found.directories, found.blob_ok) == ((), (), None)


def _generated(files: int) -> bytes:
    """A layer of many small files in many directories; the same every time."""
    chance = random.Random(files)  # noqa: S311 - test data
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for number in range(files):
            name = "/".join(f"d{chance.randrange(9)}" for _ in range(chance.randrange(1, 6)))
            info = tarfile.TarInfo(f"{name}/file {number}")
            info.size, info.mode = chance.randrange(3000), chance.choice([0o644, 0o4755, 0o600])
            info.mtime, info.uname = 1_500_000_000 + number, "root"
            archive.addfile(info, io.BytesIO(chance.randbytes(info.size)))
    return buffer.getvalue()


def test_agrees_with_tar_tv(profile: Profile, tmp_path: Path) -> None:
    """Names, sizes, modes and owners are those that ``tar -tv`` prints."""
    tar = _generated(300)
    (tmp_path / "layer.tar").write_bytes(tar)
    command = ["tar", "--numeric-owner", "--full-time", "--utc", "-tvf", str(tmp_path / "layer.tar")]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    expected = [line.split(maxsplit=5) for line in listing.splitlines()]
    found = [
        [
            stat.filemode(stat.S_IFREG | entry.mode),
            f"{entry.uid}/{entry.gid}",
            str(entry.size_bytes),
            entry.path,
        ]
        for entry in profile(gzip.compress(tar)).entries
    ]
    assert found == [[line[0], line[1], line[2], line[5]] for line in expected]


_MEASURE = """
import sys
from pathlib import Path
from analyzer.layers.profile import profile_layer
from analyzer.settings import LayerLimits
from registry.digests import Digest
blob = Path(sys.argv[1])
summary = profile_layer(blob, Digest.of(b""), "x", blob.with_name("profile"), LayerLimits())
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(summary.status, summary.als_bytes, status["VmHWM"].split()[0])
"""


@pytest.mark.slow
@pytest.mark.parametrize("compress", ["gzip", "zstd"])
def test_a_gibibyte_of_zeros_takes_little_memory(tmp_path: Path, compress: str) -> None:
    """A gibibyte of zeros, in a file or as a tar, is read in less than 200 MB."""
    blob = tmp_path / "blob"
    header = tarfile.TarInfo("zeros")
    header.size = 1 << 30
    parts = [header.tobuf(tarfile.GNU_FORMAT), *[bytes(1 << 20)] * 1024, bytes(1024)]
    if compress == "gzip":
        with gzip.open(blob, "wb", compresslevel=1) as file:
            file.writelines(parts)
    else:
        with blob.open("wb") as raw, zstandard.ZstdCompressor().stream_writer(raw) as writer:
            for part in parts:
                writer.write(part)
    done = subprocess.run(
        [sys.executable, "-c", _MEASURE, str(blob)], check=True, capture_output=True, text=True
    )
    status, size, kilobytes = done.stdout.split()
    assert (status, int(size)) == ("complete", (1 << 30) + 1536)
    assert int(kilobytes) < 200_000


def test_flags_of_a_good_layer(profile: Profile, make_tar: MakeTar) -> None:
    """An ordinary layer has no flag at all."""
    found = profile(make_tar(("etc/", {"mode": 0o755}), ("etc/passwd", b"root:x:0:0")))
    assert found.flags == ()
    assert found.counts.flagged_entries == 0
    assert LayerFlag.NO_END_BLOCKS not in found.flags

"""The fast way through a tar: the same rows and sums as the exact one, whatever the tar holds."""

from __future__ import annotations

import io
import tarfile
import tempfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzer.layers import compact, contents
from analyzer.layers.blob import Blob
from analyzer.layers.reading import LayerReading
from analyzer.settings import LayerLimits
from corpus.profiles.layer import EntryFlag
from registry.digests import Digest

if TYPE_CHECKING:
    from corpus.profiles.layer import Directory, Entry, LayerSummary

    Everything = tuple[list[Entry], list[Directory], LayerSummary]

# Ordinary names first; then one of everything that is not written, resolved, counted or flagged as it is.
NAMES = st.lists(st.sampled_from(["a", "b", "lib", "x.py", "-q", "[", "~"]), min_size=1, max_size=4).map(
    "/".join
)
ODD_NAMES = st.sampled_from(
    [
        "./a",
        "/a",
        "a//b",
        "a/../b",
        "a/.hidden",
        ".wh.a",
        "a/.wh..wh..opq",
        "a/.wh.b/c",
        "a\\b",
        "a\nb",
        "ü",
        "a/",
        "x" * 99,
        "long/" * 30 + "x",
        "a\x7fb/c",
        ".",
        "..",
        "a/.",
        'a"b',
    ]
)
FORMS = [tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]
TYPES = st.sampled_from([tarfile.REGTYPE] * 6 + [tarfile.DIRTYPE] * 2 + [tarfile.SYMTYPE])
ODD_TYPES = st.sampled_from([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.AREGTYPE, tarfile.FIFOTYPE, b"?"])


@st.composite
def members(draw: st.DrawFn) -> tuple[tarfile.TarInfo, bytes]:
    """A member that is mostly plain, and odd in one way or the other now and then."""
    info = tarfile.TarInfo(draw(NAMES | ODD_NAMES))
    info.type = draw(TYPES | ODD_TYPES)
    info.mode = draw(st.sampled_from([0o644, 0o755, 0o4755, 0o777]))
    info.uid, info.uname = draw(st.sampled_from([(0, "root"), (1000, ""), (8**7, "ünal")]))
    info.mtime = draw(st.sampled_from([0, 1_500_000_000, 8**11]))
    if info.type in (tarfile.SYMTYPE, tarfile.LNKTYPE) or not draw(st.integers(0, 9)):
        info.linkname = draw(st.sampled_from(["target", "../../up", "/bin", "a\\b", "ü", "..x", ""]))
    content = draw(st.sampled_from([b"", b"text\n", b"#!/bin/sh\n", b"\x7fELF\2\1\1", b"x" * 5000]))
    info.size = len(content) if info.isreg() else 0
    return info, content[: info.size]


class Tar(bytes):
    """A tar whose text in a report is short."""

    def __repr__(self) -> str:
        return f"<tar {len(self)} bytes>"


@st.composite
def tars(draw: st.DrawFn) -> Tar:
    """A tar of such members, sometimes cut, sometimes with a byte changed."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=draw(st.sampled_from(FORMS))) as archive:
        for info, content in draw(st.lists(members(), max_size=12)):
            archive.addfile(info, io.BytesIO(content))
    tar = bytearray(buffer.getvalue())
    for position in draw(st.lists(st.integers(0, min(len(tar), 6000) - 1), max_size=2)):
        tar[position] = draw(st.sampled_from([0, 0x20, 0x2F, 0x39, 0xFF]))
    return Tar(tar[: draw(st.just(len(tar)) | st.integers(0, len(tar)))])


def _read(
    tar: bytes, *, fast: bool, read_bytes: int = 1 << 20, limits: LayerLimits | None = None
) -> Everything:
    with tempfile.TemporaryFile() as file:
        file.write(tar)
        file.seek(0)
        source = Blob(file, Digest.of(tar), read_bytes)
        reading = LayerReading(source, "", limits or LayerLimits())
        if not fast:
            reading._plain = None
        rows = [row for batch in reading.batches() for row in tuple(batch)]
        reading.drain()
        return rows, list(reading.directories()), reading.summary(Digest.of(tar))


@pytest.mark.slow
@given(tars(), st.sampled_from([600, 2048, 1 << 20]))
def test_both_ways_agree(tar: bytes, read_bytes: int) -> None:
    """Rows, directories and summary are those of the exact way, whatever the windows are."""
    assert _read(tar, fast=True, read_bytes=read_bytes) == _read(tar, fast=False)


@pytest.mark.parametrize("name", ["d/f", "a/.", "a/"])
def test_an_entry_that_comes_to_nothing_implies_no_directory(name: str) -> None:
    """Cut in its payload, or another path than it seems: its directory is that of the exact way, too."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for each, size in (("a", 0), (name, 5000)):
            info = tarfile.TarInfo(each)
            info.size = size
            archive.addfile(info, io.BytesIO(b"x" * size))
    whole = buffer.getvalue()
    for tar in (whole[:2000], whole[:600], whole):
        assert _read(tar, fast=True) == _read(tar, fast=False)


@pytest.mark.slow
@given(tars())
def test_very_many_entries_are_counted_the_same(tar: bytes) -> None:
    """The tables that take little memory say the same as dictionaries, duplicates included."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compact, "EXACT_STRINGS", 2)
        patch.setattr(contents, "EXACT_STRINGS", 2)
        found = _read(tar, fast=True, read_bytes=2048)
    assert found == _read(tar, fast=True)


@pytest.mark.slow
@given(tars(), st.integers(1, 8), st.integers(0, 3000))
def test_limits_hold_to_the_entry(tar: bytes, entries: int, path_bytes: int) -> None:
    """A limit is met at the same entry, whatever the windows are."""
    limits = LayerLimits(max_entries=entries, max_path_bytes=path_bytes + 1)
    expected = _read(tar, fast=False, limits=limits)
    assert (
        _read(tar, fast=True, limits=limits)
        == _read(tar, fast=True, read_bytes=600, limits=limits)
        == expected
    )


def test_a_duplicate_of_a_plain_file_counts_last() -> None:
    """Of a path written twice, even across kinds, the last one counts; the second row has the flag."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for size in (700, 5):
            info = tarfile.TarInfo("usr/x")
            info.size = size
            archive.addfile(info, io.BytesIO(b"x" * size))
    rows, directories, summary = _read(buffer.getvalue(), fast=True)
    assert [row.flags for row in rows] == [(), (EntryFlag.DUPLICATE,)]
    assert (directories[1].files, directories[1].bytes, summary.fls_bytes) == (1, 5, 5)

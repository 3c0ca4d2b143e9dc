"""Seekable layers: recognised by their footer, their table of contents held against the tar."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from analyzer.settings import LayerLimits
from corpus.profiles.layer import Kind, LayerFlag, LayerStatus, Seekable
from tests.analyzer.invariants import profile_of
from tests.analyzer.seekables import estargz, go_gzip, skippable, toc_entry, toc_of, zstd_chunked

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.analyzer.conftest import MakeTar, Profile

FILES = {"bin/": b"", "bin/sh": b"#!" * 500, ".no.prefetch.landmark": b"\xf0", "empty": b""}
FORMS: dict[str, tuple[Callable[..., bytes], Seekable]] = {
    "estargz": (estargz, Seekable.ESTARGZ),
    "stargz": (lambda *files: estargz(*files, is_legacy=True), Seekable.STARGZ),
    "zstd:chunked": (zstd_chunked, Seekable.ZSTD_CHUNKED),
    "zstd:chunked, short footer": (
        lambda *files: zstd_chunked(*files, footer_bytes=40),
        Seekable.ZSTD_CHUNKED,
    ),
}


@pytest.fixture(params=FORMS)
def form(request: pytest.FixtureRequest) -> tuple[Callable[..., bytes], Seekable]:
    """Each form: how to make a layer, and what it is."""
    return FORMS[request.param]


def test_a_seekable_layer_is_recognised(
    profile: Profile, form: tuple[Callable[..., bytes], Seekable]
) -> None:
    """The form is told by the footer; a table that agrees with the tar leaves no flag."""
    make, seekable = form
    found = profile(make(FILES))
    assert (found.status, found.seekable, found.flags) == (LayerStatus.COMPLETE, seekable, ())
    assert (found.toc_entries, found.toc_mismatches) == (4, 0)
    assert found.toc_bytes > 100


def test_bookkeeping_is_shown_and_is_no_file(
    profile: Profile, form: tuple[Callable[..., bytes], Seekable]
) -> None:
    """Landmarks and the TOC in the tar are rows with their digest, and neither files nor in the sums."""
    make, seekable = form
    found = profile(make(FILES))
    kinds = {row.path: row.kind for row in found.entries}
    assert kinds[".no.prefetch.landmark"] is Kind.SEEK_META
    assert kinds.get("stargz.index.json") is (None if seekable is Seekable.ZSTD_CHUNKED else Kind.SEEK_META)
    assert (found.counts.files, found.counts.contents, found.fls_bytes) == (2, 2, 1000)
    assert found.counts.others == len(found.entries) - 3
    assert all(row.sha256 for row in found.entries if row.kind is Kind.SEEK_META)


def test_the_same_names_in_an_ordinary_layer_are_files(profile: Profile, make_tar: MakeTar) -> None:
    """Without a footer nothing is bookkeeping."""
    found = profile(make_tar(("stargz.index.json", b"{}"), (".prefetch.landmark", b"\xf0")))
    assert [row.kind for row in found.entries] == [Kind.FILE, Kind.FILE]
    assert (found.seekable, found.toc_bytes, found.toc_entries) == (None, 0, 0)


SH = toc_entry("bin/sh", FILES["bin/sh"])
OTHERS = [entry for entry in toc_of(FILES) if entry["name"] != "bin/sh"]
LIES: dict[str, tuple[list[dict[str, Any]], int]] = {
    "another size": ([*OTHERS, SH | {"size": 999}], 1),
    "another digest": ([*OTHERS, SH | {"digest": "sha256:" + "0" * 64}], 1),
    "another type": ([*OTHERS, SH | {"type": "symlink"}], 1),
    "a set-uid bit": ([*OTHERS, SH | {"mode": 0o4644}], 1),
    "another owner": ([*OTHERS, SH | {"uid": 1}], 1),
    "another name": ([*OTHERS, SH | {"name": "bin/bash"}], 2),
    "one too many": ([*OTHERS, SH, SH], 1),
    "nothing at all": ([], 4),
}


@pytest.mark.parametrize("lie", LIES)
def test_a_table_that_disagrees_is_flagged(
    profile: Profile, form: tuple[Callable[..., bytes], Seekable], lie: str
) -> None:
    """Whatever the TOC says otherwise than the tar is counted: a reader of one would not see the other."""
    toc, mismatches = LIES[lie]
    found = profile(form[0](FILES, toc))
    assert (found.status, found.flags) == (LayerStatus.COMPLETE, (LayerFlag.TOC_MISMATCH,))
    assert found.toc_mismatches == mismatches


def test_what_a_table_may_leave_out(profile: Profile, form: tuple[Callable[..., bytes], Seekable]) -> None:
    """Chunks are no entries of the tar, names may be spelled otherwise, digests may be missing."""
    toc = [
        SH | {"name": "./bin/sh", "digest": ""},
        {"type": "chunk", "name": "bin/sh", "chunkOffset": 500, "chunkSize": 500},
        *OTHERS,
    ]
    found = profile(form[0](FILES, toc))
    assert (found.flags, found.toc_entries, found.toc_mismatches) == ((), 5, 0)


def test_links_are_compared_by_their_target(profile: Profile, make_tar: MakeTar) -> None:
    """A link to elsewhere is a mismatch; a name that is not UTF-8 is compared as JSON can hold it."""
    tar = make_tar(("a", {"type": b"2", "linkname": "b"}), ("c\udcff", b""))
    entries = [
        {"type": "symlink", "name": "a", "linkName": "b", "mode": 0o644},
        {"type": "reg", "name": "c\ufffd", "mode": 0o644},
    ]
    for target, mismatches in (("b", 0), ("z", 1)):
        entries[0]["linkName"] = target
        found = profile(zstd_chunked({}, entries, more=tar[: 2 * 512]))
        assert (len(found.entries), found.toc_mismatches) == (2, mismatches)


@pytest.mark.parametrize(
    "document",
    [b"", b"{", b'{"version":1,"entries":[{"name":1}]}', b"[" * 100_000, b'{"version":1,"entries":7}'],
)
def test_a_table_that_cannot_be_read_is_flagged(profile: Profile, document: bytes) -> None:
    """A footer whose TOC is no such document is still a footer."""
    packed = zstandard.compress(document)
    numbers = [8, len(packed), len(document), 1]
    footer = b"".join(number.to_bytes(8, "little") for number in numbers) + b"GNUlInUx"
    found = profile(skippable(packed) + skippable(footer))
    assert (found.seekable, found.flags) == (
        Seekable.ZSTD_CHUNKED,
        (LayerFlag.NO_END_BLOCKS, LayerFlag.TOC_UNREAD),
    )
    assert (found.toc_bytes, found.toc_mismatches) == (0, 0)


def test_a_table_that_is_too_large_is_left_unread(
    profile: Profile, form: tuple[Callable[..., bytes], Seekable]
) -> None:
    """The memory for a TOC is bounded: a bomb in it is not unpacked."""
    found = profile(form[0](FILES), limits=LayerLimits(max_toc_bytes=300))
    assert (found.status, found.flags) == (LayerStatus.COMPLETE, (LayerFlag.TOC_UNREAD,))


@pytest.mark.parametrize("offset", [0, 10**9, 2**63])
def test_a_footer_that_leads_nowhere(profile: Profile, offset: int) -> None:
    """An offset behind the blob is no footer; one to something else leads to no TOC."""
    blob = go_gzip(bytes(1024)) + go_gzip(b"", extra=b"SG\x16\0%016xSTARGZ" % offset)
    found = profile(blob)
    assert found.status is LayerStatus.COMPLETE
    is_inside = offset == 0
    assert found.seekable is (Seekable.ESTARGZ if is_inside else None)
    assert (LayerFlag.TOC_UNREAD in found.flags) is is_inside


def test_bytes_behind_the_footer_hide_it(
    profile: Profile, form: tuple[Callable[..., bytes], Seekable]
) -> None:
    """The footer is what the blob ends with, since that is where runtimes look for it."""
    found = profile(form[0](FILES) + b"\0")
    assert (found.seekable, found.flags) == (None, (LayerFlag.TRAILING_ZEROS,))


def test_rows_before_a_cut_are_no_mismatch(profile: Profile) -> None:
    """Of a layer that ends early only the rows that are there are compared."""
    blob = bytearray(estargz(FILES))
    blob[len(go_gzip(b"")) + 20] ^= 0xFF
    found = profile(bytes(blob))
    assert found.status is LayerStatus.CORRUPT
    assert (found.seekable, found.toc_mismatches) == (Seekable.ESTARGZ, 0)


def test_a_short_blob_has_no_footer(profile: Profile) -> None:
    """Blobs shorter than a footer are looked at without harm."""
    for blob in (b"", b"\x1f", b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"):
        assert profile(blob).seekable is None


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.sampled_from(sorted(FORMS)), st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=3))
def test_a_changed_seekable_layer_has_a_profile(
    folder: Path, name: str, changes: list[tuple[int, int]]
) -> None:
    """Whatever a footer, a TOC or a tar says, the invariants of every profile hold."""
    blob = bytearray(FORMS[name][0](FILES))
    for place, value in changes:
        # Counted from the end, where the table and the footer are.
        blob[-1 - place % len(blob)] = value
    found = profile_of(bytes(blob), folder)
    assert 0 <= found.toc_mismatches <= len(found.entries) + found.toc_entries


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder, outside of which nothing may be touched."""
    return tmp_path_factory.mktemp("confined")

"""One blob is read and compared with its name."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.catalog.verification import StoredBlob
from corpus.layout import Layout
from downloader.examine import Examined, Examiners, batches, examine
from downloader.findings import Kind
from registry.digests import Digest

DATA = b"what the registry sent" * 100


def examined(path: Path, *, size_bytes: int | None = len(DATA), algorithm: str = "sha256") -> Examined:
    """The verdict on a file that should hold :data:`DATA`, read in pieces of 100 bytes."""
    came: list[int] = []
    blob = StoredBlob(Digest.of(DATA, algorithm), size_bytes)
    found = examine(path, blob, memoryview(bytearray(100)), came.append)
    assert sum(came) == (path.stat().st_size if path.is_file() else 0)
    return found


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("size_bytes", [len(DATA), None, 5, len(DATA) + 5])
def test_the_right_bytes_are_right_whatever_size_was_recorded(
    tmp_path: Path, algorithm: str, size_bytes: int | None
) -> None:
    """The digest proves more than any size."""
    (tmp_path / "blob").write_bytes(DATA)
    found = examined(tmp_path / "blob", size_bytes=size_bytes, algorithm=algorithm)
    assert (found.kind, found.size_bytes) == (None, len(DATA))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (DATA[:-1], Kind.TRUNCATED),
        (b"", Kind.TRUNCATED),
        (DATA[:-1] + b"X", Kind.CORRUPT),
        (DATA + b"X", Kind.CORRUPT),
        (bytes(len(DATA)), Kind.CORRUPT),
    ],
)
def test_wrong_bytes_are_told_apart_by_their_number(tmp_path: Path, data: bytes, kind: Kind) -> None:
    """Too few were cut off; others were changed."""
    (tmp_path / "blob").write_bytes(data)
    found = examined(tmp_path / "blob")
    assert (found.kind, found.size_bytes) == (kind, len(data))


def test_wrong_bytes_of_unknown_size_are_corrupt(tmp_path: Path) -> None:
    """There is nothing to be shorter than."""
    (tmp_path / "blob").write_bytes(DATA[:5])
    assert examined(tmp_path / "blob", size_bytes=None).kind is Kind.CORRUPT


def test_a_missing_blob_counts_with_the_size_recorded(tmp_path: Path) -> None:
    """So much is to be fetched again."""
    assert examined(tmp_path / "blob") == Examined(Digest.of(DATA), len(DATA), Kind.MISSING)


def test_what_is_no_file_is_not_opened(tmp_path: Path) -> None:
    """A pipe would keep its reader waiting for ever."""
    os.mkfifo(tmp_path / "pipe")
    assert examined(tmp_path / "pipe").kind is Kind.MISSING
    assert examined(tmp_path).kind is Kind.MISSING


def test_a_disk_that_fails_says_nothing_about_the_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a finding of its own kind, and no end of the run."""
    (tmp_path / "blob").write_bytes(DATA)

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(Path, "open", fail)
    blob = StoredBlob(Digest.of(DATA), None)
    assert examine(tmp_path / "blob", blob, memoryview(bytearray(9)), print).kind is Kind.UNREADABLE


async def test_threads_that_are_stopped_leave_a_large_blob_in_the_middle(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C does not wait for the end of a file of gigabytes."""
    monkeypatch.setattr("downloader.examine._READ_BYTES", 10)
    layout.blob(Digest.of(DATA)).write_bytes(DATA)
    examiners = Examiners(layout)
    with examiners.working():
        examiners._is_stopped.set()
        with pytest.raises(asyncio.CancelledError):
            await examiners.examine([StoredBlob(Digest.of(DATA), None)])
    assert examiners.bytes_read == 0


async def test_bytes_are_counted_over_all_threads(layout: Layout) -> None:
    """For the progress display, and none is lost between two of them."""
    several = [bytes([number]) * 70_000 for number in range(20)]
    for data in several:
        layout.blob(Digest.of(data)).write_bytes(data)
    examiners = Examiners(layout)
    with examiners.working():
        work = [examiners.examine([StoredBlob(Digest.of(data), None)]) for data in several]
        results = await asyncio.gather(*work)
    assert [found.kind for (found,) in results] == [None] * len(several)
    assert examiners.bytes_read == 70_000 * len(several)


@given(sizes=st.lists(st.one_of(st.none(), st.integers(0, 20 << 20)), max_size=300))
def test_every_blob_is_in_one_batch_and_large_ones_do_not_go_together(sizes: list[int | None]) -> None:
    """Threads share the work evenly, and a hop to one is worth it."""
    blobs = [StoredBlob(Digest.of(str(number).encode()), size) for number, size in enumerate(sizes)]
    groups = list(batches(blobs))
    assert [blob for group in groups for blob in group] == blobs
    for group in groups:
        assert len(group) <= 64
        assert sum(blob.size_bytes or 0 for blob in group[:-1]) < 8 << 20
    for group in groups[:-1]:
        assert len(group) == 64 or sum(blob.size_bytes or 0 for blob in group) >= 8 << 20

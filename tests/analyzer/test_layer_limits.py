"""The time and the memory of one layer: the rows until then are kept."""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import zstandard

from analyzer.layers import deadline
from analyzer.settings import LayerLimits
from analyzer.types.detect import detect
from analyzer.types.taxonomy import FileType
from analyzer.workers import LocalProcess, Worker, WorkerLost
from corpus.profiles.layer import LayerReason, LayerStatus
from corpus.profiles.stream import LayerProfileWriter, commit, read_layer_profile
from tests.analyzer.conftest import MakeTar, Profile
from tests.analyzer.harm import profile_plainly


class Ticking:
    """A clock that goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


@pytest.mark.parametrize("form", ["gzip", "plain"])
def test_time_that_is_over_ends_a_layer_with_its_rows(
    profile: Profile, make_tar: MakeTar, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    """Where it was, and without a word on what was not read."""
    tar = make_tar(*((f"file{number}", b"x" * 4000) for number in range(2000)))
    blob = gzip.compress(tar, 1) if form == "gzip" else tar
    whole = profile(blob)
    monkeypatch.setattr(deadline, "monotonic", Ticking())
    found = profile(blob, limits=LayerLimits(layer_timeout_s=8))
    assert (found.status, found.reason) == (LayerStatus.PARTIAL, LayerReason.TIMEOUT)
    assert 0 < len(found.entries) < 2000
    kept = [row for row in found.entries if "incomplete" not in row.flags]
    assert kept == list(whole.entries[: len(kept)])
    assert found.counts.entries == len(found.entries)
    assert found.cls_bytes == len(blob)
    assert (found.blob_ok, found.diffid) == (None, None)
    assert found.error_tar_offset_bytes is not None
    assert 0 < found.error_tar_offset_bytes < len(tar)


def test_a_layer_without_any_time_has_a_profile(
    profile: Profile, make_tar: MakeTar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk may not even give the first byte."""
    monkeypatch.setattr(deadline, "monotonic", Ticking())
    found = profile(make_tar(("a", b"a")), limits=LayerLimits(layer_timeout_s=1))
    assert (found.status, found.reason, found.entries) == (LayerStatus.PARTIAL, LayerReason.TIMEOUT, ())
    assert found.cls_bytes > 0


def test_time_enough_leaves_no_trace(profile: Profile, make_tar: MakeTar) -> None:
    """A profile does not depend on the limit."""
    blob = make_tar(("a", b"a"))
    assert profile(blob, limits=LayerLimits(layer_timeout_s=1)) == profile(
        blob, limits=LayerLimits(layer_timeout_s=3600)
    )


def test_rows_are_written_from_the_memory_that_is_kept_back(
    profile: Profile, make_tar: MakeTar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reading may have taken all the rest, and rows that cannot be encoded cost the whole layer."""
    held: list[bool] = []

    @contextmanager
    def reserve() -> Iterator[None]:
        held.append(True)
        yield
        held.pop()

    class Writer(LayerProfileWriter):
        def entries(self, rows: Sequence[Any]) -> None:
            if not held:
                raise MemoryError
            super().entries(rows)

    monkeypatch.setattr("analyzer.layers.profile.reserve", reserve)
    monkeypatch.setattr("analyzer.layers.profile.LayerProfileWriter", Writer)
    assert len(profile(make_tar(("a", b"a"))).entries) == 1


def test_what_was_read_before_the_memory_was_used_up_is_counted(
    profile: Profile, make_tar: MakeTar, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever call it was that found none: the sums are those of the rows."""
    heads: list[bytes] = []

    def starving(head: bytes, path: bytes) -> FileType:
        heads.append(head)
        if len(heads) > 70:
            raise MemoryError
        return detect(head, path)

    monkeypatch.setattr("analyzer.layers.contents.detect", starving)
    found = profile(make_tar(*((f"file{number}", b"%d" % number) for number in range(100))))
    assert (found.reason, len(found.entries)) == (LayerReason.WORKER_MEMORY, 70)
    assert (found.error_entry, found.error_tar_offset_bytes) == (70, 70 * 1024)
    assert found.counts.files == found.counts.contents == found.counts.distinct_contents == 70
    assert found.stored_bytes == found.fls_bytes == sum(row.size_bytes for row in found.entries)


@pytest.mark.slow
async def test_memory_that_is_used_up_ends_a_layer_with_its_rows(tmp_path: Path) -> None:
    """And the worker lives to do the next one."""
    blob, small, target = tmp_path / "blob", tmp_path / "small", tmp_path / "profile"
    folder = tarfile.TarInfo("n" * 90)
    folder.type = tarfile.DIRTYPE
    header = folder.tobuf(tarfile.USTAR_FORMAT)
    with gzip.open(blob, "wb", 1) as file:
        for number in range(100_000):
            file.write(renamed(header, b"%07d" % number))
    with gzip.open(small, "wb", 1) as file:
        file.write(header)
    worker = Worker(partial(LocalProcess, 72 << 20))
    try:
        summary = await worker.run(partial(profile_plainly, target), blob, 60)
        after = await worker.run(partial(profile_plainly, tmp_path / "other"), small, 60)
    finally:
        worker.stop()
    assert (summary.status, summary.reason) == (LayerStatus.BOMB, LayerReason.WORKER_MEMORY)
    assert after.status is LayerStatus.COMPLETE
    commit([target])
    found = read_layer_profile(target)
    assert len(found.entries) == found.counts.entries > 10_000
    assert found.cls_bytes == blob.stat().st_size


@pytest.mark.slow
async def test_a_decoder_without_memory_is_no_word_against_the_layer(
    tmp_path: Path, make_tar: MakeTar
) -> None:
    """A window that is within its own limit may still be more than the worker has."""
    blob = tmp_path / "blob"
    window = zstandard.ZstdCompressionParameters.from_level(1, window_log=27)
    stream = zstandard.ZstdCompressor(compression_params=window).compressobj()
    blob.write_bytes(stream.compress(make_tar(("a", b"a"))) + stream.flush())
    worker = Worker(partial(LocalProcess, 72 << 20))
    with pytest.raises(WorkerLost) as lost:
        await worker.run(partial(profile_plainly, tmp_path / "profile"), blob, 60)
    assert lost.value.reason is LayerReason.WORKER_MEMORY


def renamed(header: bytes, name: bytes) -> bytes:
    """The header with another beginning of its name, and its checksum."""
    block = bytearray(header)
    block[: len(name)] = name
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)

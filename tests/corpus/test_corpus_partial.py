"""The file of a download: a process that dies between any two system calls leaves nothing false."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.partial import PartialFile

DATA = hashlib.sha256(b"seed").digest() * 4
SIZE = len(DATA)

# The bytes of one download in the order of their coming: two connections, then a third that overlaps.
WRITES = [(0, 20), (64, 80), (20, 30), (80, SIZE), (30, 50), (40, 64)]

# Two files are opened; the prefix is recorded, and every write but the first.
CALLS = 2 + len(WRITES) + 1 + len(WRITES) - 1


class KilledError(BaseException):
    """The process is no more."""


def killing_at(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the system call with this number the last one, which is not made any more."""
    left = [count]

    def mortal(call: Callable[..., Any]) -> Callable[..., Any]:
        def made(*arguments: Any, **more: Any) -> Any:
            if left[0] == 0:
                raise KilledError
            left[0] -= 1
            return call(*arguments, **more)

        return made

    for name in ("open", "write", "pwritev", "ftruncate"):
        monkeypatch.setattr(os, name, mortal(getattr(os, name)))
    monkeypatch.setattr(Path, "unlink", mortal(Path.unlink))


def write(file: PartialFile, start: int, end: int) -> None:
    file.write(start, [DATA[start : start + 3], DATA[start + 3 : end]])


def loaded(path: Path, size: int | None = SIZE) -> PartialFile:
    """What the next process finds; whatever it takes for bytes of the blob are bytes of the blob."""
    file = PartialFile(path)
    file.load(size)
    content = path.read_bytes()
    for start, end in file.spans:
        assert content[start:end] == DATA[start:end]
    file.close()
    return file


@pytest.mark.parametrize("last", range(CALLS + 1))
def test_a_process_killed_at_any_step_leaves_what_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int
) -> None:
    """All but the write under way is there for the next one, and nothing else is."""
    file, done = PartialFile(tmp_path / "blob"), set[int]()
    with monkeypatch.context() as patched:
        killing_at(last, patched)
        try:
            for start, end in WRITES:
                write(file, start, end)
                done |= set(range(start, end))
        except KilledError:
            pass
    file.close()
    found = {number for span in loaded(tmp_path / "blob").spans for number in range(*span)}
    assert done <= found
    assert (len(found) == SIZE) == (last == CALLS)


@pytest.mark.parametrize("last", range(5))
def test_forgetting_is_never_half_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    """A process killed while it starts over leaves all as it was, or nothing."""
    file = PartialFile(tmp_path / "blob")
    for start, end in WRITES[:4]:
        write(file, start, end)
    before = file.spans.total
    with monkeypatch.context() as patched:
        killing_at(last, patched)
        try:
            file.clear()
            write(file, 0, 20)
        except KilledError:
            pass
    file.close()
    assert loaded(tmp_path / "blob").spans.total in {before, 0, 20}


@given(order=st.permutations(range(8)), stops=st.sets(st.integers(0, 7)))
def test_parts_in_any_order_over_any_number_of_processes_become_the_blob(
    tmp_path_factory: pytest.TempPathFactory, order: list[int], stops: set[int]
) -> None:
    """A process takes up what the ones before it left."""
    path = tmp_path_factory.mktemp("partial") / "blob"
    file = PartialFile(path)
    for number, part in enumerate(order):
        if number in stops:
            file.close()
            file = PartialFile(path)
            file.load(SIZE)
        write(file, 16 * part, 16 * (part + 1))
    assert list(file.spans) == [(0, SIZE)]
    assert b"".join(file.read(0, SIZE)) == DATA
    file.finish()
    assert [each.name for each in path.parent.iterdir()] == ["blob"]
    assert path.read_bytes() == DATA


def test_bytes_in_order_need_no_map(tmp_path: Path) -> None:
    """The length of the file says it all."""
    file = PartialFile(tmp_path / "blob")
    write(file, 0, 20)
    write(file, 20, 50)
    file.close()
    assert not file.map_path.exists()
    assert list(loaded(tmp_path / "blob").spans) == [(0, 50)]


def test_what_is_longer_than_the_blob_is_none_of_it(tmp_path: Path) -> None:
    """With a map as without."""
    file = PartialFile(tmp_path / "blob")
    write(file, 64, SIZE)
    file.close()
    assert loaded(tmp_path / "blob", SIZE - 1).spans.total == 0
    assert not file.map_path.exists()


def test_a_map_of_a_download_that_is_gone_vouches_for_nothing(tmp_path: Path) -> None:
    """Its file was removed, and a new download began."""
    old = PartialFile(tmp_path / "blob")
    write(old, 64, SIZE)
    old.path.unlink()
    old.close()
    new = PartialFile(tmp_path / "blob")
    write(new, 100, 120)
    write(new, 0, 20)
    new.close()
    assert list(loaded(tmp_path / "blob").spans) == [(0, 20), (100, 120)]


def test_half_a_record_does_not_garble_those_that_follow(tmp_path: Path) -> None:
    """A power cut left it; the next process writes its own behind it."""
    file = PartialFile(tmp_path / "blob")
    write(file, 64, 80)
    file.close()
    with file.map_path.open("ab") as torn:
        torn.write(b"torn")
    file = PartialFile(tmp_path / "blob")
    file.load(SIZE)
    write(file, 100, 120)
    file.close()
    assert list(loaded(tmp_path / "blob").spans) == [(64, 80), (100, 120)]


def test_a_system_that_writes_less_than_it_is_given_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a disk that is nearly full, or when a signal comes."""
    pwrite, pwritev = os.pwrite, os.pwritev
    monkeypatch.setattr(os, "pwritev", lambda file, data, at: pwritev(file, [data[0][:2]], at))
    monkeypatch.setattr(os, "pwrite", lambda file, data, at: pwrite(file, data[:7], at))
    file = PartialFile(tmp_path / "blob")
    write(file, 0, SIZE)
    file.finish()
    assert file.path.read_bytes() == DATA

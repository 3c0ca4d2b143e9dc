"""Bytes before rows: files appear whole or not at all, and reach the disk before they are believed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from corpus.durability import replacing, sync
from corpus.layout import Layout


def test_a_replaced_file_is_whole_or_the_old_one(tmp_path: Path) -> None:
    """An error while writing leaves the old content and no temporary file."""
    path = tmp_path / "index.json"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), replacing(path) as file:
        file.write(b"ne")
        raise RuntimeError
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
    with replacing(path) as file:
        file.write(b"new")
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_bytes_are_synced_before_the_file_gets_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Order of a write: write, fsync, rename, fsync of the folder."""
    calls: list[str] = []
    fsync, rename = os.fsync, Path.replace

    def recorded_fsync(descriptor: int) -> None:
        calls.append("fsync " + Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def recorded_replace(self: Path, target: Path) -> Path:
        calls.append("rename")
        return rename(self, target)

    monkeypatch.setattr(os, "fsync", recorded_fsync)
    monkeypatch.setattr(Path, "replace", recorded_replace)
    with replacing(tmp_path / "x") as file:
        file.write(b"x")
    assert calls == ["fsync .x.tmp", "rename", f"fsync {tmp_path.name}"]


@pytest.mark.parametrize("count", [1, 20])
def test_few_and_many_files_are_synced(tmp_path: Path, count: int) -> None:
    """Both ways of syncing succeed on real files."""
    paths = [tmp_path / str(number) for number in range(count)]
    for path in paths:
        path.write_bytes(b"x")
    sync(paths)


def test_a_file_that_is_gone_is_an_error(tmp_path: Path) -> None:
    """Nothing is called durable that does not exist."""
    with pytest.raises(FileNotFoundError):
        sync([tmp_path / "gone"])


def test_the_mark_of_the_layout_is_whole_or_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who dies while writing ``oci-layout`` leaves none, so that the next start writes it."""

    def die(_descriptor: int) -> None:
        raise KeyboardInterrupt

    layout = Layout(tmp_path)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "fsync", die)
        layout.ensure()
    assert not (tmp_path / "oci-layout").exists()
    layout.ensure()
    assert (tmp_path / "oci-layout").read_bytes() == b'{"imageLayoutVersion":"1.0.0"}'

"""What holds for the profile of any bytes whatever; used by properties and by the fuzz target."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from analyzer.layers.faults import status_of
from analyzer.layers.profile import profile_layer
from analyzer.settings import LayerLimits
from corpus.profiles.layer import EntryFlag, LayerReason, LayerStatus
from corpus.profiles.stream import read_layer_profile, temporary_name
from registry.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus.profiles.layer import LayerProfile

# So small that every one of them is reached by a few kilobytes of input.
TIGHT = LayerLimits(
    max_tar_bytes=4 << 20,
    max_expansion=200,
    unjudged_tar_bytes=1 << 20,
    max_entries=500,
    max_path_bytes=1 << 20,
    max_name_bytes=16 << 10,
    max_toc_bytes=32 << 10,
    max_extension_bytes=32 << 10,
    max_extensions=8,
    max_hole_bytes=1 << 20,
    max_window_bytes=8 << 20,
)
# Events of the interpreter by which something outside of it is reached; the path is the first argument.
_PATH_EVENTS = frozenset(
    {
        "open",
        "os.remove",
        "os.rmdir",
        "os.mkdir",
        "os.chmod",
        "os.truncate",
        "os.utime",
        "os.rename",
        "os.link",
        "os.symlink",
    }
)
_FORBIDDEN_EVENTS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "socket.connect"}
)


class _Guard:
    """The folders outside of which nothing may be touched at the moment; empty: nothing is guarded."""

    def __init__(self) -> None:
        self.folders: tuple[str, ...] = ()
        self.trespasses: list[str] = []
        self.is_installed = False

    def install(self) -> None:
        """Listen from now on: an audit hook cannot be taken away again."""
        if not self.is_installed:
            self.is_installed = True
            sys.addaudithook(self._hear)

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.folders:
            return
        if event in _FORBIDDEN_EVENTS:
            self.trespasses.append(event)
        elif event in _PATH_EVENTS and isinstance(arguments[0], str | bytes):
            path = os.path.normpath(Path(os.fsdecode(arguments[0])).absolute())
            if not path.startswith(self.folders):
                self.trespasses.append(f"{event} {path}")


_GUARD = _Guard()


@contextmanager
def confined(folder: Path) -> Iterator[None]:
    """Fail if anything outside of ``folder`` is opened, made, renamed or run; modules may be loaded."""
    _GUARD.install()
    _GUARD.folders = (
        str(folder),
        *(str(Path(place).absolute()) for place in sys.path if place),
        sys.base_prefix,
    )
    _GUARD.trespasses.clear()
    try:
        yield
    finally:
        _GUARD.folders = ()
    assert not _GUARD.trespasses, _GUARD.trespasses


def profile_of(
    blob: bytes, folder: Path, *, limits: LayerLimits = TIGHT, read_bytes: int = 65536
) -> LayerProfile:
    """The profile of ``blob``, written to ``folder`` and read back, all invariants checked."""
    path, target = folder / "blob", folder / "profile.json.zst"
    path.write_bytes(blob)
    with confined(folder):
        profile_layer(path, Digest.of(blob), "", target, limits, read_bytes=read_bytes)
    written = temporary_name(target)
    assert set(folder.iterdir()) == {path, written}
    found = read_layer_profile(written)
    check(found, blob, limits)
    return found


def check(found: LayerProfile, blob: bytes, limits: LayerLimits) -> None:
    """Assert what every profile of ``blob`` must be."""
    assert (found.digest, found.cls_bytes, found.blob_ok) == (Digest.of(blob), len(blob), True)
    assert found.als_bytes <= limits.max_tar_bytes
    _check_ending(found)
    _check_rows(found, limits)
    _check_directories(found)
    assert 0 <= found.trailing_bytes <= found.cls_bytes
    assert 0 <= found.data_after_end_bytes <= found.als_bytes
    assert found.fls_bytes == sum(row.bytes for row in found.directories) or _has_unexpanded(found)


def _check_ending(found: LayerProfile) -> None:
    if found.status is LayerStatus.COMPLETE:
        assert found.reason is None
        assert found.diffid is not None
        assert (found.error_compressed_offset_bytes, found.error_tar_offset_bytes, found.error_entry) == (
            None,
        ) * 3
        return
    assert isinstance(found.reason, LayerReason)
    assert status_of(found.reason) is found.status
    assert found.reason is not LayerReason.TIMEOUT
    assert found.error_tar_offset_bytes is not None
    assert found.error_entry is not None
    assert found.counts.entries - found.error_entry in (0, 1)
    if found.error_compressed_offset_bytes is not None:
        assert 0 <= found.error_compressed_offset_bytes <= found.cls_bytes


def _check_rows(found: LayerProfile, limits: LayerLimits) -> None:
    assert found.counts.entries == len(found.entries) <= limits.max_entries
    offsets = [row.offset_bytes for row in found.entries]
    assert offsets == sorted(set(offsets))
    assert not offsets or offsets[-1] + 512 <= found.als_bytes
    for row in found.entries:
        assert not {"", ".", ".."}.intersection(row.path.split("/")) or not row.path
        assert row.size_bytes >= 0
        assert (row.stored_bytes or 0) >= 0
    incomplete = [index for index, row in enumerate(found.entries) if EntryFlag.INCOMPLETE in row.flags]
    assert incomplete in ([], [len(found.entries) - 1])


def _check_directories(found: LayerProfile) -> None:
    paths = [row.path for row in found.directories]
    assert paths[0] == ""
    assert len(paths) == len(set(paths)) == found.counts.directories + 1
    known = set(paths)
    assert all(path.rpartition("/")[0] in known for path in paths)
    root = found.directories[0]
    assert root.recursive_directories == len(paths) - 1
    assert root.recursive_files == sum(row.files for row in found.directories)


def _has_unexpanded(found: LayerProfile) -> bool:
    """Whether a path is so deep or long that its folder has no row."""
    return any(EntryFlag.DEEP in row.flags for row in found.entries)

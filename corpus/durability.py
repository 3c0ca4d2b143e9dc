"""Bytes before rows: what the catalog says exists has reached the disk first."""

from __future__ import annotations

import ctypes
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

# Above this many files one syncfs(2) is cheaper than an fsync(2) for each
# (measured: an fsync for every small blob makes a download three times slower).
_SYNCFS_FROM_FILES = 8


def sync(paths: Iterable[Path]) -> None:
    """Make files and their names durable; blocking, so run it off the event loop."""
    files = list(paths)
    if len(files) >= _SYNCFS_FROM_FILES and sys.platform == "linux":
        _sync_filesystem(files[0])
        return
    for path in [*files, *{path.parent for path in files}]:
        _fsync(path)


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file that appears under its name whole and durable, or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    _fsync(path.parent)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_filesystem(path: Path) -> None:
    """Flush the whole file system that holds ``path``: files and directories alike."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(descriptor) != 0:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code), str(path))
    finally:
        os.close(descriptor)

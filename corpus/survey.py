"""What lies under ``data/``, told by its names: read as a stream, however many files there are."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from registry.digests import Digest, digest_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator

    from corpus.layout import Layout


# In place of an algorithm, where a download's digest is known at its end only.
_UNNAMED = "unnamed"


class Lying(NamedTuple):
    """A file or folder, and the digest that its name stands for; ``None`` if it has no place here."""

    path: Path
    digest: Digest | None


def lying_blobs(layout: Layout) -> Iterator[Lying]:
    """Everything in ``blobs/``: files by the digest they are named for, all else as it stands there."""
    with _entries(layout.blobs) as folders:
        for folder in folders:
            if not (folder.is_dir() and _is_algorithm(folder.name)):
                yield Lying(Path(folder.path), None)
                continue
            with _entries(Path(folder.path)) as files:
                for file in files:
                    digest = digest_or_none(f"{folder.name}:{file.name}") if file.is_file() else None
                    yield Lying(Path(file.path), digest)


def lying_downloads(layout: Layout) -> Iterator[Lying]:
    """Everything in ``partial/``, by the digest of the download that it belongs to."""
    with _entries(layout.partial) as files:
        for file in files:
            yield Lying(Path(file.path), _digest_of_download(file.name) if file.is_file() else None)


def lying_temporaries(layout: Layout) -> Iterator[Lying]:
    """Files of the data directory itself that were being written when their writer was killed.

    Anything else there is the user's own.
    """
    with _entries(layout.root) as files:
        for file in files:
            if file.name.startswith(".") and file.name.endswith(".tmp"):
                yield Lying(Path(file.path), None)


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; links are not followed."""
    if path.is_symlink() or not path.is_dir():
        return path.lstat().st_size
    return sum((Path(folder) / name).lstat().st_size for folder, _, names in os.walk(path) for name in names)


def _digest_of_download(name: str) -> Digest | None:
    """That of ``sha256-<hex>``, and of what is kept beside it under that name and a suffix."""
    algorithm, _, encoded = name.partition(".")[0].partition("-")
    digest = digest_or_none(f"{algorithm}:{encoded}")
    is_ours = digest is not None and (digest.is_verifiable or algorithm == _UNNAMED)
    return digest if is_ours else None


def _is_algorithm(name: str) -> bool:
    """Whether blobs are kept under this algorithm: only those that can be verified are."""
    return Digest(f"{name}:").is_verifiable


@contextmanager
def _entries(folder: Path) -> Iterator[Iterator[os.DirEntry[str]]]:
    """The entries of a folder; none where there is no folder."""
    try:
        scan = os.scandir(folder)
    except FileNotFoundError:
        yield iter(())
    else:
        with scan:
            yield scan

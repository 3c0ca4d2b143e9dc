"""The directories of a layer, and its counts, from the last entry of every path.

A directory is a distinct path below the root: one with an entry of its own, or one implied by an entry
below it. Its depth is its number of components (``usr`` is 1, the root 0).
"""

from __future__ import annotations

import statistics
from collections import Counter
from typing import TYPE_CHECKING

from analyzer.layers.faults import LayerFault
from analyzer.layers.paths import is_expandable
from corpus.profiles.layer import Directory, Kind, LayerCounts, LayerDepth, LayerReason
from corpus.profiles.names import text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

# In the table of paths a regular file is its size, any other kind one of these negative numbers: 3 million
# paths are held in memory, so that nothing but a small number per path can be afforded.
_CODES = {kind: -1 - index for index, kind in enumerate(Kind)}
_KIND_OF_CODE = {code: kind for kind, code in _CODES.items()}
# Memory besides the bytes of the path itself (measured): of a path in the table, of a directory's row.
_PATH_BYTES, _DIRECTORY_BYTES = 110, 350


class Tree:
    """Collects the paths of a layer; of a path that comes again the last entry wins."""

    def __init__(self, max_path_bytes: int) -> None:
        self._paths: dict[bytes, int] = {}
        self._parents: set[bytes] = {b""}
        self._bytes_left = max_path_bytes
        self.duplicates = 0

    def add(self, path: bytes, kind: Kind, size: int) -> bool:
        """Take an entry; whether its path is new."""
        paths = self._paths
        known = len(paths)
        paths[path] = size if kind is Kind.FILE else _CODES[kind]
        if len(paths) == known:
            self.duplicates += 1
            return False
        self._bytes_left -= len(path) + (_DIRECTORY_BYTES if kind is Kind.DIRECTORY else _PATH_BYTES)
        parent = path[: max(path.rfind(b"/"), 0)]
        if parent not in self._parents and is_expandable(path):
            self._imply(parent)
        return True

    def check(self) -> None:
        """Raise :class:`LayerFault` (paths) once the paths take more memory than allowed."""
        if self._bytes_left < 0:
            raise LayerFault(LayerReason.PATHS)

    def summary(self) -> TreeSummary:
        """Directories and counts."""
        return TreeSummary(self._paths, self._parents)

    def _imply(self, path: bytes) -> None:
        while path not in self._parents:
            self._bytes_left -= len(path) + _DIRECTORY_BYTES
            self._parents.add(path)
            path = path[: max(path.rfind(b"/"), 0)]


class TreeSummary:
    """What follows from the paths of a layer.

    Attributes:
        directories: Rows of the directory table, ordered by the bytes of the path; the root is first.
        kinds: Number of distinct paths of each kind; directories only where they have an entry.
        fls_bytes: Sum of the sizes of the regular files.
    """

    def __init__(self, paths: dict[bytes, int], parents: Iterable[bytes]) -> None:
        codes = Counter(min(code, 0) for code in paths.values())
        self.kinds = Counter({kind: codes[code] for code, kind in _KIND_OF_CODE.items()})
        self.kinds[Kind.FILE] = codes[0]
        self.fls_bytes = sum(size for size in paths.values() if size > 0)
        self.directories = _directories(paths, parents)

    def counts(self) -> LayerCounts:
        """The counts that follow from the paths alone; the root is not among the directories."""
        kinds, below = self.kinds, self.directories[1:]
        return LayerCounts(
            files=kinds[Kind.FILE] + kinds[Kind.HARD_LINK],
            regular_files=kinds[Kind.FILE],
            hard_links=kinds[Kind.HARD_LINK],
            symlinks=kinds[Kind.SYMLINK],
            directories=len(below),
            explicit_directories=sum(row.is_explicit for row in below),
            character_devices=kinds[Kind.CHARACTER_DEVICE],
            block_devices=kinds[Kind.BLOCK_DEVICE],
            fifos=kinds[Kind.FIFO],
            whiteouts=kinds[Kind.WHITEOUT],
            opaques=kinds[Kind.OPAQUE],
            others=kinds[Kind.OTHER] + kinds[Kind.AUFS_META],
        )

    def depth(self) -> LayerDepth:
        """Depth over the directories below the root."""
        depths = [row.depth for row in self.directories[1:]]
        if not depths:
            return LayerDepth()
        return LayerDepth(
            max=max(depths),
            min=min(depths),
            mean=sum(depths) / len(depths),
            median=float(statistics.median(depths)),
        )


def _directories(paths: dict[bytes, int], parents: Iterable[bytes]) -> list[Directory]:
    """The directory table, with direct and recursive sums."""
    directory_code, link_code = _CODES[Kind.DIRECTORY], _CODES[Kind.HARD_LINK]
    explicit = (path for path, code in paths.items() if code == directory_code and is_expandable(path))
    table = {path: _new_row(path) for path in sorted({*parents, *explicit})}
    for path, code in paths.items():
        if code == directory_code:
            if path in table:
                table[path].is_explicit = True
        elif code >= 0 or code == link_code:
            row = table.get(path[: max(path.rfind(b"/"), 0)])
            if row is not None:
                row.files += 1
                row.bytes += max(code, 0)
    # Every directory sorts behind its parent, so that in reverse each is complete before its parent needs it.
    for path in reversed(table):
        row = table[path]
        row.recursive_files += row.files
        row.recursive_bytes += row.bytes
        row.recursive_directories += row.directories
        if path:
            parent = table[_parent(path)]
            parent.directories += 1
            parent.recursive_files += row.recursive_files
            parent.recursive_bytes += row.recursive_bytes
            parent.recursive_directories += row.recursive_directories
    return list(table.values())


def _parent(path: bytes) -> bytes:
    return path[: max(path.rfind(b"/"), 0)]


def _new_row(path: bytes) -> Directory:
    return Directory(text_of(path), path.count(b"/") + 1 if path else 0)

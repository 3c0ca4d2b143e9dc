"""The directories of a layer, and its counts, from the last entry of every path.

A directory is a distinct path below the root: one with an entry of its own, or one implied by an entry
below it. Its depth is its number of components (``usr`` is 1, the root 0).
"""

from __future__ import annotations

import statistics
from collections import Counter
from typing import TYPE_CHECKING

import msgspec

from analyzer.layers.compact import Table, compacted
from analyzer.layers.faults import LayerFault
from analyzer.layers.paths import is_expandable
from corpus.profiles.layer import Directory, Kind, LayerCounts, LayerDepth, LayerReason
from corpus.profiles.names import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# In the table of paths a regular file is its size, any other kind one of these negative numbers: 3 million
# paths are held in memory, so that nothing but a small number per path can be afforded.
_CODES = {kind: -1 - index for index, kind in enumerate(Kind)}
_DIRECTORY, _HARD_LINK = _CODES[Kind.DIRECTORY], _CODES[Kind.HARD_LINK]
# What a path costs besides its bytes (as long as there are not very many), and what a directory does.
PATH_BYTES, _DIRECTORY_BYTES = 110, 350


class Folder(msgspec.Struct, gc=False):
    """A directory while its layer is read: what is directly in it, and at the end what is below.

    ``is_parent`` says that an entry lies in it, so that it stays, whether or not it has an entry of its own.
    """

    parent: Folder | None
    depth: int
    is_parent: bool = False
    is_explicit: bool = False
    files: int = 0
    bytes: int = 0
    directories: int = 0
    recursive_files: int = 0
    recursive_bytes: int = 0
    recursive_directories: int = 0


class Tree:
    """Collects the paths of a layer; of a path that comes again the last entry wins.

    Attributes:
        codes: Every path with its size, if it is a regular file, or else the code of its kind.
        bytes_left: What is left of the memory for paths.
        duplicates: Entries whose path was known.
    """

    def __init__(self, max_path_bytes: int) -> None:
        self.codes: Table = {}
        self._deep: dict[bytes, int] = {}
        self.root = Folder(None, 0, is_parent=True)
        self._folders = {b"": self.root}
        self._others: Counter[int] = Counter()
        self.bytes_left = max_path_bytes
        self.duplicates = 0

    def add(self, path: bytes, kind: Kind, size: int) -> bool:
        """Take an entry; whether its path is new."""
        code = size if kind is Kind.FILE else _CODES[kind]
        return self._add(path, code) if is_expandable(path) else self._add_deep(path, code)

    def folder(self, path: bytes) -> Folder:
        """The directory ``path``, in which an entry lies; its parents come into being with it."""
        found = self._folders.get(path)
        return found if found is not None and found.is_parent else self._imply(path)

    def replace(self, folder: Folder, path: bytes, old: int, code: int) -> None:
        """Have the path's last entry count instead of the one before."""
        self.duplicates += 1
        self.codes[path] = code
        self._count(folder, path, old, -1)
        self._count(folder, path, code, 1)

    def check(self) -> None:
        """Raise :class:`LayerFault` (paths) once the paths take more memory than allowed."""
        if self.bytes_left < 0:
            raise LayerFault(LayerReason.PATHS)

    def compact(self) -> None:
        """Take less memory, if there are very many paths."""
        self.codes = compacted(self.codes)

    def summary(self) -> TreeSummary:
        """Directories and counts; nothing can be added any more."""
        others = self._others
        regular = sum(folder.files for folder in self._folders.values()) - others[_HARD_LINK]
        fls_bytes = sum(folder.bytes for folder in self._folders.values())
        for path, code in self._deep.items():
            if code >= 0:
                regular += 1
                fls_bytes += code
            else:
                others[code] += 1
            folder = self._folders.get(_parent(path))
            if folder is not None and (code >= 0 or code == _HARD_LINK):
                folder.files += 1
                folder.bytes += max(code, 0)
        kinds = Counter({kind: others[code] for kind, code in _CODES.items()})
        kinds[Kind.FILE] = regular
        return TreeSummary(self._folders, kinds, fls_bytes)

    def _add(self, path: bytes, code: int) -> bool:
        folder = self.folder(_parent(path))
        codes = self.codes
        known = len(codes)
        old = codes.setdefault(path, code)
        if len(codes) == known:
            self.replace(folder, path, old, code)
            return False
        self._charge(path, code)
        self._count(folder, path, code, 1)
        return True

    def _add_deep(self, path: bytes, code: int) -> bool:
        """Take an entry whose parents are not expanded: how it counts there is settled at the end."""
        is_new = path not in self._deep
        self._deep[path] = code
        if is_new:
            self._charge(path, code)
        else:
            self.duplicates += 1
        return is_new

    def _charge(self, path: bytes, code: int) -> None:
        self.bytes_left -= len(path) + (_DIRECTORY_BYTES if code == _DIRECTORY else PATH_BYTES)

    def _count(self, folder: Folder, path: bytes, code: int, step: int) -> None:
        """Count an entry in its directory, or (``step`` -1) no longer."""
        if code >= 0:
            folder.files += step
            folder.bytes += step * code
            return
        self._others[code] += step
        if code == _HARD_LINK:
            folder.files += step
        elif code == _DIRECTORY:
            self._own_folder(path).is_explicit = step > 0

    def _own_folder(self, path: bytes) -> Folder:
        """The directory that an entry is itself."""
        found = self._folders.get(path)
        if found is None:
            parent = self.folder(_parent(path))
            found = self._folders[path] = Folder(parent, parent.depth + 1)
        return found

    def _imply(self, path: bytes) -> Folder:
        """The directory in which an entry lies, and those that it lies in."""
        missing = []
        while not (found := self._folders.get(path)) or not found.is_parent:
            missing.append(path)
            path = _parent(path)
        for path in reversed(missing):
            self.bytes_left -= len(path) + _DIRECTORY_BYTES
            child = self._folders.get(path)
            if child is None:
                child = self._folders[path] = Folder(found, found.depth + 1)
            child.is_parent = True
            found = child
        return found


class TreeSummary:
    """What follows from the paths of a layer.

    Attributes:
        kinds: Number of distinct paths of each kind; directories only where they have an entry.
        fls_bytes: Sum of the sizes of the regular files.
    """

    def __init__(self, folders: dict[bytes, Folder], kinds: Counter[Kind], fls_bytes: int) -> None:
        self.kinds = kinds
        self.fls_bytes = fls_bytes
        self._folders = folders
        self._paths = sorted(path for path, each in folders.items() if each.is_parent or each.is_explicit)
        self._sum_up()

    def directories(self) -> Iterator[Directory]:
        """Rows of the directory table, ordered by the bytes of the path; the root is first."""
        for path in self._paths:
            folder = self._folders[path]
            yield Directory(
                path=text_of(path),
                depth=folder.depth,
                is_explicit=folder.is_explicit,
                files=folder.files,
                bytes=folder.bytes,
                directories=folder.directories,
                recursive_files=folder.recursive_files,
                recursive_bytes=folder.recursive_bytes,
                recursive_directories=folder.recursive_directories,
            )

    def counts(self) -> LayerCounts:
        """The counts that follow from the paths alone; the root is not among the directories."""
        kinds = self.kinds
        return LayerCounts(
            files=kinds[Kind.FILE] + kinds[Kind.HARD_LINK],
            regular_files=kinds[Kind.FILE],
            hard_links=kinds[Kind.HARD_LINK],
            symlinks=kinds[Kind.SYMLINK],
            directories=len(self._paths) - 1,
            explicit_directories=sum(self._folders[path].is_explicit for path in self._paths[1:]),
            character_devices=kinds[Kind.CHARACTER_DEVICE],
            block_devices=kinds[Kind.BLOCK_DEVICE],
            fifos=kinds[Kind.FIFO],
            whiteouts=kinds[Kind.WHITEOUT],
            opaques=kinds[Kind.OPAQUE],
            others=kinds[Kind.OTHER] + kinds[Kind.AUFS_META] + kinds[Kind.SEEK_META],
        )

    def depth(self) -> LayerDepth:
        """Depth over the directories below the root."""
        depths = [self._folders[path].depth for path in self._paths[1:]]
        if not depths:
            return LayerDepth()
        return LayerDepth(
            max=max(depths),
            min=min(depths),
            mean=sum(depths) / len(depths),
            median=float(statistics.median(depths)),
        )

    def _sum_up(self) -> None:
        """Every directory sorts behind its parent: in reverse each is complete before its parent needs it."""
        for path in reversed(self._paths):
            folder = self._folders[path]
            folder.recursive_files += folder.files
            folder.recursive_bytes += folder.bytes
            folder.recursive_directories += folder.directories
            parent = folder.parent
            if parent is not None:
                parent.directories += 1
                parent.recursive_files += folder.recursive_files
                parent.recursive_bytes += folder.recursive_bytes
                parent.recursive_directories += folder.recursive_directories


def _parent(path: bytes) -> bytes:
    return path[: max(path.rfind(b"/"), 0)]

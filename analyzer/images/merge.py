"""The file system of an image: its layers applied one upon the other (image-spec, layer.md).

In each layer the opaque markers and whiteouts come first and hide what the layers *below* have, wherever
they stand in the tar; then the entries follow in their order. Nothing is resolved through symbolic links
while layers are applied: a directory takes the place of a link. Runtimes that unpack each layer by itself
(overlayfs) see the same; those that unpack over the lower layers would follow the link.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from analyzer.images.filesystem import Cause, FileSystem, Folder, Inode
from analyzer.layers.paths import normalise
from corpus.profiles.layer import EntryFlag, Kind
from corpus.profiles.names import bytes_of, text_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from corpus.profiles.layer import Entry

_MARKERS = frozenset({Kind.WHITEOUT, Kind.OPAQUE})
_SKIPPED = frozenset({Kind.WHITEOUT, Kind.OPAQUE, Kind.GLOBAL_HEADER})
_WHITEOUT = ".wh."
# What a file system cannot hold, and what is not there to its end.
_LEFT_OUT = frozenset({EntryFlag.DEEP, EntryFlag.INCOMPLETE})


class Merge:
    """Applies layers, base first.

    Attributes:
        files: The file system so far.
        vain_whiteouts: Whiteouts of what no layer below had.
        contradicted_whiteouts: Whiteouts of what their own layer has too.
        left_out: Entries that are not in the file system.
        view: The path that a path of a layer has in the file system, or ``None``.
    """

    def __init__(self, max_paths: int, *, is_windows: bool = False) -> None:
        self.files = FileSystem(max_paths)
        self.view = _windows_path if is_windows else _same
        self._layer = -1
        self._hidden: dict[str, Inode] = {}
        self._dangling: list[str] = []
        self.vain_whiteouts = self.contradicted_whiteouts = self.left_out = 0

    def apply(self, markers: Iterable[Entry], rows: Iterable[Entry], *, is_stored: bool = True) -> None:
        """Apply the next layer.

        Args:
            markers: The rows of the layer that are whiteouts and opaque markers, at least.
            rows: All rows of the layer, in order.
            is_stored: Whether its contents count as bytes of the image; a layer listed more than once is
                stored once, so that only its last listing counts.

        Raises:
            PathLimitError: There are too many paths.
        """
        self._layer += 1
        self._hidden, self._dangling = {}, []
        hidden = self._hide(markers)
        for row in rows:
            if row.kind not in _SKIPPED:
                self._apply(row, is_stored=is_stored)
        for path in self._dangling:
            self._link_late(path)
        self.contradicted_whiteouts += sum(name in self._members(parent) for parent, name in hidden)

    def _hide(self, markers: Iterable[Entry]) -> set[tuple[str, str]]:
        """Whiteouts and opaque markers, both against what the layers below have; returns the former."""
        opaque, hidden = set[str](), set[tuple[str, str]]()
        for row in markers:
            path = self.view(row.path)
            if row.kind in _MARKERS and path is not None and _LEFT_OUT.isdisjoint(row.flags):
                parent, _, name = path.rpartition("/")
                if row.kind is Kind.OPAQUE:
                    opaque.add(parent)
                else:
                    hidden.add((parent, name.removeprefix(_WHITEOUT)))
        self.vain_whiteouts += sum(name not in self._members(parent) for parent, name in hidden)
        for path in opaque:
            for name in list(self._members(path)):
                self._remove(path, name)
        for parent, name in hidden:
            self._remove(parent, name)
        for path in sorted({*opaque, *(parent for parent, _ in hidden)}):
            self.files.make_folder(path)  # a marker implies its directory, as every entry does
        return hidden

    def _members(self, path: str) -> Folder:
        found = self.files.find(path)
        return found if isinstance(found, Folder) else Folder()

    def _remove(self, parent: str, name: str) -> None:
        folder = self._members(parent)
        if name in folder:
            self.files.remove(folder, name, Cause.DELETED)

    def _apply(self, row: Entry, *, is_stored: bool) -> None:
        path, kind = self.view(row.path), row.kind
        if path is None or (row.flags and not _LEFT_OUT.isdisjoint(row.flags)):
            self.left_out += 1
        elif kind is Kind.DIRECTORY:
            self.files.put_folder(path)
        elif not path:
            self.left_out += 1  # the root is a directory
        elif kind is Kind.HARD_LINK:
            self._link(path, self._target(row))
        elif kind in (Kind.AUFS_META, Kind.SEEK_META):
            if row.sha256 is not None:
                self._hidden[path] = _inode(row, self._layer, Kind.FILE)
        else:
            inode = _inode(row, self._layer, kind)
            inode.stored_bytes = row.size_bytes if is_stored and kind is Kind.FILE else 0
            self.files.put(path, inode)

    def _target(self, row: Entry) -> str:
        """What a hard link names: a path of the layer or of the file system."""
        target = self.view(text_of(normalise(bytes_of(row.link or ""))))
        return "" if target is None else target

    def _link(self, path: str, target: str) -> None:
        self.files.make_folder(path.rpartition("/")[0])  # it may take the place of the target
        found = self._linked(target)
        if found is None:
            found = Inode(Kind.HARD_LINK, self._layer, content=target)
            self._dangling.append(path)
        self.files.put(path, found)

    def _linked(self, target: str) -> Inode | None:
        found = self._hidden.get(target) or self.files.find(target)
        return found if isinstance(found, Inode) and found.kind is not Kind.HARD_LINK else None

    def _link_late(self, path: str) -> None:
        """A hard link whose target came after it."""
        node = self.files.find(path)
        if isinstance(node, Inode) and node.kind is Kind.HARD_LINK:
            found = self._linked(str(node.content))
            if found is not None:
                self.files.put(path, found)


def _inode(row: Entry, layer: int, kind: Kind) -> Inode:
    content = row.link if kind is Kind.SYMLINK else bytes.fromhex(row.sha256) if row.sha256 else None
    inode = Inode(kind, layer, row.size_bytes, content)
    # A hash is a third of the memory, and as good: the bits of two files are only held against each other.
    attributes = tuple(row.xattrs.items()) if row.xattrs else None
    # Numbers are doubled, since -1 and -2 have one hash.
    owner_and_time = (2 * row.uid, 2 * row.gid, 2 * row.mtime_s, row.mtime_ns)
    inode.metadata = hash((row.mode & 0o7777, owner_and_time, attributes))
    return inode


def _same(path: str) -> str | None:
    return path


def _windows_path(path: str) -> str | None:
    """The path in the file system of a layer of Windows, which has it below ``Files``."""
    if path == "Files":
        return ""
    return path.removeprefix("Files/") if path.startswith("Files/") else None

"""The efficiency that dive shows for an image: by its own definition, oddities included.

Source: wagoodman/dive, ``dive/filetree/efficiency.go`` and ``file_tree.go`` (0.13). The sizes of a path are
added up over the layers in which it is a leaf. That the copy which stays counts as waste, that a deleted file
costs nothing, that a directory is one path however much lies in it, that opaque markers are dropped and that
a whiteout without a target ends the visit of its layer: all this is the definition.

Not as in dive: a layer with a pax global header is read (dive refuses the image), the size that some writers
give to a hard link is not added, and a path too deep for any file system is left out.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from analyzer.images.filesystem import PathLimitError, weight_of
from corpus.profiles.image import DiveEfficiency
from corpus.profiles.layer import EntryFlag, Kind
from corpus.profiles.names import bytes_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from corpus.profiles.layer import Entry

_WHITEOUT, _DOUBLE_WHITEOUT = ".wh.", ".wh..wh.."
# What a layer does not have to its end; and what lies in so many directories that the names of all of them
# would take memory with the square of its length.
_LEFT_OUT = frozenset({EntryFlag.INCOMPLETE, EntryFlag.DEEP})


class Payload(NamedTuple):
    """What is kept of an entry; a directory without one has the default."""

    size: int = 0
    is_directory: bool = False


_IMPLIED = Payload()


class LayerTree:
    """The nodes of one layer; the last entry of a path counts."""

    def __init__(self, max_paths: int) -> None:
        self._paths_left = max_paths
        self._payloads: dict[str, Payload] = {}
        self._parents = {""}
        self.size_bytes = 0
        self.has_whiteouts = False

    def watch(self, rows: Iterable[Entry]) -> Iterator[Entry]:
        """Take the entries of the layer on their way to somebody else."""
        for row in rows:
            self.add(row)
            yield row

    def add(self, row: Entry) -> None:
        """Take an entry of the layer.

        Raises:
            PathLimitError: There are too many paths.
        """
        path = row.path
        if row.flags and EntryFlag.DOTDOT in row.flags:  # a '..' at the beginning is kept
            path = posixpath.normpath(row.name or path).strip("/")
        if not path or path == "." or row.kind is Kind.GLOBAL_HEADER or not _LEFT_OUT.isdisjoint(row.flags):
            return
        self.size_bytes += row.size_bytes
        if _WHITEOUT in path:
            self.has_whiteouts = True
        if _DOUBLE_WHITEOUT in path and (cut := f"/{path}".find(f"/{_DOUBLE_WHITEOUT}")) >= 0:
            parent = path[: max(cut - 1, 0)]  # of such a path only what is above the marker
            if parent and parent not in self._payloads:
                self._add(parent, _IMPLIED)
        else:
            self._add(path, Payload(row.size_bytes, row.kind is Kind.DIRECTORY))

    def leaves(self) -> Iterator[tuple[str, int]]:
        """Every path without children, with its size; in order where that matters."""
        found = [path for path in self._payloads if path not in self._parents]
        if self.has_whiteouts:
            found.sort(key=_by_name)
        return ((path, self._payloads[path].size) for path in found)

    def nodes(self) -> Iterator[tuple[str, Payload]]:
        """Every path, children before their parent and by name."""
        paths: Iterable[str] = self._payloads
        if self.has_whiteouts:
            paths = sorted(paths, key=_children_first)
        return ((path, self._payloads[path]) for path in paths)

    def _add(self, path: str, payload: Payload) -> None:
        if path not in self._payloads:
            self._paths_left -= weight_of(path)
        self._payloads[path] = payload
        parent = path.rpartition("/")[0]
        while parent not in self._parents:
            self._parents.add(parent)
            if parent in self._payloads:
                break
            self._paths_left -= weight_of(parent)
            self._payloads[parent] = _IMPLIED
            parent = parent.rpartition("/")[0]
        if self._paths_left < 0:
            raise PathLimitError


class Efficiency:
    """Adds layers up, base first."""

    def __init__(self, max_paths: int) -> None:
        self._paths_left = max_paths
        self._once: dict[str, int] = {}  # paths that were a leaf so far in one layer: their size
        self._again: dict[str, tuple[int, int]] = {}  # in more: sum and minimum of their sizes
        self._unfound = set[str]()
        self._below = _Stack(max_paths)
        self._layers = 0
        self._size_bytes = self._user_bytes = 0

    def add(self, tree: LayerTree, *, is_stacked: bool) -> None:
        """Take the next layer; ``is_stacked`` if it or a later one has whiteouts.

        Raises:
            PathLimitError: There are too many paths.
        """
        is_base = not self._layers
        self._layers += 1
        self._size_bytes += tree.size_bytes
        self._user_bytes += 0 if is_base else tree.size_bytes
        if is_stacked and is_base:
            for path, payload in tree.nodes():  # its own whiteouts are held against the base as it is
                self._below.put(path, payload)
        self._visit(tree)
        if self._paths_left < 0:
            raise PathLimitError
        if is_stacked:
            self._below.stack(tree)

    def result(self) -> DiveEfficiency:
        """Score and wasted bytes."""
        sums = [total for total, _ in self._again.values()]
        least = sum(self._once.values()) + sum(least for _, least in self._again.values())
        least -= len(self._unfound - self._once.keys() - self._again.keys())  # the size of these is -1
        total, wasted = sum(self._once.values()) + sum(sums), sum(sums)
        return DiveEfficiency(
            score=least / total if total else 1.0,
            wasted_bytes=wasted,
            size_bytes=self._size_bytes,
            user_bytes=self._user_bytes,
            wasted_user_ratio=wasted / self._user_bytes if self._user_bytes else None,
        )

    def _visit(self, tree: LayerTree) -> None:
        for path, size in tree.leaves():
            hidden = _hidden_by(path) if tree.has_whiteouts else None
            if hidden is None:
                self._count(path, size)
                continue
            found = self._below.size_of_directory(hidden)
            if found is None:
                self._unfound.add(hidden)
                return
            self._count(hidden, found)

    def _count(self, path: str, size: int) -> None:
        if path in self._again:
            total, least = self._again[path]
            self._again[path] = (total + size, min(least, size))
        elif path in self._once:
            first = self._once.pop(path)
            self._again[path] = (first + size, min(first, size))
        else:
            self._paths_left -= weight_of(path)
            self._once[path] = size


class _Node:
    __slots__ = ("children", "payload")

    def __init__(self) -> None:
        self.payload = _IMPLIED
        self.children: dict[str, _Node] = {}


class _Stack:
    """The layers so far, one upon the other; a new payload leaves the children of its path."""

    def __init__(self, max_paths: int) -> None:
        self._root = _Node()
        self._paths_left = max_paths

    def stack(self, tree: LayerTree) -> None:
        for path, payload in tree.nodes():
            hidden = _hidden_by(path)
            if hidden is None:
                self.put(path, payload)
            else:
                self._remove(hidden)

    def put(self, path: str, payload: Payload) -> None:
        node = self._root
        for name in path.split("/"):
            child = node.children.get(name)
            if child is None:
                child = node.children[name] = self._new(name)
            node = child
        node.payload = payload

    def size_of_directory(self, path: str) -> int | None:
        """Sizes of a directory and all below it; 0 of anything else; ``None`` where there is nothing."""
        found = self._find(path)
        if not found:
            return None
        return sum(node.payload.size for node in _all(found[-1])) if found[-1].payload.is_directory else 0

    def _new(self, name: str) -> _Node:
        self._paths_left -= weight_of(name)
        if self._paths_left < 0:
            raise PathLimitError
        return _Node()

    def _remove(self, path: str) -> None:
        parent, _, name = path.rstrip("/").rpartition("/")
        found = self._find(parent)
        if found and (removed := found[-1].children.pop(name, None)):
            self._paths_left += sum(1 for _ in _all(removed))

    def _find(self, path: str) -> list[_Node]:
        """The nodes from the root to ``path``; none if there is no such path."""
        found = [self._root]
        for name in filter(None, path.split("/")):
            child = found[-1].children.get(name)
            if child is None:
                return []
            found.append(child)
        return found


def _all(node: _Node) -> Iterator[_Node]:
    """A node and all below it."""
    pending = [node]
    while pending:
        node = pending.pop()
        yield node
        pending += node.children.values()


def _hidden_by(path: str) -> str | None:
    """The path that a whiteout names; ``None`` if it is no whiteout."""
    parent, slash, name = path.rpartition("/")
    return f"{parent}{slash}{name.removeprefix(_WHITEOUT)}" if name.startswith(_WHITEOUT) else None


def _by_name(path: str) -> bytes:
    """A key that orders paths by one component after the other; no name has a byte 0."""
    return bytes_of(path).replace(b"/", b"\0")


def _children_first(path: str) -> bytes:
    """The same, but that what lies in a directory comes before it."""
    return bytes_of(path).replace(b"/", b"\0\0") + b"\0\1"

"""A file system in memory: a tree of folders by path component, whose leaves are inodes."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, TypeVar

import msgspec

from corpus.profiles.layer import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

# Of a name or a target; more counts as another path.
_TEXT_BYTES = 1024
# As in Linux (path_resolution(7)).
_MAX_LINKS, _MAX_TARGET = 40, 4096


class Cause(Enum):
    """Why the content behind a path is not there any more."""

    OVERWRITTEN = "overwritten"
    DELETED = "deleted"
    METADATA_ONLY = "metadata_only"
    IDENTICAL_REWRITE = "identical_rewrite"


class Inode(msgspec.Struct, gc=False, eq=False):
    """Anything but a directory. Hard links are further names of one inode.

    Attributes:
        kind: What it is; a hard link only where its target is nowhere.
        layer: Index of the layer that has its entry.
        size: Apparent size of a regular file's content.
        content: SHA-256 of a regular file, target of a link; ``None`` where there is neither.
        metadata: A hash of mode, owner, time and extended attributes: it tells whether two are the same.
        stored_bytes: What the content adds to the bytes of the image's layers.
        links: Names it has at present.
    """

    kind: Kind
    layer: int
    size: int = 0
    content: bytes | str | None = None
    metadata: int = 0
    stored_bytes: int = 0
    links: int = 0


class Folder(dict[str, "Inode | Folder"]):
    """A directory: its members by name."""

    __slots__ = ("is_explicit",)

    def __init__(self) -> None:
        super().__init__()
        self.is_explicit = False


Node = Inode | Folder
AnyNode = TypeVar("AnyNode", Inode, Folder)


class PathLimitError(Exception):
    """The file system has more paths than may be held in memory."""


def weight_of(text: str) -> int:
    """How many paths a text counts for that is kept for one: hostile ones are as long as a thousand."""
    return 1 + len(text) // _TEXT_BYTES


class FileSystem:
    """Paths are texts without leading or trailing slash; ``""`` is the root.

    Attributes:
        root: The root.
        lost: Stored bytes of the inodes that have lost their last name, by the cause of that.
        replaced_parents: Times that a directory took the place of something else because an entry lies
            below it.
    """

    def __init__(self, max_paths: int) -> None:
        self.root = Folder()
        self.lost = dict.fromkeys(Cause, 0)
        self.replaced_parents = 0
        self._paths_left = max_paths
        self._recent = ("", self.root)  # entries of one directory follow each other

    def find(self, path: str) -> Node | None:
        """What is at ``path``; links are not followed."""
        node: Node | None = self.root
        for name in path.split("/") if path else ():
            if not isinstance(node, Folder):
                return None
            node = node.get(name)
        return node

    def resolve(self, path: str) -> str | None:
        """Where ``path`` leads when symbolic links are followed; ``None`` if to nothing."""
        ahead, links = path.split("/")[::-1], 0
        names, nodes = list[str](), list[Node]([self.root])
        while ahead:
            name = ahead.pop()
            if name == "..":
                del names[-1:]
                del nodes[len(names) + 1 :]
            elif name not in ("", "."):
                above = nodes[-1]
                node = above.get(name) if isinstance(above, Folder) else None
                if node is None:
                    return None
                if isinstance(node, Folder) or node.kind is not Kind.SYMLINK:
                    names.append(name)
                    nodes.append(node)
                    continue
                target = str(node.content or "")
                links += 1
                if links > _MAX_LINKS or not 0 < len(target) <= _MAX_TARGET:
                    return None
                if target.startswith("/"):
                    names, nodes = [], [self.root]
                ahead += target.split("/")[::-1]
        return "/".join(names)

    def make_folder(self, path: str) -> Folder:
        """The directory at ``path``, which it and its parents become whatever they were."""
        if self._recent[0] == path:
            return self._recent[1]
        folder = self.root
        for name in path.split("/") if path else ():
            node = folder.get(name)
            if not isinstance(node, Folder):
                if node is not None:
                    self.replaced_parents += 1
                    self.remove(folder, name, Cause.OVERWRITTEN)
                node = self._add(folder, name, Folder())
            folder = node
        self._recent = (path, folder)
        return folder

    def put_folder(self, path: str) -> None:
        """An entry for a directory: one that is there keeps its members, anything else makes way."""
        parent, _, name = path.rpartition("/")
        folder = self.make_folder(parent)
        if name and isinstance(folder.get(name), Inode):
            self.remove(folder, name, Cause.OVERWRITTEN)
        self.make_folder(path).is_explicit = True

    def put(self, path: str, inode: Inode) -> None:
        """Give ``inode`` the name ``path``; what was there makes way, with all below it."""
        parent, _, name = path.rpartition("/")
        folder = self.make_folder(parent)
        inode.links += 1
        old = folder.get(name)
        if old is not None:
            self.remove(folder, name, _cause(old, inode))
        self._add(folder, name, inode)

    def remove(self, folder: Folder, name: str, cause: Cause) -> None:
        """Take a member away, with all below it: the work is that of adding it, and done once."""
        doomed: list[Node] = [folder.pop(name)]
        while doomed:
            node = doomed.pop()
            self._paths_left += 1
            if isinstance(node, Folder):
                self._recent = ("", self.root)
                doomed += node.values()
            else:
                node.links -= 1
                if not node.links:
                    self.lost[cause] += node.stored_bytes

    def walk(self) -> Iterator[tuple[int, Node]]:
        """Every node below the root, with its depth."""
        pending: list[tuple[int, Folder]] = [(1, self.root)]
        while pending:
            depth, folder = pending.pop()
            for node in folder.values():
                yield depth, node
                if isinstance(node, Folder):
                    pending.append((depth + 1, node))

    def _add(self, folder: Folder, name: str, node: AnyNode) -> AnyNode:
        self._paths_left -= weight_of(name)
        if isinstance(node, Inode) and isinstance(node.content, str):
            self._paths_left -= weight_of(node.content) - 1
        if self._paths_left < 0:
            raise PathLimitError
        folder[name] = node
        return node


def _cause(old: Node, new: Inode) -> Cause:
    """Why the content of ``old`` goes when ``new`` takes its place."""
    if isinstance(old, Folder) or old.content != new.content:
        return Cause.OVERWRITTEN
    return Cause.IDENTICAL_REWRITE if old.metadata == new.metadata else Cause.METADATA_ONLY

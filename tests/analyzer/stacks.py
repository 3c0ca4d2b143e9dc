"""Stacks of layers, made up for the tests of merged file systems: as rows of profiles and as tars."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterable, Sequence
from hashlib import sha256

from hypothesis import strategies as st

from analyzer.images.filesystem import Folder, Inode, Node
from analyzer.images.merge import Merge
from corpus.profiles.layer import Entry, Kind

Layer = Sequence[Entry]

_TYPES = {Kind.DIRECTORY: tarfile.DIRTYPE, Kind.SYMLINK: tarfile.SYMTYPE, Kind.HARD_LINK: tarfile.LNKTYPE}


def content_of(row: Entry) -> bytes:
    """The content of a file, which is told by its size alone."""
    return b"x" * row.size_bytes


def file(path: str, size: int = 1, mtime: int = 0, **others: int) -> Entry:
    """A regular file; its content follows from its size."""
    row = Entry(path, Kind.FILE, size, mode=0o644, mtime_s=mtime, **others)  # type: ignore[arg-type]
    row.sha256 = sha256(content_of(row)).hexdigest()
    return row


def folder(path: str) -> Entry:
    """A directory."""
    return Entry(path, Kind.DIRECTORY, mode=0o755)


def symlink(path: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(path, Kind.SYMLINK, link=target)


def hard_link(path: str, target: str) -> Entry:
    """A hard link."""
    return Entry(path, Kind.HARD_LINK, mode=0o644, link=target)


def whiteout(path: str) -> Entry:
    """A whiteout of ``path``."""
    parent, slash, name = path.rpartition("/")
    return Entry(f"{parent}{slash}.wh.{name}", Kind.WHITEOUT, sha256=sha256().hexdigest())


def opaque(path: str) -> Entry:
    """An opaque marker in ``path``."""
    return Entry(f"{path}/.wh..wh..opq".lstrip("/"), Kind.OPAQUE, sha256=sha256().hexdigest())


def merged(layers: Iterable[Layer], max_paths: int = 10_000) -> Merge:
    """The layers applied."""
    merge = Merge(max_paths)
    for layer in layers:
        merge.apply(layer, layer)
    return merge


def paths(merge: Merge) -> dict[str, Node]:
    """Everything below the root, by path."""
    found: dict[str, Node] = {}
    pending = [("", merge.files.root)]
    while pending:
        above, members = pending.pop()
        for name, node in members.items():
            path = f"{above}/{name}".lstrip("/")
            found[path] = node
            if isinstance(node, Folder):
                pending.append((path, node))
    return found


def seen(merge: Merge) -> dict[str, str]:
    """What there is, in a word per path: ``dir``, ``file SIZE``, ``-> TARGET``."""
    return {path: _word(node) for path, node in sorted(paths(merge).items())}


def _word(node: Node) -> str:
    if isinstance(node, Folder):
        return "dir"
    if isinstance(node, Inode) and node.kind is Kind.SYMLINK:
        return f"-> {node.content!s}"
    return f"file {node.size}" if node.kind is Kind.FILE else str(node.kind)


def tar_of(layer: Layer) -> bytes:
    """The layer as a tar."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for row in layer:
            member = tarfile.TarInfo(row.path)
            member.type = _TYPES.get(row.kind, tarfile.REGTYPE)
            member.mode, member.mtime, member.linkname = row.mode, row.mtime_s, row.link or ""
            member.size = row.size_bytes
            archive.addfile(member, io.BytesIO(content_of(row)))
    return buffer.getvalue()


NAMES = st.sampled_from("abc")
PATHS = st.lists(NAMES, min_size=1, max_size=3).map("/".join)
MARKERS = st.one_of(st.builds(whiteout, PATHS), st.builds(opaque, PATHS | st.just("")))
ENTRIES = st.one_of(
    st.builds(file, PATHS, st.integers(0, 3), st.integers(0, 1)),
    st.builds(folder, PATHS),
    st.builds(symlink, PATHS, PATHS),
)
LINKS_AND_ENTRIES = st.one_of(ENTRIES, st.builds(hard_link, PATHS, PATHS))
ROWS = LINKS_AND_ENTRIES | MARKERS
STACKS = st.lists(st.lists(ROWS, max_size=8), max_size=4)


def consistent(layer: Layer) -> list[Entry]:
    """The layer without entries that contradict others of it, as a tool makes one of a directory tree.

    Every path once, below directories only, its parents before it.
    """
    kept: dict[str, Entry] = {}
    for row in layer:
        above = {row.path[:index] for index, letter in enumerate(row.path) if letter == "/"}
        is_clear = all(path not in kept or kept[path].kind is Kind.DIRECTORY for path in above)
        below = [path for path in kept if path.startswith(f"{row.path}/")]
        if is_clear and row.path not in kept and (row.kind is Kind.DIRECTORY or not below):
            kept[row.path] = row
    links = {path for path, row in kept.items() if row.kind is Kind.FILE}
    rows = [row for row in kept.values() if row.kind is not Kind.HARD_LINK or row.link in links]
    return sorted(rows, key=lambda row: (row.kind is Kind.HARD_LINK, row.path.count("/"), row.path))

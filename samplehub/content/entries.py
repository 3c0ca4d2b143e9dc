"""Entries of a layer, and the tar archive they become."""

from __future__ import annotations

import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from samplehub.content.seeds import EPOCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


# How a tar writer puts down what does not fit into a plain header: GNU tar with L and K entries,
# Go's archive/tar (Docker) with PAX records.
Dialect = Literal["gnu", "pax"]

# Go ends an archive with two zero blocks; GNU tar fills a record of twenty blocks (tar manual, 9.1).
_RECORD_BYTES: dict[Dialect, int] = {"gnu": 10_240, "pax": 1024}


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a layer.

    Attributes:
        path: Without a leading slash; bytes that are not UTF-8 as surrogate escapes.
        data: Content of a regular file.
        mode: Permission bits with setuid, setgid and sticky.
        kind: The type flag of tar.
        link: Target of a hard or symbolic link.
        owner: uid, gid, uname, gname.
        mtime: Unix s; a fraction needs a PAX record.
        device: Major and minor number.
        pax: Further PAX records, such as ``SCHILY.xattr.user.note``.
    """

    path: str
    data: bytes = b""
    mode: int = 0o644
    kind: bytes = tarfile.REGTYPE
    link: str = ""
    owner: tuple[int, int, str, str] = (0, 0, "root", "root")
    mtime: float = EPOCH
    device: tuple[int, int] = (0, 0)
    pax: Mapping[str, str] = field(default_factory=dict)


def directory(path: str, mode: int = 0o755) -> Entry:
    """A directory, owned by root."""
    return Entry(path, mode=mode, kind=tarfile.DIRTYPE)


def symlink(path: str, target: str) -> Entry:
    """A symbolic link."""
    return Entry(path, mode=0o777, kind=tarfile.SYMTYPE, link=target)


def hard_link(path: str, target: str, mode: int = 0o644) -> Entry:
    """A hard link to a path of the same archive."""
    return Entry(path, mode=mode, kind=tarfile.LNKTYPE, link=target)


def whiteout(path: str) -> Entry:
    """The marker that deletes ``path`` of the layers below (OCI image-spec, layer.md#whiteouts)."""
    parent, _, name = path.rpartition("/")
    return Entry(f"{parent}/.wh.{name}" if parent else f".wh.{name}", mode=0)


def opaque(path: str) -> Entry:
    """The marker that hides what the layers below have in the directory ``path``."""
    return Entry(f"{path}/.wh..wh..opq", mode=0)


def in_walk_order(entries: Iterable[Entry]) -> list[Entry]:
    """The entries sorted by path, with every implied parent directory, as Docker writes a layer.

    Of two entries at one path the later one stays.
    """
    by_path = {entry.path: entry for entry in entries}
    for path in list(by_path):
        parent = path.rpartition("/")[0]
        while parent and parent not in by_path:
            by_path[parent] = directory(parent)
            parent = parent.rpartition("/")[0]
    return [by_path[path] for path in sorted(by_path)]


def tar(entries: Iterable[Entry], dialect: Dialect = "pax") -> bytes:
    """The archive of ``entries``, in their order."""
    parts = []
    for entry in entries:
        parts += [_header(entry, dialect), entry.data, bytes(-len(entry.data) % 512)]
    written = sum(map(len, parts)) + 1024
    parts.append(bytes(1024 + -written % _RECORD_BYTES[dialect]))
    return b"".join(parts)


def _header(entry: Entry, dialect: Dialect) -> bytes:
    info = tarfile.TarInfo(entry.path)
    info.size, info.mode, info.mtime, info.type = len(entry.data), entry.mode, entry.mtime, entry.kind
    info.linkname, (info.devmajor, info.devminor) = entry.link, entry.device
    info.uid, info.gid, info.uname, info.gname = entry.owner
    info.pax_headers = dict(entry.pax)
    return info.tobuf(
        tarfile.GNU_FORMAT if dialect == "gnu" else tarfile.PAX_FORMAT, "utf-8", "surrogateescape"
    )

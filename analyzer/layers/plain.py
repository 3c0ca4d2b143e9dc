"""The fast way through a tar: runs of plain files, directories and symbolic links, straight to their rows.

:class:`analyzer.layers.tar.TarReader` and :mod:`analyzer.layers.rows` are the reference, and take several
times longer for an entry. Of a layer nearly all entries are plain in every way; whatever is odd in any way
ends a run here, and is left to them with nothing of it consumed. Both lead to the same rows and sums.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from hashlib import sha256
from struct import Struct
from typing import TYPE_CHECKING, Any, NamedTuple

from analyzer.layers.headers import (
    BLOCK_BYTES,
    CACHE_SIZE,
    plain_checksum,
    plain_number,
    plain_owner,
    plain_tail,
)
from analyzer.layers.paths import normalise
from analyzer.layers.rows import JUDGED_BITS, WHITEOUT
from analyzer.layers.tree import PATH_BYTES
from analyzer.layers.windows import HEAD_BYTES
from corpus.profiles.layer import Entry, EntryFlag, Kind
from corpus.profiles.names import text_of

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from analyzer.analysers.collection import Collection
    from analyzer.layers.contents import Contents
    from analyzer.layers.tar import TarReader
    from analyzer.layers.tree import Folder, Tree

try:
    from isal import isal_zlib

    _adler32: Any = isal_zlib.adler32  # three times as fast
except ImportError:  # pragma: no cover
    _adler32 = zlib.adler32

# Name, owner (mode, uid, gid), size but for its last byte, that byte, mtime, checksum, type, link, and what
# files of one owner share besides: magic, names, device, prefix.
_FIELDS = Struct("100s 24s 11s B 12s 8s s 100s 255s").unpack
_NO_SIZE, _NO_LINK, _NO_PREFIX = b"0" * 11, bytes(100), bytes(167)
_FILE = Kind.FILE
_KINDS = {b"0": Kind.FILE, b"2": Kind.SYMLINK, b"5": Kind.DIRECTORY}
# What is not written in a path as it is: control characters and the backslash.
_ESCAPED = bytes([*range(0x20), 0x7F, 0x5C])
_NOT_IN_BASE = _ESCAPED + b"/"
_DUPLICATE = (EntryFlag.DUPLICATE,)
# Memory for paths that a plain entry may take at most, with all directories that it implies.
_MAX_CHARGE_BYTES = 50_000


class _Shared(NamedTuple):
    """What neighbours have in common: often all the files of a layer."""

    kind: Kind
    mode: int
    uid: int
    gid: int
    dialect: str
    uname: str
    gname: str


_NOTHING = _Shared(Kind.OTHER, 0, 0, 0, "", "", "")


class PlainRuns:
    """Reads runs of plain entries out of the windows of a :class:`TarReader`."""

    def __init__(self, tar: TarReader, tree: Tree, contents: Contents, collection: Collection | None) -> None:
        self._tar = tar
        self._tree = tree
        self._contents = contents
        interest = collection.interest if collection is not None else None
        self._ending_bytes = interest.ending_bytes if interest else 1
        self._endings: Container[bytes] = interest.endings if interest else ()
        self._beginnings: Iterable[bytes] = interest.beginnings if interest else ()

    def read_into(self, rows: list[Entry]) -> None:  # noqa: C901, PLR0912, PLR0915 - see below
        """Append the rows of the plain entries that come next and lie wholly in the window.

        One loop, long and flat, because it runs for every file there is: a call or an object for each of its
        steps would cost more than the step. What neighbours have in common is looked up when it changes.
        """
        stream, tree, contents = self._tar.stream, self._tree, self._contents
        window, view, position, start = stream.window, stream.view, stream.position, stream.start
        window_bytes, ending_bytes, endings = len(window), self._ending_bytes, self._endings
        codes, types = tree.codes, contents.types
        owner = rest = time = type_ = b""
        shared, mtime = _NOTHING, 0
        prefix, prefix_bytes, folder = b"\0", 1, tree.root  # no name begins so
        first = len(rows)
        reach = min(window_bytes, position + self._room() * BLOCK_BYTES)  # no entry takes less than a block
        others = path_bytes = file_bytes = 0
        try:
            while (payload := position + BLOCK_BYTES) <= reach:
                block = window[position:payload]
                name, new_owner, digits, last, new_time, checksum, new_type, link, new_rest = _FIELDS(block)
                # ASCII, so that the sum of all bytes fits into the low half of Adler-32.
                if not block.isascii() or _adler32(block) & 0xFFFF != plain_checksum(checksum):
                    break
                if new_rest != rest or new_type != type_ or new_owner != owner:
                    if (common := _shared(new_owner, new_type, new_rest)) is None:
                        break
                    shared, owner, type_, rest = common, new_owner, new_type, new_rest
                    kind, mode, uid, gid, dialect, uname, gname = shared
                if new_time != time:
                    if (seconds := plain_number(new_time)) is None:
                        break
                    mtime, time = seconds, new_time
                name = name.partition(b"\0")[0]
                if kind is not _FILE:
                    link = link.partition(b"\0")[0]
                    row = self._without_content(name, link, shared)
                    if row is None or digits != _NO_SIZE or last:
                        break
                    row.mtime_s, row.offset_bytes = mtime, start + position
                    if not tree.add(row.path.encode(), kind, 0):
                        row.flags = _DUPLICATE
                    rows.append(row)
                    others += 1
                    position = payload
                    continue
                base = name[prefix_bytes:]
                is_elsewhere = not name.startswith(prefix) or base.translate(None, _NOT_IN_BASE) != base
                if is_elsewhere:
                    base = name[name.rfind(b"/") + 1 :]
                # Before the slash in ASCII stand, among others, nothing and the dot: no name, a
                # whiteout, "..".
                if base < b"/" or name[-ending_bytes:] in endings or last or not digits.isdigit():
                    break
                try:
                    end = payload + int(digits, 8)
                except ValueError:  # a digit above 7
                    break
                if end > window_bytes or link != _NO_LINK:
                    break
                if is_elsewhere:  # last of all, since it makes the directory
                    if (below := self._folder_of(name)) is None:
                        break
                    folder = below
                    prefix_bytes = len(name) - len(base)
                    prefix = name[:prefix_bytes]
                size = end - payload
                sha = sha256(view[payload:end]).hexdigest()
                found = types.get(sha)
                if found is None:
                    head = window[payload : end if size < HEAD_BYTES else payload + HEAD_BYTES]
                    found = contents.new(sha, head, name)
                else:
                    contents.duplicate_bytes += size
                group, content_type, method, mime = found
                row = Entry(
                    path=name.decode(),
                    kind=kind,
                    size_bytes=size,
                    mode=mode,
                    uid=uid,
                    gid=gid,
                    mtime_s=mtime,
                    offset_bytes=start + position,
                    sha256=sha,
                    group=group,
                    type=content_type,
                    method=method,
                    mime=mime,
                    uname=uname,
                    gname=gname,
                    dialect=dialect,
                )
                known = len(codes)
                code = codes.setdefault(name, size)
                if len(codes) == known:
                    tree.replace(folder, name, code, size)
                    row.flags = _DUPLICATE
                else:
                    folder.files += 1
                    folder.bytes += size
                    path_bytes += len(name) + PATH_BYTES
                rows.append(row)
                file_bytes += size
                position = end + (-size & 511)
        finally:  # where memory ends, too
            stream.position = position
            self._tar.entries += len(rows) - first
            tree.bytes_left -= path_bytes
            contents.count += len(rows) - first - others
            contents.stored_bytes += file_bytes

    def _room(self) -> int:
        """How many entries may come before a limit has to be looked at after each of them."""
        return min(self._tar.entries_left, self._tree.bytes_left // _MAX_CHARGE_BYTES)

    def _without_content(self, name: bytes, link: bytes, shared: _Shared) -> Entry | None:
        """The row of a directory or symbolic link, time and place aside; ``None`` if it is not plain."""
        path, is_link = name.removesuffix(b"/"), shared.kind is Kind.SYMLINK
        if not _is_plain(path) or bool(link) is not is_link:
            return None
        if b".." in link or link.translate(None, _ESCAPED) != link:
            return None
        return Entry(
            path=path.decode(),
            kind=shared.kind,
            mode=shared.mode,
            uid=shared.uid,
            gid=shared.gid,
            link=link.decode() if is_link else None,
            uname=shared.uname,
            gname=shared.gname,
            dialect=shared.dialect,
        )

    def _folder_of(self, name: bytes) -> Folder | None:
        """The directory that the file ``name`` lies in; ``None`` if it is not plain."""
        path, slash, base = name.rpartition(b"/")
        if base.translate(None, _NOT_IN_BASE) != base or (slash and not _is_plain(path)):
            return None
        # What an analyser asks for may lie in it: then its beginning begins the path, or the other way round.
        prefix = path + slash
        if any(each.startswith(prefix) or prefix.startswith(each) for each in self._beginnings):
            return None
        return self._tree.folder(path)


def _is_plain(path: bytes) -> bool:
    """Whether ``path`` has nothing to normalise, to escape or to flag, and no part of a whiteout."""
    return (
        path != b""
        and WHITEOUT not in path
        and path.translate(None, _ESCAPED) == path
        and normalise(path) == path
    )


@lru_cache(CACHE_SIZE)
def _shared(owner: bytes, typeflag: bytes, rest: bytes) -> _Shared | None:
    """What bytes 100 to 123, 156, and 257 to 511 of a header say; ``None`` for a prefix or an odd mode."""
    kind, owned, tail = _KINDS.get(typeflag), plain_owner(owner), plain_tail(rest[:88])
    if kind is None or owned is None or tail is None or rest[88:] != _NO_PREFIX:
        return None
    if owned[0] & JUDGED_BITS and kind is not Kind.SYMLINK:
        return None
    dialect, uname, gname, _ = tail
    return _Shared(kind, *owned, dialect, text_of(uname), text_of(gname))

"""From a member of a tar to its row in the profile: kind, path, flags."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from analyzer.layers import tar
from analyzer.layers.extensions import NO_OVERLAY, PAX_GLOBAL
from analyzer.layers.paths import leaves_root, name_flags
from corpus.profiles.layer import Entry, EntryFlag, Kind
from corpus.profiles.names import text_of

if TYPE_CHECKING:
    from analyzer.layers.tar import Member

_KINDS = {
    tar.REGULAR: Kind.FILE,
    tar.CONTIGUOUS: Kind.FILE,
    tar.GNU_SPARSE: Kind.FILE,
    tar.HARD_LINK: Kind.HARD_LINK,
    tar.SYMLINK: Kind.SYMLINK,
    tar.CHARACTER: Kind.CHARACTER_DEVICE,
    tar.BLOCK: Kind.BLOCK_DEVICE,
    tar.DIRECTORY: Kind.DIRECTORY,
    tar.FIFO: Kind.FIFO,
    PAX_GLOBAL: Kind.GLOBAL_HEADER,
}
_DEVICES = frozenset({Kind.CHARACTER_DEVICE, Kind.BLOCK_DEVICE})

WHITEOUT = b".wh."
_OPAQUE = b".wh..wh..opq"
_AUFS = b".wh..wh."
# What follows '.wh.' and names nothing that a layer below can hold.
_BARE = frozenset({b"", b".", b".."})

_SETUID, _SETGID, _STICKY, _OTHERS_WRITE = 0o4000, 0o2000, 0o1000, 0o002
JUDGED_BITS = _SETUID | _SETGID | _OTHERS_WRITE
_JUDGED_KINDS = frozenset({Kind.FILE, Kind.DIRECTORY, Kind.HARD_LINK})
_SPECIAL_KINDS = frozenset(
    {Kind.SYMLINK, Kind.HARD_LINK, Kind.CHARACTER_DEVICE, Kind.OTHER, Kind.WHITEOUT, Kind.OPAQUE}
)
# Shorter than any length that has a flag.
_SHORT_BYTES = 1024


def row_of(member: Member, path: bytes) -> Entry:
    """The row of ``member``, whose normalised name is ``path``; without type, and without ``duplicate``."""
    header = member.header
    name = header.name
    kind = kind_of(header.typeflag, path)
    row = Entry(
        path=text_of(path),
        kind=kind,
        size_bytes=header.size,
        mode=header.mode,
        uid=header.uid,
        gid=header.gid,
        mtime_s=header.mtime,
        offset_bytes=member.offset,
        uname=_cached_text(header.uname),
        gname=_cached_text(header.gname),
        dialect=header.dialect,
    )
    if member.payload is not None:
        row.sha256 = member.payload.sha256.hex()
    if header.link:
        row.link = text_of(header.link)
    if member.stored != header.size:
        row.stored_bytes = member.stored
    if kind in _DEVICES:
        row.device = header.device
    if name != path and name != path + b"/":
        row.name = text_of(name)
    if member.overlay is not NO_OVERLAY:
        _add_overlay(row, member)
    row.flags = _flags(member, row, path)
    return row


def kind_of(typeflag: bytes, path: bytes) -> Kind:
    """What an entry is: by its name first, since a whiteout is a regular file in every other respect."""
    kind = _KINDS.get(typeflag, Kind.OTHER)
    if WHITEOUT not in path or kind is Kind.GLOBAL_HEADER:
        return kind
    base = path[path.rfind(b"/") + 1 :]
    if base == _OPAQUE:
        return Kind.OPAQUE
    if any(component.startswith(_AUFS) for component in path.split(b"/")):
        return Kind.AUFS_META
    return Kind.WHITEOUT if base.startswith(WHITEOUT) else kind


def _add_overlay(row: Entry, member: Member) -> None:
    overlay = member.overlay
    row.mtime_ns = overlay.mtime_ns
    if overlay.xattrs:
        row.xattrs = _texts(overlay.xattrs)
    if overlay.others:
        row.pax = _texts(overlay.others)


def _texts(records: dict[bytes, bytes]) -> dict[str, str]:
    return {text_of(key): text_of(value) for key, value in sorted(records.items())}


def _flags(member: Member, row: Entry, path: bytes) -> tuple[EntryFlag, ...]:
    """Everything odd about one entry, always in the same order."""
    header, kind = member.header, row.kind
    flags: list[EntryFlag] = []
    # ASCII that was normalised and escaped to itself has no odd name unless it is long.
    if row.name is not None or len(row.path) != len(path) or len(path) > _SHORT_BYTES or not path.isascii():
        flags += name_flags(header.name, path)
    if header.mode & JUDGED_BITS and kind in _JUDGED_KINDS:
        flags += _mode_flags(header.mode, kind)
    if kind in _SPECIAL_KINDS:
        flags += _kind_flags(member, kind, path)
    if flags or member.overlay.flags:
        return (*flags, *member.overlay.flags, *member.flags)
    return member.flags


def _kind_flags(member: Member, kind: Kind, path: bytes) -> list[EntryFlag]:
    """What only entries of one kind can have."""
    header = member.header
    match kind:
        case Kind.SYMLINK if leaves_root(path, header.link):
            return [EntryFlag.LINK_ESCAPE]
        case Kind.HARD_LINK if leaves_root(b"", header.link):  # its target is a name of the tar
            return [EntryFlag.LINK_ESCAPE]
        case Kind.CHARACTER_DEVICE if header.device == (0, 0):
            return [EntryFlag.DEVICE_0_0]
        case Kind.OTHER:
            return [EntryFlag.UNKNOWN_TYPE]
        case Kind.WHITEOUT | Kind.OPAQUE:
            return _whiteout_flags(member, path)
    return []


def _mode_flags(mode: int, kind: Kind) -> list[EntryFlag]:
    flags = []
    if mode & _SETUID:
        flags.append(EntryFlag.SETUID)
    if mode & _SETGID:
        flags.append(EntryFlag.SETGID)
    if mode & _OTHERS_WRITE and not (kind is Kind.DIRECTORY and mode & _STICKY):
        flags.append(EntryFlag.WORLD_WRITABLE)
    return flags


def _whiteout_flags(member: Member, path: bytes) -> list[EntryFlag]:
    flags = []
    if member.header.size:
        flags.append(EntryFlag.WHITEOUT_NOT_EMPTY)
    if member.header.typeflag != tar.REGULAR:
        flags.append(EntryFlag.WHITEOUT_NOT_REGULAR)
    if path[path.rfind(b"/") + 1 :].removeprefix(WHITEOUT) in _BARE:
        flags.append(EntryFlag.WHITEOUT_BARE)
    return flags


@lru_cache(1024)
def _cached_text(raw: bytes) -> str:
    return text_of(raw)

"""What stands before an entry and describes it: pax headers and GNU long names."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from analyzer.layers.faults import LayerFault
from analyzer.layers.numbers import parse_decimal, parse_time
from analyzer.layers.pax import SPARSE_MAP, PaxHeader, parse_pax, split_xattrs
from corpus.profiles.layer import EntryFlag, LayerReason

if TYPE_CHECKING:
    from analyzer.layers.headers import Header

PAX, PAX_GLOBAL, GNU_NAME, GNU_LINK = b"x", b"g", b"L", b"K"
LOCAL = frozenset({PAX, GNU_NAME, GNU_LINK})

# Records that end up in a field of the row, or (the map) in the reading of the payload.
_OWN_FIELDS = frozenset(
    {b"path", b"linkpath", b"uname", b"gname", b"uid", b"gid", b"size", b"mtime", SPARSE_MAP}
)


class Overlay(NamedTuple):
    """What the extensions of an entry add to the fields of its header."""

    records: dict[bytes, bytes]
    mtime_ns: int
    xattrs: dict[bytes, bytes]
    others: dict[bytes, bytes]
    flags: tuple[EntryFlag, ...]


NO_OVERLAY = Overlay({}, 0, {}, {}, ())


class Extensions:
    """The extensions gathered for the next entry. Of several of one type the last one counts (as in Go)."""

    def __init__(self, max_count: int) -> None:
        self._max_count = max_count
        self._count = 0
        self._pax: PaxHeader | None = None
        self._name = b""
        self._link = b""

    def __len__(self) -> int:
        return self._count

    def add(self, typeflag: bytes, body: bytes) -> None:
        """Take one more.

        Raises:
            LayerFault: It is malformed, or there are too many.
        """
        self._count += 1
        if self._count > self._max_count:
            raise LayerFault(LayerReason.EXTENSION_CHAIN)
        if typeflag == PAX:
            self._pax = parse_pax(body)
        elif typeflag == GNU_NAME:
            self._name = body.partition(b"\0")[0]
        else:
            self._link = body.partition(b"\0")[0]

    def apply(self, header: Header) -> Overlay:
        """Write what they say into ``header`` and return the rest.

        Raises:
            LayerFault: A number or time in a record is none.
        """
        overlay = apply_pax(header, self._pax) if self._pax else NO_OVERLAY
        if self._name and overlay.records.get(b"path"):
            overlay = overlay._replace(flags=(*overlay.flags, EntryFlag.PAX_GNU_MIX))
        header.name = self._name or header.name
        header.link = self._link or header.link
        return overlay


def apply_pax(header: Header, pax: PaxHeader) -> Overlay:
    """Overwrite the fields of ``header`` that ``pax`` has records for; an empty value keeps the field."""
    records = pax.records
    header.dialect = "pax"
    header.name = records.get(b"path") or header.name
    header.link = records.get(b"linkpath") or header.link
    header.uname = records.get(b"uname") or header.uname
    header.gname = records.get(b"gname") or header.gname
    header.uid = _number(records, b"uid", header.uid)
    header.gid = _number(records, b"gid", header.gid)
    header.size = _number(records, b"size", header.size)
    flags = [EntryFlag.PAX_REPEATED] if pax.is_repeated else []
    mtime_ns = 0
    for key in (b"atime", b"ctime", b"mtime"):
        if value := records.get(key):
            seconds, nanoseconds, is_clamped = parse_time(value)
            if key == b"mtime":
                header.mtime, mtime_ns = seconds, nanoseconds
                flags += [EntryFlag.TIME_CLAMPED] if is_clamped else []
    xattrs, others = split_xattrs({key: value for key, value in records.items() if key not in _OWN_FIELDS})
    return Overlay(records, mtime_ns, xattrs, others, tuple(flags))


def _number(records: dict[bytes, bytes], key: bytes, default: int) -> int:
    value = records.get(key)
    return parse_decimal(value) if value else default

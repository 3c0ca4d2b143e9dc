"""The table of contents of a seekable layer, held against the entries of its tar."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from analyzer.layers import tar
from analyzer.layers.paths import normalise
from analyzer.layers.seekable import TOC_NAME, find_footer, read_toc
from corpus.profiles.layer import EntryFlag, Kind, LayerFlag

if TYPE_CHECKING:
    from analyzer.layers.blob import Blob
    from analyzer.layers.headers import Header
    from analyzer.layers.tar import Member
    from corpus.profiles.layer import Entry, Seekable

LANDMARKS = frozenset({b".prefetch.landmark", b".no.prefetch.landmark"})

_TYPES = {
    tar.REGULAR: "reg",
    tar.CONTIGUOUS: "reg",
    tar.GNU_SPARSE: "reg",
    tar.HARD_LINK: "hardlink",
    tar.SYMLINK: "symlink",
    tar.CHARACTER: "char",
    tar.BLOCK: "block",
    tar.DIRECTORY: "dir",
    tar.FIFO: "fifo",
}
_LINKS = frozenset({"hardlink", "symlink"})
_CHUNK = "chunk"
_PERMISSIONS = 0o7777
_BROKEN = re.compile("[\udc80-\udcff]")


class _TocEntry(msgspec.Struct, gc=False, rename={"link": "linkName"}):
    """One entry as both forms write it, as far as the tar has the same; ``digest`` may be left out."""

    type: str
    name: str
    size: int = 0
    mode: int = 0
    uid: int = 0
    gid: int = 0
    link: str = ""
    digest: str = ""


class _Document(msgspec.Struct, gc=False):
    version: int
    entries: list[_TocEntry] | None = None


class Toc:
    """What a footer promises, and whether the tar keeps it.

    Attributes:
        form: The form of the seekable layer.
        json_bytes: Bytes of the table, 0 if it could not be read.
        entries: Its entries, chunks of files included.
    """

    def __init__(self, form: Seekable, document: bytes | None) -> None:
        self.form = form
        found = None if document is None else _parse(document)
        self._is_read = found is not None
        self.json_bytes = len(document) if document is not None and self._is_read else 0
        self.entries = len(found or ())
        self._left = _by_path(found or [])
        self._mismatches = 0

    def meet(self, member: Member, row: Entry, path: bytes) -> None:
        """Compare one row of the tar, and mark it if it is bookkeeping of the form itself."""
        is_file = row.kind is Kind.FILE
        if is_file and (path == TOC_NAME or path in LANDMARKS):
            row.kind = Kind.SEEK_META
        if not self._is_read or (is_file and path == TOC_NAME) or row.kind is Kind.GLOBAL_HEADER:
            return
        if EntryFlag.INCOMPLETE in row.flags:
            return
        told = self._left.get(_key(path))
        if not told:
            self._mismatches += 1
            return
        entry = told.pop(0)
        if not told:
            del self._left[_key(path)]
        is_whole = EntryFlag.DIGEST_OF_STORED not in row.flags
        self._mismatches += not _agrees(entry, member.header, row.sha256 if is_whole else None)

    def mismatches(self, *, is_complete: bool) -> int:
        """Rows without an entry or with another one; of a complete tar also the entries without a row."""
        return self._mismatches + (sum(map(len, self._left.values())) if is_complete else 0)

    def flags(self, *, is_complete: bool) -> list[LayerFlag]:
        """What is odd about the table."""
        if not self._is_read:
            return [LayerFlag.TOC_UNREAD]
        return [LayerFlag.TOC_MISMATCH] if self.mismatches(is_complete=is_complete) else []


def find_toc(blob: Blob, max_bytes: int) -> Toc | None:
    """The table of a seekable layer; ``None`` for every other one."""
    footer = find_footer(blob)
    return None if footer is None else Toc(footer.form, read_toc(blob, footer, max_bytes))


def _parse(document: bytes) -> list[_TocEntry] | None:
    try:
        return msgspec.json.decode(document, type=_Document).entries or []
    except (msgspec.DecodeError, RecursionError):
        return None


def _by_path(entries: list[_TocEntry]) -> dict[str, list[_TocEntry]]:
    table: dict[str, list[_TocEntry]] = {}
    for entry in entries:
        if entry.type != _CHUNK:
            path = normalise(entry.name.encode(errors="surrogatepass"))
            table.setdefault(path.decode(errors="surrogatepass"), []).append(entry)
    return table


def _key(path: bytes) -> str:
    """A path as Go writes it into JSON: a replacement character for each byte that is not UTF-8."""
    return _BROKEN.sub("\ufffd", path.decode(errors="surrogateescape"))


def _agrees(entry: _TocEntry, header: Header, sha256: str | None) -> bool:
    """Whether an entry says what the tar says; a digest of the stored bytes alone cannot be compared."""
    kind = _TYPES.get(header.typeflag)
    if entry.type != kind or (entry.mode ^ header.mode) & _PERMISSIONS:
        return False
    if (entry.uid, entry.gid) != (header.uid, header.gid):
        return False
    if kind == "reg":
        is_same = sha256 is None or entry.digest in ("", f"sha256:{sha256}")
        return is_same and entry.size == header.size
    return kind not in _LINKS or entry.link == _key(header.link)

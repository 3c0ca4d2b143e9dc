"""The one pass over a layer: what is gathered on the way, and the summary of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from analyzer.layers import sniff
from analyzer.layers.faults import LayerFault, status_of
from analyzer.layers.inflate import Inflater
from analyzer.layers.paths import normalise
from analyzer.layers.rows import row_of
from analyzer.layers.tar import TarReader
from analyzer.layers.tree import Tree
from analyzer.types.detect import detect
from corpus.profiles.layer import EntryFlag, Kind, LayerFlag, LayerStatus, LayerSummary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from analyzer.layers.blob import Blob
    from analyzer.layers.tar import Member
    from analyzer.layers.tree import TreeSummary
    from analyzer.layers.windows import Payload
    from analyzer.settings import LayerLimits
    from analyzer.types.taxonomy import FileType
    from corpus.profiles.layer import Directory, Entry
    from registry.digests import Digest


class LayerReading:
    """Reads one layer: :meth:`rows`, then :meth:`drain`, then what follows from them."""

    def __init__(self, blob: Blob, media_type: str, limits: LayerLimits) -> None:
        self._blob = blob
        self._media_type = media_type
        self._inflater = Inflater(blob, limits)
        self._head, windows = sniff.peek(self._inflater.windows())
        self._tar = TarReader(windows, limits)
        self._tree = Tree(limits.max_path_bytes)
        self._contents = Contents()
        self._fault: LayerFault | None = None
        self._fault_tar_offset = 0
        self._rows = self._complete_rows = self._flagged = self._data_after_end = 0
        self._oldest: int | None = None
        self._newest: int | None = None
        self._tree_summary: TreeSummary | None = None

    def rows(self) -> Iterator[Entry]:
        """Every entry of the layer, as far as it can be read."""
        try:
            sniff.check_is_tar(self._head, self._media_type)
            for member in self._tar:
                yield self._row(member)
                self._tree.check()
        except LayerFault as fault:
            self._fault = fault
            self._fault_tar_offset = self._tar.offset

    def drain(self) -> None:
        """Read on to the real end: the DiffID covers what follows the tar's end, the digest everything.

        The work is bounded by the budget for the whole tar, which a layer without a fault may use too.
        """
        is_ended = self._fault is None
        try:
            for window in self._tar.rest():
                self._data_after_end += len(window) - window.count(0) if is_ended else 0
        except LayerFault as late:
            if is_ended:
                self._fault, self._fault_tar_offset = late, self._tar.offset
        self._blob.drain()

    def directories(self) -> Sequence[Directory]:
        """The directory table."""
        return self._summed_tree().directories

    def summary(self, digest: Digest) -> LayerSummary:
        """Everything but the rows."""
        fault, inflater, tree, contents = self._fault, self._inflater, self._summed_tree(), self._contents
        cls, als, fls = self._blob.size_bytes, inflater.size_bytes, tree.fls_bytes
        return LayerSummary(
            digest=str(digest),  # a plain text: subclasses are not encoded
            media_type=self._media_type,
            compression=inflater.compression,
            status=status_of(fault.reason) if fault else LayerStatus.COMPLETE,
            reason=fault.reason if fault else None,
            sniffed=fault.sniffed if fault else None,
            error_compressed_offset_bytes=fault.offset if fault else None,
            error_tar_offset_bytes=self._fault_tar_offset if fault else None,
            error_entry=self._complete_rows if fault else None,
            blob_ok=self._blob.is_intact(),
            diffid=inflater.diffid(),
            flags=self._flags(),
            members=inflater.members,
            trailing_bytes=inflater.trailing_bytes,
            data_after_end_bytes=self._data_after_end,
            cls_bytes=cls,
            als_bytes=als,
            fls_bytes=fls,
            stored_bytes=contents.stored_bytes,
            fls_cls_ratio=fls / cls if cls else None,
            als_cls_ratio=als / cls if cls else None,
            counts=msgspec.structs.replace(
                tree.counts(),
                entries=self._rows,
                duplicate_entries=self._tree.duplicates,
                flagged_entries=self._flagged,
                contents=contents.count,
                distinct_contents=contents.distinct,
                duplicate_content_bytes=contents.duplicate_bytes,
            ),
            depth=tree.depth(),
            oldest_mtime_s=self._oldest,
            newest_mtime_s=self._newest,
            is_empty=not self._rows and fault is None,
        )

    def _row(self, member: Member) -> Entry:
        path = normalise(member.header.name)
        row = row_of(member, path)
        self._rows += 1
        if EntryFlag.INCOMPLETE not in row.flags:
            self._count(member, path, row)
        if row.flags:
            self._flagged += 1
        return row

    def _count(self, member: Member, path: bytes, row: Entry) -> None:
        """Add a whole entry to the sums, and to its row what only they know: type and duplicates."""
        kind, mtime = row.kind, row.mtime_s
        if kind is Kind.FILE and member.payload is not None:
            found = self._contents.add(member, member.payload, path)
            row.group, row.type, row.method = found
        if kind is not Kind.GLOBAL_HEADER:
            if not self._tree.add(path, kind, row.size_bytes):
                row.flags += (EntryFlag.DUPLICATE,)
            if self._oldest is None or self._newest is None:
                self._oldest = self._newest = mtime
            elif mtime < self._oldest:
                self._oldest = mtime
            elif mtime > self._newest:
                self._newest = mtime
        self._complete_rows += 1

    def _summed_tree(self) -> TreeSummary:
        if self._tree_summary is None:
            self._tree_summary = self._tree.summary()
        return self._tree_summary

    def _flags(self) -> tuple[LayerFlag, ...]:
        flags = list(self._inflater.flags)
        if not sniff.is_announced(self._media_type, self._inflater.compression):
            flags.append(LayerFlag.MEDIA_TYPE_LIE)
        if self._fault is None and not self._tar.has_end_blocks:
            flags.append(LayerFlag.NO_END_BLOCKS)
        if self._data_after_end:
            flags.append(LayerFlag.DATA_AFTER_END)
        return tuple(flags)


class Contents:
    """The distinct contents of a layer, each with its type.

    Attributes:
        count: Files added.
        duplicate_bytes: Sizes of those whose content had come before.
        stored_bytes: Bytes stored for all of them.
    """

    def __init__(self) -> None:
        self._types: dict[bytes, FileType] = {}
        self.count = 0
        self.duplicate_bytes = 0
        self.stored_bytes = 0

    @property
    def distinct(self) -> int:
        """Number of distinct contents."""
        return len(self._types)

    def add(self, member: Member, payload: Payload, path: bytes) -> FileType:
        """Take a file; its type is that of the first one with its content."""
        self.count += 1
        self.stored_bytes += member.stored
        found = self._types.get(payload.sha256)
        if found is None:
            found = self._types[payload.sha256] = detect(payload.head, path)
        else:
            self.duplicate_bytes += member.header.size
        return found

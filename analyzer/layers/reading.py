"""The one pass over a layer: what is gathered on the way, and the summary of it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from analyzer.layers import sniff
from analyzer.layers.contents import Contents
from analyzer.layers.faults import LayerFault, status_of
from analyzer.layers.inflate import Inflater
from analyzer.layers.paths import normalise
from analyzer.layers.plain import PlainRuns
from analyzer.layers.rows import row_of
from analyzer.layers.tar import TarReader
from analyzer.layers.toc import find_toc
from analyzer.layers.tree import Tree
from corpus.profiles.layer import EntryFlag, Kind, LayerFlag, LayerReason, LayerStatus, LayerSummary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.analysers.collection import Collection
    from analyzer.layers.blob import Blob
    from analyzer.layers.tar import Member
    from analyzer.layers.tree import TreeSummary
    from analyzer.settings import LayerLimits
    from corpus.profiles.layer import Directory, Entry
    from registry.digests import Digest

# Rows are handed on together, since that is cheaper; this bounds what they take.
_BATCH_TAR_BYTES = 1 << 20
# Kinds that take the place of a file, if without content of their own: what analysers found there is gone.
_FILES = frozenset({Kind.FILE, Kind.HARD_LINK})


class LayerReading:
    """Reads one layer: :meth:`batches`, then :meth:`drain`, then what follows from them."""

    def __init__(
        self, blob: Blob, media_type: str, limits: LayerLimits, collection: Collection | None = None
    ) -> None:
        self._blob = blob
        self._media_type = media_type
        self._inflater = Inflater(blob, limits)
        self._head, windows = sniff.peek(self._inflater.windows())
        self._tar = TarReader(windows, limits, collection)
        self._collection = collection
        self._toc = find_toc(blob, limits.max_toc_bytes)
        self._tree = Tree(limits.max_path_bytes)
        self._contents = Contents()
        # The entries of a seekable layer are all held against its table.
        self._plain = PlainRuns(self._tar, self._tree, self._contents, collection) if not self._toc else None
        self._fault: LayerFault | None = None
        self._fault_tar_offset = 0
        self._rows = self._complete_rows = self._flagged = self._data_after_end = 0
        self._oldest: int | None = None
        self._newest: int | None = None
        self._tree_summary: TreeSummary | None = None

    @property
    def fault(self) -> LayerFault | None:
        """What ended the reading before the end of the layer."""
        return self._fault

    def batches(self) -> Iterator[list[Entry]]:
        """Every entry of the layer, as far as it can be read; those of about a MiB of the tar together.

        A batch is to be used up before the next one: the list is filled anew.
        """
        rows: list[Entry] = []
        try:
            sniff.check_is_tar(self._head, self._media_type)
            start = 0
            for member in self._members(rows):
                rows.append(self._row(member))
                self._tree.check()
                if self._tar.offset - start >= _BATCH_TAR_BYTES:
                    yield self._shown(rows)
                    rows.clear()
                    start = self._tar.offset
        except LayerFault as fault:
            self._fault = fault
            self._fault_tar_offset = self._tar.offset
        except MemoryError:
            self._fault = LayerFault(LayerReason.WORKER_MEMORY, offset=self._blob.offset)
            self._fault_tar_offset = self._tar.offset
        yield self._shown(rows)

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
        with suppress(LayerFault):  # no time left: it stays untold whether the blob is intact
            self._blob.drain()

    def directories(self) -> Iterator[Directory]:
        """The directory table."""
        return self._summed_tree().directories()

    def summary(self, digest: Digest) -> LayerSummary:
        """Everything but the rows."""
        fault, inflater, tree, contents = self._fault, self._inflater, self._summed_tree(), self._contents
        toc = self._toc
        cls, als, fls = self._blob.whole_bytes(), inflater.size_bytes, tree.fls_bytes
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
            producer=inflater.producer(),
            seekable=toc.form if toc else None,
            toc_bytes=toc.json_bytes if toc else 0,
            toc_entries=toc.entries if toc else 0,
            toc_mismatches=toc.mismatches(is_complete=fault is None) if toc else 0,
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

    def _members(self, rows: list[Entry]) -> Iterator[Member]:
        """The members that are not plain; the rows of the plain ones before each go to ``rows`` at once."""
        members = iter(self._tar)
        while True:
            if self._plain is not None:
                self._read_plain(rows, self._plain)
            member = next(members, None)
            if member is None:
                return
            yield member

    def _read_plain(self, rows: list[Entry], plain: PlainRuns) -> None:
        self._tree.compact()
        self._contents.compact()
        known = len(rows)
        try:
            plain.read_into(rows)
        finally:  # where memory ends, what was read counts
            if times := [row.mtime_s for row in rows[known:]]:
                self._complete_rows += len(times)
                self._meet_times(min(times), max(times))

    def _meet_times(self, oldest: int, newest: int) -> None:
        self._oldest = oldest if self._oldest is None else min(self._oldest, oldest)
        self._newest = newest if self._newest is None else max(self._newest, newest)

    def _shown(self, rows: list[Entry]) -> list[Entry]:
        """Count finished rows, and show them to the analysers that look at rows."""
        self._rows += len(rows)
        self._flagged += len([row for row in rows if row.flags])
        if self._collection is not None and self._collection.observes:
            self._collection.entries(rows)
        return rows

    def _row(self, member: Member) -> Entry:
        path = normalise(member.header.name)
        row = row_of(member, path)
        if self._toc is not None:
            self._toc.meet(member, row, path)
        if EntryFlag.INCOMPLETE not in row.flags:
            self._count(member, path, row)
        return row

    def _count(self, member: Member, path: bytes, row: Entry) -> None:
        """Add a whole entry to the sums, and to its row what only they know: type and duplicates."""
        kind = row.kind
        if kind is Kind.FILE and member.payload is not None:
            found = self._contents.add(member.payload, path, row.size_bytes, member.stored)
            row.group, row.type, row.method, row.mime = found
            if member.payload.content is not None and self._collection is not None:
                self._collection.file(path, member.payload.content)
        if kind is not Kind.GLOBAL_HEADER:
            if not self._tree.add(path, kind, row.size_bytes):
                row.flags += (EntryFlag.DUPLICATE,)
                if self._collection is not None and kind in _FILES and not row.size_bytes:
                    self._collection.forget(path)
            self._meet_times(row.mtime_s, row.mtime_s)
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
        if self._toc is not None:
            flags += self._toc.flags(is_complete=self._fault is None)
        return tuple(flags)

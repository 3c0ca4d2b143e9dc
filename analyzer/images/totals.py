"""What a merged file system amounts to, and what of its layers it could do without."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from analyzer.images.filesystem import Cause, Folder
from corpus.profiles.image import MergedTotals, Reclaimable
from corpus.profiles.layer import Kind

if TYPE_CHECKING:
    from analyzer.images.filesystem import FileSystem, Inode
    from analyzer.images.merge import Merge


class _Tally:
    """Counts names and inodes in one walk."""

    def __init__(self, files: FileSystem) -> None:
        self.names: Counter[Kind] = Counter()
        self.inodes: Counter[Kind] = Counter()
        self.sizes: dict[object, int] = {}  # by content
        self.stored: dict[object, int] = {}
        self.implied = self.depth = self.bytes = self.stored_bytes = 0
        seen = set[int]()
        for depth, node in files.walk():
            if isinstance(node, Folder):
                self._folder(node, depth)
                continue
            self.names[node.kind] += 1
            if node.links == 1 or id(node) not in seen:
                seen.add(id(node))
                self._inode(node)

    def _folder(self, folder: Folder, depth: int) -> None:
        self.names[Kind.DIRECTORY] += 1
        self.implied += not folder.is_explicit
        self.depth = max(self.depth, depth)

    def _inode(self, inode: Inode) -> None:
        self.inodes[inode.kind] += 1
        if inode.kind is Kind.FILE:
            self.bytes += inode.size
            self.sizes[inode.content] = inode.size
        if inode.stored_bytes:
            self.stored_bytes += inode.stored_bytes
            self.stored[inode.content] = inode.stored_bytes


def totals(merge: Merge) -> tuple[MergedTotals, Reclaimable]:
    """The totals of the file system, and the bytes of its layers that are not needed for it."""
    tally = _Tally(merge.files)
    return _merged(merge, tally), _reclaimable(merge.files.lost, tally)


def _merged(merge: Merge, tally: _Tally) -> MergedTotals:
    names, unresolved = tally.names, tally.names[Kind.HARD_LINK]
    return MergedTotals(
        files=names[Kind.FILE] + unresolved,
        regular_files=tally.inodes[Kind.FILE],
        hard_links=names[Kind.FILE] - tally.inodes[Kind.FILE] + unresolved,
        unresolved_hard_links=unresolved,
        symlinks=names[Kind.SYMLINK],
        directories=names[Kind.DIRECTORY],
        implied_directories=tally.implied,
        character_devices=names[Kind.CHARACTER_DEVICE],
        block_devices=names[Kind.BLOCK_DEVICE],
        fifos=names[Kind.FIFO],
        others=names[Kind.OTHER],
        bytes=tally.bytes,
        distinct_contents=len(tally.sizes),
        distinct_bytes=sum(tally.sizes.values()),
        max_depth=tally.depth,
        whiteouts_without_target=merge.vain_whiteouts,
        whiteouts_with_entry=merge.contradicted_whiteouts,
        replaced_parents=merge.files.replaced_parents,
        left_out=merge.left_out,
    )


def _reclaimable(lost: dict[Cause, int], tally: _Tally) -> Reclaimable:
    duplicate = tally.stored_bytes - sum(tally.stored.values())
    return Reclaimable(
        overwritten_bytes=lost[Cause.OVERWRITTEN],
        deleted_bytes=lost[Cause.DELETED],
        metadata_only_bytes=lost[Cause.METADATA_ONLY],
        identical_rewrite_bytes=lost[Cause.IDENTICAL_REWRITE],
        duplicate_elsewhere_bytes=duplicate,
        total_bytes=sum(lost.values()) + duplicate,
    )

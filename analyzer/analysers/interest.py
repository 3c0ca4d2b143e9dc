"""Which files of a layer any analyser may want: asked for each of them, so it must cost next to nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from analyzer.analysers import FileAnalyser

# Compared are fixed numbers of bytes, which is a look-up in a set (60 ns); ``endswith`` and ``in`` take the
# double of that, a regular expression ten times as long.
_ENDING_BYTES = 8
_BEGINNING_BYTES = 16
# How the names in tars begin.
_ROOTS = (b"", b"./", b"/")


class Interest:
    """The first look at a name as stored, before anything is read; few that pass it are not wanted.

    It is the caller who looks: ``name[-ending_bytes:] in endings or name[:beginning_bytes] in beginnings``.
    """

    def __init__(self, analysers: Iterable[FileAnalyser]) -> None:
        among = tuple(analysers)
        tails = {ending for analyser in among for ending in analyser.endings}
        heads = {root + folder for analyser in among for folder in analyser.folders for root in _ROOTS}
        self.ending_bytes = min((_ENDING_BYTES, *map(len, tails)))
        self.beginning_bytes = min((_BEGINNING_BYTES, *map(len, heads)))
        self.endings: Container[bytes] = frozenset(tail[-self.ending_bytes :] for tail in tails)
        self.beginnings = frozenset(head[: self.beginning_bytes] for head in heads)
        if any(not (analyser.endings or analyser.folders) for analyser in among):
            self.endings = _Everything()

    def __contains__(self, name: bytes) -> bool:
        """Whether somebody may want the file of this name."""
        return name[-self.ending_bytes :] in self.endings or name[: self.beginning_bytes] in self.beginnings


class _Everything:
    """A set that has every name in it."""

    def __contains__(self, _: object) -> bool:
        return True

"""Which bytes of a blob are here, when they do not come in order."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

# Where a blob of unknown size ends, as far as its spans go: one more than the largest size (int64).
NO_END = 1 << 63

# Two offsets, as they stand in a map: 16 bytes, big-endian.
_RECORD = struct.Struct(">QQ")


class Span(NamedTuple):
    """The bytes from ``start`` up to but not including ``end``."""

    start: int
    end: int

    @property
    def length(self) -> int:
        """In bytes."""
        return self.end - self.start


class Spans:
    """A set of bytes: spans in order, none empty, none touching the next."""

    def __init__(self, spans: Iterable[Span] = ()) -> None:
        self._spans: list[Span] = []
        for span in spans:
            self.add(*span)

    def __repr__(self) -> str:
        return f"<Spans {[tuple(span) for span in self._spans]}>"

    def __iter__(self) -> Iterator[Span]:
        return iter(self._spans)

    @property
    def prefix(self) -> int:
        """How many bytes are here from the first on, without a gap."""
        return self._spans[0].end if self._spans and self._spans[0].start == 0 else 0

    @property
    def total(self) -> int:
        """How many bytes are here."""
        return sum(span.length for span in self._spans)

    def add(self, start: int, end: int) -> None:
        """The bytes of this span are here, too."""
        if start >= end:
            return
        last = self._spans[-1] if self._spans else None
        if last is not None and last.start <= start <= last.end:  # the next bytes, as nearly always
            self._spans[-1] = Span(last.start, max(end, last.end))
            return
        touching = [span for span in self._spans if span.start <= end and start <= span.end]
        apart = [span for span in self._spans if span not in touching]
        merged = Span(
            min([start, *(span.start for span in touching)]), max([end, *(s.end for s in touching)])
        )
        self._spans = sorted([*apart, merged])

    def gaps(self, size: int | None, taken: Iterable[Span] = ()) -> list[Span]:
        """What is missing of a blob of ``size`` bytes (``None``: unknown), apart from spans ``taken``."""
        known = Spans([*self._spans, *taken])
        starts = [0, *(span.end for span in known._spans)]
        ends = [*(span.start for span in known._spans), NO_END if size is None else size]
        return [Span(start, end) for start, end in zip(starts, ends, strict=True) if start < end]


def record(start: int, end: int) -> bytes:
    """One entry of a map: these bytes are in the file."""
    return _RECORD.pack(start, end)


def read_map(raw: bytes, file_bytes: int) -> Spans | None:
    """The bytes that a map vouches for, in a file of ``file_bytes``; ``None`` if it says nothing.

    A map is written record by record behind the bytes it speaks of: what a crash left half of, and
    what speaks of bytes that are not there, is no record. Its first one tells the prefix.
    """
    whole = raw[: len(raw) - len(raw) % _RECORD.size]
    records = [Span(*offsets) for offsets in _RECORD.iter_unpack(whole)]
    if not records:
        return None
    return Spans(Span(start, min(end, file_bytes)) for start, end in records)

"""Large blobs in parts: what to ask for next, who is too slow, and which hosts serve parts at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

from corpus.spans import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

_CONTENT_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19}|\*)", re.ASCII)

# A connection is too slow when it brought less than this share of what is usual for the others.
_STRAGGLER_SHARE = 0.1

# Hosts remembered: redirects and the URLs in manifests may name any number of them.
_MAX_HOSTS = 1024


@dataclass(frozen=True, slots=True)
class Parts:
    """How a large blob is divided.

    Attributes:
        parallel: Parts on their way at a time.
        from_bytes: Blobs of this size and more are divided.
        smallest_bytes: Of a part: below, the cost of a request would show.
        largest_bytes: Of a part: above, a connection that is lost or slow would hold up too much.
    """

    parallel: int = 1
    from_bytes: int = 64 << 20
    smallest_bytes: int = 8 << 20
    largest_bytes: int = 64 << 20

    def next(self, gaps: Sequence[Span]) -> Span | None:
        """The part to ask for next: from the first of the ``gaps``, since bytes are hashed in their order.

        Parts become smaller towards the end, so that all connections are busy until then: each is a
        share of what is left (guided self-scheduling, Polychronopoulos and Kuck 1987), halved to leave
        room for differences in speed.
        """
        if not gaps:
            return None
        share = sum(gap.length for gap in gaps) // (2 * self.parallel)
        length = max(self.smallest_bytes, min(share, self.largest_bytes))
        start, end = gaps[0]
        return Span(start, min(start + length, end))

    def is_straggler(self, brought: int, others: Sequence[int]) -> bool:
        """Whether a connection is far too slow, by the bytes it brought while the others brought theirs.

        It is not judged before that is a part or so: until then they all gather speed (TCP's slow start).
        """
        usual = median(others) if others else 0
        return usual >= self.smallest_bytes and brought < _STRAGGLER_SHARE * usual


class ContentRange(NamedTuple):
    """``Content-Range`` of a part (RFC 9110 section 14.4); ``size`` is ``None`` for ``*``."""

    span: Span
    size: int | None


def parse_content_range(text: str) -> ContentRange | None:
    """``None`` for what no part of anything has."""
    match = _CONTENT_RANGE.fullmatch(text)
    if match is None:
        return None
    span = Span(int(match[1]), int(match[2]) + 1)
    return ContentRange(span, None if match[3] == "*" else int(match[3])) if span.length > 0 else None


class PartHosts:
    """Which hosts serve parts of blobs, as far as was seen; ``Accept-Ranges`` tells nothing.

    Registries redirect to other hosts, so what is remembered of the one that answered holds as long
    as the one that was asked leads to it.
    """

    def __init__(self) -> None:
        self._led_to: dict[str, str] = {}
        self._serving: dict[str, bool] = {}

    def __repr__(self) -> str:
        return f"<PartHosts {self._serving}>"

    def serves(self, asked: str) -> bool | None:
        """Whether parts come from where ``asked`` leads to; ``None`` when that is to be seen."""
        return self._serving.get(self._led_to.get(asked, ""))

    def note(self, asked: str, answered: str, *, serves: bool) -> None:
        """Host ``answered``, to which ``asked`` led, did or did not serve a part."""
        for memory in (self._led_to, self._serving):
            if len(memory) >= _MAX_HOSTS:
                memory.clear()  # it costs a request each to learn it again
        self._led_to[asked] = answered
        self._serving[answered] = serves

    def distrust(self, asked: str) -> None:
        """Ask for no more parts where ``asked`` leads to: they were others than it said."""
        self.note(asked, self._led_to.get(asked, asked), serves=False)

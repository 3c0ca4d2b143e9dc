"""A second look at damaged data: everything a decoder can make of it, whatever the size of the reads was.

A decoder that meets an error drops the output of that call. So the stream is decoded again from its start,
in smaller steps the nearer the damage is, and what had not been delivered yet is delivered.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from analyzer.layers.blob import Blob

_PIECE_BYTES = 64 * 1024
# Output of one step. Less than a step is gone through byte by byte: a byte of deflate leads to 2 KB at most,
# but the last byte of a bzip2 block to all that is in it, up to 46 MB.
_STEP_BYTES = 64 * 1024


class Feed(Protocol):
    """Gives ``data`` to a decoder, whose output comes in windows of at most ``step`` bytes."""

    def __call__(self, data: bytes, step: int) -> Iterator[bytes]:
        """Yield all output that ``data`` leads to."""
        ...


class Damage(NamedTuple):
    """A stream that cannot be decoded to its end.

    Attributes:
        start: Where in the blob the stream begins.
        failed: Where the data begins that was given to the decoder in the call that failed.
        delivered: Bytes of output delivered before that call.
        errors: What the decoder raises.
    """

    start: int
    failed: int
    delivered: int
    errors: tuple[type[Exception], ...]


class _Edge(NamedTuple):
    """How far whole steps lead: to which byte, how many of its own output, and all output delivered."""

    offset: int
    steps: int
    delivered: int


def salvage(blob: Blob, damage: Damage, new_decoder: Callable[[], Feed]) -> Generator[bytes, None, int]:
    """Deliver what can still be decoded; returns the offset of the byte with which the error appears."""
    edge = yield from _approach(blob, damage, new_decoder())
    yield _last_output(blob, damage, edge, new_decoder())
    return edge.offset


def _approach(blob: Blob, damage: Damage, feed: Feed) -> Generator[bytes, None, _Edge]:
    """Decode up to the call that failed, and through it byte by byte."""
    offset, position, steps, delivered = damage.start, 0, 0, damage.delivered
    while data := blob.at(offset, min(max(damage.failed - offset, 1), _PIECE_BYTES)):
        blob.deadline.check()
        steps = 0
        try:
            for window in feed(data, _STEP_BYTES):
                steps += 1
                position += len(window)
                if position > delivered:
                    yield window[max(0, delivered - position + len(window)) :]
                    delivered = position
        except damage.errors:
            break
        offset += len(data)
    return _Edge(offset, steps, delivered)


def _last_output(blob: Blob, damage: Damage, edge: _Edge, feed: Feed) -> bytes:
    """What the last byte leads to beyond whole steps: most often nothing, always less than a step."""
    offset, position = damage.start, 0
    output = bytearray()
    try:
        while offset < edge.offset:
            blob.deadline.check()
            data = blob.at(offset, min(edge.offset - offset, _PIECE_BYTES))
            position += sum(map(len, feed(data, _STEP_BYTES)))
            offset += len(data)
        last = blob.at(offset, 1)
        if edge.steps:
            position += sum(map(len, islice(feed(last, _STEP_BYTES), edge.steps)))
            last = b""
        for byte in feed(last, 1):
            output += byte
    except damage.errors as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's: bzip2's have no number
            raise
    return bytes(output[max(0, edge.delivered - position) :])

"""A blob that is wanted, and by what means it may be brought."""

from __future__ import annotations

from asyncio import Semaphore
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from corpus.spans import NO_END, Span
from downloader.ranges import PartHosts, Parts, parse_content_range
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from corpus.receiver import Part, Receiver
    from registry.client import BlobSource
    from registry.descriptors import Descriptor
    from registry.transport.bodies import Stream

# How servers refuse a range, whatever they think of the rest of the request.
_RANGE_REFUSED = frozenset({400, 403, 416, 501})


def _no_spare() -> Semaphore:
    return Semaphore(0)


@dataclass(frozen=True, slots=True)
class Means:
    """How blobs are brought, the same for all of a run.

    Attributes:
        attempts: Tries for the body of a blob. One that resumed it, and brought much, does not count.
        max_bytes: Bound of a body whose size the descriptor does not give.
        parts: How large blobs are divided.
        spare: Slots of which a blob has one; its other connections take more while nobody waits for them.
        hosts: Which hosts serve parts.
    """

    attempts: int
    max_bytes: int
    parts: Parts = field(default_factory=Parts)
    spare: Semaphore = field(default_factory=_no_spare)
    hosts: PartHosts = field(default_factory=PartHosts)


@dataclass(frozen=True, slots=True)
class Wanted:
    """A blob of a repository, and from where it is to be had."""

    source: BlobSource
    repository: str
    descriptor: Descriptor

    def whole(self) -> AbstractAsyncContextManager[Stream]:
        """Ask for all of it."""
        return self.source.blob(self.repository, self.descriptor.digest)

    def part(self, span: Span) -> AbstractAsyncContextManager[Stream]:
        """Ask for these bytes."""
        last = None if span.end == NO_END else span.end - 1
        return self.source.blob(self.repository, self.descriptor.digest, offset=span.start, end=last)

    def is_divided(self, receiver: Receiver, means: Means) -> bool:
        """Whether what is missing is to be fetched in several parts at a time."""
        size, parts = self.descriptor.size_bytes, means.parts
        if size is None or size < parts.from_bytes or parts.parallel == 1:
            return False
        is_large = size - receiver.here >= parts.from_bytes
        return is_large and means.hosts.serves(self.source.name) is not False

    def answered(self, stream: Stream) -> Span | None:
        """Which bytes a body has, up to ``NO_END`` at most; ``None`` for a part of something else."""
        if stream.status == 200:
            return Span(0, NO_END)
        found = parse_content_range(stream.headers.get("Content-Range", ""))
        sizes = {self.descriptor.size_bytes, found.size if found else None} - {None}
        return found.span if found is not None and len(sizes) <= 1 else None


def falls_short(part: Part, stream: Stream) -> bool:
    """Whether a body that ended well has less than its ``Content-Range`` says: its host serves no parts."""
    found = parse_content_range(stream.headers.get("Content-Range", "")) if stream.status == 206 else None
    return found is not None and not part.is_whole and part.offset < found.span.end


def ended_early(stream: Stream) -> RegistryError:
    """A part of which only the beginning came, as the host said it would: the rest is to be asked for."""
    return RegistryError(Reason.NETWORK, "the part ended early", temporary=True, url=stream.url)


def is_refused(error: RegistryError) -> bool:
    """Whether it may be for the range that a request was refused."""
    return error.attempts > 0 and error.status in _RANGE_REFUSED

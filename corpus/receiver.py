"""One blob on its way in: written where it belongs as it comes, hashed in order, verified at its end."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, NamedTuple, Self

from corpus.partial import PartialFile
from corpus.spans import NO_END, Span, Spans
from corpus.writer import Writer
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from hashlib import _Hash
    from pathlib import Path
    from types import TracebackType

    from corpus.blobs import BlobStore
    from registry.digests import Digest

# Pieces of a batch. A line that is slow, or a server that sends byte by byte, must not make a batch of
# many small objects, each with its overhead; and one system call takes no more than 1024 (IOV_MAX).
_MAX_PIECES = 512


class Batch(NamedTuple):
    """Bytes that follow each other, from ``offset`` on."""

    offset: int
    pieces: list[bytes]

    def since(self, start: int) -> Batch:
        """What of it lies at ``start`` or behind."""
        if self.offset >= start:
            return self
        return Batch(start, [b"".join(self.pieces)[start - self.offset :]])


class Receiver:
    """Gathers the parts of one blob.

    Use as an async context manager. An interrupted download leaves its partial file behind, and the
    next receiver of the same digest goes on from there. The bytes without a gap before them are
    hashed as they come, the others are read back when their turn has come.
    """

    def __init__(self, store: BlobStore, path: Path, digest: Digest, size_bytes: int | None) -> None:
        self.store = store
        self._file = PartialFile(path)
        self._digest = digest
        self._size_bytes = size_bytes
        self._hasher: _Hash = digest.hasher()
        self._hashed = 0
        self._taken = Spans()  # what came, whether or not it is in the file yet
        self._rest: Batch | None = None  # all that came, where that is less than a batch
        self._writer = Writer(self._flush)
        self._job: asyncio.Future[None] | None = None
        self._resumed_from = 0
        self._is_kept = True

    async def __aenter__(self) -> Self:
        try:
            if os.path.exists(self._file.path):  # noqa: ASYNC240, PTH110 - one quick look per blob
                await self._waited_for(asyncio.ensure_future(asyncio.to_thread(self._resume)))
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)  # never entered, so never left
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._job is not None:
            await asyncio.wait({self._job})  # cancelled while a thread writes: let it end first
            self._job.exception()  # it was raised where the job was awaited, or nobody waits any more
        await self._writer.idle()
        try:
            if not self._is_kept:
                self._file.remove()
            elif self._rest is not None:
                self._flush_rest()
        finally:
            self._file.close()

    @property
    def here(self) -> int:
        """Bytes that came, in this process or before."""
        return self._taken.total

    @property
    def resumed_bytes(self) -> int:
        """Bytes that came since the download was resumed; 0 for one taken from its beginning."""
        return self.here - self._resumed_from if self._resumed_from else 0

    def missing(self, under_way: Iterable[Span] = ()) -> list[Span]:
        """The gaps, in order, apart from the spans ``under_way``; the last may end with ``NO_END``."""
        return self._taken.gaps(self._size_bytes, under_way)

    def part(self, start: int = 0, end: int | None = None) -> Part:
        """Take bytes from ``start`` on; more than up to ``end`` (the end of the blob) would be too many."""
        size = NO_END if self._size_bytes is None else self._size_bytes
        return Part(self, start, size if end is None else end, is_last=end in {None, size})

    async def restart(self) -> None:
        """Forget what came so far: the server sends the blob from its first byte."""
        await self._writer.idle()
        self._file.clear()
        self._rest, self._taken = None, Spans()
        self._hasher, self._hashed = self._digest.hasher(), 0
        self._resumed_from = 0

    async def commit(self) -> int:
        """Verify and keep the blob; returns its size in bytes.

        ``RegistryError`` with ``SIZE_MISMATCH`` or ``DIGEST_MISMATCH`` if the bytes are not
        those named; nothing is kept then, so that the next try starts clean.
        """
        if self._writer.is_used:
            await self._writer.drained()
            await self._waited_for(asyncio.ensure_future(asyncio.to_thread(self.finish)))
        else:
            await self._waited_for(self.store.finishing.submit(self))
        if self.here != self._hashed or self._size_bytes not in {None, self._hashed}:
            self.discard()
            raise RegistryError(Reason.SIZE_MISMATCH, f"{self.here} of {self._size_bytes} bytes came")
        if self._hasher.hexdigest() != self._digest.encoded:
            self.discard()
            raise RegistryError(Reason.DIGEST_MISMATCH, f"the bytes hash to {self._hasher.hexdigest()}")
        self.store.adopt(self._digest, self._file.path)
        return self._hashed

    def discard(self) -> None:
        """Keep nothing of what came, once this context is left."""
        self._is_kept = False

    def finish(self) -> None:
        """Write and hash the rest (blocking)."""
        self._flush_rest()
        self._hash_up_to_the_gap()
        self._file.finish()

    def flush(self, batch: Batch) -> asyncio.Future[None]:
        """Have a batch written."""
        self._take(batch)
        return self._writer.submit(batch)

    def leave(self, batch: Batch) -> None:
        """Take the last bytes of a part, which may be all there is and then share a job with other blobs."""
        if self._writer.is_used or self._rest is not None:
            self.flush(batch)
        else:
            self._take(batch)
            self._rest = batch

    def _take(self, batch: Batch) -> None:
        self._taken.add(batch.offset, batch.offset + sum(map(len, batch.pieces)))

    async def _waited_for(self, job: asyncio.Future[None]) -> None:
        self._job = job
        await asyncio.shield(job)
        self._job = None

    def _resume(self) -> None:
        self._file.load(self._size_bytes)
        self._hash_up_to_the_gap()
        self._taken = Spans(self._file.spans)
        self._resumed_from = self.here

    def _flush_rest(self) -> None:
        rest, self._rest = self._rest, None
        if rest is not None:
            self._flush(rest)

    def _flush(self, batch: Batch) -> None:
        batch = batch.since(self._hashed)  # a server may send again, and false, what is hashed already
        self._file.write(*batch)
        if batch.offset == self._hashed:
            self._hash(batch.pieces)
        self._hash_up_to_the_gap()

    def _hash_up_to_the_gap(self) -> None:
        if self._hashed < self._file.spans.prefix:
            self._hash(self._file.read(self._hashed, self._file.spans.prefix))

    def _hash(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            self._hasher.update(piece)
            self._hashed += len(piece)


class Part:
    """Bytes of a blob that come one after the other; gathered into batches.

    Use as a context manager: at its end, whatever ended it, what came is with the receiver.

    Attributes:
        offset: Where the next byte belongs.
        is_last: Whether it goes up to the end of the blob.
    """

    def __init__(self, receiver: Receiver, start: int, end: int, *, is_last: bool) -> None:
        self._receiver = receiver
        self._end = end
        self._pieces: list[bytes] = []
        self._gathered_bytes = 0
        self._on_its_way: asyncio.Future[None] | None = None
        self.offset = start
        self.is_last = is_last

    @property
    def is_whole(self) -> bool:
        """Whether all of it came."""
        return self.offset == self._end

    def __enter__(self) -> Self:
        self._receiver.store.parts_open += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._receiver.store.parts_open -= 1
        if self._pieces:
            self._receiver.leave(self._batch())

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes; ``RegistryError(SIZE_MISMATCH)`` as soon as there are too many."""
        store = self._receiver.store
        store.received_bytes += len(chunk)
        self.offset += len(chunk)
        self._gathered_bytes += len(chunk)
        self._pieces.append(chunk)
        if self.offset > self._end:
            self._receiver.discard()
            raise RegistryError(
                Reason.SIZE_MISMATCH, f"more than up to byte {self._end}, where it should end"
            )
        if self._gathered_bytes >= store.batch_bytes or len(self._pieces) >= _MAX_PIECES:
            await self._flush()

    async def _flush(self) -> None:
        # One batch is written while the next one comes, and no third is held.
        if self._on_its_way is not None:
            await self._on_its_way
        self._on_its_way = self._receiver.flush(self._batch())

    def _batch(self) -> Batch:
        batch = Batch(self.offset - self._gathered_bytes, self._pieces)
        self._pieces, self._gathered_bytes = [], 0
        return batch

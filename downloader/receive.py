"""One blob from the registry into the store: resumed where it broke off, verified before it is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from downloader.parts import NoPartsError, PartsReader
from downloader.patience import WRONG_BYTES, Patience
from downloader.plan import is_of_the_bytes
from downloader.wanted import Wanted, ended_early, falls_short, is_refused
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from corpus.blobs import BlobStore
    from corpus.receiver import Part, Receiver
    from corpus.spans import Span
    from downloader.wanted import Means
    from registry.client import BlobSource
    from registry.descriptors import Descriptor
    from registry.transport.bodies import Stream

# Bytes of a body that are read past because they are here already, where a server sends all of it: what
# came stays then, should it break off again. For more it is not worth it to hold on to the old ones.
_MAX_SKIPPED_BYTES = 8 << 20


async def receive_blob(
    store: BlobStore, source: BlobSource, repository: str, descriptor: Descriptor, means: Means
) -> int:
    """Bring one blob into the store; returns its size in bytes.

    Args:
        store: Where to.
        source: From where.
        repository: Of the registry, that holds the blob.
        descriptor: The blob; its digest must be verifiable.
        means: How.

    Raises:
        RegistryError: The blob cannot be had. What came is kept unless it is wrong: another image may go on.
        OSError: This machine cannot keep what came.
    """
    wanted = Wanted(source, repository, descriptor)
    patience = Patience(means.attempts)
    may_divide = True
    while True:
        async with store.receive(descriptor.digest, descriptor.size_bytes) as receiver:
            is_divided = may_divide and wanted.is_divided(receiver, means)
            try:
                await (_read_parts if is_divided else _read)(receiver, wanted, patience, means)
                size = await receiver.commit()
            except RegistryError as error:
                may_divide = may_divide and not (is_divided and error.reason in WRONG_BYTES)
                if not patience.has_another_try(error, receiver.resumed_bytes):
                    if is_of_the_bytes(error.reason):
                        receiver.discard()
                    raise
            else:
                if not may_divide:  # whole it was right: the parts were not
                    means.hosts.distrust(source.name)
                return size


async def _read_parts(receiver: Receiver, wanted: Wanted, patience: Patience, means: Means) -> None:
    """Read what is missing in several parts at a time, or not, if the host does not serve parts."""
    try:
        await PartsReader(receiver, wanted, patience, means).run()
    except NoPartsError as refusal:
        await _read(receiver, wanted, patience, means)
        means.hosts.note(wanted.source.name, refusal.host, serves=False)


async def _read(receiver: Receiver, wanted: Wanted, patience: Patience, means: Means) -> None:
    """Read what is missing by one connection."""
    await _Reader(receiver, wanted, patience, means).run()


class _Reader:
    """Brings all that a receiver misses by one connection: gap by gap, or all where there are no parts."""

    def __init__(self, receiver: Receiver, wanted: Wanted, patience: Patience, means: Means) -> None:
        self._receiver = receiver
        self._wanted = wanted
        self._patience = patience
        self._means = means

    async def run(self) -> None:
        if not self._receiver.here:
            await self._read_all()
            return
        for gap in self._receiver.missing():
            if not await self._read_gap(gap):
                return

    async def _read_gap(self, gap: Span) -> bool:
        """Read what is missing there; false if all that is missing anywhere came with it."""
        try:
            async with self._wanted.part(gap) as stream:
                answer = self._wanted.answered(stream)
                if answer is not None and answer.start == gap.start:
                    with self._receiver.part(*gap) as part:
                        await self._take(part, stream)
                    if not falls_short(part, stream):
                        if part.is_whole or part.is_last:
                            return True
                        raise ended_early(stream)
                elif answer is not None and answer.start == 0:
                    await self._take_rest(stream, gap.start)
                    return False
        except RegistryError as error:
            if not is_refused(error):
                raise
        await self._read_all()
        return False

    async def _read_all(self) -> None:
        async with self._wanted.whole() as stream:
            if self._receiver.here:  # only now: all of it may be refused too
                await self._give_up_what_came()
            with self._receiver.part() as part:
                await self._take(part, stream)

    async def _take_rest(self, stream: Stream, start: int) -> None:
        """Take a body that begins with the first byte, where those before ``start`` are here already."""
        if start > _MAX_SKIPPED_BYTES:
            await self._give_up_what_came()
            start = 0
        with self._receiver.part(start) as part:
            await self._take(part, stream, skipped=start)

    async def _give_up_what_came(self) -> None:
        self._patience.note_restart()
        await self._receiver.restart()

    async def _take(self, part: Part, stream: Stream, *, skipped: int = 0) -> None:
        """Take a body but for its first ``skipped`` bytes."""
        began = part.offset
        try:
            async for chunk in stream.chunks():
                rest = chunk[skipped:] if skipped else chunk
                skipped -= len(chunk) - len(rest)
                await part.write(rest)
                self._check_bound(part, stream)
        except RegistryError as error:
            is_end = error.reason is Reason.NETWORK and part.is_last and not skipped
            if is_end and self._patience.is_all_there_is(began, part.offset):
                _call_truncated(error, part.offset)
            raise

    def _check_bound(self, part: Part, stream: Stream) -> None:
        bound = self._means.max_bytes
        if part.offset > bound:
            raise RegistryError(Reason.TOO_LARGE, f"the body is larger than {bound} bytes", url=stream.url)


def _call_truncated(error: RegistryError, size_bytes: int) -> None:
    """It broke off at the same byte again: that is all the registry has."""
    error.reason, error.temporary = Reason.SIZE_MISMATCH, False
    error.detail = f"the body always ends after {size_bytes} bytes"

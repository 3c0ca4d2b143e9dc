"""A large blob in several parts at a time: many hosts are slow per connection.

The first part shows whether the host serves parts at all; then more connections join while slots are
free, and leave after each part, so that no other blob waits for them.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from corpus.spans import Span
from downloader.patience import WRONG_BYTES
from downloader.wanted import ended_early, falls_short, is_refused
from registry.errors import RegistryError
from registry.transport.urls import authority

if TYPE_CHECKING:
    from corpus.receiver import Receiver
    from downloader.patience import Patience
    from downloader.wanted import Means, Wanted
    from registry.transport.bodies import Stream

log = logging.getLogger(__name__)


class NoPartsError(Exception):
    """The host does not seem to serve parts: whether it serves the blob at all is to be seen.

    Attributes:
        host: Who answered.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self.host = authority(url)


@dataclass(slots=True, eq=False)
class _Lane:
    """One connection while it brings one part.

    Attributes:
        number: Its place among the connections.
        span: The part.
        is_spare: Whether it took a slot of its own.
        before: What all connections had brought when its answer began, by number; empty until then.
        task: Brings it.
    """

    number: int
    span: Span
    is_spare: bool
    before: tuple[int, ...] = ()
    task: asyncio.Task[None] = field(init=False)


class PartsReader:
    """Brings all that a receiver misses."""

    def __init__(self, receiver: Receiver, wanted: Wanted, patience: Patience, means: Means) -> None:
        self._receiver = receiver
        self._wanted = wanted
        self._patience = patience
        self._means = means
        self._lanes: dict[int, _Lane] = {}
        self._brought = [0] * means.parts.parallel
        self._news = asyncio.Event()
        self._is_proven = means.hosts.serves(wanted.source.name) is True

    def __repr__(self) -> str:
        return f"<PartsReader {[tuple(lane.span) for lane in self._lanes.values()]}>"

    async def run(self) -> None:
        """Read until nothing is missing.

        Raises:
            NoPartsError: It has to be read in one piece; what came is with the receiver.
            RegistryError: It cannot be had now, or not in parts if the bytes are wrong.
        """
        try:
            await self._widen()
            while self._lanes:
                await self._news.wait()
                self._news.clear()
                self._settle()
                self._reissue_stragglers()
                await self._widen()
        finally:
            await self._end()

    async def _widen(self) -> None:
        """Use as many connections as there are slots for; one slot is this blob's own."""
        parts = self._means.parts
        while len(self._lanes) < (parts.parallel if self._is_proven else 1):
            is_spare = any(not lane.is_spare for lane in self._lanes.values())
            part = parts.next(self._receiver.missing(lane.span for lane in self._lanes.values()))
            if part is None or (is_spare and self._means.spare.locked()):
                return
            if is_spare:
                await self._means.spare.acquire()  # at once: it is not locked
            self._start(part, is_spare=is_spare)

    def _start(self, part: Span, *, is_spare: bool) -> None:
        number = next(number for number in range(len(self._brought)) if number not in self._lanes)
        lane = self._lanes[number] = _Lane(number, part, is_spare)
        lane.task = asyncio.create_task(self._bring(lane))
        lane.task.add_done_callback(lambda _task: self._news.set())

    async def _bring(self, lane: _Lane) -> None:
        async with self._wanted.part(lane.span) as stream:
            lane.span = self._answered(lane.span, stream)
            lane.before = tuple(self._brought)
            with self._receiver.part(*lane.span) as part:
                async for chunk in stream.chunks():
                    self._brought[lane.number] += len(chunk)
                    await part.write(chunk)
        if falls_short(part, stream):
            raise NoPartsError(stream.url)
        if not part.is_whole:
            raise ended_early(stream)

    def _answered(self, asked: Span, stream: Stream) -> Span:
        """The part that comes: the one asked for, or all from there on, where nothing else is on its way."""
        answer = self._wanted.answered(stream)
        if answer is None or answer.start != asked.start:
            raise NoPartsError(stream.url)
        if answer.end <= asked.end:
            self._note(stream.url, serves=True)
            self._is_proven = True
            self._news.set()
            return asked
        if self._is_proven:
            raise NoPartsError(stream.url)
        self._note(stream.url, serves=False)
        return Span(asked.start, min(answer.end, self._wanted.descriptor.size_bytes or answer.end))

    def _note(self, url: str, *, serves: bool) -> None:
        self._means.hosts.note(self._wanted.source.name, authority(url), serves=serves)

    def _settle(self) -> None:
        """See what became of the parts that ended; what is missing of them is asked for again."""
        for lane in [lane for lane in self._lanes.values() if lane.task.done()]:
            del self._lanes[lane.number]
            if lane.is_spare:
                self._means.spare.release()
            error = None if lane.task.cancelled() else lane.task.exception()
            if error is not None and not self._goes_on(lane, error):
                raise error

    def _goes_on(self, lane: _Lane, error: BaseException) -> bool:
        if not isinstance(error, RegistryError) or error.reason in WRONG_BYTES:
            return False
        if is_refused(error):
            raise NoPartsError(error.url or "") from error
        brought = self._since(lane)[lane.number] if lane.before else 0
        return self._patience.has_another_try(error, brought)

    def _reissue_stragglers(self) -> None:
        """Break off the parts that are far slower than the others; a new connection may fare better."""
        for lane in [lane for lane in self._lanes.values() if lane.before]:
            since = self._since(lane)
            brought = since.pop(lane.number)
            if self._means.parts.is_straggler(brought, [others for others in since if others]):
                log.info("part_reissued", extra={"digest": self._wanted.descriptor.digest, "bytes": brought})
                lane.task.cancel()

    def _since(self, lane: _Lane) -> list[int]:
        """What each connection brought since this one's answer began."""
        return [now - before for now, before in zip(self._brought, lane.before, strict=True)]

    async def _end(self) -> None:
        """Break off what still runs."""
        lanes = list(self._lanes.values())
        for lane in lanes:
            lane.task.cancel()
        try:
            await asyncio.gather(*(lane.task for lane in lanes), return_exceptions=True)
        finally:
            for lane in lanes:
                if lane.is_spare:
                    self._means.spare.release()

"""One query of a sweep: its pages, one after the other, and what each of them means for it.

An answer that shows nothing is not believed until the site has shown again what it showed before
(:mod:`hubcrawl.canaries`).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from corpus.catalog.ledgers import Came, End, Ended, Failed
from corpus.records import Failure
from hubcrawl.answers import Answer, hides_rows
from hubcrawl.course import Course
from hubcrawl.doubts import Doubts
from hubcrawl.frontier import Frontier
from hubcrawl.planner import Decision, Step
from hubcrawl.reading import parts_of
from hubcrawl.recorder import Recorder
from hubcrawl.site import STOPS, Site
from hubcrawl.texts import storable

if TYPE_CHECKING:
    from corpus.catalog.ledgers import SweepQuery
    from hubcrawl.asking import Asking
    from hubcrawl.queries import Slice
    from hubcrawl.reading import PageReader, Read
    from hubcrawl.settings import CrawlSettings
    from hubcrawl.territory import Territory
    from registry.transport.clock import Clock

_log = logging.getLogger("hubcrawl")

_DETAIL_LENGTH = 1000  # characters; an error may quote what a server said

# Tries of one page, beyond those of the transport, and the wait after the first, which doubles: an outage of
# hours is outlasted.
_TRIES = 6
_RETRY_S = 300.0

_SHOW_NOTHING = frozenset({Answer.EMPTY, Answer.GONE, Answer.END})

# Failures that are not of the page that was asked for.
_OF_THE_SITE = STOPS | {Answer.ABUSE, Answer.RATE}


class Turns:
    """Asks queries, of which many are under way; a few pages are asked for at a time.

    Attributes:
        site: Whom they are asked.
        course: How far the run has come.
        frontier: The queries that are asked next.
        recorder: By which everything is written down.
        doubts: Answers that are held until they are believed.
    """

    def __init__(
        self, territory: Territory, reader: PageReader, settings: CrawlSettings, clock: Clock
    ) -> None:
        """Take what is to be listed, and by whom."""
        self.site = Site(territory, reader, clock)
        self.course = Course(self.site, settings)
        self.frontier = Frontier(territory, settings.parallel)
        self.recorder = Recorder(territory.write)
        self.doubts = Doubts(self.site, self._believe)
        self._territory = territory
        self._reach = territory.reach
        self._decisions = territory.decisions
        self._settings = settings
        self._clock = clock
        self._turns = asyncio.Semaphore(settings.parallel)
        self._probing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"<Turns {self._territory.name}>"

    async def ask(self, query: SweepQuery) -> None:
        """Read pages of a query until the planner has heard enough."""
        asking = await self._decisions.take_up(query)
        goes_on = not asking.is_begun or await self._go_on(asking)
        while goes_on and not self.course.is_over():
            goes_on = await self._turn(asking)

    async def _turn(self, asking: Asking) -> bool:
        """Ask for one page; whether to ask for another page of the query at once."""
        part = self._next_part(asking)
        if self._reach.refuses(asking.endpoint, part):
            asking.refused(part)
            return await self._go_on(asking)
        async with self._turns:
            if self.course.is_over():
                return False
            read = await self.site.ask(asking.endpoint, asking.query, part, asking.claimed)
            if read is None:
                self.frontier.drop_endpoint(asking.endpoint)
                return False
            if read.answer is not Answer.ROWS:
                return await self._hear(asking, read)
        return await self._keep(asking, read)  # whose writing is nobody else's wait

    def _next_part(self, asking: Asking) -> Slice:
        window = self._reach.window(asking.endpoint)
        return asking.next_part(self._settings.rows_per_page(window.page_size))

    async def _hear(self, asking: Asking, read: Read) -> bool:
        """Settle what came that was no rows; whether to ask for another page of the query at once."""
        if read.answer is Answer.WINDOW:
            return await self._meet_window(asking, read)
        if read.answer is Answer.POISON:
            return await self._cut(asking, read)
        if read.answer in _SHOW_NOTHING:
            return await self._doubt(asking, read)
        return await self._fail(asking, read)

    async def _keep(self, asking: Asking, read: Read) -> bool:
        rows = read.rows
        assert rows is not None  # noqa: S101 - what ROWS means
        names = [record.name for record in rows.records]
        self.doubts.something_came()
        asking.clamped(read.asked, read.part)
        await self._territory.heed(asking, rows.records)
        before = asking.ledger
        ledger = asking.came(read.part, names, rows.claimed, is_promised=rows.goes_on(read.part))
        came = Came(asking.place(read.part), self._territory.listed(asking.endpoint, read.url, rows), ledger)
        self.course.unwritten += 1
        brought = await self.recorder.put(came)
        self.course.unwritten -= 1
        asking.brought(len(brought.new) + len(brought.again))
        self.course.count(len(names), brought)
        for proof in self._territory.proofs(asking, read.part, names):
            self.site.learn(*proof)
        fields = {
            "endpoint": asking.endpoint,
            "url": read.url,
            "rows": len(names),
            "rows_new": len(brought.new),
        }
        _log.info("page_read", extra={**fields, "found": self.course.tally.found})
        self._decisions.note(asking, before)
        await self._reach.served(asking.endpoint, read.part.offset)
        await self._probe(asking)
        if asking.ledger.pages == 1:
            self.frontier.drop_children(await self._decisions.needless(asking))
        return await self._go_on(asking)

    async def _reach_end(self, asking: Asking, read: Read) -> bool:
        if hides_rows(read.answer, read.part, asking.claimed):
            asking.refused(read.part)
        else:
            asking.ended(read.part)
        nothing = self._territory.listed(asking.endpoint, read.url, None)
        await self.recorder.put(Came(asking.place(read.part), nothing, asking.ledger))
        return await self._go_on(asking)

    async def _meet_window(self, asking: Asking, read: Read) -> bool:
        ledger = asking.refused(read.part)
        await self.recorder.put(Failed(asking.place(read.part), self._failure(read), ledger))
        await self._reach.refused(asking.endpoint, read.part.offset)
        await self._probe(asking)
        return await self._go_on(asking)

    async def _probe(self, asking: Asking) -> None:
        """Find the edge of the window with pages of a query that has rows beyond it."""
        name, claimed = asking.endpoint, asking.claimed or 0
        if self._reach.probe(name, claimed) is None:
            return
        async with self._probing:
            while (part := self._reach.probe(name, claimed)) is not None:
                before = self._reach.window(name)
                read = await self.site.ask(name, asking.query, part, asking.claimed)
                if read is not None and read.answer is Answer.ROWS:
                    await self._reach.served(name, read.part.offset)
                elif read is not None and read.answer is Answer.WINDOW:
                    await self._reach.refused(name, read.part.offset)
                if self._reach.window(name) == before:
                    return

    async def _go_on(self, asking: Asking) -> bool:
        """Do what the planner decides; whether that is another page."""
        if asking.waiting:
            return True
        decision = self._territory.decide(asking)
        if decision.step is Step.PAGE:
            return True
        await self.settle(asking, decision)
        return False

    async def settle(self, asking: Asking, decision: Decision) -> None:
        """End a query as the planner decided, and what it was the last part of."""
        children = await self._decisions.children(asking, decision)
        end = _ENDS[decision.step]
        if end is End.COMPLETE:
            await self._territory.completed(asking)
        await self.recorder.put(Ended(asking.id, end, decision.why, tuple(children)))
        self._decisions.divided(asking, end)
        self.frontier.drop_children(await self._decisions.needless(asking))
        if (upwards := await self._decisions.above(asking)) is not None:
            await self.settle(*upwards)

    # ---- answers that show nothing

    async def _doubt(self, asking: Asking, read: Read) -> bool:
        """Believe the end of a result that is whole, and nothing else without a proof."""
        if read.answer is Answer.EMPTY and self._decisions.asks_for_everything(asking):
            return await self._take_for_nothing(asking, read)  # from which nothing follows
        if read.answer is Answer.END:
            asking.waiting.pop(read.part, None)
            if not asking.lacks_rows:
                return await self._reach_end(asking, read)
        await self.doubts.hold(asking, read)
        return False

    async def _believe(self, asking: Asking, read: Read) -> None:
        if read.answer is Answer.GONE:
            await self.settle(asking, Decision(Step.COMPLETE, "there is no such listing"))
        elif read.answer is Answer.END:
            await self._reach_end(asking, read)
        else:
            await self._take_for_nothing(asking, read)

    async def _take_for_nothing(self, asking: Asking, read: Read) -> bool:
        """An empty result."""
        claimed = 0 if read.rows is None else read.rows.claimed
        asking.clamped(read.asked, read.asked)
        ledger = asking.came(read.part, (), claimed, is_promised=False)
        listed = self._territory.listed(asking.endpoint, read.url, read.rows)
        brought = await self.recorder.put(Came(asking.place(read.part), listed, ledger))
        asking.brought(0)
        self.course.count(0, brought)
        return await self._go_on(asking)

    # ---- answers that are none

    async def _cut(self, asking: Asking, read: Read) -> bool:
        """A page that cannot be served is asked for in parts, down to the row that spoils it.

        Where nothing else is served either, no row is at fault. A single row is asked for twice, at last.
        """
        parts, is_known = parts_of(read.part), self.site.ever_showed(asking.endpoint)
        if not parts and not asking.waiting.get(read.part):
            asking.put_off(read.part)
            return True
        is_outage = not await self.site.still_shows(asking.endpoint) if is_known else not parts
        if is_outage:
            return await self._fail(asking, read)
        ledger = asking.cut(read.part, parts)
        places = tuple(asking.place(part) for part in parts)
        await self.recorder.put(Failed(asking.place(read.part), self._failure(read), ledger, parts=places))
        self.course.tally.fail()
        if is_known:
            self.course.tally.failed_in_a_row = 0
        return await self._go_on(asking)

    async def _fail(self, asking: Asking, read: Read) -> bool:
        """A page that did not come is asked for later, or given up after many tries."""
        error, failure, now = read.error, self._failure(read), self._clock.now()
        if read.answer not in STOPS:  # of which it was kept at once
            await self._territory.keep_evidence(asking.endpoint, read)
        attempts, retry_at = asking.waiting.get(read.part, 0), now
        if read.answer not in _OF_THE_SITE:
            attempts = asking.put_off(read.part)
            retry_at = now + _RETRY_S * 2 ** (attempts - 1)
        is_last = attempts >= _TRIES
        await self.recorder.put(
            Failed(asking.place(read.part), failure, asking.ledger, attempts, None if is_last else retry_at)
        )
        _log.warning("page_failed", extra={"url": read.url, "reason": str(failure.reason)})
        in_a_row = self.course.tally.failed_in_a_row
        self.course.tally.fail()
        if attempts > 1:  # a page that fails once more says nothing of others
            self.course.tally.failed_in_a_row = in_a_row
        if is_last:
            await self.settle(asking, self._decisions.giving_up(asking, error.detail if error else ""))
        return False

    def _failure(self, read: Read) -> Failure:
        error = read.error
        assert error is not None  # noqa: S101 - whatever is no page has one
        return Failure(error.reason, storable(str(error), _DETAIL_LENGTH), error.temporary)


_ENDS = {
    Step.ASK: End.PARTS,
    Step.SPLIT: End.SPLIT,
    Step.COMPLETE: End.COMPLETE,
    Step.GIVE_UP: End.GIVEN_UP,
}

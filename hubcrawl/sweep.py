"""A sweep: a hub that lists nothing whole, listed by many queries; :mod:`hubcrawl.planner` says which.

Every query and page is in the catalog before it is asked for, and is settled there after; so a sweep goes
on where it was stopped, however it was. An answer that shows nothing is not believed until the site has
shown again what it showed before (:mod:`hubcrawl.canaries`).
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from corpus.catalog.ledgers import Came, End, Ended, Failed
from corpus.records import Failure
from hubcrawl.answers import Answer, hides_rows
from hubcrawl.doubts import Doubts
from hubcrawl.outcome import CrawlSummary, Tally
from hubcrawl.planner import Decision, Step
from hubcrawl.reading import parts_of
from hubcrawl.recorder import Recorder
from hubcrawl.site import STOPS, Site
from hubcrawl.texts import storable

if TYPE_CHECKING:
    from corpus.catalog import Catalog
    from corpus.catalog.ledgers import SweepQuery
    from corpus.catalog.sightings import Brought
    from corpus.records import Registry
    from hubcrawl.asking import Asking
    from hubcrawl.outcome import CrawlStatistics
    from hubcrawl.queries import Slice
    from hubcrawl.reading import PageReader, Read
    from hubcrawl.settings import CrawlSettings
    from hubcrawl.territory import Territory
    from registry.transport.clock import Clock

__all__ = ["SweepEngine", "is_to_be_swept"]

_log = logging.getLogger("hubcrawl")

_DETAIL_LENGTH = 1000  # characters; an error may quote what a server said

# Tries of one page, beyond those of the transport, and the wait after the first, which doubles: an outage of
# hours is outlasted.
_TRIES = 6
_RETRY_S = 300.0

_SHOW_NOTHING = frozenset({Answer.EMPTY, Answer.GONE, Answer.END})

# Failures that are not of the page that was asked for.
_OF_THE_SITE = STOPS | {Answer.ABUSE}

_RUN_AGAIN = "run the same again to go on from there"


async def is_to_be_swept(catalog: Catalog, registry: Registry, settings: CrawlSettings) -> bool:
    """Whether a run would ask for anything: the sweep is not complete, and the limit is not reached."""
    if settings.again:
        return True
    if settings.limit and await catalog.repositories.count(registry.name) >= settings.limit:
        return False
    sweep = await catalog.sweeps.sweep(registry.name)
    return sweep is None or sweep.completed_at is None


class SweepEngine:
    """One sweep of one hub."""

    def __init__(
        self, territory: Territory, reader: PageReader, settings: CrawlSettings, clock: Clock
    ) -> None:
        """Take what is to be listed, and by whom."""
        self._territory = territory
        self._site = Site(territory, reader, clock)
        self._settings = settings
        self._clock = clock
        self._recorder = Recorder(territory.write)
        self._tally = Tally()
        self._queue: list[SweepQuery] = []
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._doubts = Doubts(self._site, self._believe)
        self._probing = asyncio.Lock()
        self._stopped: str | None = None

    async def run(self) -> CrawlSummary:
        """Ask until nothing is left, the limit is reached, or the site gives out.

        Raises:
            ConfigurationError: The catalog cannot be used.
        """
        self._tally = await self._territory.begin(again=self._settings.again, limit=self._settings.limit)
        for name, query, part in await self._territory.shown_before():
            self._site.learn(name, query, part)
        try:
            while await self._fill():
                await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)
                self._take_down()
        finally:
            await self._end()
        return await self._territory.summary(self._tally, self._stopped)

    def statistics(self) -> CrawlStatistics:
        """Where the run stands."""
        found = self._tally.statistics()
        return replace(found, note=self._site.pausing or found.note)

    # ---- what to ask next

    async def _fill(self) -> bool:
        """Have as many queries under way as the settings allow; false when the run is over."""
        while not self._is_over():
            if len(self._under_way) >= self._parallel():
                return True
            query = await self._next()
            if query is not None:
                self._under_way[query.id] = asyncio.create_task(self._ask(query))
            elif self._under_way:
                return True
            elif not await self._find_more():
                await self._complete()
                return False
        return bool(self._under_way)

    def _parallel(self) -> int:
        """Pages asked for at a time: where few repositories are wanted, many pages would bring too many."""
        wanted = self._tally.wanted
        most = self._settings.parallel
        return most if wanted is None else max(1, min(most, wanted // self._settings.page_size))

    def _is_over(self) -> bool:
        if self._stopped is None:
            self._stopped = self._why_stop()
        return self._stopped is not None or self._tally.is_enough

    def _why_stop(self) -> str | None:
        pages, in_a_row = self._tally.pages, self._tally.failed_in_a_row
        if pages >= self._settings.max_pages:
            return f"{pages:,} pages were read, the most for one run: {_RUN_AGAIN}"
        if in_a_row >= self._settings.failures_in_a_row:
            return f"{in_a_row} pages in a row could not be read: {_RUN_AGAIN}"
        why = self._site.given_up
        return None if why is None else f"{why}; {_RUN_AGAIN}"

    def _take_down(self) -> None:
        """Forget the queries that are not under way any more; what stopped one stops the run."""
        for number, task in list(self._under_way.items()):
            if task.done():
                del self._under_way[number]
                task.result()

    async def _next(self) -> SweepQuery | None:
        if not self._queue:
            apart = {*self._under_way, *self._doubts.numbers}
            self._queue = await self._territory.frontier(self._settings.parallel, apart)
        return self._queue.pop(0) if self._queue else None

    async def _find_more(self) -> bool:
        """What there is to do when nobody is left to be asked: proofs, waits, what names found lead to."""
        if await self._doubts.settle():
            return True
        if (undecided := await self._territory.undecided()) is not None:
            await self._settle(*undecided)
            return True
        if await self._territory.revisit():
            return True
        retry_at = await self._territory.next_retry()
        if retry_at is None:
            return False
        await self._clock.sleep(max(retry_at - self._clock.now(), 0.0))
        return True

    async def _complete(self) -> None:
        if not await self._territory.complete():
            self._stopped = f"{'; '.join(self._site.closed.values())}; {_RUN_AGAIN}"

    # ---- one query

    async def _ask(self, query: SweepQuery) -> None:
        """Read pages of a query until the planner has heard enough."""
        asking = await self._territory.take_up(query)
        goes_on = not asking.is_begun or await self._go_on(asking)
        while goes_on and not self._is_over():
            goes_on = await self._turn(asking)

    async def _turn(self, asking: Asking) -> bool:
        """Ask for one page; whether to ask for another page of the query at once."""
        part = self._next_part(asking)
        if self._territory.refuses(asking.endpoint, part):
            asking.refused(part)
            return await self._go_on(asking)
        read = await self._site.ask(asking.endpoint, asking.query, part, asking.claimed)
        if read is None:
            self._queue = [query for query in self._queue if query.endpoint != asking.endpoint]
            return False
        return await self._hear(asking, read)

    def _next_part(self, asking: Asking) -> Slice:
        window = self._territory.window(asking.endpoint)
        return asking.next_part(self._settings.rows_per_page(window.page_size))

    async def _hear(self, asking: Asking, read: Read) -> bool:
        """Settle what came; whether to ask for another page of the query at once."""
        if read.answer is Answer.ROWS:
            return await self._keep(asking, read)
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
        self._doubts.something_came()
        asking.clamped(read.asked, read.part)
        ledger = asking.came(read.part, names, rows.claimed, is_promised=rows.goes_on(read.part))
        brought = await self._recorder.put(
            Came(asking.place(read.part), self._territory.listed(asking.endpoint, read.url, rows), ledger)
        )
        asking.brought(len(brought.new) + len(brought.again))
        self._count(len(names), brought)
        self._site.learn(asking.endpoint, asking.query, read.part, names)
        fields = {
            "endpoint": asking.endpoint,
            "url": read.url,
            "rows": len(names),
            "rows_new": len(brought.new),
        }
        _log.info("page_read", extra={**fields, "found": self._tally.found})
        self._territory.note(asking, names)
        await self._territory.served(asking.endpoint, read.part.offset)
        await self._probe(asking)
        if asking.ledger.pages == 1:
            self._drop(await self._territory.needless(asking))
        return await self._go_on(asking)

    async def _reach_end(self, asking: Asking, read: Read) -> bool:
        if hides_rows(read.answer, read.part, asking.claimed):
            asking.refused(read.part)
        else:
            asking.ended(read.part)
        nothing = self._territory.listed(asking.endpoint, read.url, None)
        await self._recorder.put(Came(asking.place(read.part), nothing, asking.ledger))
        return await self._go_on(asking)

    async def _meet_window(self, asking: Asking, read: Read) -> bool:
        ledger = asking.refused(read.part)
        await self._recorder.put(Failed(asking.place(read.part), self._failure(read), ledger))
        await self._territory.refused(asking.endpoint, read.part.offset)
        await self._probe(asking)
        return await self._go_on(asking)

    async def _probe(self, asking: Asking) -> None:
        """Find the edge of the window with pages of a query that has rows beyond it."""
        name, claimed = asking.endpoint, asking.claimed or 0
        if self._territory.probe(name, claimed) is None:
            return
        async with self._probing:
            while (part := self._territory.probe(name, claimed)) is not None:
                before = self._territory.window(name)
                read = await self._site.ask(name, asking.query, part, asking.claimed)
                if read is not None and read.answer is Answer.ROWS:
                    await self._territory.served(name, read.part.offset)
                elif read is not None and read.answer is Answer.WINDOW:
                    await self._territory.refused(name, read.part.offset)
                if self._territory.window(name) == before:
                    return

    async def _go_on(self, asking: Asking) -> bool:
        """Do what the planner decides; whether that is another page."""
        if asking.waiting:
            return True
        decision = self._territory.decide(asking)
        if decision.step is Step.PAGE:
            return True
        await self._settle(asking, decision)
        return False

    async def _settle(self, asking: Asking, decision: Decision) -> None:
        children = await self._territory.children(asking, decision)
        end = _ENDS[decision.step]
        if end is End.COMPLETE:
            await self._territory.completed(asking)
        await self._recorder.put(Ended(asking.id, end, decision.why, tuple(children)))
        self._territory.divided(asking, end)
        self._drop(await self._territory.needless(asking))
        if (upwards := await self._territory.above(asking)) is not None:
            await self._settle(*upwards)

    def _count(self, rows: int, brought: Brought) -> None:
        new, again = len(brought.new), len(brought.again)
        self._tally.came(rows, new, again, is_new_listing=self._settings.again)

    def _drop(self, parent_id: int | None) -> None:
        """Forget queries that need not be asked any more."""
        if parent_id is not None:
            self._queue = [query for query in self._queue if query.parent_id != parent_id]

    # ---- answers that show nothing

    async def _doubt(self, asking: Asking, read: Read) -> bool:
        """Believe the end of a result that is whole, and nothing else without a proof."""
        if read.answer is Answer.EMPTY and self._territory.asks_for_everything(asking):
            return await self._take_for_nothing(asking, read)  # from which nothing follows
        if read.answer is Answer.END:
            asking.waiting.pop(read.part, None)
            if not asking.lacks_rows:
                return await self._reach_end(asking, read)
        await self._doubts.hold(asking, read)
        return False

    async def _believe(self, asking: Asking, read: Read) -> None:
        if read.answer is Answer.GONE:
            await self._settle(asking, Decision(Step.COMPLETE, "there is no such listing"))
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
        brought = await self._recorder.put(Came(asking.place(read.part), listed, ledger))
        asking.brought(0)
        self._count(0, brought)
        return await self._go_on(asking)

    # ---- answers that are none

    async def _cut(self, asking: Asking, read: Read) -> bool:
        """A page that cannot be served is asked for in parts, down to the row that spoils it.

        Where nothing else is served either, no row is at fault. A single row is asked for twice, at last.
        """
        parts, is_known = parts_of(read.part), self._site.ever_showed(asking.endpoint)
        if not parts and not asking.waiting.get(read.part):
            asking.put_off(read.part)
            return True
        is_outage = not await self._site.still_shows(asking.endpoint) if is_known else not parts
        if is_outage:
            return await self._fail(asking, read)
        ledger = asking.cut(read.part, parts)
        places = tuple(asking.place(part) for part in parts)
        await self._recorder.put(Failed(asking.place(read.part), self._failure(read), ledger, parts=places))
        self._tally.fail()
        if is_known:
            self._tally.failed_in_a_row = 0
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
        await self._recorder.put(
            Failed(asking.place(read.part), failure, asking.ledger, attempts, None if is_last else retry_at)
        )
        _log.warning("page_failed", extra={"url": read.url, "reason": str(failure.reason)})
        in_a_row = self._tally.failed_in_a_row
        self._tally.fail()
        if attempts > 1:  # a page that fails once more says nothing of others
            self._tally.failed_in_a_row = in_a_row
        if is_last:
            await self._settle(asking, self._territory.giving_up(asking, error.detail if error else ""))
        return False

    def _failure(self, read: Read) -> Failure:
        error = read.error
        assert error is not None  # noqa: S101 - whatever is no page has one
        return Failure(error.reason, storable(str(error), _DETAIL_LENGTH), error.temporary)

    # ---- the end

    async def _end(self) -> None:
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._recorder.close()


_ENDS = {
    Step.ASK: End.PARTS,
    Step.SPLIT: End.SPLIT,
    Step.COMPLETE: End.COMPLETE,
    Step.GIVE_UP: End.GIVEN_UP,
}

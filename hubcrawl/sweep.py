"""A sweep: a hub that lists nothing whole, listed by many queries; :mod:`hubcrawl.planner` says which.

Every query and page is in the catalog before it is asked for, and is settled there after; so a sweep goes
on where it was stopped, however it was.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from hubcrawl.course import RUN_AGAIN
from hubcrawl.territory import roots_of
from hubcrawl.turns import Turns

if TYPE_CHECKING:
    from collections.abc import Sequence

    from corpus.catalog import Catalog
    from corpus.catalog.ledgers import SweepQuery
    from corpus.records import Registry
    from hubcrawl.endpoints import Endpoint
    from hubcrawl.outcome import CrawlStatistics, CrawlSummary
    from hubcrawl.reading import PageReader
    from hubcrawl.settings import CrawlSettings
    from hubcrawl.territory import Territory
    from registry.transport.clock import Clock

__all__ = ["SweepEngine", "is_to_be_swept"]


async def is_to_be_swept(
    catalog: Catalog, registry: Registry, endpoints: Sequence[Endpoint], settings: CrawlSettings
) -> bool:
    """Whether a run would ask for anything: some endpoint is not done, and the limit is not reached."""
    if settings.again:
        return True
    if settings.limit and await catalog.repositories.count(registry.name) >= settings.limit:
        return False
    sweep = await catalog.sweeps.sweep(registry.name)
    if sweep is None or sweep.completed_at is None:
        return True
    if await catalog.retries.count_lost(registry.name, [endpoint.name for endpoint in endpoints]):
        return True
    roots = roots_of(endpoint.name for endpoint in endpoints)
    asked = [await catalog.sweeps.has_asked(registry.name, root.endpoint, root.key) for root in roots]
    return not all(asked)


class SweepEngine:
    """One sweep of one hub."""

    def __init__(
        self, territory: Territory, reader: PageReader, settings: CrawlSettings, clock: Clock
    ) -> None:
        """Take what is to be listed, and by whom."""
        self._territory = territory
        self._settings = settings
        self._clock = clock
        self._turns = Turns(territory, reader, settings, clock)
        self._course = self._turns.course
        self._under_way: dict[int, asyncio.Task[None]] = {}

    async def run(self) -> CrawlSummary:
        """Ask until nothing is left, the limit is reached, or the site gives out.

        Raises:
            ConfigurationError: The catalog cannot be used.
        """
        self._course.tally = await self._territory.begin(
            again=self._settings.again, limit=self._settings.limit
        )
        for proof in await self._territory.shown_before():
            self._turns.site.learn(*proof)
        try:
            while await self._fill():
                await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)
                self._take_down()
        finally:
            await self._end()
        return await self._territory.summary(self._course.tally, self._course.stopped)

    def statistics(self) -> CrawlStatistics:
        """Where the run stands."""
        found = self._course.tally.statistics()
        return replace(found, note=self._turns.site.pausing or found.note)

    async def _fill(self) -> bool:
        """Have as many queries under way as the settings allow; false when the run is over."""
        while not self._course.is_over():
            if len(self._under_way) >= self._course.most_queries:
                return True
            query = await self._next()
            if query is not None:
                self._under_way[query.id] = asyncio.create_task(self._turns.ask(query))
            elif self._under_way:
                return True
            elif not await self._find_more():
                await self._complete()
                return False
        return bool(self._under_way)

    def _take_down(self) -> None:
        """Forget the queries that are not under way any more; what stopped one stops the run."""
        for number, task in list(self._under_way.items()):
            if task.done():
                del self._under_way[number]
                task.result()

    async def _next(self) -> SweepQuery | None:
        return await self._turns.frontier.next({*self._under_way, *self._turns.doubts.numbers})

    async def _find_more(self) -> bool:
        """What there is to do when nobody is left to be asked: proofs, waits, what names found lead to."""
        if await self._turns.doubts.settle():
            return True
        if (undecided := await self._territory.undecided()) is not None:
            await self._turns.settle(*undecided)
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
            self._course.stopped = f"{'; '.join(self._turns.site.closed.values())}; {RUN_AGAIN}"

    async def _end(self) -> None:
        for task in self._under_way.values():
            task.cancel()
        await asyncio.gather(*self._under_way.values(), return_exceptions=True)
        await self._turns.recorder.close()

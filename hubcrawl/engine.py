"""Reading a listing to its end: page after page, each recorded in one transaction with its rows."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from corpus.records import Failure
from hubcrawl.outcome import (
    UNREACHABLE,
    CrawlStatistics,
    CrawlSummary,
    Tally,
    concerns_site,
    is_complete,
    notes_on,
    why_unfinished,
)
from hubcrawl.texts import storable
from registry.errors import ConfigurationError, Reason, RegistryError

if TYPE_CHECKING:
    from corpus.catalog import Catalog
    from corpus.records import Page, Registry
    from hubcrawl.settings import CrawlSettings
    from hubcrawl.sources import Listing, Source
    from registry.transport.clock import Clock

__all__ = ["CrawlEngine", "CrawlStatistics", "CrawlSummary", "has_work"]

_log = logging.getLogger("hubcrawl")

_DETAIL_LENGTH = 1000  # characters; an error may quote what a server said

# Failed pages are told apart in the summary up to here; more are counted.
_DETAILS = 3

# What a person can do about a site that does not list.
_REMEDY = "run the same again to go on from there"
_REMEDIES = {Reason.AUTH_REQUIRED: "give an account, and run the same again"}


async def has_work(catalog: Catalog, registry: Registry, source_name: str, settings: CrawlSettings) -> bool:
    """Whether a run would ask for a page: the listing is not complete, and the limit is not reached.

    A listing of which no page ever came is begun anew, whatever it failed for.
    """
    if settings.again:
        return True
    if settings.limit and await catalog.repositories.count(registry.name) >= settings.limit:
        return False
    state = await catalog.repositories.listing(source_name)
    return not state.done or bool(state.pending or state.retryable)


class CrawlEngine:
    """One listing of one registry."""

    def __init__(
        self, catalog: Catalog, registry: Registry, source: Source, settings: CrawlSettings, clock: Clock
    ) -> None:
        self._repositories = catalog.repositories
        self._registry = registry
        self._source = source
        self._settings = settings
        self._clock = clock
        self._tally = Tally()
        self._stopped: str | None = None

    async def run(self) -> CrawlSummary:
        """Read pages until the listing ends, the limit is reached, or the site gives out.

        Raises:
            ConfigurationError: No answer ever came from the site, or the source cannot be used.
        """
        await self._begin()
        while (page := await self._next_page()) is not None:
            await self._read(page)
        return await self._summary()

    def statistics(self) -> CrawlStatistics:
        """Where the run stands."""
        return self._tally.statistics()

    async def _begin(self) -> None:
        """Take the listing up where it stands."""
        await self._repositories.add_registry(self._registry)
        state = await self._repositories.listing(self._source.name)
        found = await self._repositories.count(self._registry.name)
        if self._settings.again or not state.done:
            await self._repositories.forget_listing(self._source.name)
            await self._repositories.start_listing(self._source.name, self._source.first_cursors())
        else:
            await self._repositories.retry_pages(self._source.name)
            self._tally.rows_before = state.rows
        self._tally.found = found
        if self._settings.limit:
            self._tally.wanted = self._settings.limit - (0 if self._settings.again else found)

    async def _next_page(self) -> Page | None:
        """The page to read now; ``None`` when the run is over."""
        if self._stopped is not None or self._tally.is_enough:
            return None
        pages = await self._repositories.pending_pages(self._source.name, 1)
        if pages and self._tally.pages >= self._settings.max_pages:
            self._stopped = f"{self._tally.pages:,} pages were read, the most for one run: run the same again"
            return None
        return pages[0] if pages else None

    async def _read(self, page: Page) -> None:
        try:
            listing = await self._source.read(page.cursor)
        except RegistryError as error:
            await self._give_up(page, error)
        else:
            await self._keep(page, listing)

    async def _keep(self, page: Page, listing: Listing) -> None:
        """Record a page that came."""
        counts = await self._repositories.finish_page(
            page,
            self._registry.name,
            listing.records,
            url=listing.url,
            next_cursors=listing.next_cursors,
            now=self._clock.now(),
        )
        self._tally.add(counts, listing.claimed, is_new_listing=self._settings.again)
        fields = {"source": page.source, "url": listing.url, "rows": counts.rows, "rows_new": counts.rows_new}
        _log.info("page_read", extra={**fields, "found": self._tally.found})

    async def _give_up(self, page: Page, error: RegistryError) -> None:
        """Record a page that could not be read, and decide whether the run goes on."""
        # Credentials may be given to the next run.
        is_temporary = error.temporary or error.reason is Reason.AUTH_REQUIRED
        failure = Failure(error.reason, storable(str(error), _DETAIL_LENGTH), is_temporary)
        following = () if concerns_site(error) else self._source.after_failure(page.cursor)
        await self._repositories.fail_page(page, failure, self._clock.now(), following)
        fields = {"source": page.source, "cursor": page.cursor, "reason": str(error.reason)}
        _log.warning("page_failed", extra={**fields, "detail": failure.detail, "is_temporary": is_temporary})
        self._tally.fail()
        if error.reason in UNREACHABLE:
            await self._require_an_answer(error)
        if concerns_site(error) and is_temporary:
            self._stopped = f"{error}; {_REMEDIES.get(error.reason, _REMEDY)}"
        elif self._tally.failed_in_a_row >= self._settings.failures_in_a_row:
            self._stopped = f"{self._tally.failed_in_a_row} pages in a row could not be read, last {error}"

    async def _require_an_answer(self, error: RegistryError) -> None:
        """A site that never answered is a wrong address, as far as anybody can tell."""
        if not (await self._repositories.listing(self._source.name)).done:
            raise ConfigurationError(
                f"cannot reach {self._registry.name} ({error}): check its address, and the network"
            ) from error

    async def _summary(self) -> CrawlSummary:
        state = await self._repositories.listing(self._source.name)
        details = await self._repositories.failed_pages(self._source.name, _DETAILS)
        tally = self._tally
        unfinished = None if tally.is_enough else why_unfinished(state, details)
        return CrawlSummary(
            source=self._source.name,
            pages=tally.pages,
            failed=tally.failed,
            rows=tally.rows,
            new=tally.new,
            found=tally.found,
            is_complete=is_complete(state),
            notes=notes_on(state, tally.claimed, details),
            stopped=self._stopped or unfinished,
        )

"""An update: what changed since the last sweep, found newest first instead of by listing everything.

Search shows repositories in the order of their updates. From the newest on its rows are read until they are
older than what is known; a result whose window ends before that is divided into longer terms, as in a sweep.
A namespace in which something changed is listed again, whole: that is one request for nearly all of them, and
shows what search hides, and what is gone.

What changed before the last sweep *began* is known, and nothing that changed after: a sweep takes days, and
lists a repository at any moment of them.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from corpus.catalog.ledgers import NAMESPACE, End, NewQuery
from hubcrawl.endpoints.newest import Newest
from hubcrawl.endpoints.search_v4 import SearchV4
from hubcrawl.outcome import CrawlSummary, Tally
from hubcrawl.planner import Decision, Step
from hubcrawl.queries import Query
from hubcrawl.territory import NAMESPACE_PRIORITY, Territory
from hubcrawl.words import namespace_of
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from corpus.catalog import Catalog
    from corpus.records import Registry, RepositoryRecord
    from hubcrawl.asking import Asking
    from hubcrawl.endpoints import Endpoint
    from hubcrawl.planner import Seen
    from registry.transport.clock import Clock

# Seconds by which the clock of a site may differ from ours, and its index be late.
_MARGIN_S = 3_600.0

# Part of what is known that a search for everything has to claim to be taken for one: some will be gone.
_NEARLY_ALL = 0.9

# Rows at the end of a page that have to be older than what is known: pages are not taken at one instant.
_ENOUGH_OLD = 5


def is_reached(changed_at: Sequence[float | None], known_until: float) -> bool:
    """Whether a page, newest rows first, reaches back to what is known.

    Args:
        changed_at: When its repositories changed, unix s; those without a date say nothing.
        known_until: What changed before is known, unix s.
    """
    last = [each for each in changed_at if each is not None][-_ENOUGH_OLD:]
    return bool(last) and all(each < known_until for each in last)


def after_newest(seen: Seen, *, is_known: bool, is_end: bool, is_whole: bool) -> Decision:
    """What to do about a result that is read newest first, after one more of its pages.

    Args:
        seen: Its ledger.
        is_known: Whether the last page reaches back to what is known.
        is_end: Whether it is the last one for certain.
        is_whole: Whether the result has whatever its term, and all longer ones, are to show.
    """
    if is_whole and (is_known or is_end):
        return Decision(Step.COMPLETE, "what is older is known" if is_known else "all that is claimed came")
    if not is_known and seen.next_is_promised and seen.rows < seen.reach and not seen.is_refused:
        return Decision(Step.PAGE, priority=seen.new / max(seen.pages, 1))
    return Decision(
        Step.SPLIT, "more has changed than its window shows" if not is_known else "it is not whole"
    )


def changed_at(record: RepositoryRecord) -> float | None:
    """When a repository changed last, unix s; ``None`` where that is not said, or in another form."""
    try:
        moment = datetime.fromisoformat(record.last_updated_at or "")
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


async def require_a_sweep(catalog: Catalog, registry: str) -> None:
    """``ConfigurationError`` where there is nothing yet that could have changed."""
    if (await catalog.updates.state(registry)).known_until is None:
        raise ConfigurationError(
            f"--updates asks what changed since {registry} was listed, and no sweep of it is complete: "
            "run `hubcrawl crawl` without it until one is"
        )


class Updates(Territory):
    """What changed in one hub, asked of :class:`Newest` and, if wanted, of the listing of namespaces."""

    def __init__(
        self,
        catalog: Catalog,
        registry: Registry,
        endpoints: Sequence[Endpoint],
        clock: Clock,
        *,
        account: str = "",
    ) -> None:
        """See :class:`Territory`."""
        super().__init__(catalog, registry, endpoints, clock, account=account)
        self._updates = catalog.updates
        self._known_until = 0.0
        self._nearly_all = 0.0
        self._reaching: set[int] = set()

    @property
    def name(self) -> str:
        """The update's name in logs and summaries."""
        return f"{self._registry.name} updates"

    async def begin(self, *, again: bool, limit: int) -> Tally:  # noqa: ARG002 - neither is for updates
        """Take the update up where it stands, or begin one."""
        name = self._registry.name
        await require_a_sweep(self._catalog, name)
        state = await self._updates.state(name)
        if (started_at := state.started_at) is None:
            started_at = self._clock.now()
            await self._updates.start(name, Newest.name, started_at)
        self._sweeps.see_anew()
        await self._catalog.retries.hasten(name)
        await self._catalog.retries.take_up(name, self._endpoints.keys() & {NAMESPACE})
        self._known_until = (state.known_until or 0.0) - _MARGIN_S
        self._names = replace(self._names, since=started_at)
        await self._sweeps.add(name, list(self._roots()))
        await self._recall()
        self._nearly_all = _NEARLY_ALL * await self._known.count_seen(name, 0.0)
        return Tally(found=await self._catalog.repositories.count(name))

    def _lead_to(self, name: str) -> Iterable[NewQuery]:  # noqa: ARG002
        """Nothing: a name that is seen need not have changed."""
        return ()

    def _source(self, endpoint: str) -> str:
        """Rows of the newest are those of the same search in another order."""
        return super()._source(SearchV4.name if endpoint == Newest.name else endpoint)

    async def heed(self, asking: Asking, records: Sequence[RepositoryRecord]) -> None:
        """Have the namespaces listed again in which something changed."""
        if asking.endpoint != Newest.name:
            return
        moments = [changed_at(record) for record in records]
        if is_reached(moments, self._known_until):
            self._reaching.add(asking.id)
        owners = {
            namespace_of(record.name)
            for record, moment in zip(records, moments, strict=True)
            if moment is not None and moment >= self._known_until
        }
        owners.discard("")
        if owners and NAMESPACE in self._endpoints:
            await self._list_again([Query(owner).key for owner in sorted(owners)])

    async def _list_again(self, keys: Sequence[str]) -> None:
        name = self._registry.name
        await self._updates.ask_again(name, NAMESPACE, keys, self._names.since)
        await self._sweeps.add(name, [NewQuery(NAMESPACE, key, NAMESPACE_PRIORITY) for key in keys])

    def decide(self, asking: Asking) -> Decision:
        """What to do about a query after one more of its pages."""
        if asking.endpoint != Newest.name:
            return super().decide(asking)
        traits, seen = self.decisions.traits(asking.endpoint), self.decisions.seen(asking)
        if self.decisions.asks_for_everything(asking):
            is_whole = (seen.claimed or 0) >= min(self._nearly_all, traits.saturates_at or self._nearly_all)
        else:
            # Where search matches words, one character finds nothing but itself.
            is_whole = traits.is_exact or len(asking.query.term) > 1
        decision = after_newest(
            seen,
            is_known=asking.id in self._reaching,
            is_end=_is_end(asking, traits.saturates_at),
            is_whole=is_whole,
        )
        if decision.step is Step.SPLIT and asking.unheard is not None:
            asking.hear_again(asking.unheard)
            return Decision(Step.PAGE)  # by which an earlier run may have reached what is known
        return decision

    async def revisit(self) -> bool:
        """Ask for the longer terms that names found since suggest; whether that is anything."""
        return Newest.name in self._open and await self._ask_longer(Newest.name) > 0

    async def complete(self) -> bool:
        """Whether nothing is left to ask; then all changes until now are known, unless some are given up."""
        if not await super().complete():
            return False
        given_up = await self._updates.count(self._registry.name, Newest.name, End.GIVEN_UP)
        until = self._known_until + _MARGIN_S if given_up else self._names.since
        await self._updates.finish(self._registry.name, until)
        return True

    async def summary(self, tally: Tally, stopped: str | None) -> CrawlSummary:
        """What the run came to."""
        state = await self._updates.state(self._registry.name)
        divided = await self._updates.count(self._registry.name, Newest.name, End.SPLIT)
        given_up = await self._updates.count(self._registry.name, Newest.name, End.GIVEN_UP)
        unlisted = await self._catalog.retries.count_lost(self._registry.name, {NAMESPACE})
        return CrawlSummary(
            source=self.name,
            pages=tally.pages,
            failed=tally.failed,
            rows=tally.rows,
            new=tally.new,
            found=tally.found,
            is_complete=state.started_at is None,
            notes=tuple(_notes(divided, given_up, unlisted)),
            stopped=stopped,
        )


def _is_end(asking: Asking, saturates_at: int | None) -> bool:
    """Whether the last page is the end of a result.

    A count that saturates tells of none. Nor does a page of rows that came before: so much may have changed
    meanwhile that they moved there.
    """
    claimed = asking.claimed or 0
    is_counted = saturates_at is None or claimed < saturates_at
    is_read = not asking.is_promised and asking.ledger.refused_at is None
    return is_read and is_counted and asking.end >= claimed


def _notes(divided: int, given_up: int, unlisted: int) -> Iterable[str]:
    if given_up:
        yield f"{given_up:,} searches were given up: the next update asks again from where this one began"
    if unlisted:
        yield f"{unlisted:,} namespaces could not be listed: the next run asks again"
    if divided:
        yield (
            "more has changed than the window of one search shows, so that longer terms were searched for; "
            "what none of them shows is found by `hubcrawl crawl --again`"
        )
    yield "an update sees what is deleted only in namespaces where something else changed"

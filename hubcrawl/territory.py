"""What a sweep is about: the endpoints of one hub, their windows, and the ledger, in the planner's terms."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from corpus.catalog.ledgers import (
    NAMESPACE,
    WAITING,
    Batch,
    Came,
    End,
    Ended,
    Failed,
    Names,
    NewQuery,
    Pages,
    Totals,
)
from corpus.catalog.sightings import Listed
from corpus.records import State
from hubcrawl import planner, windows
from hubcrawl.asking import Asking
from hubcrawl.counting import matched, seen
from hubcrawl.coverage import estimate
from hubcrawl.endpoints.namespaces import OFFICIAL_NAMESPACE
from hubcrawl.families import Families
from hubcrawl.outcome import CrawlSummary, Tally
from hubcrawl.planner import Decision, Matching, Seen, Step, Traits
from hubcrawl.queries import Query, Slice
from hubcrawl.views import asked, view
from hubcrawl.windows import Window
from hubcrawl.words import namespace_of, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from corpus.catalog import Catalog
    from corpus.catalog.coverage import Coverage
    from corpus.catalog.ledgers import Ledger, SweepQuery
    from corpus.catalog.sightings import Brought
    from corpus.records import Registry
    from hubcrawl.endpoints import Endpoint, Rows
    from hubcrawl.families import Family
    from hubcrawl.reading import Read
    from hubcrawl.recorder import Item
    from registry.transport.clock import Clock


# What listed everything in 2017 (the paper); a small hub is listed whole by it.
_EVERYTHING = Query("*")
_FIRST = 1e9

# A namespace has one repository more often than not, and that is known already.
_NAMESPACE_PRIORITY = 1.0

# Queries looked at together when evidence has grown, and words.
_CHUNK = 1_000


class Territory:
    """One hub, as far as it may be asked."""

    def __init__(
        self,
        catalog: Catalog,
        registry: Registry,
        endpoints: Sequence[Endpoint],
        clock: Clock,
        *,
        account: str = "",
    ) -> None:
        """Take a hub.

        Args:
            catalog: What is known of it.
            registry: Its identity.
            endpoints: Whom to ask; with the listing of namespaces among them, each that is seen is listed.
            clock: For the times in the catalog.
            account: Whose windows hold; ``""`` is anonymous.
        """
        self._catalog = catalog
        self._sweeps = catalog.sweeps
        self._known = catalog.names
        self._registry = registry
        self._endpoints = {endpoint.name: endpoint for endpoint in endpoints}
        self._open = set(self._endpoints)
        self._clock = clock
        self._account = account
        self._windows: dict[str, Window] = {}
        self._totals: dict[str, Totals] = {}
        self._names = Names(words_of, self._lead_to)
        self._families = Families(catalog.sweeps)

    @property
    def name(self) -> str:
        """The sweep's name in logs and summaries."""
        return f"{self._registry.name} sweep"

    async def begin(self, *, again: bool, limit: int) -> Tally:
        """Take the sweep up where it stands, or begin it; returns the counts to go on from."""
        name = self._registry.name
        await self._catalog.repositories.add_registry(self._registry)
        sweep = await self._sweeps.sweep(name)
        if again or sweep is None:
            sweep = await self._sweeps.start(name, self._clock.now())
        if await self._sweeps.add(name, list(self._roots())):
            await self._sweeps.reopen(name)
        self._names = replace(self._names, since=sweep.started_at)
        self._totals = await self._sweeps.totals(name, _EVERYTHING.key)
        known = await self._sweeps.windows(name, self._account)
        self._windows = {each: msgspec.json.decode(text, type=Window) for each, text in known.items()}
        found = await self._catalog.repositories.count(name)
        wanted = limit - (0 if again else found) if limit else None
        return Tally(found=found, wanted=wanted)

    def _roots(self) -> Iterable[NewQuery]:
        for name in self._endpoints:
            if name == NAMESPACE:
                yield NewQuery(NAMESPACE, Query(OFFICIAL_NAMESPACE).key, _NAMESPACE_PRIORITY)
            else:
                yield NewQuery(name, _EVERYTHING.key, _FIRST)

    def _lead_to(self, name: str) -> Iterable[NewQuery]:
        owner = namespace_of(name)
        if owner and NAMESPACE in self._endpoints:
            yield NewQuery(NAMESPACE, Query(owner).key, _NAMESPACE_PRIORITY)

    # ---- the ledger

    async def write(self, items: Sequence[Item]) -> Sequence[Brought]:
        """Write down what became of pages and queries; tells what each page that came brought."""
        batch = Batch(
            [item for item in items if isinstance(item, Came)],
            [item for item in items if isinstance(item, Failed)],
            [item for item in items if isinstance(item, Ended)],
        )
        return await self._sweeps.write(self._registry.name, batch, self._names, now=self._clock.now())

    async def frontier(self, limit: int, apart: Collection[int]) -> list[SweepQuery]:
        """The next queries to ask of the endpoints that still answer: first those that were begun."""
        name, now = self._registry.name, self._clock.now()
        begun = await self._sweeps.begun(name, self._open, limit, apart, now)
        return begun or await self._sweeps.pending(name, self._open, limit, apart, now)

    async def next_retry(self) -> float | None:
        """When the next query may be asked again, in unix s."""
        return await self._sweeps.next_retry(self._registry.name, self._open)

    async def take_up(self, query: SweepQuery) -> Asking:
        """A query with its pages."""
        is_begun = query.state != State.PENDING
        asking = Asking.of(query, await self._sweeps.pages(query.id) if is_begun else Pages())
        in_view = view(asking.endpoint, asking.query)
        if query.parent_id is not None and (in_view.order or in_view.facets):
            # A part: of what its whole has shown, nothing counts as distinct once more.
            asking.elsewhere = (await self._sweeps.pages(query.parent_id)).names
        return asking

    async def complete(self) -> bool:
        """Whether nothing is left to ask; if so, the sweep is complete."""
        return await self._sweeps.complete(self._registry.name, self._endpoints, self._clock.now())

    async def completed(self, asking: Asking) -> None:
        """A result is here whole: what a namespace does not have any more is gone."""
        if asking.endpoint != NAMESPACE or asking.query.facets or asking.query.order:
            return
        name, term, since = self._registry.name, asking.query.term, self._names.since
        has_all = not asking.lacks_rows or (
            await self._known.count_listed(name, term, self._source(NAMESPACE), since)
            >= (asking.claimed or 0)
        )
        if has_all and not asking.ledger.unreadable:
            await self._known.mark_gone(name, term, since, self._clock.now())

    # ---- endpoints and their windows

    def endpoint(self, name: str) -> Endpoint:
        """Whom to ask."""
        return self._endpoints[name]

    def close(self, name: str) -> bool:
        """Ask an endpoint nothing more in this run; whether there is another one to be asked."""
        self._open.discard(name)
        return bool(self._open - {NAMESPACE})

    def refuses(self, endpoint: str, part: Slice) -> bool:
        """Whether a page is known to lie outside the window: only probes are asked for there."""
        refused = self.window(endpoint).refused
        return refused is not None and part.offset >= refused

    async def shown_before(self) -> list[tuple[str, Query, Slice]]:
        """Pages that had rows in earlier runs of the sweep: one of each endpoint that is known for any."""
        found = []
        for root in self._roots():
            query = await self._sweeps.named(self._registry.name, root.endpoint, root.key)
            if query.ledger.rows:
                part = Slice(1, self.window(root.endpoint).page_size)
                found.append((root.endpoint, Query.parse(root.key), part))
        return found

    def listed(self, endpoint: str, url: str, rows: Rows | None) -> Listed:
        """The rows of a page as the census takes them."""
        return Listed(self._source(endpoint), url, () if rows is None else rows.records)

    def note(self, asking: Asking, names: Sequence[str]) -> None:
        """Learn from the rows of a page how its endpoint matches."""
        if asking.query.term == _EVERYTHING.term:
            return
        term, rows = asking.query.term, len(names)
        prefixed, whole = matched(term, names)
        old = self._totals.get(asking.endpoint, Totals(0, 0, 0, 0))
        is_long = len(term) > 1
        self._totals[asking.endpoint] = Totals(
            old.rows + rows,
            old.prefixed + prefixed,
            old.long_rows + (rows if is_long else 0),
            old.long_whole + (whole if is_long else 0),
        )

    def window(self, endpoint: str) -> Window:
        """What an endpoint is known to serve."""
        return self._windows.get(endpoint, Window(page_size=self._endpoints[endpoint].max_rows))

    async def served(self, endpoint: str, offset: int) -> None:
        """A page at ``offset`` came."""
        learned = windows.after_served(
            self.window(endpoint), offset, self._clock.now(), self._endpoints[endpoint].max_rows
        )
        await self._learn(endpoint, learned.window)

    async def refused(self, endpoint: str, offset: int) -> None:
        """A page was refused for its ``offset``."""
        learned = windows.after_refused(
            self.window(endpoint), offset, self._clock.now(), self._endpoints[endpoint].max_rows
        )
        await self._learn(endpoint, learned.window)

    def probe(self, endpoint: str, claimed: int) -> Slice | None:
        """The page by which the edge of a window is found, of a query that claims so many rows."""
        return windows.next_probe(
            self.window(endpoint), claimed, self._clock.now(), self._endpoints[endpoint].max_rows
        )

    async def _learn(self, endpoint: str, window: Window) -> None:
        known = self.window(endpoint)
        self._windows[endpoint] = window
        if (window.refused, window.page_size) != (known.refused, known.page_size):
            text = msgspec.json.encode(window).decode()
            now = self._clock.now()
            await self._sweeps.keep_window(self._registry.name, endpoint, self._account, text, now)

    async def keep_evidence(self, endpoint: str, read: Read) -> None:
        """Keep an answer that was none of the endpoint's."""
        if read.body:
            await self._catalog.evidence.keep(
                self._registry.name,
                read.url,
                status=read.status,
                reason=f"{endpoint}: {read.answer}",
                body=read.body,
                now=self._clock.now(),
            )

    # ---- decisions

    def asks_for_everything(self, asking: Asking) -> bool:
        """Whether a query is the one that a small hub answers with all it has."""
        return asking.endpoint != NAMESPACE and asking.query == _EVERYTHING

    def decide(self, asking: Asking) -> Decision:
        """What to do about a query after one more of its pages."""
        query, traits = view(asking.endpoint, asking.query), self._traits(asking.endpoint)
        decision = planner.after_page(query, self._seen(asking), traits)
        if self.asks_for_everything(asking):
            return _after_everything(self._seen(asking), decision)
        return decision

    def giving_up(self, asking: Asking, why: str) -> Decision:
        """What to do about a query that cannot be read."""
        return Decision(Step.SPLIT if self.asks_for_everything(asking) else Step.GIVE_UP, why)

    async def children(self, asking: Asking, decision: Decision) -> list[NewQuery]:
        """The queries that are asked in place of one."""
        if decision.step is Step.ASK:
            found = [planner.Child(part, decision.priority) for part in decision.parts]
        elif decision.step is Step.SPLIT:
            found = await self._longer(asking)
        else:
            found = []
        return [
            NewQuery(
                asking.endpoint,
                asked(asking.endpoint, asking.query, child.query).key,
                child.priority,
                asking.id,
            )
            for child in found
        ]

    async def needless(self, asking: Asking) -> int | None:
        """Drop the siblings of a query that are not needed any more; returns their parent, if any were."""
        if asking.parent_id is None:
            return None
        family = await self._families.of(asking.parent_id)
        family.note(asking.id, asking.query, asking.ledger)
        if family.end is not End.SPLIT or family.is_dropped:
            return None
        if not await self._is_accounted(asking.endpoint, family):
            return None
        family.is_dropped = True
        why = "its siblings hold all there is"
        dropped = await self._sweeps.drop_siblings(family.id, why, self._clock.now())
        return family.id if dropped else None

    async def above(self, asking: Asking) -> tuple[Asking, Decision] | None:
        """What is to be done about the query that this one was a part of, if it was the last one to end."""
        return None if asking.parent_id is None else await self._after_parts(asking.parent_id)

    async def undecided(self) -> tuple[Asking, Decision] | None:
        """The same for a query whose last part ended when a run was ended from outside."""
        number = await self._sweeps.undecided(self._registry.name, self._open)
        return None if number is None else await self._after_parts(number)

    async def _after_parts(self, number: int) -> tuple[Asking, Decision] | None:
        if (await self._families.of(number)).end is not End.PARTS:
            return None
        query = await self._sweeps.query(number)
        parts = await self._sweeps.children(number)
        if query.state != End.PARTS or any(part.state in WAITING for part in parts):
            return None
        whole, traits = await self.take_up(query), self._traits(query.endpoint)
        showed = {
            view(query.endpoint, Query.parse(part.key)): self._seen_in(query.endpoint, part.ledger)
            for part in parts
        }
        seen_whole = view(query.endpoint, whole.query)
        return whole, planner.after_parts(seen_whole, self._seen(whole), showed, traits)

    def divided(self, asking: Asking, end: End) -> None:
        """A query has ended, so or so."""
        if end in (End.SPLIT, End.PARTS):
            self._families.begin(asking, end)

    async def revisit(self) -> bool:
        """Ask what the names found since lead to, and what is missing; whether that is anything."""
        added = await self._miss()
        for name in self._open - {NAMESPACE}:
            added += await self._doubt_everything(name)
            after = 0
            while queries := await self._sweeps.split(self._registry.name, name, after, _CHUNK):
                after = queries[-1].id
                children = [child for query in queries for child in await self._children_today(query)]
                added += await self._sweeps.add(self._registry.name, children)
            added += await self._sow(name)
        return added > 0

    async def _children_today(self, query: SweepQuery) -> list[NewQuery]:
        """What a query that was split leads to by what is known now."""
        self._families.revive(query.id)
        return await self.children(Asking.of(query, Pages()), Decision(Step.SPLIT))

    async def _miss(self) -> int:
        """List the namespaces of names that an earlier sweep saw, and this one did not."""
        added, after, since = 0, "", self._names.since
        while NAMESPACE in self._open and (
            missing := await self._known.missing(self._registry.name, since, after, _CHUNK)
        ):
            after = missing[-1]
            namespaces = [query for name in missing for query in self._lead_to(name)]
            added += await self._sweeps.add(self._registry.name, namespaces)
        return added

    async def _doubt_everything(self, endpoint: str) -> int:
        """Where more is known than "everything" showed, it is not everything."""
        root = await self._sweeps.named(self._registry.name, endpoint, _EVERYTHING.key)
        if root.state != End.COMPLETE:
            return 0
        if await self._count_seen() <= root.ledger.distinct_names:
            return 0
        roots = [NewQuery(endpoint, child.query.key, child.priority, root.id) for child in planner.roots()]
        return await self._sweeps.add(self._registry.name, roots)

    async def _sow(self, endpoint: str) -> int:
        added, after, traits = 0, "", self._traits(endpoint)
        while planner.seeds({"": 0}, traits) and (
            known := await self._known.known_words(self._registry.name, after, _CHUNK)
        ):
            after = max(known)
            children = planner.seeds(known, traits)
            new = [NewQuery(endpoint, child.query.key, child.priority) for child in children]
            added += await self._sweeps.add(self._registry.name, new)
        return added

    async def _is_accounted(self, endpoint: str, family: Family) -> bool:
        name, term = self._registry.name, family.query.term
        if endpoint == NAMESPACE:
            claimed = family.ledger.claimed
            known = await self._known.count_in(name, term) if claimed else 0
            return claimed is not None and not family.query.facets and known >= claimed
        traits = self._traits(endpoint)
        whole = self._seen_in(endpoint, family.ledger)
        children = [self._seen_in(endpoint, ledger) for ledger in family.answered.values()]
        if family.query == _EVERYTHING:
            # It may find anything, such as what has an asterisk in its description.
            return (
                traits.matching is Matching.PREFIX
                and planner.is_accounted(whole, children, traits)
                and await self._count_seen() <= (family.ledger.claimed or 0)
            )
        if planner.is_accounted(whole, children, traits):
            return True
        return planner.is_accounted(whole, children, traits, 1) and await self._known.is_known(
            name, (term, f"{OFFICIAL_NAMESPACE}/{term}")
        )

    async def _count_seen(self) -> int:
        return await self._known.count_seen(self._registry.name, self._names.since)

    async def _longer(self, asking: Asking) -> list[planner.Child]:
        query, traits = view(asking.endpoint, asking.query), self._traits(asking.endpoint)
        if query.term in ("", _EVERYTHING.term):
            return planner.roots()
        if asking.endpoint == NAMESPACE:
            return planner.children(query, self._seen(asking), {}, traits)
        return planner.children(query, self._seen(asking), await self._evidence(asking, traits), traits)

    async def _evidence(self, asking: Asking, traits: Traits) -> planner.Evidence:
        name, term = self._registry.name, asking.query.term
        if traits.matching is Matching.PREFIX:
            return await self._known.next_characters(name, term)
        return await self._known.next_in_words(name, term.rpartition(" ")[2])

    def _traits(self, name: str) -> Traits:
        endpoint = self._endpoints[name]
        if name == NAMESPACE:
            return Traits(orders=endpoint.orders, matching=Matching.PREFIX)
        facets = tuple((facet.name, facet.values) for facet in endpoint.facets if facet.values)
        how = planner.matching(*self._totals.get(name, Totals(0, 0, 0, 0)))
        return Traits(endpoint.orders, facets, endpoint.saturates_at, how)

    def _seen(self, asking: Asking) -> Seen:
        return replace(self._seen_in(asking.endpoint, asking.ledger), next_is_promised=asking.is_promised)

    def _seen_in(self, endpoint: str, ledger: Ledger) -> Seen:
        return seen(ledger, self.window(endpoint).reach, next_is_promised=False)

    # ---- the end

    async def summary(self, tally: Tally, stopped: str | None) -> CrawlSummary:
        """What the run came to, and how complete the sweep is; that is kept for `status`."""
        sweep = await self._sweeps.sweep(self._registry.name)
        coverage = await self._coverage()
        await self._catalog.coverage.keep(self._registry.name, coverage)
        return CrawlSummary(
            source=self.name,
            pages=tally.pages,
            failed=tally.failed,
            rows=tally.rows,
            new=tally.new,
            found=tally.found,
            is_complete=sweep is not None and sweep.completed_at is not None,
            stopped=stopped,
        )

    async def _coverage(self) -> Coverage:
        name = self._registry.name
        counts = await self._catalog.coverage.counts(name)
        if counts.namespaces_waiting or not counts.namespaces:
            return counts
        searches = [self._source(each) for each in self._endpoints if each != NAMESPACE]
        known = await self._catalog.coverage.namespaces(name, self._source(NAMESPACE), searches)
        found = estimate(known)
        if found is None:
            return counts
        # What search alone shows (private ones, say) is there as well.
        others = counts.found - sum(listed * count for (listed, _), count in known.items())
        return msgspec.structs.replace(
            counts,
            estimated=round(found.total) + others,
            high=math.ceil(found.high) + others,
            shown=found.shown,
        )

    def _source(self, endpoint: str) -> str:
        return f"{self._registry.name} {endpoint}"


def _after_everything(showed: Seen, decision: Decision) -> Decision:
    """It is asked for to its end where that can be reached, and believed only where it is."""
    if decision.step is Step.PAGE:
        return decision
    is_whole = showed.rows and not showed.is_refused and showed.distinct >= (showed.claimed or 0)
    if is_whole and not showed.next_is_promised:
        return Decision(Step.COMPLETE, "all that is claimed came")
    return Decision(Step.SPLIT, "not everything is found by one query")

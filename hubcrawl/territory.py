"""What a sweep is about: the endpoints of one hub, how far they can be asked, and what is left to ask."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from corpus.catalog.ledgers import NAMESPACE, REPOSITORY, Batch, Came, End, Ended, Failed, Names, NewQuery
from corpus.catalog.sightings import Listed
from hubcrawl import planner
from hubcrawl.completeness import completeness
from hubcrawl.confirming import ONLY_PAGE, Confirming
from hubcrawl.decisions import EVERYTHING, LISTINGS, Decisions
from hubcrawl.endpoints.namespaces import OFFICIAL_NAMESPACE
from hubcrawl.outcome import CrawlSummary, Tally
from hubcrawl.queries import Query, Slice
from hubcrawl.reach import Reach
from hubcrawl.words import namespace_of, words_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from corpus.catalog import Catalog
    from corpus.catalog.ledgers import SweepQuery
    from corpus.catalog.sightings import Brought
    from corpus.records import Registry, RepositoryRecord
    from hubcrawl.asking import Asking
    from hubcrawl.endpoints import Endpoint, Rows
    from hubcrawl.planner import Decision
    from hubcrawl.reading import Read
    from hubcrawl.recorder import Item
    from registry.transport.clock import Clock

_FIRST = 1e9

# A namespace has one repository more often than not, and that is known already.
NAMESPACE_PRIORITY = 1.0

_ROOT_OF_NAMESPACES = NewQuery(NAMESPACE, Query(OFFICIAL_NAMESPACE).key, NAMESPACE_PRIORITY)

# Queries looked at together when evidence has grown, and words.
_CHUNK = 1_000


def roots_of(endpoints: Iterable[str]) -> list[NewQuery]:
    """The queries with which asking begins."""
    return [
        _ROOT_OF_NAMESPACES if name == NAMESPACE else NewQuery(name, EVERYTHING.key, _FIRST)
        for name in endpoints
        if name != REPOSITORY
    ]


class Proof(NamedTuple):
    """A page that has rows, and their names as far as they are known."""

    endpoint: str
    query: Query
    part: Slice
    names: Sequence[str] = ()


class Territory:
    """One hub, as far as it may be asked.

    Attributes:
        reach: How far its endpoints can be paged through.
        decisions: What the planner says of its queries.
    """

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
        self._names = Names(words_of, self._lead_to)
        self.reach = Reach(catalog.sweeps, registry.name, self._endpoints, clock, account=account)
        self.decisions = Decisions(catalog, registry.name, self._endpoints, self.reach, clock)
        self._confirming = Confirming(catalog, registry.name, self._source(NAMESPACE))

    @property
    def name(self) -> str:
        """The sweep's name in logs and summaries."""
        return f"{self._registry.name} sweep"

    async def begin(self, *, again: bool, limit: int) -> Tally:
        """Take the sweep up where it stands, or begin it; returns the counts to go on from."""
        name = self._registry.name
        await self._catalog.repositories.add_registry(self._registry)
        sweep = await self._sweeps.sweep(name)
        is_new = again or sweep is None
        if again or sweep is None:
            sweep = await self._sweeps.start(name, self._clock.now())
        self._names = replace(self._names, since=sweep.started_at)
        added = 0
        if not is_new:
            await self._catalog.retries.hasten(name)
            added = await self._catalog.retries.take_up(name, self._endpoints)
            await self._lead_on()
        if added + await self._sweeps.add(name, self._roots()):
            await self._sweeps.reopen(name)
        await self._recall()
        found = await self._catalog.repositories.count(name)
        wanted = limit - (0 if again else found) if limit else None
        return Tally(found=found, wanted=wanted)

    async def _recall(self) -> None:
        """Take from the catalog what was learned of the endpoints."""
        await self.decisions.recall(self._names.since)
        await self.reach.recall()

    def _roots(self) -> list[NewQuery]:
        return roots_of(self._endpoints)

    async def _lead_on(self) -> None:
        """Where earlier runs listed no namespaces: those of the names that they found are listed now.

        The root of namespaces is added after all others, and so tells that they were.
        """
        name, after, root = self._registry.name, "", _ROOT_OF_NAMESPACES.key
        if NAMESPACE not in self._endpoints or await self._sweeps.has_asked(name, NAMESPACE, root):
            return
        while known := await self._known.seen(name, self._names.since, after, _CHUNK):
            after = known[-1]
            owners = [query for each in known for query in self._lead_to(each) if query.key != root]
            await self._sweeps.add(name, owners)

    def _lead_to(self, name: str) -> Iterable[NewQuery]:
        owner = namespace_of(name)
        if owner and NAMESPACE in self._endpoints:
            yield NewQuery(NAMESPACE, Query(owner).key, NAMESPACE_PRIORITY)

    async def heed(self, asking: Asking, records: Sequence[RepositoryRecord]) -> None:
        """Look at the rows of a page before they are written down."""

    # ---- the ledger

    async def write(self, items: Sequence[Item]) -> Sequence[Brought]:
        """Write down what became of pages and queries; tells what each page that came brought."""
        batch = Batch(
            [item for item in items if isinstance(item, Came)],
            [item for item in items if isinstance(item, Failed)],
            [item for item in items if isinstance(item, Ended)],
        )
        # What is seen is seen since the sweep began, also where the clock was set back meanwhile.
        now = max(self._clock.now(), self._names.since)
        return await self._sweeps.write(self._registry.name, batch, self._names, now=now)

    async def frontier(self, limit: int, apart: Collection[int]) -> list[SweepQuery]:
        """The next queries to ask of the endpoints that still answer: first those that were begun."""
        name, now = self._registry.name, self._clock.now()
        begun = await self._sweeps.begun(name, self._open, limit, apart, now)
        return begun or await self._sweeps.pending(name, self._open, limit, apart, now)

    async def next_retry(self) -> float | None:
        """When the next query may be asked again, in unix s."""
        return await self._sweeps.next_retry(self._registry.name, self._open)

    async def complete(self) -> bool:
        """Whether nothing is left to ask; if so, the sweep is complete."""
        return await self._sweeps.complete(self._registry.name, self._endpoints, self._clock.now())

    async def completed(self, asking: Asking) -> None:
        """A result is here whole: what it does not have any more is gone."""
        if asking.endpoint == REPOSITORY and not asking.ledger.rows:
            await self._confirming.refuted(asking.query.term, self._clock.now())
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
        return bool(self._open - LISTINGS)

    async def shown_before(self) -> list[Proof]:
        """Pages that had rows in earlier runs of the sweep: one of each endpoint that is known for any."""
        found = []
        for root in self._roots():
            query = await self._sweeps.named(self._registry.name, root.endpoint, root.key)
            if query.ledger.rows:
                part = Slice(1, self.reach.window(root.endpoint).page_size)
                found.append(Proof(root.endpoint, Query.parse(root.key), part))
        # Where no namespace was listed yet, the proof would be sought long.
        if REPOSITORY in self._endpoints and self.decisions.has_shown(NAMESPACE):
            name = await self._confirming.proof()
            found += [] if name is None else [Proof(REPOSITORY, Query(name), ONLY_PAGE)]
        return found

    def proofs(self, asking: Asking, part: Slice, names: Sequence[str]) -> Iterable[Proof]:
        """Pages that are known to have rows because one came."""
        yield Proof(asking.endpoint, asking.query, part, names)
        if asking.endpoint == NAMESPACE and REPOSITORY in self._endpoints:
            yield Proof(REPOSITORY, Query(names[0]), ONLY_PAGE, names[:1])

    def listed(self, endpoint: str, url: str, rows: Rows | None) -> Listed:
        """The rows of a page as the census takes them; what search shows may be gone, if others can tell."""
        is_proof = endpoint in LISTINGS or NAMESPACE not in self._endpoints
        return Listed(self._source(endpoint), url, () if rows is None else rows.records, is_proof)

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

    # ---- what to ask

    def decide(self, asking: Asking) -> Decision:
        """What to do about a query after one more of its pages."""
        return self.decisions.after_page(asking)

    async def undecided(self) -> tuple[Asking, Decision] | None:
        """What is to be done about a query whose last part ended when a run was ended from outside."""
        number = await self._sweeps.undecided(self._registry.name, self._open)
        return None if number is None else await self.decisions.after_parts(number)

    async def revisit(self) -> bool:
        """Ask what the names found since lead to, and what is missing; whether that is anything."""
        added = await self._miss()
        if self._open >= LISTINGS:
            added += await self._confirming.ask(self._names.since)
        for name in self._open - LISTINGS:
            added += await self._doubt_everything(name)
            added += await self._ask_longer(name)
            added += await self._sow(name)
        return added > 0

    async def _ask_longer(self, endpoint: str) -> int:
        """Ask for longer terms that evidence of today suggests."""
        added, after = 0, 0
        while queries := await self._sweeps.split(self._registry.name, endpoint, after, _CHUNK):
            after = queries[-1].id
            children = [child for query in queries for child in await self.decisions.children_today(query)]
            added += await self._sweeps.add(self._registry.name, children)
        return added

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
        root = await self._sweeps.named(self._registry.name, endpoint, EVERYTHING.key)
        if root.state != End.COMPLETE:
            return 0
        if await self.decisions.count_seen() <= root.ledger.distinct_names:
            return 0
        roots = [NewQuery(endpoint, child.query.key, child.priority, root.id) for child in planner.roots()]
        return await self._sweeps.add(self._registry.name, roots)

    async def _sow(self, endpoint: str) -> int:
        added, after, traits = 0, "", self.decisions.traits(endpoint)
        while planner.seeds({"": 0}, traits) and (
            known := await self._known.known_words(self._registry.name, after, _CHUNK)
        ):
            after = max(known)
            children = planner.seeds(known, traits)
            new = [NewQuery(endpoint, child.query.key, child.priority) for child in children]
            added += await self._sweeps.add(self._registry.name, new)
        return added

    # ---- the end

    async def summary(self, tally: Tally, stopped: str | None) -> CrawlSummary:
        """What the run came to, and how complete the sweep is; that is kept for `status`."""
        sweep = await self._sweeps.sweep(self._registry.name)
        searches = [self._source(each) for each in self._endpoints if each not in LISTINGS]
        catalog, name = self._catalog.coverage, self._registry.name
        await catalog.keep(name, await completeness(catalog, name, self._source(NAMESPACE), searches))
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

    def _source(self, endpoint: str) -> str:
        return f"{self._registry.name} {endpoint}"

"""What is to be done about the queries of one hub: their ledgers and the census, in the planner's terms."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from corpus.catalog.ledgers import NAMESPACE, REPOSITORY, WAITING, End, NewQuery, Pages, Totals
from corpus.records import State
from hubcrawl import planner
from hubcrawl.asking import Asking
from hubcrawl.counting import seen
from hubcrawl.endpoints.namespaces import OFFICIAL_NAMESPACE
from hubcrawl.families import Families
from hubcrawl.planner import Decision, Matching, Seen, Step, Traits
from hubcrawl.queries import Query
from hubcrawl.views import asked, view

if TYPE_CHECKING:
    from collections.abc import Mapping

    from corpus.catalog import Catalog
    from corpus.catalog.ledgers import Ledger, SweepQuery
    from hubcrawl.endpoints import Endpoint
    from hubcrawl.families import Family
    from hubcrawl.reach import Reach
    from registry.transport.clock import Clock

# What listed everything in 2017 (the paper); a small hub is listed whole by it.
EVERYTHING = Query("*")

# Endpoints that find nothing of which nobody knows.
LISTINGS = frozenset({NAMESPACE, REPOSITORY})


class Decisions:
    """Decisions on the queries of one hub."""

    def __init__(
        self, catalog: Catalog, registry: str, endpoints: Mapping[str, Endpoint], reach: Reach, clock: Clock
    ) -> None:
        """Take what is known of a hub, whom to ask, and how far they can be paged through."""
        self._clock = clock
        self._sweeps = catalog.sweeps
        self._known = catalog.names
        self._registry = registry
        self._endpoints = endpoints
        self._reach = reach
        self._families = Families(catalog.sweeps)
        self._totals: dict[str, Totals] = {}
        self._since = 0.0

    def __repr__(self) -> str:
        return f"<Decisions {self._registry}>"

    async def recall(self, since: float) -> None:
        """Take from the catalog what was learned of the endpoints; the sweep began at ``since``."""
        self._totals = await self._sweeps.totals(self._registry, EVERYTHING.key)
        self._since = since

    async def take_up(self, query: SweepQuery) -> Asking:
        """A query with its pages."""
        is_begun = query.state != State.PENDING
        asking = Asking.of(query, await self._sweeps.pages(query.id) if is_begun else Pages())
        in_view = view(asking.endpoint, asking.query)
        if query.parent_id is not None and (in_view.order or in_view.facets):
            # A part: of what its whole has shown, nothing counts as distinct once more.
            asking.elsewhere = (await self._sweeps.pages(query.parent_id)).names
        return asking

    def note(self, asking: Asking, before: Ledger) -> None:
        """Learn how an endpoint matches from a page that it showed after ``before``."""
        if asking.query.term == EVERYTHING.term:
            return
        after, is_long = asking.ledger, len(asking.query.term) > 1
        rows, whole = after.rows - before.rows, after.whole - before.whole
        old = self._totals.get(asking.endpoint, Totals(0, 0, 0, 0))
        self._totals[asking.endpoint] = Totals(
            old.rows + rows,
            old.prefixed + after.prefixed - before.prefixed,
            old.long_rows + (rows if is_long else 0),
            old.long_whole + (whole if is_long else 0),
        )

    def has_shown(self, endpoint: str) -> bool:
        """Whether an endpoint has shown any rows in this sweep."""
        found = self._totals.get(endpoint)
        return found is not None and found.rows > 0

    def asks_for_everything(self, asking: Asking) -> bool:
        """Whether a query is the one that a small hub answers with all it has."""
        return asking.endpoint not in LISTINGS and asking.query == EVERYTHING

    def after_page(self, asking: Asking) -> Decision:
        """What to do about a query after one more of its pages."""
        if asking.endpoint == REPOSITORY and asking.ledger.unreadable:
            return Decision(Step.GIVE_UP, "it cannot be served")  # and has no other page
        query, traits = view(asking.endpoint, asking.query), self.traits(asking.endpoint)
        decision = planner.after_page(query, self.seen(asking), traits)
        if self.asks_for_everything(asking):
            return _after_everything(self.seen(asking), decision)
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

    async def children_today(self, query: SweepQuery) -> list[NewQuery]:
        """What a query that was split leads to by what is known now."""
        self._families.revive(query.id)
        return await self.children(Asking.of(query, Pages()), Decision(Step.SPLIT))

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
        return None if asking.parent_id is None else await self.after_parts(asking.parent_id)

    async def after_parts(self, number: int) -> tuple[Asking, Decision] | None:
        """The same for the query of that number."""
        if (await self._families.of(number)).end is not End.PARTS:
            return None
        query = await self._sweeps.query(number)
        parts = await self._sweeps.children(number)
        if query.state != End.PARTS or any(part.state in WAITING for part in parts):
            return None
        whole, traits = await self.take_up(query), self.traits(query.endpoint)
        showed = {
            view(query.endpoint, Query.parse(part.key)): self._seen_in(query.endpoint, part.ledger)
            for part in parts
        }
        seen_whole = view(query.endpoint, whole.query)
        return whole, planner.after_parts(seen_whole, self.seen(whole), showed, traits)

    def divided(self, asking: Asking, end: End) -> None:
        """A query has ended, so or so."""
        if end in (End.SPLIT, End.PARTS):
            self._families.begin(asking, end)

    async def count_seen(self) -> int:
        """Repositories that this sweep has seen, and that are there as far as is known."""
        return await self._known.count_seen(self._registry, self._since)

    def traits(self, name: str) -> Traits:
        """What an endpoint offers, by what it has shown so far."""
        endpoint = self._endpoints[name]
        if name == NAMESPACE:
            return Traits(orders=endpoint.orders, matching=Matching.PREFIX)
        facets = tuple((facet.name, facet.values) for facet in endpoint.facets if facet.values)
        how = planner.matching(*self._totals.get(name, Totals(0, 0, 0, 0)))
        return Traits(endpoint.orders, facets, endpoint.saturates_at, how)

    def seen(self, asking: Asking) -> Seen:
        """What a query has shown."""
        return replace(self._seen_in(asking.endpoint, asking.ledger), next_is_promised=asking.is_promised)

    def _seen_in(self, endpoint: str, ledger: Ledger) -> Seen:
        return seen(ledger, self._reach.window(endpoint).reach, next_is_promised=False)

    async def _is_accounted(self, endpoint: str, family: Family) -> bool:
        name, term = self._registry, family.query.term
        if endpoint == NAMESPACE:
            claimed = family.ledger.claimed
            known = await self._known.count_in(name, term) if claimed else 0
            return claimed is not None and not family.query.facets and known >= claimed
        traits = self.traits(endpoint)
        whole = self._seen_in(endpoint, family.ledger)
        children = [self._seen_in(endpoint, ledger) for ledger in family.answered.values()]
        if family.query == EVERYTHING:
            # It may find anything, such as what has an asterisk in its description.
            return (
                traits.matching is Matching.PREFIX
                and planner.is_accounted(whole, children, traits)
                and await self.count_seen() <= (family.ledger.claimed or 0)
            )
        if planner.is_accounted(whole, children, traits):
            return True
        return planner.is_accounted(whole, children, traits, 1) and await self._known.is_known(
            name, (term, f"{OFFICIAL_NAMESPACE}/{term}")
        )

    async def _longer(self, asking: Asking) -> list[planner.Child]:
        query, traits = view(asking.endpoint, asking.query), self.traits(asking.endpoint)
        if query.term in ("", EVERYTHING.term):
            return planner.roots()
        if asking.endpoint == NAMESPACE:
            return planner.children(query, self.seen(asking), {}, traits)
        return planner.children(query, self.seen(asking), await self._evidence(asking, traits), traits)

    async def _evidence(self, asking: Asking, traits: Traits) -> planner.Evidence:
        name, term = self._registry, asking.query.term
        if traits.matching is Matching.PREFIX:
            return await self._known.next_characters(name, term)
        return await self._known.next_in_words(name, term.rpartition(" ")[2])


def _after_everything(showed: Seen, decision: Decision) -> Decision:
    """It is asked for to its end where that can be reached, and believed only where it is."""
    if decision.step is Step.PAGE:
        return decision
    is_whole = showed.rows and not showed.is_refused and showed.distinct >= (showed.claimed or 0)
    if is_whole and not showed.next_is_promised:
        return Decision(Step.COMPLETE, "all that is claimed came")
    return Decision(Step.SPLIT, "not everything is found by one query")

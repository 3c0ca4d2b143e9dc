"""How a hub is divided into queries whose results can be read whole (pure).

A site shows only so many rows of a result from either end. The planner decides, from the counts of one
query, what to do next. It hopes for no particular search: :func:`matching` tells what the rows have shown.

An engine goes on like this, with a frontier ordered by priority (expected new names per request)::

    ask roots()
    take a query from the frontier, read a page of it, and count the page in its ledger (Seen)
    after_page() -> PAGE      read the next page of the query
                    ASK       put the parts (opposite order, facets) into the frontier, as its children
                    SPLIT     put children() into the frontier, as its children
                    COMPLETE  nothing is left of this query
                    GIVE_UP   something may be left, and `why` says why nobody asks
    when a child has its first page: is_accounted() -> drop the siblings that were not asked
    when the last part of a query has ended: after_parts() -> as above
    when the frontier is empty: children() of every query that was split, and seeds(), with the evidence of
    today; ask what was never asked. Over when that is nothing.

Where search matches prefixes of names, children are disjoint: what they claim adds up to what their parent
claims, and every row is read. Where it matches words, results overlap, and nothing adds up: there a query is
worth its requests only while it brings names that nobody knew, whoever found them.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hubcrawl.plans import Child, Decision, Evidence, Matching, Seen, Step, Traits
from hubcrawl.queries import Query

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "ALPHABET",
    "FIRST",
    "Child",
    "Decision",
    "Evidence",
    "Matching",
    "Seen",
    "Step",
    "Traits",
    "after_page",
    "after_parts",
    "children",
    "is_accounted",
    "matching",
    "roots",
    "seeds",
]

# By frequency in English, then digits: the likely ones come first where nothing is known.
_IN_WORDS = "etaoinsrhldcumfpgwybvkxjqz0123456789"
ALPHABET = _IN_WORDS + "/-_."

_PAGE_ROWS = 100
_LONGEST_TERM = 255  # characters; Docker Hub takes no more

FIRST = 1000.0  # a priority above all that a page can bring

# Search is taken to match in a way if so many of enough rows do: some show names that changed since.
_NEARLY_ALL = 0.99
_ENOUGH_ROWS = 20
_ENOUGH_LONG_ROWS = 500  # of several terms

# A result of so many times what both ends show is read at both ends before it is split: what comes tells how.
_NEAR = 4

# A facet is tried where halves would fit.
_HALVES = 2

# A query is left after a page without new names, if fewer than that are to be expected of the next one. What
# earlier pages brought counts up to a bound only, since orders may put new names first.
_FEW = 0.5
_DOUBT = 1
_BOUND = 20

# Siblings are not asked any more when so many in a row brought next to nothing. Where windows are large,
# requests bring more elsewhere; where they are small, no query brings much.
_NEXT_TO_NOTHING = 2  # new names
_PATIENCE = 5, 36  # children
_PATIENT_ROWS = 8000

# When so many next characters are known, the others are likely as well.
_BROAD = 2


def matching(rows: int, prefixed: int, long_rows: int, whole: int) -> Matching:
    """How an endpoint matches, by the rows of all its queries.

    Args:
        rows: Rows that came.
        prefixed: Of these, rows whose name, as search shows it, begins with the term.
        long_rows: Rows that came for terms of two or more characters.
        whole: Of these, rows that have every word of the term as a word of their own.
    """
    if prefixed >= _NEARLY_ALL * rows:
        return Matching.PREFIX if rows >= _ENOUGH_ROWS else Matching.UNKNOWN
    if long_rows >= _ENOUGH_LONG_ROWS and whole >= _NEARLY_ALL * long_rows:
        return Matching.WHOLE
    return Matching.WORDS


def roots() -> list[Child]:
    """The queries to begin with: names and their words begin with a letter or a digit."""
    return [Child(Query(character), FIRST) for character in _IN_WORDS]


def seeds(words: Mapping[str, int], traits: Traits) -> list[Child]:
    """Queries for words of known names (word -> names that have it), where search finds no shorter term."""
    if traits.matching is not Matching.WHOLE:
        return []
    return [Child(Query(word), float(min(count, _PAGE_ROWS))) for word, count in words.items()]


def after_page(query: Query, seen: Seen, traits: Traits) -> Decision:
    """What to do about a query, one more page of which came or was refused."""
    if query.order in {opposite for _, opposite in traits.orders}:
        return _after_page_of_opposite(seen, traits)
    if query.facets and not _fits(seen, traits):
        return Decision(Step.GIVE_UP, "it does not fit the window even so")
    return _or_longer(query, traits, _after_page(query, seen, traits))


def after_parts(query: Query, seen: Seen, parts: Mapping[Query, Seen], traits: Traits) -> Decision:
    """What to do about a query, all parts of which have ended.

    Its two ends show it whole together, or the values of a facet do; an end and a value may show the same.
    """
    ends = sum(part.distinct for asked, part in parts.items() if asked.facets == query.facets)
    values = sum(part.distinct for asked, part in parts.items() if asked.facets != query.facets)
    missing = min(_missing(seen, ends), _missing(replace(seen, distinct=0), values))
    is_counted = _is_counted(seen, traits)
    if missing == 0 and is_counted:
        decision = Decision(Step.COMPLETE, "all that is claimed came")
    elif query.facets or (is_counted and _fits(seen, traits) and traits.overlaps):
        decision = Decision(Step.GIVE_UP, "some rows that are claimed did not come")
    elif len(parts) <= 1:
        decision = _divide(query, seen, traits)
    else:
        decision = Decision(Step.SPLIT, "its parts do not show it whole")
    return _or_longer(query, traits, decision)


def children(query: Query, seen: Seen, evidence: Evidence, traits: Traits) -> list[Child]:
    """Queries for longer terms, the best first; more of them when evidence grew."""
    if len(query.term) >= _LONGEST_TERM:
        return []
    known = {more: count for more, count in evidence.items() if _can_follow(more, traits)}
    counts = dict.fromkeys(_untold(query.term, known, traits), 0) | known
    rows_each = max(seen.claimed or 0, seen.rows) / max(sum(evidence.values()), 1)
    new_per_row = (seen.last_new + 0.5) / (min(seen.rows, _PAGE_ROWS) + 1)
    found = [
        Child(
            replace(query, term=query.term + more, order=""),
            new_per_row * min(rows_each * count, _PAGE_ROWS) + _chance(more),
        )
        for more, count in counts.items()
    ]
    return sorted(found, key=lambda child: -child.priority)


def is_accounted(parent: Seen, children: Sequence[Seen], traits: Traits, equal: int = 0) -> bool:
    """Whether nothing is to be expected of the children that were not asked.

    Args:
        parent: The query that was split.
        children: Those of its children that have been answered, in the order in which they were asked.
        traits: The endpoint's.
        equal: Known names that equal the parent's term; no longer term finds them.
    """
    if traits.is_exact:
        found = sum(child.claimed or child.distinct for child in children) + equal
        return _is_counted(parent, traits) and found >= (parent.claimed or 0)
    if not traits.overlaps:
        return False
    least, most = _PATIENCE
    patience = min(max(_PATIENT_ROWS // max(parent.reach, 1), least), most)
    last = children[-patience:]
    return len(last) == patience and sum(child.new for child in last) <= _NEXT_TO_NOTHING


def _after_page(query: Query, seen: Seen, traits: Traits) -> Decision:
    if not seen.next_is_promised and not seen.is_refused:
        return _after_end(query, seen, traits)
    is_whole = _fits(seen, traits)
    if not is_whole and (traits.is_exact or not _is_near(seen, traits)):
        return _divide(query, seen, traits)
    if is_whole and _is_barren(seen, traits):
        return Decision(Step.GIVE_UP, "its last page brought nothing new")
    if seen.rows < seen.reach and not seen.is_refused:
        return Decision(Step.PAGE, priority=_new_per_page(seen))
    return _ask_opposite(query, seen, traits) or _divide(query, seen, traits)


def _after_end(query: Query, seen: Seen, traits: Traits) -> Decision:
    missing = _missing(seen)
    if missing == 0:
        return Decision(Step.COMPLETE, "all that is claimed came")
    why = "some rows that are claimed did not come"
    if _is_barren(seen, traits):
        return Decision(Step.GIVE_UP, why)
    return _ask_opposite(query, seen, traits) or Decision(Step.GIVE_UP, why)


def _after_page_of_opposite(seen: Seen, traits: Traits) -> Decision:
    """The other end is read until the ends meet, or to the window's edge.

    Of what one end shows whole the other is asked for because rows were missing; so it is read whole again.
    """
    wanted = seen.reach
    if _is_counted(seen, traits):
        beyond = (seen.claimed or 0) - seen.reach
        wanted = min(beyond, seen.reach) if beyond > 0 else seen.reach
    if seen.is_refused or not seen.next_is_promised or seen.rows >= wanted:
        return Decision(Step.COMPLETE, "the other end is read")
    if _is_barren(seen, traits):
        return Decision(Step.GIVE_UP, "its last page brought nothing new")
    return Decision(Step.PAGE, priority=_new_per_page(seen))


def _ask_opposite(query: Query, seen: Seen, traits: Traits) -> Decision | None:
    if not traits.orders:
        return None
    opposite = replace(query, order=traits.orders[0][1])
    return Decision(Step.ASK, "its other end", _new_per_page(seen), (opposite,))


def _divide(query: Query, seen: Seen, traits: Traits) -> Decision:
    """What does not fit is asked for by a facet where that may do, else by longer terms."""
    may_do = _is_counted(seen, traits) and (seen.claimed or 0) <= _HALVES * _shown(seen, traits)
    if may_do and traits.facets and not query.facets:
        name, values = traits.facets[0]
        parts = tuple(replace(query, facets=((name, value),)) for value in values)
        return Decision(Step.ASK, f"by {name}", _new_per_page(seen), parts)
    return Decision(Step.SPLIT, "it does not fit the window")


def _or_longer(query: Query, traits: Traits, decision: Decision) -> Decision:
    """Where search matches words, one character finds nothing but itself: longer terms are asked anyway."""
    is_end = decision.step in (Step.COMPLETE, Step.GIVE_UP)
    if is_end and len(query.term) == 1 and not query.facets and not traits.is_exact:
        return Decision(Step.SPLIT, "one character does not find longer words")
    return decision


def _shown(seen: Seen, traits: Traits) -> int:
    """Rows that both ends show."""
    return (2 if traits.orders else 1) * seen.reach


def _fits(seen: Seen, traits: Traits) -> bool:
    """Whether both ends show all of it, as far as anybody said."""
    return seen.claimed is None or (_is_counted(seen, traits) and seen.claimed <= _shown(seen, traits))


def _is_near(seen: Seen, traits: Traits) -> bool:
    return _is_counted(seen, traits) and (seen.claimed or 0) <= _NEAR * _shown(seen, traits)


def _is_counted(seen: Seen, traits: Traits) -> bool:
    """Whether the count that is claimed is one."""
    return seen.claimed is not None and (traits.saturates_at is None or seen.claimed < traits.saturates_at)


def _missing(seen: Seen, elsewhere: int = 0) -> int:
    return max((seen.claimed or 0) - seen.distinct - seen.unreadable - elsewhere, 0)


def _is_barren(seen: Seen, traits: Traits) -> bool:
    """Whether the next page is not worth its request; where names may be in one result only, each is."""
    if not traits.overlaps or seen.last_new:
        return False
    left = _PAGE_ROWS if seen.claimed is None else max(seen.claimed - seen.rows, 0)
    expected = (min(seen.new, _BOUND) + _DOUBT) / max(seen.pages, 1)
    return expected * min(left, _PAGE_ROWS) / _PAGE_ROWS < _FEW


def _new_per_page(seen: Seen) -> float:
    return seen.new / max(seen.pages, 1)


def _can_follow(more: str, traits: Traits) -> bool:
    if traits.matching is Matching.WHOLE:
        return False  # a longer word is another one
    return len(more) == 1 and (traits.matching is not Matching.WORDS or more.isalnum())


def _untold(term: str, known: Mapping[str, int], traits: Traits) -> str:
    """The characters to be tried after a term without evidence."""
    if traits.is_exact or (traits.matching is Matching.UNKNOWN and len(term) > 1):
        return ALPHABET
    return _IN_WORDS if len(term) <= 1 or len(known) >= _BROAD else ""


def _chance(more: str) -> float:
    """Orders what there is no evidence for."""
    return 1 / (FIRST + ALPHABET.find(more[-1:]))

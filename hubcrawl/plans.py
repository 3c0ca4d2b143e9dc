"""What the planner is told of a query, and what it says (pure values)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from hubcrawl.queries import Query

# What may follow a term, and how many known names then match: one next character ("n"), or nothing (""), for
# names or words that equal the term. Where search matches prefixes, this is about names as search shows them;
# else about their words.
Evidence = Mapping[str, int]


class Matching(StrEnum):
    """How a search has been seen to match."""

    UNKNOWN = "unknown"
    PREFIX = "prefix"  # names that begin with the term
    WORDS = "words"  # repositories with a word, wherever, that begins with the term
    WHOLE = "whole"  # repositories with a word that equals the term


@dataclass(frozen=True, slots=True)
class Traits:
    """What an endpoint offers.

    Attributes:
        orders: Pairs of opposite orders.
        facets: Names and values of what narrows a result.
        saturates_at: The highest count that is ever stated; ``None`` for counts that are true.
        matching: See :func:`matching`.
    """

    orders: tuple[tuple[str, str], ...] = ()
    facets: tuple[tuple[str, tuple[str, ...]], ...] = ()
    saturates_at: int | None = None
    matching: Matching = Matching.UNKNOWN

    @property
    def is_exact(self) -> bool:
        """Whether what children claim adds up to what their parent claims."""
        return self.matching is Matching.PREFIX

    @property
    def overlaps(self) -> bool:
        """Whether a name is in the results of several terms, one of which may be left."""
        return self.matching in (Matching.WORDS, Matching.WHOLE)


@dataclass(frozen=True, slots=True)
class Seen:
    """The ledger of one query so far, in rows unless said otherwise.

    Attributes:
        claimed: What the site says the result has; ``None`` while it says nothing.
        rows: Rows that came.
        distinct: Different names in them.
        new: Of these, names the census did not know when they came.
        prefixed: Rows whose name, as search shows it, begins with the term.
        reach: What the window grants from one end.
        is_refused: Whether a page was refused because it lies outside the window.
        unreadable: Rows that no page delivers.
        next_is_promised: Whether the last page was full and not the end.
        pages: Pages that came.
        last_new: Names the census did not know, on the last page that came.
    """

    claimed: int | None = None
    rows: int = 0
    distinct: int = 0
    new: int = 0
    prefixed: int = 0
    reach: int = 100
    is_refused: bool = False
    unreadable: int = 0
    next_is_promised: bool = False
    pages: int = 0
    last_new: int = 0


class Step(StrEnum):
    """What to do about a query."""

    PAGE = "page"
    ASK = "ask"
    SPLIT = "split"
    COMPLETE = "complete"
    GIVE_UP = "give up"


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about a query.

    Attributes:
        step: The step.
        why: For people.
        priority: Expected new names per request of what follows.
        parts: The queries to ask, for ``ASK``.
    """

    step: Step
    why: str = ""
    priority: float = 0.0
    parts: tuple[Query, ...] = ()


class Child(NamedTuple):
    """A query to ask; ``priority`` is in expected new names per request."""

    query: Query
    priority: float

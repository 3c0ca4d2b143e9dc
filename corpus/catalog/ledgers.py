"""What a sweep writes down, as plain values: queries, their pages, and what each showed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from corpus.records import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from corpus.catalog.sightings import Listed
    from corpus.records import Failure

# Bytes of a name's fingerprint: among the 10,000 names of a query two are alike once in 10^11 queries.
FINGERPRINT_BYTES = 8

# The endpoint that lists one namespace, and is a route of its own.
NAMESPACE = "namespace"

# The endpoint that shows one repository.
REPOSITORY = "repository"


class End(StrEnum):
    """How a query ended."""

    COMPLETE = "complete"  # all of its result is here, or in its parts
    SPLIT = "split"  # into longer terms
    GIVEN_UP = "given up"
    PARTS = "in parts"  # the parts of its result are asked for
    DROPPED = "dropped"  # never asked, since its siblings hold all there is


OPEN = "open"

# States of queries that are still to be asked, or asked on.
WAITING = (OPEN, State.PENDING)


@dataclass(frozen=True, slots=True)
class Ledger:
    """What a query showed so far: the columns of :data:`corpus.catalog.schema.queries` of these names."""

    claimed: int | None = None
    rows: int = 0
    distinct_names: int = 0
    new_names: int = 0
    last_new: int = 0
    pages: int = 0
    prefixed: int = 0
    whole: int = 0
    refused_at: int | None = None
    unreadable: int = 0


LEDGER = tuple(each.name for each in fields(Ledger))

# Counted by the catalog itself.
COUNTED_HERE = ("new_names", "last_new")


# '["a"]': the canonical text of a query for one character, and nothing else.
KEY_OF_ONE_CHARACTER = 5


class Sweep(NamedTuple):
    """When a sweep began and ended, in unix s."""

    started_at: float
    completed_at: float | None


class Totals(NamedTuple):
    """Rows of all queries of an endpoint, and of those for two characters and more; see :class:`Ledger`."""

    rows: int
    prefixed: int
    long_rows: int
    long_whole: int


@dataclass(frozen=True, slots=True)
class NewQuery:
    """A query to ask; of two, the one with the higher priority comes first."""

    endpoint: str
    key: str
    priority: float
    parent_id: int | None = None


@dataclass(frozen=True, slots=True)
class SweepQuery:
    """A query to ask, or to go on with.

    Attributes:
        id: Its number.
        endpoint: Whom to ask.
        key: What.
        parent_id: The query that was split into it.
        ledger: What it showed so far.
        state: See :data:`corpus.catalog.schema.queries`.
    """

    id: int
    endpoint: str
    key: str
    parent_id: int | None
    ledger: Ledger
    state: str


class SlicePlace(NamedTuple):
    """A page of a query."""

    query_id: int
    page: int
    size: int


@dataclass(frozen=True, slots=True)
class Came:
    """A page that came: its rows, and the ledger of its query with it (but for what is new)."""

    place: SlicePlace
    listed: Listed
    ledger: Ledger


@dataclass(frozen=True, slots=True)
class Failed:
    """A page that did not; ``parts`` are the smaller ones to ask for instead."""

    place: SlicePlace
    failure: Failure
    ledger: Ledger
    attempts: int = 0
    retry_at: float | None = None
    parts: tuple[SlicePlace, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a query ended; ``children`` are asked instead."""

    query_id: int
    end: End
    why: str = ""
    children: tuple[NewQuery, ...] = ()


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written down at once."""

    came: Sequence[Came] = ()
    failed: Sequence[Failed] = ()
    ended: Sequence[Ended] = ()


@dataclass(frozen=True, slots=True)
class Names:
    """What names mean to a sweep.

    Attributes:
        words: The words of a name.
        lead_to: What to ask because a name was seen.
        since: When the sweep began, in unix s: a name not listed since then counts as new to it.
    """

    words: Callable[[str], Iterable[str]]
    lead_to: Callable[[str], Iterable[NewQuery]]
    since: float = 0.0


@dataclass(frozen=True, slots=True)
class Pages:
    """The pages of a query under way.

    Attributes:
        names: Fingerprints of all names that came.
        done: The pages that came.
        waiting: Those to be asked for once more, or in place of a larger one, and how often they failed.
    """

    names: set[bytes] = field(default_factory=set)
    done: list[SlicePlace] = field(default_factory=list)
    waiting: dict[SlicePlace, int] = field(default_factory=dict)


def fingerprints(names: Iterable[str]) -> set[bytes]:
    """Short stand-ins for names."""
    return {hashlib.blake2b(name.encode(), digest_size=FINGERPRINT_BYTES).digest() for name in names}

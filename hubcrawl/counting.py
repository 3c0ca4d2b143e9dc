"""Counting a page into the ledger of its query (pure)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from hubcrawl.planner import Seen
from hubcrawl.words import shown_name, words_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from corpus.catalog.ledgers import Ledger


class Matched(NamedTuple):
    """How many names of a page begin with its term, and how many have all its words as words of their own."""

    prefixed: int
    whole: int


def matched(term: str, names: Sequence[str]) -> Matched:
    """How the rows of a page match what was searched for."""
    prefixed = sum(shown_name(name).startswith(term) for name in names)
    return Matched(prefixed, _count_whole(words_of(term), names))


def _count_whole(wanted: Sequence[str], names: Sequence[str]) -> int:
    """How many names have all these words."""
    if not wanted:
        return len(names)
    # Words are looked for only where they are at all.
    likely = [name for name in names if wanted[0] in name.lower()]
    return sum(set(words_of(name)).issuperset(wanted) for name in likely)


def counted(ledger: Ledger, term: str, names: Sequence[str], *, distinct: int, claimed: int | None) -> Ledger:
    """The ledger with one more page.

    Args:
        ledger: Of the query so far.
        term: What was searched for.
        names: Of the rows of the page, repeats included.
        distinct: Different names of the query, this page included.
        claimed: What the page says the result has; the most that was ever said is kept, since a blocked
            client is told 0.
    """
    prefixed, whole = matched(term, names)
    known = [claim for claim in (ledger.claimed, claimed) if claim is not None]
    return replace(
        ledger,
        claimed=max(known, default=None),
        rows=ledger.rows + len(names),
        distinct_names=distinct,
        pages=ledger.pages + 1,
        prefixed=ledger.prefixed + prefixed,
        whole=ledger.whole + whole,
    )


def seen(ledger: Ledger, reach: int, *, next_is_promised: bool) -> Seen:
    """The ledger as the planner wants it; ``reach`` is what the window grants from one end, in rows."""
    return Seen(
        claimed=ledger.claimed,
        rows=ledger.rows,
        distinct=ledger.distinct_names,
        new=ledger.new_names,
        prefixed=ledger.prefixed,
        reach=reach,
        is_refused=ledger.refused_at is not None,
        unreadable=ledger.unreadable,
        next_is_promised=next_is_promised,
        pages=ledger.pages,
        last_new=ledger.last_new,
    )

"""How complete a sweep is: its ledger added up, and what two routes let expect."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from hubcrawl.coverage import estimate

if TYPE_CHECKING:
    from collections.abc import Collection

    from corpus.catalog.coverage import Coverage, CoverageCatalog


async def completeness(
    catalog: CoverageCatalog, registry: str, listing: str, searches: Collection[str]
) -> Coverage:
    """The completeness of a sweep.

    Args:
        catalog: What is known of it.
        registry: Of which hub.
        listing: The source of what namespaces list.
        searches: Those of what search shows.
    """
    counts = await catalog.counts(registry)
    if counts.namespaces_waiting or not counts.namespaces:
        return counts
    known = await catalog.namespaces(registry, listing, searches)
    found = estimate(known)
    if found is None:
        return counts
    # What search alone shows is there as well.
    others = counts.found - sum(listed * count for (listed, _), count in known.items())
    return msgspec.structs.replace(
        counts,
        estimated=round(found.total) + others,
        high=math.ceil(found.high) + others,
        shown=found.shown,
    )

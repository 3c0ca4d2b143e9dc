"""Queries as the planner sees them (pure): what is searched for in a namespace is a part of a name."""

from __future__ import annotations

from dataclasses import replace

from corpus.catalog.ledgers import NAMESPACE
from hubcrawl.queries import Query

_NAME = "name"  # the facet by which a namespace is narrowed


def view(endpoint: str, query: Query) -> Query:
    """A query in the planner's terms."""
    if endpoint != NAMESPACE:
        return query
    return Query(dict(query.facets).get(_NAME, ""), (), query.order)


def asked(endpoint: str, whole: Query, seen: Query) -> Query:
    """What to ask for a query ``seen`` by the planner, a part of ``whole``: the opposite of :func:`view`."""
    if endpoint != NAMESPACE:
        return seen
    facets = ((_NAME, seen.term),) if seen.term else ()
    return replace(whole, facets=facets, order=seen.order)

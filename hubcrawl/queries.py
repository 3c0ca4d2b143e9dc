"""What is asked of an endpoint (pure values)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Query", "Slice"]


@dataclass(frozen=True, slots=True, order=True)
class Query:
    """One question to one endpoint; all its pages are one result.

    Attributes:
        term: What is searched for; a namespace for a listing.
        facets: Names and values that narrow the result, as the endpoint names them; kept sorted.
        order: As the endpoint names it; ``""`` is the endpoint's own.
    """

    term: str
    facets: tuple[tuple[str, str], ...] = ()
    order: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "facets", tuple(sorted(self.facets)))

    @property
    def key(self) -> str:
        """Canonical text: a JSON array without what is empty at its end. Equal queries have equal keys."""
        parts: list[object] = [self.term, [list(facet) for facet in self.facets], self.order]
        while len(parts) > 1 and not parts[-1]:
            parts.pop()
        return json.dumps(parts, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def parse(cls, key: str) -> Query:
        """The query with that key.

        Raises:
            ValueError: The text is no key.
        """
        match json.loads(key):
            case [str(term)]:
                return cls(term)
            case [str(term), [*facets]]:
                return cls(term, _facets(facets))
            case [str(term), [*facets], str(order)]:
                return cls(term, _facets(facets), order)
        raise ValueError(f"no key of a query: {key[:100]}")


class Slice(NamedTuple):
    """A page of a result: ``page`` counts from 1, ``size`` is in rows."""

    page: int
    size: int

    @property
    def offset(self) -> int:
        """Rows before this page."""
        return (self.page - 1) * self.size


def _facets(values: list[object]) -> tuple[tuple[str, str], ...]:
    facets = []
    for value in values:
        match value:
            case [str(name), str(choice)]:
                facets.append((name, choice))
            case _:
                raise ValueError(f"no facet: {str(value)[:100]}")
    return tuple(facets)

"""Which repositories a query finds (pure)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from samplehub.model import Repository

_SEPARATORS = re.compile(r"[^0-9a-z\u0080-\U0010ffff]+")

# Queries that found everything on the Hub of 2017; here also none at all.
_EVERYTHING = {"", "*", "/"}


def tokens(text: str) -> list[str]:
    """Lower-case words; ``-``, ``_``, ``/`` and the like separate."""
    return [word for word in _SEPARATORS.split(text.lower()) if word]


def find(repositories: Sequence[Repository], query: str) -> list[Repository]:
    """Repositories that have, for every word of the query, a word beginning with it in name or description.

    Words of one character are found as whole words only, so that they find little, as on the Hub.
    """
    if query.strip() in _EVERYTHING:
        return list(repositories)
    wanted = tokens(query)
    return [repository for repository in repositories if wanted and _matches(repository, wanted)]


def _matches(repository: Repository, wanted: Sequence[str]) -> bool:
    words = tokens(f"{repository.name} {repository.description}")
    return all(
        any(word.startswith(want) if len(want) > 1 else word == want for word in words) for want in wanted
    )

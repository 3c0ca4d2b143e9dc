"""Names as search sees them (pure)."""

from __future__ import annotations

import re

_OFFICIAL = "library/"

# "-", "--", "_" and "__" act alike in searches.
_SEPARATORS = re.compile(r"[^0-9a-z\u0080-\U0010ffff]+")


def shown_name(name: str) -> str:
    """A repository's name in search results: official ones go without their namespace."""
    return name.removeprefix(_OFFICIAL)


def namespace_of(name: str) -> str:
    """The owner of a repository; ``""`` where the name has none."""
    owner, slash, _ = name.partition("/")
    return owner if slash else ""


def words_of(text: str) -> list[str]:
    """The words of a name or a query, in lower case."""
    return [word for word in _SEPARATORS.split(text.lower()) if word]

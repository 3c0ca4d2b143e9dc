"""Which tags of a repository become images: the rule, read and applied (pure)."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.dates import instant
from registry.errors import ConfigurationError
from registry.names import is_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ALL = "all"
_NEWEST = "newest:"

# What makes a text a regular expression. A dot alone does not: it stands in most tags.
_SPECIAL = frozenset("*+?[](){}|^$\\")

_ADVICE = "write latest, all, newest:10, names separated by commas, or a regular expression"


@dataclass(frozen=True, slots=True)
class TagRule:
    """A rule; at most one of its fields is set, and none for "all".

    Attributes:
        names: The tags themselves, for which the registry need not be asked.
        newest: How many of the tags, those that came last.
        pattern: What the whole tag must match.
    """

    names: tuple[str, ...] | None = None
    newest: int | None = None
    pattern: re.Pattern[str] | None = None

    def choose(self, tags: Iterable[str]) -> list[str]:
        """The tags that a listing offers and the rule takes; ``newest`` takes all, until dates are known."""
        offered = dict.fromkeys(filter(is_tag, tags))
        if self.names is not None:
            return [tag for tag in self.names if tag in offered]
        return [tag for tag in offered if self.pattern is None or self.pattern.fullmatch(tag)]


def parse_tag_rule(text: str) -> TagRule:
    """Read ``latest``, ``all``, ``newest:N``, ``3.19,3.20`` or a regular expression.

    Raises:
        ConfigurationError: One clear sentence.
    """
    if text == ALL:
        return TagRule()
    if text.startswith(_NEWEST):
        return TagRule(newest=_count(text))
    names = tuple(part.strip() for part in text.split(","))
    wrong = [name for name in names if not is_tag(name)]
    if not wrong:
        return TagRule(names=names)
    if _SPECIAL.isdisjoint(text):
        raise _not_understood(text, f"{wrong[0]!r} is no tag")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of what a later Python reads differently: nobody means that
            return TagRule(pattern=re.compile(text, re.ASCII))
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise _not_understood(text, f"as a regular expression: {error}") from error


def newest_tags(created: Mapping[str, str | None], count: int) -> list[str]:
    """The ``count`` tags with the latest dates, latest first; of equals the first by name.

    Args:
        created: Tag to date, ISO 8601; what is no date is older than any date.
        count: How many, at most.
    """
    by_name = sorted(created)
    return sorted(by_name, key=lambda tag: instant(created[tag]), reverse=True)[:count]


def _count(text: str) -> int:
    digits = text.removeprefix(_NEWEST)
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10 and int(digits)):
        raise _not_understood(text, "newest: takes a number from 1")
    return int(digits)


def _not_understood(text: str, why: str) -> ConfigurationError:
    return ConfigurationError(f"tags {text[:200]!r} is not understood ({why}): {_ADVICE}")

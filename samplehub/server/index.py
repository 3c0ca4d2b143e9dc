"""Everything that the site looks up: searches, owners, names, and what is wrong with some of them."""

from __future__ import annotations

from array import array
from functools import lru_cache
from typing import TYPE_CHECKING

from samplehub.content.seeds import share_of
from samplehub.model import Access
from samplehub.server.facets import buckets
from samplehub.server.options import Flaws, Matching
from samplehub.server.search import Names, Words, tokens

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from samplehub.model import Hub, Repository

    Filters = tuple[tuple[str, str], ...]

# Queries that found everything on the Hub of 2017; here also none at all.
_EVERYTHING = {"", "*", "/"}

_REMEMBERED = 128  # results of searches; each at most 4 bytes for every repository
_NO_FLAWS = Flaws()


class Index:
    """An index of one hub. Repositories are numbers: their places in ``hub.repositories``.

    Attributes:
        poisoned: Repositories whose pages of results cannot be shown.
        names: All names, with their namespaces.
    """

    def __init__(self, hub: Hub, matching: Matching = Matching.TOKENS, flaws: Flaws = _NO_FLAWS) -> None:
        self._hub = hub
        self._facts = facts = _Facts(hub, flaws)
        self.poisoned = frozenset(facts.poisoned)
        self.names = Names(facts.names, range(len(facts.names)))
        self._find = _finder(matching, facts)
        self.search = lru_cache(_REMEMBERED)(self._search)
        self.listing = lru_cache(_REMEMBERED)(self._listing)

    def repository(self, name: str) -> Repository | None:
        """The repository called ``name`` (with its namespace)."""
        number = self.names.number(name)
        return None if number is None else self._hub.repositories[number]

    def owned(self, owner: str) -> Sequence[int]:
        """All repositories of one owner, most popular first."""
        return sorted(self.names.starting(f"{owner}/"))

    def _listing(self, owner: str, part: str = "", order: str = "name") -> Sequence[int]:
        """What an owner shows to everyone, with ``part`` in its name, in an order as :meth:`search` knows.

        Unlike the searches, the listing knows what was deleted.
        """
        found = [i for i in self.names.starting(f"{owner}/", part) if i not in self._facts.unlisted]
        return self._facts.ordered(found, order)

    def _search(self, query: str, filters: Filters = (), order: str = "") -> Sequence[int]:
        """What a query finds and the filters leave, most popular first or in another order.

        Args:
            query: As :class:`~samplehub.server.options.Matching` says.
            filters: Pairs of a parameter and its values, separated by commas: a repository must be in one
                bucket of each.
            order: ``pulls``, ``stars`` or ``updated``, descending after ``-``.
        """
        found: Iterable[int] = self._facts.shown if query.strip() in _EVERYTHING else self._find(query)
        for name, values in filters:
            found = self._facts.within(found, name, values.split(","))
        return self._facts.ordered(sorted(found), order)


class _Facts:
    """One pass over a hub: what is filtered and ordered by, as arrays by number."""

    def __init__(self, hub: Hub, flaws: Flaws) -> None:
        self.names: list[str] = []
        self.descriptions: list[str] = []
        self.shown, self.unlisted, self.poisoned = array("I"), set[int](), set[int]()
        self._bits: dict[tuple[str, str], int] = {}
        self._masks = array("Q")
        self._keys = {"pulls": array("d"), "stars": array("d"), "updated": array("d")}
        for number, repository in enumerate(hub.repositories):
            self._add(number, repository)
            self._masks.append(self._mask(buckets(repository, hub)))
            if not _is_hidden(repository, flaws):
                self.shown.append(number)
            if _is_poisoned(repository, flaws):
                self.poisoned.add(number)

    def within(self, found: Iterable[int], name: str, values: Iterable[str]) -> list[int]:
        """Those of ``found`` that are in a bucket of ``name`` for one of ``values``."""
        wanted = 0
        for value in values:
            wanted |= self._bits.get((name, value), 0)
        return [i for i in found if self._masks[i] & wanted]

    def ordered(self, found: Sequence[int], order: str) -> Sequence[int]:
        """In ascending order of a key, descending after ``-``; ``name`` is the order that a listing has."""
        is_descending, key = order.startswith("-"), self._keys.get(order.lstrip("-"))
        if key is not None:
            return array("I", sorted(found, key=key.__getitem__, reverse=is_descending))
        return array("I", reversed(found) if is_descending else found)

    def _add(self, number: int, repository: Repository) -> None:
        self.names.append(repository.name)
        self.descriptions.append(repository.description)
        self._keys["pulls"].append(repository.pulls)
        self._keys["stars"].append(repository.stars)
        self._keys["updated"].append(repository.updated.timestamp())
        if repository.access in (Access.DELETED, Access.PRIVATE):
            self.unlisted.add(number)

    def _mask(self, pairs: Iterable[tuple[str, str]]) -> int:
        mask = 0
        for pair in pairs:
            mask |= self._bits.setdefault(pair, 1 << len(self._bits))
        return mask


def _finder(matching: Matching, facts: _Facts) -> Callable[[str], Iterable[int]]:
    """The search among the repositories that are shown."""
    if matching is Matching.PREFIX:
        names = Names([facts.names[i].removeprefix("library/") for i in facts.shown], facts.shown)
        return lambda query: names.starting(query.lower())
    words = Words((f"{facts.names[i]} {facts.descriptions[i]}", i) for i in facts.shown)
    look = words.starting if matching is Matching.TOKENS else words.exactly
    return lambda query: _common([look(word) for word in tokens(query)])


def _common(sets: Sequence[set[int]]) -> set[int]:
    return set.intersection(*sets) if sets else set()


def _is_hidden(repository: Repository, flaws: Flaws) -> bool:
    return _is_drawn(flaws.hidden, "hidden", flaws.seed, repository.name) or _is_drawn(
        flaws.hidden_owners, "hidden owner", flaws.seed, repository.namespace
    )


def _is_poisoned(repository: Repository, flaws: Flaws) -> bool:
    return repository.name in flaws.poisoned_names or _is_drawn(
        flaws.poisoned, "poisoned", flaws.seed, repository.name
    )


def _is_drawn(share: float, *names: object) -> bool:
    return share > 0 and share_of(*names) < share

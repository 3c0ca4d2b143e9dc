"""What pages list, merged into the census: one repository per name, every listing of it counted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple

from sqlalchemy import ColumnElement, bindparam, func, literal_column, select, update

from corpus.catalog.database import among
from corpus.catalog.schema import images, repositories, repository_counts, sightings
from corpus.catalog.statements import Many, upserting
from corpus.records import RepositoryRecord, State
from registry.names import is_repository_name

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Update

_SAID_BY_SOURCE = (
    "is_official",
    "pull_count",
    "star_count",
    "description",
    "registered_at",
    "last_updated_at",
    "storage_bytes",
)
_COUNTS = ("pull_count", "star_count")

_said = attrgetter(*_SAID_BY_SOURCE)
_counts = attrgetter(*_COUNTS)
_NOTHING = (None,) * len(_COUNTS)


@dataclass(frozen=True, slots=True)
class Listed:
    """The rows of one page.

    Attributes:
        source: The listing.
        url: Where it came from.
        records: Its rows in their order, repeats included.
        is_proof: Whether they are there for certain: a search may show for years what is gone.
    """

    source: str
    url: str
    records: Sequence[RepositoryRecord]
    is_proof: bool = True


class Lately:
    """Rows written lately: searches that overlap list the same rows many times within minutes.

    A row that says what the same listing said of it shortly before is passed over; so ``last_seen_at`` may be
    as much earlier as it takes to see so many other rows, and ``times_seen`` counts what is written.
    """

    def __init__(self, most: int = 500_000) -> None:
        """Remember so many rows, at about 100 bytes each."""
        self._most = most
        self._said: dict[int, int] = {}

    def __repr__(self) -> str:
        return f"<Lately {len(self._said):,}>"

    def unsaid(self, page: Listed) -> Listed:
        """The page without the rows that were written lately; the others count as written from now on."""
        if len(self._said) > self._most:
            self._said.clear()
        return replace(page, records=[each for each in page.records if self._is_unsaid(page.source, each)])

    def forget(self) -> None:
        """Let every row count as one that was not written lately."""
        self._said.clear()

    def _is_unsaid(self, source: str, record: RepositoryRecord) -> bool:
        key, said = hash((source, record.name)), hash(record)
        if self._said.get(key) == said:
            return False
        self._said[key] = said
        return True


class _Known(NamedTuple):
    """What the census has of a repository."""

    id: int
    last_seen_at: float
    gone_at: float | None
    said: tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Brought:
    """What a page brought, by name, in its order.

    Attributes:
        new: What nobody had ever listed.
        again: What nobody had listed since the crawl began, though an earlier one had.
    """

    new: tuple[str, ...] = ()
    again: tuple[str, ...] = ()


def record(
    connection: Connection, registry: str, pages: Sequence[Listed], now: float, since: float = 0.0
) -> list[Brought]:
    """Merge the rows of ``pages``, of a crawl that began at ``since``; tells what each brought first."""
    merged = _merged(pages)
    known = _known(connection, registry, merged) if merged else {}
    new = [each for name, each in merged.items() if name not in known]
    more = [each for name, each in merged.items() if name in known and _says_more(each, known[name])]
    numbers = {name: each.id for name, each in known.items()} | _add(connection, registry, new, now)
    _change(connection, more, numbers, now)
    _see_again(connection, numbers.keys() - {each.name for each in new + more}, numbers, now)
    _bring_back(connection, pages, known)
    _keep_counts(connection, [*new, *_with_other_counts(more, known)], numbers, now)
    _keep_sightings(connection, pages, numbers, now)
    _keep_references(connection, pages, numbers)
    old = {name for name, each in known.items() if each.last_seen_at < since}
    found = {each.name for each in new}
    return [
        Brought(tuple(name for name in names if name in found), tuple(name for name in names if name in old))
        for names in _first_listed(pages, old | found)
    ]


def _merged(pages: Iterable[Listed]) -> dict[str, RepositoryRecord]:
    merged: dict[str, RepositoryRecord] = {}
    for page in pages:
        for record in page.records:
            older = merged.get(record.name)
            merged[record.name] = record if older is None else _merge(older, record)
    return merged


def _merge(older: RepositoryRecord, newer: RepositoryRecord) -> RepositoryRecord:
    """Two rows about the same repository: newer values replace older ones, silence replaces nothing."""
    said = {name: value for name in _SAID_BY_SOURCE if (value := getattr(newer, name)) is not None}
    return replace(older, **said)


def _known(connection: Connection, registry: str, names: Iterable[str]) -> dict[str, _Known]:
    columns = [repositories.c[name] for name in ("name", "id", "last_seen_at", "gone_at", *_SAID_BY_SOURCE)]
    query = select(*columns).where(
        repositories.c.registry == registry, among(connection, repositories.c.name, names)
    )
    return {
        name: _Known(number, last_seen_at, gone_at, tuple(said))
        for name, number, last_seen_at, gone_at, *said in connection.execute(query)
    }


def _says_more(record: RepositoryRecord, known: _Known) -> bool:
    said = zip(_said(record), known.said, strict=True)
    return any(value is not None and value != older for value, older in said)


_ADD = Many(
    ("id", "registry", "name", "is_pullable", "first_seen_at", "last_seen_at", *_SAID_BY_SOURCE),
    lambda _: repositories.insert(),
)


def _add(
    connection: Connection, registry: str, new: Sequence[RepositoryRecord], now: float
) -> dict[str, int]:
    """Add repositories, and tell their numbers, which are given here: nobody else adds any."""
    if not new:
        return {}
    last = connection.execute(select(func.max(repositories.c.id))).scalar_one() or 0
    rows = [
        (number, registry, each.name, is_repository_name(each.name), now, now, *_said(each))
        for number, each in zip(count(last + 1), new, strict=False)
    ]
    _ADD(connection, rows)
    return {row[2]: row[0] for row in rows}


def _changing(_dialect: str) -> Update:
    """Newer values replace older ones; silence replaces nothing."""
    said = {name: repositories.c[name] for name in _SAID_BY_SOURCE}
    newer = {name: func.coalesce(bindparam(f"new_{name}", type_=c.type), c) for name, c in said.items()}
    return (
        update(repositories)
        .where(repositories.c.id == bindparam("number"))
        .values({**newer, "last_seen_at": bindparam("now")})
    )


_CHANGE = Many((*(f"new_{name}" for name in _SAID_BY_SOURCE), "now", "number"), _changing)


def _change(
    connection: Connection, changed: Iterable[RepositoryRecord], numbers: Mapping[str, int], now: float
) -> None:
    _CHANGE(connection, [(*_said(each), now, numbers[each.name]) for each in changed])


def _see_again(
    connection: Connection, names: Collection[str], numbers: Mapping[str, int], now: float
) -> None:
    """Repositories of which nothing new is said."""
    if names:
        known = among(connection, repositories.c.id, [numbers[name] for name in names])
        connection.execute(update(repositories).where(known).values(last_seen_at=now))


def _bring_back(connection: Connection, pages: Iterable[Listed], known: Mapping[str, _Known]) -> None:
    """Whatever is listed for certain is there, gone or not."""
    proven = {each.name for page in pages if page.is_proof for each in page.records}
    back = [each.id for name, each in known.items() if name in proven and each.gone_at is not None]
    if back:
        are_back = among(connection, repositories.c.id, back)
        connection.execute(update(repositories).where(are_back).values(gone_at=None))


def _first_listed(pages: Iterable[Listed], new: set[str]) -> list[tuple[str, ...]]:
    """The ``new`` names, each with the first page that has it."""
    firsts = []
    for page in pages:
        names = tuple(dict.fromkeys(record.name for record in page.records if record.name in new))
        new = new.difference(names)
        firsts.append(names)
    return firsts


def _with_other_counts(
    changed: Iterable[RepositoryRecord], known: Mapping[str, _Known]
) -> list[RepositoryRecord]:
    first = _SAID_BY_SOURCE.index(_COUNTS[0])
    found = []
    for each in changed:
        older = known[each.name].said[first : first + len(_COUNTS)]
        if any(value is not None and value != old for value, old in zip(_counts(each), older, strict=True)):
            found.append(each)
    return found


_KEEP_COUNTS = Many(
    ("repository_id", "seen_at", *_COUNTS),
    upserting(repository_counts, key=["repository_id", "seen_at"], update=_COUNTS),
)


def _keep_counts(
    connection: Connection, changed: Iterable[RepositoryRecord], numbers: Mapping[str, int], now: float
) -> None:
    """Pulls and stars over time: a row for each time they were found to be others than before."""
    said = ((each.name, _counts(each)) for each in changed)
    rows = [(numbers[name], now, *counts) for name, counts in said if counts != _NOTHING]
    _KEEP_COUNTS(connection, rows)


def _excluded(name: str) -> ColumnElement[object]:
    """The value proposed for insertion, in an ON CONFLICT clause of either dialect."""
    return literal_column(f"excluded.{name}")


_KEEP_SIGHTINGS = Many(
    ("repository_id", "source", "url", "first_seen_at", "last_seen_at", "times_seen"),
    upserting(
        sightings,
        key=["repository_id", "source"],
        update={
            "last_seen_at": _excluded("last_seen_at"),
            "times_seen": sightings.c.times_seen + _excluded("times_seen"),
        },
    ),
)


def _keep_sightings(
    connection: Connection, pages: Iterable[Listed], numbers: Mapping[str, int], now: float
) -> None:
    seen: dict[tuple[int, str], tuple[Any, ...]] = {}
    for page in pages:
        source, url = page.source, page.url
        for each in page.records:
            number = numbers[each.name]
            before = seen.get((number, source))
            times = 1 if before is None else before[-1] + 1
            seen[number, source] = (number, source, url, now, now, times)
    _KEEP_SIGHTINGS(connection, list(seen.values()))


_ASK_FOR = Many(
    ("repository_id", "reference", "state"), upserting(images, key=["repository_id", "reference"])
)


def _keep_references(connection: Connection, pages: Iterable[Listed], numbers: Mapping[str, int]) -> None:
    """Images that are asked for together with their repository."""
    asked = [
        (numbers[record.name], record.reference, State.PENDING.value)
        for page in pages
        for record in page.records
        if record.reference is not None
    ]
    _ASK_FOR(connection, asked)

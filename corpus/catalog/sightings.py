"""What pages list, merged into the census: one repository per name, every listing of it counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from sqlalchemy import ColumnElement, func, literal_column, select, update

from corpus.catalog.database import Row, among, upsert
from corpus.catalog.schema import images, repositories, repository_counts, sightings
from corpus.records import RepositoryRecord, State
from registry.names import is_repository_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncConnection

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


@dataclass(frozen=True, slots=True)
class Listed:
    """The rows of one page.

    Attributes:
        source: The listing.
        url: Where it came from.
        records: Its rows in their order, repeats included.
    """

    source: str
    url: str
    records: Sequence[RepositoryRecord]


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


async def record(
    connection: AsyncConnection, registry: str, pages: Sequence[Listed], now: float, since: float = 0.0
) -> list[Brought]:
    """Merge the rows of ``pages``, of a crawl that began at ``since``; tells what each brought first."""
    merged = _merged(pages)
    known = await _known(connection, registry, merged)
    changed = {name: record for name, record in merged.items() if _says_more(record, known.get(name))}
    rows = [_row(registry, record, now) for record in changed.values()]
    await upsert(connection, repositories, rows, key=["registry", "name"], update=_changes())
    found = await _known(connection, registry, [name for name in merged if name not in known])
    ids = {name: each.id for name, each in (known | found).items()}
    await _see_again(connection, [ids[name] for name in merged if name not in changed], now)
    await _keep_counts(connection, changed, known, ids, now)
    await _keep_sightings(connection, pages, ids, now)
    await _keep_references(connection, pages, ids)
    old = {name for name, each in known.items() if each.last_seen_at < since}
    firsts = _first_listed(pages, old | set(found))
    return [
        Brought(tuple(name for name in names if name in found), tuple(name for name in names if name in old))
        for names in firsts
    ]


def _merged(pages: Iterable[Listed]) -> dict[str, RepositoryRecord]:
    merged: dict[str, RepositoryRecord] = {}
    for page in pages:
        for record in page.records:
            older = merged.get(record.name)
            merged[record.name] = record if older is None else _merge(older, record)
    return merged


def _merge(older: RepositoryRecord, newer: RepositoryRecord) -> RepositoryRecord:
    """Two rows about the same repository, by the rule of :func:`_changes`."""
    said = {name: value for name in _SAID_BY_SOURCE if (value := getattr(newer, name)) is not None}
    return replace(older, **said)


def _says_more(record: RepositoryRecord, known: _Known | None) -> bool:
    if known is None:
        return True
    said = zip(_SAID_BY_SOURCE, known.said, strict=True)
    return any((value := getattr(record, name)) is not None and value != older for name, older in said)


async def _see_again(connection: AsyncConnection, ids: Sequence[int], now: float) -> None:
    """Repositories of which nothing new is said."""
    if ids:
        seen = update(repositories).where(among(connection, repositories.c.id, ids))
        await connection.execute(seen.values(last_seen_at=now, gone_at=None))


def _first_listed(pages: Iterable[Listed], new: set[str]) -> list[tuple[str, ...]]:
    """The ``new`` names, each with the first page that has it."""
    firsts = []
    for page in pages:
        names = tuple(dict.fromkeys(record.name for record in page.records if record.name in new))
        new = new.difference(names)
        firsts.append(names)
    return firsts


async def _known(connection: AsyncConnection, registry: str, names: Iterable[str]) -> dict[str, _Known]:
    columns = [repositories.c[name] for name in ("name", "id", "last_seen_at", *_SAID_BY_SOURCE)]
    query = select(*columns).where(
        repositories.c.registry == registry, among(connection, repositories.c.name, names)
    )
    return {
        name: _Known(number, last_seen_at, tuple(said))
        for name, number, last_seen_at, *said in await connection.execute(query)
    }


async def _keep_counts(
    connection: AsyncConnection,
    changed: Mapping[str, RepositoryRecord],
    known: Mapping[str, _Known],
    ids: Mapping[str, int],
    now: float,
) -> None:
    """Pulls and stars over time: a row for each time they were found to be others than before."""
    rows = [
        {"repository_id": ids[name], "seen_at": now, **{count: getattr(record, count) for count in _COUNTS}}
        for name, record in changed.items()
        if _counts_differ(record, known.get(name))
    ]
    await upsert(connection, repository_counts, rows, key=["repository_id", "seen_at"], update=_COUNTS)


def _counts_differ(record: RepositoryRecord, known: _Known | None) -> bool:
    older = dict(zip(_SAID_BY_SOURCE, known.said, strict=True)) if known else {}
    return any((value := getattr(record, name)) is not None and value != older.get(name) for name in _COUNTS)


async def _keep_sightings(
    connection: AsyncConnection, pages: Iterable[Listed], ids: Mapping[str, int], now: float
) -> None:
    times: Counter[tuple[str, str]] = Counter()
    urls: dict[tuple[str, str], str] = {}
    for page in pages:
        for each in page.records:
            times[each.name, page.source] += 1
            urls[each.name, page.source] = page.url
    seen = [
        {
            "repository_id": ids[name],
            "source": source,
            "url": urls[name, source],
            "first_seen_at": now,
            "last_seen_at": now,
            "times_seen": count,
        }
        for (name, source), count in times.items()
    ]
    more = {
        "last_seen_at": _excluded("last_seen_at"),
        "times_seen": sightings.c.times_seen + _excluded("times_seen"),
    }
    await upsert(connection, sightings, seen, key=["repository_id", "source"], update=more)


async def _keep_references(
    connection: AsyncConnection, pages: Iterable[Listed], ids: Mapping[str, int]
) -> None:
    """Images that are asked for together with their repository."""
    asked = [
        {"repository_id": ids[record.name], "reference": record.reference, "state": State.PENDING}
        for page in pages
        for record in page.records
        if record.reference is not None
    ]
    await upsert(connection, images, asked, key=["repository_id", "reference"])


def _row(registry: str, record: RepositoryRecord, now: float) -> Row:
    return {
        "registry": registry,
        "name": record.name,
        "is_pullable": is_repository_name(record.name),
        "first_seen_at": now,
        "last_seen_at": now,
        **{name: getattr(record, name) for name in _SAID_BY_SOURCE},
    }


def _excluded(name: str) -> ColumnElement[object]:
    """The value proposed for insertion, in an ON CONFLICT clause of either dialect."""
    return literal_column(f"excluded.{name}")


def _changes() -> dict[str, ColumnElement[object]]:
    """Newer values replace older ones; silence replaces nothing."""
    said: dict[str, ColumnElement[object]] = {
        name: func.coalesce(_excluded(name), repositories.c[name]) for name in _SAID_BY_SOURCE
    }
    # Whatever is listed is there, whether or not it was missing once.
    return {**said, "last_seen_at": _excluded("last_seen_at"), "gone_at": literal_column("NULL")}

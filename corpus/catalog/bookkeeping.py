"""Writing into the ledger of a sweep: what became of pages and queries, and what it leads to."""

from __future__ import annotations

from collections import Counter
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import bindparam, literal_column, update

from corpus.catalog.ledgers import COUNTED_HERE, LEDGER, OPEN, End, SlicePlace, fingerprints
from corpus.catalog.schema import queries, registries, slices, words
from corpus.catalog.sightings import Brought, record
from corpus.catalog.statements import Many, upserting
from corpus.records import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement, Connection, Update

    from corpus.catalog.ledgers import Batch, Came, Ended, Failed, Ledger, Names, NewQuery
    from corpus.catalog.sightings import Listed


def write_down(
    connection: Connection, registry: str, batch: Batch, listed: Sequence[Listed], names: Names, now: float
) -> list[Brought]:
    """Write down what became of pages and queries; tells what each page that came brought.

    Args:
        connection: In a transaction.
        registry: Whose sweep it is.
        batch: What became of them.
        listed: The rows that are to be merged into the census, of each page that came.
        names: What a name leads to.
        now: In unix s.
    """
    brought = record(connection, registry, listed, now, names.since)
    _keep_pages(connection, batch.came, brought, now)
    _fail_pages(connection, batch.failed, now)
    _count_words(connection, registry, [name for page in brought for name in page.new], names)
    seen = [name for page in brought for name in page.new + page.again]
    led_to = dict.fromkeys(query for name in seen for query in names.lead_to(name))
    add_queries(connection, registry, [*led_to, *(new for each in batch.ended for new in each.children)])
    _end(connection, batch.ended, now)
    crawled = update(registries).where(registries.c.name == registry)
    connection.execute(crawled.values(last_crawled_at=now))
    return brought


_ADD = Many(
    ("registry", "endpoint", "key", "priority", "parent_id", "state"),
    upserting(queries, key=["registry", "endpoint", "key"]),
)
_query = attrgetter("endpoint", "key", "priority", "parent_id")


def add_queries(connection: Connection, registry: str, new: Iterable[NewQuery]) -> int:
    """Put queries on the frontier, unless they were ever there; returns how many were not."""
    return _ADD(connection, [(registry, *_query(each), State.PENDING.value) for each in new])


_CAME = ("state", "rows", "names", "finished_at", "reason")
_KEEP_PAGES = Many((*SlicePlace._fields, *_CAME), upserting(slices, key=SlicePlace._fields, update=_CAME))


def _keep_pages(connection: Connection, came: Sequence[Came], brought: Sequence[Brought], now: float) -> None:
    rows = []
    for page in came:
        names = b"".join(sorted(fingerprints(each.name for each in page.listed.records)))
        rows.append((*page.place, State.DONE.value, len(page.listed.records), names, now, None))
    _KEEP_PAGES(connection, rows)
    counts = [len(page.new) + len(page.again) for page in brought]
    _COUNT_PAGES(
        connection,
        [
            (*_told(page.ledger), count, count, page.place.query_id)
            for page, count in zip(came, counts, strict=True)
        ],
    )


_TOLD = tuple(name for name in LEDGER if name not in COUNTED_HERE)
_NEW_TOLD = tuple(f"new_{name}" for name in _TOLD)


def _told(ledger: Ledger) -> tuple[object, ...]:
    """What a query showed, but for what the catalog counts by itself."""
    return tuple(getattr(ledger, name) for name in _TOLD)


def _showing() -> Update:
    told: dict[str, ColumnElement[Any]] = {
        name: bindparam(new) for name, new in zip(_TOLD, _NEW_TOLD, strict=True)
    }
    return (
        update(queries)
        .where(queries.c.id == bindparam("number"))
        .values(state=literal_column(f"'{OPEN}'"), **told)
    )


_COUNT_PAGES = Many(
    (*_NEW_TOLD, "count", "last", "number"),
    lambda _: _showing().values(
        new_names=queries.c.new_names + bindparam("count"), last_new=bindparam("last")
    ),
)

_FAILED = ("state", "reason", "detail", "is_temporary", "attempts", "finished_at")
_FAIL_PAGES = Many((*SlicePlace._fields, *_FAILED), upserting(slices, key=SlicePlace._fields, update=_FAILED))
_ADD_PARTS = Many((*SlicePlace._fields, "state"), upserting(slices, key=SlicePlace._fields))
_PUT_OFF = Many((*_NEW_TOLD, "at", "number"), lambda _: _showing().values(retry_at=bindparam("at")))


def _fail_pages(connection: Connection, failed: Sequence[Failed], now: float) -> None:
    rows = []
    for page in failed:
        state, failure = State.FAILED if page.retry_at is None else State.PENDING, page.failure
        said = (failure.reason.value, failure.detail, failure.is_temporary)
        rows.append((*page.place, state.value, *said, page.attempts, now))
    _FAIL_PAGES(connection, rows)
    _ADD_PARTS(connection, [(*part, State.PENDING.value) for page in failed for part in page.parts])
    _PUT_OFF(
        connection, [(*_told(page.ledger), page.retry_at or 0.0, page.place.query_id) for page in failed]
    )


_COUNT_WORDS = Many(
    ("registry", "word", "names"),
    upserting(
        words,
        key=["registry", "word"],
        update={"names": words.c.names + literal_column("excluded.names")},
    ),
)


def _count_words(connection: Connection, registry: str, new: Iterable[str], names: Names) -> None:
    counts = Counter(word for name in new for word in set(names.words(name)))
    _COUNT_WORDS(connection, [(registry, word, count) for word, count in counts.items()])


_END = Many(
    ("end", "reason", "at", "number"),
    lambda _: (
        update(queries)
        .where(queries.c.id == bindparam("number"))
        .values(state=bindparam("end"), why=bindparam("reason"), finished_at=bindparam("at"))
    ),
)
_FORGET_NAMES = Many(
    ("number",),
    lambda _: update(slices).where(slices.c.query_id == bindparam("number")).values(names=None),
)


def _end(connection: Connection, ended: Sequence[Ended], now: float) -> None:
    _END(connection, [(each.end.value, each.why or None, now, each.query_id) for each in ended])
    _FORGET_NAMES(connection, [(each.query_id,) for each in ended if each.end is not End.PARTS])

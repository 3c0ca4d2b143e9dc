"""The web site of a hub, where it knows more than its registry: when each tag was pushed."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry.dates import instant
from registry.errors import Reason, RegistryError
from registry.transport.urls import parse_base_url, path_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from registry.transport.http import Transport

# Rows per page; Docker Hub serves more as this many.
_PAGE_SIZE = 100

# Pages of one repository: ten times those of the most tagged images, which have 10^5 tags.
_MAX_PAGES = 10_000

# Docker Hub's orders have been the wrong way round: which of them falls, the dates tell.
_ORDERINGS = ("last_updated", "-last_updated")

# A page of 100 rows with many platforms each takes some 500 kB.
_MAX_PAGE_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class TagRow:
    """A tag as the site lists it; ``pushed_at`` is ISO 8601, or ``None``."""

    name: str
    pushed_at: str | None


@dataclass(frozen=True, slots=True)
class _Page:
    rows: tuple[TagRow, ...]
    has_more: bool


class HubTags:
    """The tag listings of a hub's site: ``GET /v2/namespaces/{ns}/repositories/{repository}/tags``."""

    def __init__(self, transport: Transport, base_url: str) -> None:
        """Take where the site is; ``ValueError`` if that is not the address of a server."""
        self._transport = transport
        self._base_url = parse_base_url(base_url)

    def __repr__(self) -> str:
        return f"<HubTags {self._base_url}>"

    async def newest(self, repository: str, count: int) -> list[TagRow]:
        """Tags among which are the ``count`` pushed last: the first of a falling order, or all there are.

        Args:
            repository: With its namespace: ``library/debian``.
            count: How many are wanted.

        Raises:
            RegistryError: The site does not list them, or not in the shape that is known.
        """
        for ordering in _ORDERINGS:
            rows, is_whole = await self._listed(repository, ordering, count)
            if is_whole or _falls(rows):
                return rows
        rows, _ = await self._listed(repository, _ORDERINGS[0], None)
        return rows

    async def _listed(self, repository: str, ordering: str, count: int | None) -> tuple[list[TagRow], bool]:
        """The first ``count`` rows (or all) and the rest of their page, and whether these are all."""
        rows: list[TagRow] = []
        for number in range(1, _MAX_PAGES + 1):
            page = await self._page(repository, ordering, number)
            rows += page.rows
            if not page.has_more:
                return rows, True
            if not page.rows:
                raise RegistryError(Reason.UNEXPECTED_ANSWER, "an empty page that says the listing goes on")
            if count is not None and len(rows) > count:
                return rows, False
        raise RegistryError(Reason.UNEXPECTED_ANSWER, "the list of tags never ends")

    async def _page(self, repository: str, ordering: str, number: int) -> _Page:
        namespace, _, name = repository.partition("/")
        url = (
            f"{self._base_url}/v2/namespaces/{path_of(namespace)}/repositories/{path_of(name)}/tags"
            f"?page={number}&page_size={_PAGE_SIZE}&ordering={ordering}"
        )
        past_the_end = frozenset({404}) if number > 1 else frozenset[int]()
        try:
            answer = await self._transport.request(
                "GET", url, max_bytes=_MAX_PAGE_BYTES, accept_statuses=past_the_end
            )
        except RegistryError as error:
            if error.status == 404:
                error.reason = Reason.REPO_MISSING
            raise
        return _Page((), has_more=False) if answer.status == 404 else _read(answer.body)


def _falls(rows: Sequence[TagRow]) -> bool:
    """Whether rows come latest first; equal dates tell nothing. ``latest`` may be pinned to the top."""
    dates = [instant(row.pushed_at) for row in rows if row.name != "latest"]
    return bool(dates) and dates[0] > dates[-1] and dates == sorted(dates, reverse=True)


def _read(body: bytes) -> _Page:
    """Read ``{"count", "next", "results": [{"name", "last_updated", ...}]}``; rows need a name."""
    try:
        document: Any = json.loads(body)
        results = document["results"]
        following = document["next"]
        rows = [row for row in results if isinstance(row.get("name"), str)]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        raise RegistryError(Reason.UNEXPECTED_ANSWER, "the answer is not a list of tags") from None
    return _Page(
        tuple(TagRow(row["name"], _text_or_none(row.get("last_updated"))) for row in rows), bool(following)
    )


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None

"""Docker Hub's result pages of 2015 to 2018, HTML: the way of the paper.

Two pages of the site have the same list: ``/search/?q=...&page=N`` and ``/explore/?page=N`` (official
repositories only). Class names end in a hash that changed with every build of the site, so they are
matched by their beginning.

Visible counts are rounded (``3.2K``, ``10M+``). A rounded count is not recorded, because nobody could
tell it from an exact one later; exact counts, dates and descriptions come from the rows that the page
carries for its own script (``window.App``), where it does. That script is no JSON as a whole, for it
holds functions; the array of rows is.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote

from bs4 import BeautifulSoup

from corpus.records import RepositoryRecord
from hubcrawl.endpoints import Rows, build_url
from hubcrawl.endpoints.namespaces import OFFICIAL_NAMESPACE, NamespaceRow
from hubcrawl.endpoints.search_v2 import SearchRow
from hubcrawl.shapes import convert, unexpected
from hubcrawl.sources.numbered import NumberedListing, Place
from hubcrawl.texts import as_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bs4 import Tag

    from registry.transport.http import Transport

_LIST = "ul.no-bullet"
_ITEM = "li[class^=RepositoryListItem__repositoryListItem]"

# A page has 10 or 15 items; saved ones have 100 kB and 700 tags, start and end. To parse a tag takes 50 µs,
# and to find the link of an item may mean to pass all tags: more of each would hold up everything else.
_MAX_BYTES = 512 << 10
_MAX_TAGS = 5_000
_MAX_ITEMS = 50

_OFFICIAL_LINK = re.compile(r"/_/([^/]+)/?")
_LINK_TO = re.compile(r"/r/([^/]+/[^/]+)/?")

# Keys under which the script keeps its rows: the explore page's store, the search page's.
_ARRAY = re.compile(r'"(?:repos|results)"\s*:\s*(?=\[\s*\{)')
_AFTER_ARRAY = re.compile(r'\s*,\s*"count"\s*:\s*(\d{1,12})\s*,\s*"next"\s*:\s*(null|"")?')

# "Repositories (633003)": the total of a search page.
_TOTAL = re.compile(r"Repositories\s*\(([\d,]{1,15})\)")


class HubPages(NumberedListing):
    """Result pages of one query, or, without a query, the explore pages."""

    def __init__(self, transport: Transport, registry_name: str, site_url: str, *, query: str = "") -> None:
        super().__init__(transport, f"{registry_name} pages {query}".rstrip())
        self._site_url = site_url
        self._query = query

    def url(self, place: Place) -> str:
        """Where the page is."""
        if not self._query:
            return build_url(self._site_url, "/explore/", {"page": place.page})
        unfiltered = {"isAutomated": 0, "isOfficial": 0, "pullCount": 0, "starCount": 0}
        return build_url(self._site_url, "/search/", {"q": self._query, "page": place.page, **unfiltered})

    def parse(self, body: bytes, url: str) -> Rows:
        """Read a page. Its script may say where the listing ends; else an empty page is the end."""
        if len(body) > _MAX_BYTES or body.count(b"<") > _MAX_TAGS:
            raise unexpected(url, "larger than any list of repositories")
        page = BeautifulSoup(body, "lxml")
        names = _listed_names(page, url)
        state = _script_state(page, url)
        records = tuple(state.records.get(name) or _bare(name) for name in names)
        return Rows(records, bool(names) and state.has_more, state.claimed)


class _State(NamedTuple):
    """What the page carries for its own script, by repository name."""

    records: dict[str, RepositoryRecord]
    has_more: bool
    claimed: int | None


def _listed_names(page: BeautifulSoup, url: str) -> list[str]:
    """The repositories in the visible list, in its order."""
    if page.select_one(_LIST) is None and not _TOTAL.search(page.get_text()):
        raise unexpected(url, "no list of repositories in the page")
    items = page.select(_ITEM, limit=_MAX_ITEMS + 1)
    if len(items) > _MAX_ITEMS:
        raise unexpected(url, "more items than any list of repositories has")
    return [_name(item, url) for item in items]


def _name(item: Tag, url: str) -> str:
    link = item.find("a", href=True)
    path = unquote(str(link["href"])) if link is not None else ""
    if official := _OFFICIAL_LINK.fullmatch(path):
        return as_name(f"{OFFICIAL_NAMESPACE}/{official[1]}")
    if named := _LINK_TO.fullmatch(path):
        return as_name(named[1])
    raise unexpected(url, f"a list item that leads to {path[:100]!r}")


def _bare(name: str) -> RepositoryRecord:
    return RepositoryRecord(name=name, is_official=name.startswith(f"{OFFICIAL_NAMESPACE}/"))


def _script_state(page: BeautifulSoup, url: str) -> _State:
    total = _TOTAL.search(page.get_text())
    claimed = int(total[1].replace(",", "")) if total else None
    for script in page.select("script"):
        text = script.string or ""
        for found in _ARRAY.finditer(text):
            rows, end = _array(text, found.end(), url)
            records = {record.name: record for record in _records(rows, url)}
            after = _AFTER_ARRAY.match(text, end)
            if after is None:
                return _State(records, has_more=True, claimed=claimed)
            return _State(records, has_more=after[2] is None, claimed=int(after[1]))
    return _State({}, has_more=True, claimed=claimed)


def _array(text: str, start: int, url: str) -> tuple[list[Any], int]:
    try:
        rows, end = json.JSONDecoder().raw_decode(text, start)
    except (ValueError, RecursionError) as error:
        raise unexpected(url, f"the rows in the page's script are no JSON: {error}") from error
    return rows, end


def _records(rows: list[Any], url: str) -> Iterator[RepositoryRecord]:
    for row in rows:
        is_result = isinstance(row, dict) and "repo_name" in row
        shape: type[SearchRow | NamespaceRow] = SearchRow if is_result else NamespaceRow
        yield convert(row, shape, url).record()

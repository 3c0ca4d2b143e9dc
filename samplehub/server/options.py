"""What a test may want to be different about the servers; the defaults never stand in a crawl's way."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# Endpoints of the site that are read page by page. Others are called repository, tag, user, products, html.
PAGED = ("search-v1", "search-v2", "search-v3", "search-v4", "namespace", "tags")


class Matching(StrEnum):
    """What a search finds for a query."""

    TOKENS = "tokens"  # every word of the query begins a word of owner, name or description
    PREFIX = "prefix"  # the query begins the name as search shows it
    EXACT = "exact"  # every word of the query is a word of owner, name or description


class RetryForm(StrEnum):
    """How a 429 says when to come back."""

    SECONDS = "seconds"  # Retry-After: 12
    DATE = "date"  # Retry-After: Tue, 14 Nov 2023 22:13:20 GMT (RFC 9110, section 10.2.3)
    UNIX = "unix"  # Retry-After: 1700000000
    OLD = "old"  # X-Retry-After: 1700000000
    RESET = "reset"  # X-RateLimit-Reset alone
    NOTHING = "nothing"  # not at all: none of the site's headers
    NONSENSE = "nonsense"  # Retry-After: nan
    PAST = "past"  # Retry-After: -1


class Trouble(StrEnum):
    """What may come over a site for some time."""

    SOFT_BLOCK = "soft_block"  # searches are empty, and what exists is answered with 404
    CHALLENGE = "challenge"  # 403 and a page that only a browser gets past
    ABUSE = "abuse"  # 429 in plain text: HAP429
    FORBIDDEN = "forbidden"  # 403 with a body that is no object
    OUTAGE = "outage"  # 503
    RETIRED = "retired"  # 410
    SCOLDING = "scolding"  # 200, but a message in place of rows
    DRIFT = "drift"  # keys have other names: those of `Happening.renamed`
    TARPIT = "tarpit"  # no answer until the hub is stopped


@dataclass(frozen=True, slots=True)
class Happening:
    """One trouble, for some of the site's requests.

    Attributes:
        trouble: What happens.
        requests: To which requests: all of the site's are numbered from 1, also those above the limit.
        endpoints: At which endpoints; empty for all.
        renamed: For ``DRIFT``: old key to new key, at any depth.
    """

    trouble: Trouble
    requests: range
    endpoints: frozenset[str] = frozenset()
    renamed: Mapping[str, str] = field(default_factory=lambda: {"results": "items"})


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How searches and listings answer.

    Attributes:
        matching: What a query finds.
        most_rows: Most rows of a page; whoever asks for more gets this many. Docker Hub: 100.
        saturates_at: Greatest count that v2, v3 and v4 search tell (Docker Hub: 10,000); ``None``: the truth.
        is_inverted: Whether ``ordering=pull_count`` of a namespace listing descends, as on Docker Hub.
    """

    matching: Matching = Matching.TOKENS
    most_rows: int = 100
    saturates_at: int | None = None
    is_inverted: bool = True


@dataclass(frozen=True, slots=True)
class Windows:
    """How far pages reach: the first offset, in rows, that is refused, by endpoint; others reach the end.

    Attributes:
        anonymous: For everybody.
        account: For whoever sends an account's token; he has no other window.
        changes: Windows for everybody from the request of this number on; the last that has begun holds.
    """

    anonymous: Mapping[str, int] = field(default_factory=dict)
    account: Mapping[str, int] = field(default_factory=dict)
    changes: tuple[tuple[int, Mapping[str, int]], ...] = ()


def everywhere(rows: int) -> dict[str, int]:
    """The same window for every endpoint that has pages."""
    return dict.fromkeys(PAGED, rows)


@dataclass(frozen=True, slots=True)
class Flaws:
    """What is wrong with the index behind the searches. Shares are of one, and drawn from ``seed``.

    Rows are repeated and shuffled in namespace listings too.

    Attributes:
        seed: Another seed, other victims.
        repeated: Share of the rows, from the second page on, in whose place an earlier one is repeated; it
            is the same one however often the page is asked for.
        shuffled: Share of the rows in whose place one from at most a page away is shown; another on every
            request.
        poisoned: Share of repositories that turn every page of a search that they are on into a 500.
        poisoned_names: Such repositories by name, with their namespace.
        is_poison_listed: Whether they do so to the pages of their namespace too.
        hidden: Share of repositories that no search shows, although their namespaces list them.
        hidden_owners: Share of owners of whom no search shows anything.
    """

    seed: int = 0
    repeated: float = 0.0
    shuffled: float = 0.0
    poisoned: float = 0.0
    poisoned_names: frozenset[str] = frozenset()
    is_poison_listed: bool = False
    hidden: float = 0.0
    hidden_owners: float = 0.0


@dataclass(frozen=True, slots=True)
class Options:
    """Limits and lifetimes of the servers, and how the site behaves.

    Attributes:
        token_lifetime_s: ``expires_in`` of a pull token. Docker Hub: 300 s.
        account_lifetime_s: How long an account's token is good. Docker Hub: 10 min.
        url_lifetime_s: How long a redirect to the CDN may be used. Distribution's storage drivers: 20 min.
        pull_limit: Manifest GETs per ``pull_window_s``; HEAD and blobs are free. Docker Hub: 100 anonymous.
        pull_window_s: Window of the pull quota. Docker Hub: 6 h.
        site_limit: Requests to the site in any 60 s. Docker Hub: 180.
        retry_form: How the site's 429 says when to come back.
        redirect_from_bytes: Blobs at least this large are redirected to the CDN; smaller ones are served
            by the registry, so that clients meet both.
        users: Name to password; these may pull private repositories.
        search: How searches and listings answer.
        windows: How far their pages reach.
        flaws: What is wrong with the index.
        happenings: What comes over the site, and when; of several at once, the first.
    """

    token_lifetime_s: int = 300
    account_lifetime_s: int = 600
    url_lifetime_s: int = 1200
    pull_limit: int = 100_000
    pull_window_s: int = 21_600
    site_limit: int = 60_000
    retry_form: RetryForm = RetryForm.SECONDS
    redirect_from_bytes: int = 4096
    users: Mapping[str, str] = field(default_factory=lambda: {"sample": "sample"})
    search: SearchOptions = SearchOptions()
    windows: Windows = field(default_factory=Windows)
    flaws: Flaws = Flaws()
    happenings: tuple[Happening, ...] = ()

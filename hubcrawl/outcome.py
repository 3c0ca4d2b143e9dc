"""What a crawl came to, and the sentences that say so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from corpus.catalog.repositories import ListingState, PageCounts
    from registry.errors import RegistryError

# Failures that are not of one page: the site, or the way to it, would answer the next one alike.
_OF_THE_SITE = frozenset(
    {
        Reason.NETWORK,
        Reason.TLS,
        Reason.AUTH_REQUIRED,
        Reason.DENIED,
        Reason.LEGAL,
        Reason.QUOTA,
        Reason.ABUSE_LIMIT,
        Reason.REPO_MISSING,
    }
)

# No answer came at all.
UNREACHABLE = frozenset({Reason.NETWORK, Reason.TLS})


@dataclass(frozen=True, slots=True)
class CrawlSummary:
    """What one run did, and how far the listing has come.

    Attributes:
        source: The listing.
        pages: Pages read in this run.
        failed: Pages that could not be read in this run.
        rows: Rows on the pages read.
        new: Rows that named a repository for the first time in the census.
        found: Distinct repositories of the registry known now.
        is_complete: Whether every page of the listing came, from the first to the end, over all runs.
        notes: Sentences about what the listing did not show.
        stopped: Why the run had to stop before its work was done; ``None`` if it had not.
    """

    source: str
    pages: int
    failed: int
    rows: int
    new: int
    found: int
    is_complete: bool
    notes: tuple[str, ...] = ()
    stopped: str | None = None

    @property
    def repeats(self) -> int:
        """Rows that named a repository already known."""
        return self.rows - self.new


@dataclass(frozen=True, slots=True)
class CrawlStatistics:
    """A run under way, in rows of the listing.

    Attributes:
        done: Rows read.
        failed: Pages that could not be read.
        total: Rows to read, by what the site claims and the limit; ``None`` while neither is known.
        bytes_done: Always 0: pages are not counted in bytes.
        note: What goes wrong at the moment; normally empty.
        found: Distinct repositories of the registry known now.
        new: Of these, found in this run.
    """

    done: int
    failed: int
    total: int | None
    bytes_done: int
    note: str
    found: int
    new: int


@dataclass(slots=True)
class Tally:
    """The counts of a run under way; the fields of :class:`CrawlSummary`, and a few more.

    Attributes:
        failed_in_a_row: Pages that failed since one came.
        rows_before: Rows of this listing that earlier runs read.
        claimed: The most rows that the site said the whole listing has; a blocked client is told 0.
        wanted: Repositories still to be found; ``None`` without a limit.
    """

    pages: int = 0
    failed: int = 0
    rows: int = 0
    new: int = 0
    found: int = 0
    failed_in_a_row: int = 0
    rows_before: int = 0
    claimed: int | None = None
    wanted: int | None = None

    @property
    def is_enough(self) -> bool:
        """Whether the limit is reached."""
        return self.wanted is not None and self.wanted <= 0

    def add(self, counts: PageCounts, claimed: int | None, *, is_new_listing: bool) -> None:
        """Count a page that came; a listing made anew counts known repositories towards its limit."""
        self.pages += 1
        self.rows += counts.rows
        self.new += counts.rows_new
        self.found += counts.rows_new
        self.failed_in_a_row = 0
        if claimed is not None:
            self.claimed = max(claimed, self.claimed or 0)
        if self.wanted is not None:
            self.wanted -= counts.rows if is_new_listing else counts.rows_new

    def came(self, rows: int, new: int, again: int, *, is_new_listing: bool) -> None:
        """Count a page of a sweep: names ``new`` to the census, and those known that it had ``again``."""
        self.pages += 1
        self.rows += rows
        self.new += new
        self.found += new
        self.failed_in_a_row = 0
        if self.wanted is not None:
            self.wanted -= new + (again if is_new_listing else 0)

    def fail(self) -> None:
        """Count a page that could not be read."""
        self.failed += 1
        self.failed_in_a_row += 1

    def statistics(self) -> CrawlStatistics:
        """These counts as a snapshot."""
        in_a_row = self.failed_in_a_row
        return CrawlStatistics(
            done=self.rows,
            failed=self.failed,
            total=self._total(),
            bytes_done=0,
            note=f"{_pages(in_a_row)} in a row could not be read" if in_a_row else "",
            found=self.found,
            new=self.new,
        )

    def _total(self) -> int | None:
        claimed = None if self.claimed is None else max(self.claimed - self.rows_before, self.rows)
        limited = None if self.wanted is None else self.rows + max(self.wanted, 0)
        return min((bound for bound in (claimed, limited) if bound is not None), default=None)


def concerns_site(error: RegistryError) -> bool:
    """Whether the failure would be that of any other page as well."""
    return error.reason in _OF_THE_SITE


def is_complete(state: ListingState) -> bool:
    """Whether every page of a listing came."""
    return state.done > 0 and not state.pending and not state.failed


def why_unfinished(state: ListingState, details: Sequence[str]) -> str | None:
    """The sentence for pages that ought to be read by a later run, if there are any."""
    if state.failed and not state.done:
        return f"no page of the listing could be read: {details[0]}"
    if state.retryable:
        return f"{_pages(state.retryable)} could not be read for a passing reason: run the same again"
    return None


def notes_on(state: ListingState, claimed: int | None, details: Sequence[str]) -> tuple[str, ...]:
    """What has to be said of a listing, so that nobody takes it for more than it is."""
    notes = list(dict.fromkeys(details))
    if state.failed > len(details):
        notes.append(f"{_pages(state.failed - len(details))} more could not be read")
    if is_complete(state) and not state.rows:
        notes.append("the listing is empty: a blocked client and a dead address are answered like this, too")
    elif is_complete(state) and claimed is not None and claimed > state.rows:
        notes.append(f"the site claims {claimed:,} rows, and its pages held {state.rows:,}")
    return tuple(notes)


def _pages(count: int) -> str:
    return f"{count:,} page" if count == 1 else f"{count:,} pages"

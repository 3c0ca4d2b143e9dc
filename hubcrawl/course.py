"""How far one run of a sweep has come, and whether it goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hubcrawl.outcome import Tally

if TYPE_CHECKING:
    from corpus.catalog.sightings import Brought
    from hubcrawl.settings import CrawlSettings
    from hubcrawl.site import Site

RUN_AGAIN = "run the same again to go on from there"

# Queries whose page is being written, for each page that is asked for meanwhile: so transactions are filled.
# Whoever asks for one page at a time goes on when it is written.
_BEING_WRITTEN = 2


class Course:
    """The counts of a run, and its limits.

    Attributes:
        tally: The counts.
        unwritten: Pages that came and are not written yet.
        stopped: Why the run had to stop before its work was done; ``None`` while it need not.
    """

    def __init__(self, site: Site, settings: CrawlSettings) -> None:
        """Take whom is asked, and how much at most."""
        self.tally = Tally()
        self.unwritten = 0
        self.stopped: str | None = None
        self._site = site
        self._settings = settings

    def __repr__(self) -> str:
        return f"<Course {self.tally.pages:,} pages>"

    @property
    def most_queries(self) -> int:
        """Queries under way: where few repositories are wanted, many pages would bring too many."""
        wanted, parallel = self.tally.wanted, self._settings.parallel
        most = parallel + _BEING_WRITTEN * (parallel - 1)
        return most if wanted is None else max(1, min(most, wanted // self._settings.page_size))

    def is_over(self) -> bool:
        """Whether nothing more is to be asked."""
        if self.stopped is None:
            self.stopped = self._why_stop()
        return self.stopped is not None or self.tally.is_enough

    def count(self, rows: int, brought: Brought) -> None:
        """Count a page that came."""
        new, again = len(brought.new), len(brought.again)
        self.tally.came(rows, new, again, is_new_listing=self._settings.again)

    def _why_stop(self) -> str | None:
        pages, in_a_row = self.tally.pages + self.unwritten, self.tally.failed_in_a_row
        if pages >= self._settings.max_pages:
            return f"{pages:,} pages were read, the most for one run: {RUN_AGAIN}"
        if self._site.given_up is not None:  # which tells more than the pages that failed with it
            return f"{self._site.given_up}; {RUN_AGAIN}"
        if in_a_row >= self._settings.failures_in_a_row:
            return f"{in_a_row} pages in a row could not be read: {RUN_AGAIN}"
        return None

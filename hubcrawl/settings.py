"""What a user may choose about the crawl."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta


class CrawlSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the crawl; which source is read is the pipeline's choice."""

    limit: Annotated[
        int,
        Meta(
            ge=0,
            description="Stop after the page with which this many repositories of the registry are known; 0 "
            "lists all of them. A later run with a higher limit goes on, by whole pages.",
            extra_json_schema={"unit": "repositories"},
        ),
    ] = 0
    page_size: Annotated[
        int,
        Meta(
            ge=1,
            le=100,
            description="Rows asked for per page of Docker Hub's JSON listings, which serve 100 at most. "
            "Anonymous paging was seen refused from row 100 on and served at row 90: "
            "pages of 90 reach 180 rows where pages of 100 reach 100.",
            extra_json_schema={"unit": "rows"},
        ),
    ] = 90
    query: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=255,
            description="What the search sources search for. The paper searched the Hub's site for '*', "
            "which then listed everything.",
        ),
    ] = "*"
    parallel: Annotated[
        int,
        Meta(
            ge=1,
            le=256,
            description="Pages of a sweep asked for at a time. `http.parallel_per_host` bounds them, too. "
            "Many more are faster, and find a little less where search matches words: what to ask next is "
            "decided while earlier answers are still on their way.",
            extra_json_schema={"unit": "pages"},
        ),
    ] = 8
    searches: Annotated[
        tuple[Literal["v1", "v2", "v3", "v4"], ...],
        Meta(
            min_length=1,
            description="The searches of Docker Hub that a sweep asks. One finds nearly all that any of them "
            "does; a second one stands in where the first stops answering.",
        ),
    ] = ("v2",)
    namespaces: Annotated[
        bool,
        Meta(
            description="In a sweep, list every namespace of which a repository was seen: it shows what "
            "search does not, and dates and sizes. That is a request for each namespace at least.",
        ),
    ] = True
    again: Annotated[
        bool,
        Meta(
            description="List anew from the first page, also what is listed completely; by default a crawl "
            "only goes on where the last one stopped.",
        ),
    ] = False
    updates: Annotated[
        bool,
        Meta(
            description="Ask only what changed since a hub was swept to the end: its search, newest first, "
            "until known rows come, and namespaces in which something changed; other deletions stay unseen.",
        ),
    ] = False
    failures_in_a_row: Annotated[
        int,
        Meta(
            ge=1,
            description="Stop after this many pages in a row that could not be read, each already retried: "
            "one bad document spoils one page or two, five in a row are an outage.",
            extra_json_schema={"unit": "pages"},
        ),
    ] = 5
    max_pages: Annotated[
        int,
        Meta(
            ge=1,
            description="Stop after this many pages in one run, for a site whose listing never ends; "
            "the largest known listing of result pages had 68,796 (Docker Hub, 2017).",
            extra_json_schema={"unit": "pages"},
        ),
    ] = 100_000

    def rows_per_page(self, most: int) -> int:
        """The page size of a fresh listing: ``most`` rows, or fewer when fewer are wanted."""
        return min(most, self.limit) if self.limit else most

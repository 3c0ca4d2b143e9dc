"""Where repositories are listed: one module per endpoint, all behind one record.

A source is a listing that comes in pages. Each page is named by a *cursor*, opaque to everyone
but its source, from which the page's URL is built anew; so the cursors kept in the catalog are
all that is needed to go on with a listing in another process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from corpus.records import RepositoryRecord


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of a listing, as it came.

    Attributes:
        url: Where it came from.
        records: Its rows in their order, repeats included.
        next_cursors: The pages it leads to; none at the end.
        claimed: How many rows the site says the whole listing has; it may be wrong, or saturated.
    """

    url: str
    records: tuple[RepositoryRecord, ...] = ()
    next_cursors: tuple[str, ...] = ()
    claimed: int | None = None


class Source(Protocol):
    """A listing of one registry."""

    @property
    def name(self) -> str:
        """Its key in the catalog: the same name goes on with the same listing."""

    def first_cursors(self) -> tuple[str, ...]:
        """The pages a fresh listing begins with."""

    async def read(self, cursor: str) -> Listing:
        """Read one page.

        Raises:
            RegistryError: It could not be had; ``UNEXPECTED_ANSWER`` when it came in a shape that is not
                the endpoint's, ``DENIED`` when the site does not list any further.
            ConfigurationError: The source itself cannot be used.
        """

    def after_failure(self, cursor: str) -> tuple[str, ...]:
        """The pages that can be asked for although that of ``cursor`` could not be read."""

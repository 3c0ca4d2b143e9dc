"""How far the endpoints of one hub can be paged through, as a run learns it and the catalog keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from hubcrawl import windows
from hubcrawl.windows import Window

if TYPE_CHECKING:
    from collections.abc import Mapping

    from corpus.catalog.sweeps import SweepCatalog
    from hubcrawl.endpoints import Endpoint
    from hubcrawl.queries import Slice
    from registry.transport.clock import Clock


class Reach:
    """The windows of the endpoints of one hub."""

    def __init__(
        self,
        catalog: SweepCatalog,
        registry: str,
        endpoints: Mapping[str, Endpoint],
        clock: Clock,
        *,
        account: str,
    ) -> None:
        """Take whose windows they are; ``account`` is ``""`` for those of everybody."""
        self._catalog = catalog
        self._registry = registry
        self._most = {name: endpoint.max_rows for name, endpoint in endpoints.items()}
        self._clock = clock
        self._account = account
        self._windows: dict[str, Window] = {}

    def __repr__(self) -> str:
        return f"<Reach {self._registry} {self._account!r}>"

    async def recall(self) -> None:
        """Take from the catalog what earlier runs learned."""
        known = await self._catalog.windows(self._registry, self._account)
        self._windows = {each: msgspec.json.decode(text, type=Window) for each, text in known.items()}

    def window(self, endpoint: str) -> Window:
        """What an endpoint is known to serve."""
        return self._windows.get(endpoint, Window(page_size=self._most[endpoint]))

    def refuses(self, endpoint: str, part: Slice) -> bool:
        """Whether a page is known to lie outside the window: only probes are asked for there."""
        refused = self.window(endpoint).refused
        return refused is not None and part.offset >= refused

    def probe(self, endpoint: str, claimed: int) -> Slice | None:
        """The page by which the edge of a window is found, of a query that claims so many rows."""
        return windows.next_probe(self.window(endpoint), claimed, self._clock.now(), self._most[endpoint])

    async def served(self, endpoint: str, offset: int) -> None:
        """A page at ``offset`` came."""
        known, now = self.window(endpoint), self._clock.now()
        await self._learn(endpoint, windows.after_served(known, offset, now, self._most[endpoint]))

    async def refused(self, endpoint: str, offset: int) -> None:
        """A page was refused for its ``offset``."""
        known, now = self.window(endpoint), self._clock.now()
        await self._learn(endpoint, windows.after_refused(known, offset, now, self._most[endpoint]))

    async def _learn(self, endpoint: str, window: Window) -> None:
        known = self.window(endpoint)
        self._windows[endpoint] = window
        if (window.refused, window.page_size) != (known.refused, known.page_size):
            text, now = msgspec.json.encode(window).decode(), self._clock.now()
            await self._catalog.keep_window(self._registry, endpoint, self._account, text, now)

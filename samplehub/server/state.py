"""What the handlers of one running hub share."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from samplehub.model import Access, Hub
from samplehub.server.allowance import Allowance, SlidingAllowance
from samplehub.server.index import Index
from samplehub.server.journal import Journal

if TYPE_CHECKING:
    from collections.abc import Callable

    from samplehub.server.options import Options


@dataclass(slots=True)
class State:
    """One running hub.

    Attributes:
        hub: What is served.
        options: Limits and lifetimes.
        clock: Unix s.
        cdn_port: Where blobs are redirected to.
        traffic: Requests by kind.
        blob_gets: GETs that delivered bytes of a blob, by digest.
        manifest_gets: GETs of manifests by ``repository@reference``.
        journal: What the site was asked.
        is_stopping: Set when the servers stop; who keeps a client waiting waits for it.
        pulls: Pull quota of the registry.
        site_requests: Request limit of the search site.
        index: Where the repositories are looked up.
        blank: The index of an empty hub.
    """

    hub: Hub
    options: Options
    clock: Callable[[], float]
    cdn_port: int = 0
    traffic: Counter[str] = field(default_factory=Counter)
    blob_gets: Counter[str] = field(default_factory=Counter)
    manifest_gets: Counter[str] = field(default_factory=Counter)
    journal: Journal = field(default_factory=Journal)
    is_stopping: asyncio.Event = field(default_factory=asyncio.Event)
    pulls: Allowance = field(init=False)
    site_requests: SlidingAllowance = field(init=False)
    index: Index = field(init=False)
    blank: Index = field(default_factory=lambda: Index(Hub((), {})))

    def __post_init__(self) -> None:
        options = self.options
        self.pulls = Allowance(options.pull_limit, options.pull_window_s, self.clock)
        self.site_requests = SlidingAllowance(options.site_limit, 60, self.clock)
        self.index = Index(self.hub, options.search.matching, options.flaws)

    def is_private(self, name: str) -> bool:
        """Whether pulling ``name`` takes an account."""
        repository = self.index.repository(name)
        return repository is not None and repository.access is Access.PRIVATE

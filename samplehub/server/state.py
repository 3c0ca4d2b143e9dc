"""What the handlers of one running hub share."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from samplehub.model import Access
from samplehub.server.allowance import Allowance

if TYPE_CHECKING:
    from collections.abc import Callable

    from samplehub.model import Hub, Repository
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
        pulls: Pull quota of the registry.
        site_requests: Request limit of the search site.
        by_name: Repositories by name.
    """

    hub: Hub
    options: Options
    clock: Callable[[], float]
    cdn_port: int = 0
    traffic: Counter[str] = field(default_factory=Counter)
    blob_gets: Counter[str] = field(default_factory=Counter)
    manifest_gets: Counter[str] = field(default_factory=Counter)
    pulls: Allowance = field(init=False)
    site_requests: Allowance = field(init=False)
    by_name: dict[str, Repository] = field(init=False)

    def __post_init__(self) -> None:
        self.pulls = Allowance(self.options.pull_limit, self.options.pull_window_s, self.clock)
        self.site_requests = Allowance(self.options.site_limit, 60, self.clock)
        self.by_name = {repository.name: repository for repository in self.hub.repositories}

    def is_private(self, name: str) -> bool:
        """Whether pulling ``name`` takes an account."""
        repository = self.by_name.get(name)
        return repository is not None and repository.access is Access.PRIVATE

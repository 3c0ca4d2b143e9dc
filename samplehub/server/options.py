"""What a test may want to be different about the servers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Options:
    """Limits and lifetimes of the servers; the defaults never stand in a crawl's way.

    Attributes:
        token_lifetime_s: ``expires_in`` of a pull token. Docker Hub: 300 s.
        url_lifetime_s: How long a redirect to the CDN may be used. Distribution's storage drivers: 20 min.
        pull_limit: Manifest GETs per ``pull_window_s``; HEAD and blobs are free. Docker Hub: 100 anonymous.
        pull_window_s: Window of the pull quota. Docker Hub: 6 h.
        site_limit: Requests per minute to the search site. Docker Hub: 180.
        redirect_from_bytes: Blobs at least this large are redirected to the CDN; smaller ones are served
            by the registry, so that clients meet both.
        users: Name to password; these may pull private repositories.
    """

    token_lifetime_s: int = 300
    url_lifetime_s: int = 1200
    pull_limit: int = 100_000
    pull_window_s: int = 21_600
    site_limit: int = 60_000
    redirect_from_bytes: int = 4096
    users: Mapping[str, str] = field(default_factory=lambda: {"sample": "sample"})

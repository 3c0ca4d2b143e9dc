"""The protocols of Docker Hub, served from a :class:`~samplehub.model.Hub` in memory."""

from samplehub.server.options import (
    Flaws,
    Happening,
    Matching,
    Options,
    RetryForm,
    SearchOptions,
    Trouble,
    Windows,
    everywhere,
)
from samplehub.server.running import Running, run, serve

__all__ = [
    "Flaws",
    "Happening",
    "Matching",
    "Options",
    "RetryForm",
    "Running",
    "SearchOptions",
    "Trouble",
    "Windows",
    "everywhere",
    "run",
    "serve",
]

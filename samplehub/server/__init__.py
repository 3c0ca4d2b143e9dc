"""The protocols of Docker Hub, served from a :class:`~samplehub.model.Hub` in memory."""

from samplehub.server.options import Options
from samplehub.server.running import Running, run, serve

__all__ = ["Options", "Running", "run", "serve"]

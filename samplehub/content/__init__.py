"""How the files, layers, images and repositories of the sample hub are made."""

from samplehub.content.hub import build_hub

__all__ = ["build_hub"]

"""How the files, layers, images and repositories of the sample hub are made."""

from samplehub.content.changes import Changes, later
from samplehub.content.crowd import crowd, crowd_names, crowd_of, names_in
from samplehub.content.hub import build_hub

__all__ = ["Changes", "build_hub", "crowd", "crowd_names", "crowd_of", "later", "names_in"]

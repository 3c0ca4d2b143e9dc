"""The data directory that a command is about: found, or refused with one sentence."""

from __future__ import annotations

from pathlib import Path

from corpus.layout import Layout
from registry.errors import ConfigurationError


def directory_of(data: str) -> Layout:
    """Where a census is, or may be begun.

    Raises:
        ConfigurationError: There is something else, or nothing is named.
    """
    if not data:  # of which Path makes the current directory
        raise ConfigurationError("the data directory has no name: give one with --data")
    root = Path(data)
    if root.exists() and not root.is_dir():
        raise ConfigurationError(f"{root} is a file, not a directory: name another one with --data")
    return Layout(root)


def census_in(data: str) -> Layout:
    """Where a census was begun.

    Raises:
        ConfigurationError: There is none.
    """
    layout = directory_of(data)
    if not layout.catalog.is_file():
        raise no_census(layout)
    return layout


def no_census(layout: Layout) -> ConfigurationError:
    """The sentence for a directory without one."""
    return ConfigurationError(
        f"there is no census in {layout.root}: begin with `hubcrawl crawl`, "
        "or name the directory of one with --data"
    )

"""The tables of a census: what they hold, and bringing them up to date."""

from __future__ import annotations

from report.tables.census import FAILURES, IMAGES, REPOSITORIES, REPOSITORY_COUNTS
from report.tables.columns import Column, Table
from report.tables.contents import (
    DIRECTORIES,
    DISTINCT_IMAGES,
    FILES,
    IMAGE_LAYERS,
    LAYERS,
    PACKAGES,
)

TABLES = (
    REPOSITORIES,
    REPOSITORY_COUNTS,
    IMAGES,
    DISTINCT_IMAGES,
    IMAGE_LAYERS,
    LAYERS,
    DIRECTORIES,
    FILES,
    PACKAGES,
    FAILURES,
)

__all__ = ["TABLES", "Column", "Table"]

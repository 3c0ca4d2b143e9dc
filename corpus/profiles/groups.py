"""The groups that file types belong to, and how they map to the eight groups of the paper (section 4)."""

from __future__ import annotations

from enum import StrEnum


class Group(StrEnum):
    """Level 2 of the taxonomy, finer than the paper's."""

    EOL = "eol"  # executables, object code, libraries
    PACKAGE = "package"
    SOURCE = "source"
    SCRIPT = "script"
    DOCUMENT = "document"
    TEXT = "text"
    ARCHIVE = "archive"
    IMAGE = "image"
    MEDIA = "media"
    DATABASE = "database"
    FONT = "font"
    KEY = "key"
    DATA = "data"
    EMPTY = "empty"
    OTHER = "other"


_PAPER_GROUPS = {
    Group.EOL: "EOL",
    Group.PACKAGE: "EOL",
    Group.SOURCE: "Source",
    Group.SCRIPT: "Scripts",
    Group.DOCUMENT: "Documents",
    Group.TEXT: "Documents",
    Group.ARCHIVE: "Archives",
    Group.IMAGE: "Images",
    Group.DATABASE: "Databases",
}


def paper_group(group: Group) -> str:
    """The paper's group: EOL, Source, Scripts, Documents, Archives, Images, Databases or Others."""
    return _PAPER_GROUPS.get(group, "Others")

"""The vocabulary: groups of file types, and how they map to the eight groups of the paper (section 4)."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


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


class Method(StrEnum):
    """What a type was found by, most reliable first."""

    SIGNATURE = "signature"  # bytes at a fixed place
    SHEBANG = "shebang"
    MARKUP = "markup"  # the first word of a text
    NAME = "name"  # extension or name, where the bytes say only text or data
    TEXT = "text"  # every byte is text
    SIZE = "size"  # no bytes
    NONE = "none"


class FileType(NamedTuple):
    """What a content is, and how that was found."""

    group: Group
    type: str
    method: Method
    mime: str

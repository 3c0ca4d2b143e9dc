"""What is said of a content: its type within a group, and how that was found."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from corpus.profiles.groups import Group


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

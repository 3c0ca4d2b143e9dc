"""Texts of other people, made safe to keep: every one can be stored as UTF-8, none is unbounded."""

from __future__ import annotations

# The image-name grammar's own bound (distribution, reference.NameTotalLengthMax).
MAX_NAME = 255

# Docker Hub allows 100 characters; this loses nothing of interest and bounds a hostile row.
MAX_DESCRIPTION = 4096

# An ISO 8601 text has 20 to 35 characters.
MAX_INSTANT = 64


def storable(text: str, most: int) -> str:
    r"""``text`` with lone surrogates and NUL escaped (``\udc80``, ``\x00``), cut to ``most`` characters.

    A cut text ends in an ellipsis, so that a name which was cut never passes for a valid one.
    """
    if len(text) <= most and text.isascii() and "\0" not in text:
        return text  # most are
    escaped = text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")
    return escaped if len(escaped) <= most else escaped[: most - 1] + "…"


def as_name(text: str) -> str:
    """A repository name as it is recorded: raw wherever possible."""
    return storable(text, MAX_NAME)


def as_instant(text: str | None) -> str | None:
    """A moment as it is recorded: the text as it came, ``None`` for an empty one."""
    return storable(text, MAX_INSTANT) if text else None


def as_description(text: str | None) -> str | None:
    """A description as it is recorded."""
    return None if text is None else storable(text, MAX_DESCRIPTION)

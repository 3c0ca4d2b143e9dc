r"""Names and values of a layer are bytes; in a profile they are text, by an escape that can be undone.

A byte string becomes its UTF-8 text, except that a backslash is written ``\\``, and every
control character (0x00-0x1f, 0x7f) and every byte that is not UTF-8 is written ``\xHH``. The
escape is injective: two different names never become one text, and a name without any of these
is written as it is.
"""

from __future__ import annotations

import re

# Surrogates U+DC80..U+DCFF are how Python's decoder carries the bytes that are not UTF-8.
_ESCAPES = (
    {byte: f"\\x{byte:02x}" for byte in (*range(0x20), 0x7F)}
    | {0xDC00 + byte: f"\\x{byte:02x}" for byte in range(0x80, 0x100)}
    | {ord("\\"): "\\\\"}
)
_ESCAPE = re.compile(rb"\\(?:\\|x([0-9a-f]{2}))")


def text_of(raw: bytes) -> str:
    """The text form of ``raw``; :func:`bytes_of` undoes it."""
    text = raw.decode("utf-8", "surrogateescape")
    if text.isprintable() and "\\" not in text:
        return text
    return text.translate(_ESCAPES)  # a text may be nothing but these: a call for each would take long


def bytes_of(text: str) -> bytes:
    """The bytes whose text form is ``text``."""
    return _ESCAPE.sub(_unescaped, text.encode())


def _unescaped(match: re.Match[bytes]) -> bytes:
    return bytes.fromhex(match[1].decode()) if match[1] else b"\\"

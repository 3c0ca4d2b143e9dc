"""Values in databases of packages: bytes that become text."""

from __future__ import annotations

from analyzer.analysers import MalformedFileError
from corpus.profiles.names import text_of

# Names and versions have some dozens of bytes. A hostile one may be all of its file, and takes four times as
# much where it is escaped.
_MAX_BYTES = 4096


def value_of(raw: bytes) -> str:
    """The text of a value, without the space around it.

    Raises:
        MalformedFileError: It is longer than any.
    """
    value = raw.strip()
    if len(value) > _MAX_BYTES:
        raise MalformedFileError(f"a value of {len(value)} bytes")
    return text_of(value)

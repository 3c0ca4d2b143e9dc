"""Text of paragraphs with a field per line: what databases of packages are written in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from analyzer.analysers import MalformedFileError
from analyzer.analysers.values import value_of

if TYPE_CHECKING:
    from collections.abc import Iterator

_BETWEEN = re.compile(rb"\n[ \t\r]*\n[ \t\r\n]*")
# What has so many paragraphs of another kind is not read to its end.
_MAX_NAMELESS = 100


def packages(content: bytes, fields: re.Pattern[bytes], name: str) -> Iterator[dict[str, str]]:
    """Some fields of each paragraph that names a package, by name in small letters; the last one counts.

    Args:
        content: The file.
        fields: Matches a field: its name, and its value up to the end of the line.
        name: The field that a paragraph must have.

    Raises:
        MalformedFileError: Behind the others, if there are paragraphs without that field; at once, if a value
            is longer than any.
    """
    start = nameless = 0
    while start < len(content) and nameless < _MAX_NAMELESS:
        gap = _BETWEEN.search(content, start)
        end = gap.start() if gap else len(content)
        # One after the other: all lines of a file may be fields.
        found = {match[1].lower(): match[2] for match in fields.finditer(content, start, end)}
        values = {key.decode(): value_of(value) for key, value in found.items()}
        if values.get(name):
            yield values
        elif content[start:end].strip():
            nameless += 1
        start = gap.end() if gap else end
    if nameless:
        raise MalformedFileError(f"{nameless} paragraphs without the name of a package")

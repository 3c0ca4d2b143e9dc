"""``WWW-Authenticate``: what a server wants to see before it answers (RFC 9110, 11.6.1)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"  # noqa: S105 - the grammar's word for a word
# It begins with a word, never with what stands between two: then searching is linear, whatever the header.
_WORD = re.compile(
    rf"""
        (?P<key>{_TOKEN})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>{_TOKEN}))(?=[\s,]|$)
        |(?P<scheme>{_TOKEN})(?=[\s,]|$)
        |(?P<other>[^\s,]+)
    """,
    re.VERBOSE | re.ASCII,
)

# Challenges looked at. Each may lead to a request, and registries send one or two.
_MAX_CHALLENGES = 8


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to authenticate.

    Attributes:
        scheme: In lower case: ``bearer``, ``basic``, ...
        parameters: By name in lower case: ``realm``, ``service``, ``scope``, ``error``, ...
    """

    scheme: str
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """The challenges of a header (several headers: joined by commas). What fits no grammar is skipped."""
    found = islice(_grouped(_WORD.finditer(header)), _MAX_CHALLENGES)
    return tuple(Challenge(scheme, dict(parameters)) for scheme, parameters in found)


def _grouped(words: Iterable[re.Match[str]]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    scheme, parameters = None, list[tuple[str, str]]()
    for word in words:
        if word["scheme"] is not None:
            if scheme is not None:
                yield scheme, parameters
            scheme, parameters = word["scheme"].lower(), []
        elif word["key"] is not None:
            quoted = word["quoted"]
            value = word["plain"] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            parameters.append((word["key"].lower(), value))
    if scheme is not None:
        yield scheme, parameters

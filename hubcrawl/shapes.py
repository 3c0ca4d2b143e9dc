"""Answers checked against the shape of their endpoint: a changed one is refused, never "no results"."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Annotated, Any, TypeVar

import msgspec

from registry.errors import Reason, RegistryError

T = TypeVar("T")

# What the catalog can hold: SQLite and PostgreSQL integers have 64 bits.
Count = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Instant = Annotated[str, msgspec.Meta(max_length=64)]  # an ISO 8601 text has 20 to 35 characters
Name = Annotated[str, msgspec.Meta(min_length=1)]


def unexpected(url: str, what: str) -> RegistryError:
    """The error of an answer in another shape than its endpoint's; asking again will not change it."""
    return RegistryError(Reason.UNEXPECTED_ANSWER, f"not the shape of this listing: {what}", url=url)


def decode(body: bytes, shape: type[T], url: str) -> T:
    """``body`` as JSON of ``shape``; ``RegistryError(UNEXPECTED_ANSWER)`` says what differs.

    A lone surrogate in one description must not cost the page: msgspec refuses such a document, which the
    standard library reads, at four times the cost.
    """
    with suppress(ValueError, RecursionError):
        return msgspec.json.decode(body, type=shape)
    try:
        return msgspec.convert(json.loads(body), shape)
    except (ValueError, RecursionError, msgspec.ValidationError) as error:
        raise unexpected(url, _one_line(error)) from error


def convert(value: Any, shape: type[T], url: str) -> T:
    """Decoded JSON as ``shape``; ``RegistryError(UNEXPECTED_ANSWER)`` says what differs."""
    try:
        return msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        raise unexpected(url, _one_line(error)) from error


def _one_line(error: Exception) -> str:
    return str(error).replace("\n", " ")[:200]

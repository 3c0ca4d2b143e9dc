"""How a field of a profile says what it is, and in which unit."""

from __future__ import annotations

import msgspec


def described(description: str, unit: str | None = None) -> msgspec.Meta:
    """The description of a field, and its unit as ``unit`` in the JSON Schema."""
    return msgspec.Meta(description=description, extra_json_schema={"unit": unit} if unit else None)


def size(description: str) -> msgspec.Meta:
    """A field measured in bytes."""
    return described(description, "B")


def count(description: str) -> msgspec.Meta:
    """A field that counts things."""
    return described(description, "1")


def seconds(description: str) -> msgspec.Meta:
    """A point in time, in whole seconds since 1970-01-01T00:00:00Z."""
    return described(description, "s")


def duration(description: str) -> msgspec.Meta:
    """A length of time."""
    return described(description, "s")


def levels(description: str) -> msgspec.Meta:
    """A depth: path components below the root (``/usr`` is 1, the root is 0)."""
    return described(description, "path components")


def ratio(description: str) -> msgspec.Meta:
    """A quotient of two sizes."""
    return described(description, "B/B")

"""JSON from a registry: hostile text, read into plain values or refused."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Read = TypeVar("Read")

# A body up to this size is read on the event loop; one of 8 MiB would hold that up for more than a second.
LONG_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Document:
    """A decoded JSON object.

    Attributes:
        body: Its members; of a repeated key the last one, as nearly every reader has it.
        has_repeated_keys: Whether any object inside has the same key twice.
    """

    body: Mapping[str, Any]
    has_repeated_keys: bool


def invalid(detail: str) -> RegistryError:
    """The error of a manifest that is not a shape of any specification."""
    return RegistryError(Reason.MANIFEST_INVALID, detail)


async def read_aside(body: bytes, read: Callable[[], Read]) -> Read:
    """What ``read`` makes of ``body``: at once, or in a thread if the body is long."""
    return read() if len(body) <= LONG_BYTES else await asyncio.to_thread(read)


def parse_document(raw: bytes | str) -> Document:
    """Decode one JSON object; a byte order mark is tolerated.

    Raises:
        RegistryError: ``MANIFEST_INVALID``: not UTF-8, not JSON, nested too deeply, not an object.
    """
    repeated = False

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal repeated
        members = dict(pairs)
        repeated = repeated or len(members) < len(pairs)
        return members

    try:
        text = raw if isinstance(raw, str) else raw.decode("utf-8-sig")
        body = json.loads(text, object_pairs_hook=collect)
    except RecursionError:
        raise invalid("the body is nested too deeply") from None
    except ValueError:
        raise invalid("the body is not JSON") from None
    if not isinstance(body, dict):
        raise invalid("the body is not a JSON object")
    return Document(body, repeated)


def sequence_of_objects(body: Mapping[str, Any], name: str) -> tuple[Mapping[str, Any], ...]:
    """The objects of the list ``name``; ``null`` and absent are empty, as Go writes them.

    Raises:
        RegistryError: ``MANIFEST_INVALID`` for anything but a list of objects.
    """
    value = body.get(name)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise invalid(f"{name} is not a list of objects")
    return tuple(value)


def text_or_empty(value: object) -> str:
    """``value`` if it is a text, else ``""``."""
    return value if isinstance(value, str) else ""

"""Lists that come in pages (distribution-spec, "Listing Tags"; RFC 8288, ``Link``)."""

from __future__ import annotations

import json
import re

from registry.errors import Reason, RegistryError

_LINK = re.compile(r"<([^<>]*)>([^<]*)", re.ASCII)
_REL = re.compile(r";\s*rel\s*=\s*(?:\"([^\"]*)\"|([^\s;,\"]+))", re.ASCII | re.IGNORECASE)


def next_link(header: str | None) -> str | None:
    """The target of ``rel="next"``, verbatim: its cursor is the server's business."""
    for target, parameters in _LINK.findall(header or ""):
        for quoted, plain in _REL.findall(parameters):
            if "next" in (quoted or plain).lower().split():
                return str(target)
    return None


def parse_names(body: bytes, key: str) -> tuple[str, ...]:
    """The list ``key`` of a page; ``null`` is an empty list, and what is not a text is left out.

    Raises:
        RegistryError: ``UNEXPECTED_ANSWER``: not a JSON object with such a list; a changed shape must
            not look like the end of the list.
    """
    try:
        names = json.loads(body)[key]
    except (ValueError, RecursionError, LookupError, TypeError):
        names = body
    if not isinstance(names, list | None):
        raise RegistryError(Reason.UNEXPECTED_ANSWER, f"the answer is not a list of {key}")
    return tuple(name for name in names or () if isinstance(name, str))

"""Answers told apart: the end of a listing, a refusal and a failure look much alike (pure)."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hubcrawl.endpoints import Rows
    from hubcrawl.queries import Slice

# Bytes of a body in which it shows what it is.
_TELLING_BYTES = 65_536

# What a page of Cloudflare's says that wants a browser, and the header that comes with it.
_CHALLENGE_TITLE = b"just a moment"
_CHALLENGE_HEADER = "cf-mitigated"

_WINDOW_TEXT = "offset too large"
_ABUSE_TEXT = b"hap429"

# Keys of an error that came with status 200.
_ERROR_KEYS = ("detail", "message", "errinfo", "error")


class Answer(StrEnum):
    """What an answer to a page means, and so what is to be done."""

    ROWS = "rows"
    EMPTY = "empty"  # nothing found, a dead endpoint or a blocked client: ask for what is known to be there
    END = "end"  # of the result, if it had as many rows as it claims
    WINDOW = "window"  # the offset is refused: other queries reach further, asking again does not
    CHALLENGE = "challenge"  # a browser is wanted: ask this endpoint nothing more
    BLOCKED = "blocked"  # refused for a reason unknown: ask this endpoint nothing more
    POISON = "poison"  # a document that cannot be served, or an outage: retry, then cut the page up
    SHAPE = "shape"  # well-formed, but not this endpoint's: keep the body
    ABUSE = "abuse"  # everything is to pause
    RATE = "rate"  # everything is to pause as long as the headers say, else for a minute
    AUTH = "auth"  # the token has ended, or was never good
    RETIRED = "retired"  # the endpoint exists no more
    GONE = "gone"  # what was asked for does not exist, or the client is blocked
    ERROR = "error"  # the site says in words that it did not do it


_BY_STATUS = {
    401: Answer.AUTH,
    404: Answer.GONE,
    410: Answer.RETIRED,
    429: Answer.RATE,
    451: Answer.BLOCKED,
}


def classify(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    part: Slice,
    rows: Rows | None = None,
    *,
    is_past_end: bool = False,
) -> Answer:
    """What an answer to the page ``part`` of a query means.

    Args:
        status: Of HTTP.
        headers: Of the answer; names in any case if the mapping does not mind.
        body: The answer, or its beginning.
        part: Which page was asked for.
        rows: What the endpoint read in the body; ``None`` where it is not in its shape.
        is_past_end: Whether the page lies beyond all rows that the query claims, and the endpoint
            refuses such pages as it does others (:attr:`Endpoint.ends_by_403`).
    """
    if _is_challenge(status, headers, body):
        return Answer.CHALLENGE
    if 200 <= status < 300:
        return _of_success(body, part, rows)
    if status == 403:
        return _of_refusal(body, part, is_past_end=is_past_end)
    if status == 404 and part.page > 1:
        return Answer.END
    if status == 429 and _ABUSE_TEXT in body[:_TELLING_BYTES].lower():
        return Answer.ABUSE
    return Answer.POISON if status >= 500 else _BY_STATUS.get(status, Answer.ERROR)


def hides_rows(answer: Answer, part: Slice, claimed: int | None) -> bool:
    """Whether a page that ought to have rows was served as the end.

    Some sites end a result silently where their window does. A claim may be too high by repeats, so only
    a whole missing page counts, and a window is to be believed moved only if another large query ends
    there, too.
    """
    return answer is Answer.END and claimed is not None and claimed >= part.offset + part.size


def _is_challenge(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Usually 403; 503 and 200 have been seen with the same page of HTML."""
    if status >= 400 and headers.get(_CHALLENGE_HEADER, "").strip().lower() == "challenge":
        return True
    said = body[:_TELLING_BYTES].lstrip()
    return said.startswith(b"<") and _CHALLENGE_TITLE in said.lower()


def _of_success(body: bytes, part: Slice, rows: Rows | None) -> Answer:
    if rows is None:
        return Answer.ERROR if _is_error(body) else Answer.SHAPE
    if rows.records:
        return Answer.ROWS
    if rows.has_more:
        return Answer.SHAPE  # an empty page that says the result goes on
    return Answer.END if part.page > 1 else Answer.EMPTY


def _of_refusal(body: bytes, part: Slice, *, is_past_end: bool) -> Answer:
    """A refused first page is no window, whatever it says: no offset is smaller."""
    if part.page == 1:
        return Answer.BLOCKED
    if is_past_end:
        return Answer.END
    said = _object(body).get("message")
    return Answer.WINDOW if isinstance(said, str) and _WINDOW_TEXT in said.lower() else Answer.BLOCKED


def _is_error(body: bytes) -> bool:
    said = _object(body)
    return "results" not in said and any(key in said for key in _ERROR_KEYS)


def _object(body: bytes) -> dict[str, Any]:
    """The JSON object that ``body`` is; an empty one where it is none."""
    try:
        value = json.loads(body[:_TELLING_BYTES])
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}

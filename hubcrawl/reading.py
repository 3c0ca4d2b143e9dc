"""One page of one endpoint: asked for, told apart, and read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hubcrawl.answers import Answer, classify
from hubcrawl.endpoints import served_size
from hubcrawl.queries import Slice
from registry.errors import Reason, RegistryError
from registry.transport.failures import ABUSE_CODE

if TYPE_CHECKING:
    from hubcrawl.endpoints import Endpoint, Rows
    from hubcrawl.queries import Query
    from registry.transport.http import Transport

# A page of 100 rows takes 60 kB; this bounds the parsing of a hostile one.
MAX_PAGE_BYTES = 2 << 20

# Answers that say something besides "not now". 500 is that of a page with a bad document, of which the parts
# tell more than the same page once more.
_TELLING = frozenset({400, 401, 403, 404, 410, 451, 500})

_LIMITS = frozenset({Reason.QUOTA, Reason.ABUSE_LIMIT})


@dataclass(frozen=True, slots=True)
class Read:
    """A page as it came, or did not.

    Attributes:
        answer: What it means.
        asked: The page that was asked for.
        part: The page that came: smaller where the site clamps.
        url: Where it was asked for.
        rows: What it holds; ``None`` where it is no page of this endpoint.
        status: Of HTTP; ``None`` without an answer.
        body: The answer.
        error: Why it is not what was asked for; ``None`` for a page.
    """

    answer: Answer
    asked: Slice
    part: Slice
    url: str
    rows: Rows | None = None
    status: int | None = None
    body: bytes = field(default=b"", repr=False)
    error: RegistryError | None = None


class PageReader:
    """Reads pages by one transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def read(self, endpoint: Endpoint, query: Query, part: Slice, claimed: int | None = None) -> Read:
        """Ask for the page ``part`` of ``query``, which claims so many rows as far as is known.

        Never raises a ``RegistryError``: that a page is refused is an answer, too.
        """
        url = endpoint.url(query, part)
        try:
            answer = await self._transport.request(
                "GET",
                url,
                headers=endpoint.headers,
                scope="",  # as whoever is logged in at the site
                max_bytes=MAX_PAGE_BYTES,
                accept_statuses=_TELLING,
            )
        except RegistryError as error:
            return Read(_meaning(error), part, part, url, status=error.status, error=error)
        rows, misshapen = _rows(endpoint, answer.status, answer.body, url)
        is_past_end = endpoint.ends_by_403 and claimed is not None and part.offset >= claimed
        meaning = classify(answer.status, answer.headers, answer.body, part, rows, is_past_end=is_past_end)
        return Read(
            meaning,
            part,
            part if rows is None else _served(part, served_size(part, rows)),
            url,
            rows,
            answer.status,
            answer.body,
            misshapen or _refusal(meaning, url, answer.status),
        )


def parts_of(part: Slice) -> tuple[Slice, ...]:
    """A page cut into smaller ones, as few as may be; none of a page of one row."""
    factor = next((number for number in range(2, part.size + 1) if part.size % number == 0), None)
    if factor is None:
        return ()
    first = (part.page - 1) * factor + 1
    return tuple(Slice(page, part.size // factor) for page in range(first, first + factor))


def _served(part: Slice, size: int) -> Slice:
    """The page that came, where the site made it smaller: it counts pages by its own size."""
    return part if size == part.size else Slice(part.page, size)


def _rows(endpoint: Endpoint, status: int, body: bytes, url: str) -> tuple[Rows | None, RegistryError | None]:
    if status >= 300:
        return None, None
    try:
        return endpoint.parse(body, url), None
    except RegistryError as error:
        return None, error


def _meaning(error: RegistryError) -> Answer:
    if error.reason in _LIMITS:
        return Answer.ABUSE if error.code == ABUSE_CODE else Answer.RATE
    if error.reason is Reason.AUTH_REQUIRED:
        return Answer.AUTH
    return Answer.POISON if error.status is not None and error.status >= 500 else Answer.ERROR


_REFUSALS = {
    Answer.WINDOW: (Reason.DENIED, "the offset is refused", False),
    Answer.CHALLENGE: (Reason.DENIED, "the site wants a browser to solve a challenge", True),
    Answer.BLOCKED: (Reason.DENIED, "the site refuses to answer", True),
    Answer.AUTH: (Reason.AUTH_REQUIRED, "the site wants an account, or a newer token", True),
    Answer.RETIRED: (Reason.UNEXPECTED_ANSWER, "the endpoint is retired", False),
    Answer.GONE: (Reason.REPO_MISSING, "there is no such listing", False),
    Answer.ERROR: (Reason.UNEXPECTED_ANSWER, "the site reports an error", True),
    Answer.POISON: (Reason.SERVER_ERROR, "the page cannot be served", True),
    Answer.SHAPE: (Reason.UNEXPECTED_ANSWER, "not the shape of this endpoint", False),
}


def _refusal(answer: Answer, url: str, status: int) -> RegistryError | None:
    if answer not in _REFUSALS:
        return None
    reason, detail, temporary = _REFUSALS[answer]
    return RegistryError(reason, detail, url=url, status=status, temporary=temporary)

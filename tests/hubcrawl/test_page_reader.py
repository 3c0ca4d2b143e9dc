"""A page as it came: told apart by what the site says, and by the size it was served in."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from hubcrawl.answers import Answer
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.queries import Query, Slice
from hubcrawl.reading import PageReader
from registry.errors import Reason
from registry.transport.http import Transport
from tests.hubcrawl.conftest import Site, answer, serving

PAGE = Slice(1, 10)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving(Site([f"ann/app{number}" for number in range(25)])) as site:
        yield site


async def read(transport: Transport, site: Site, part: Slice) -> tuple[Answer, Slice, Reason | None]:
    came = await PageReader(transport).read(SearchV2(site.url), Query("app"), part)
    assert came.asked == part
    return came.answer, came.part, None if came.error is None else came.error.reason


async def test_page_with_rows_is_one(transport: Transport, site: Site) -> None:
    assert await read(transport, site, PAGE) == (Answer.ROWS, PAGE, None)


async def test_page_after_the_last_one_is_the_end(transport: Transport, site: Site) -> None:
    assert await read(transport, site, Slice(4, 10)) == (Answer.END, Slice(4, 10), None)


async def test_page_outside_the_window_is_refused(transport: Transport, site: Site) -> None:
    site.window = 10
    assert await read(transport, site, Slice(2, 10)) == (Answer.WINDOW, Slice(2, 10), Reason.DENIED)


@pytest.mark.parametrize(
    ("status", "text", "meaning", "reason"),
    [
        (200, "[]", Answer.SHAPE, Reason.UNEXPECTED_ANSWER),
        (200, '{"count": "many", "next": "", "results": []}', Answer.SHAPE, Reason.UNEXPECTED_ANSWER),
        (200, '{"detail": "no"}', Answer.ERROR, Reason.UNEXPECTED_ANSWER),
        (403, '"forbidden"', Answer.BLOCKED, Reason.DENIED),
        (404, '{"message": "object not found"}', Answer.GONE, Reason.REPO_MISSING),
        (410, '{"message": "retired"}', Answer.RETIRED, Reason.UNEXPECTED_ANSWER),
        (429, "Too Many Requests (HAP429)", Answer.ABUSE, Reason.ABUSE_LIMIT),
        (429, '{"detail": "Rate limit exceeded", "error": false}', Answer.RATE, Reason.ABUSE_LIMIT),
        (429, "", Answer.RATE, Reason.ABUSE_LIMIT),
        (500, '{"msg": "Internal Server Error"}', Answer.POISON, Reason.SERVER_ERROR),
        (503, "", Answer.POISON, Reason.SERVER_ERROR),
    ],
)
async def test_answers_that_are_no_page_say_why(
    transport: Transport, site: Site, status: int, text: str, meaning: Answer, reason: Reason
) -> None:
    site.faults[1] = answer(status, text)
    assert await read(transport, site, PAGE) == (meaning, PAGE, reason)


async def test_page_with_a_bad_document_is_asked_for_once(transport: Transport, site: Site) -> None:
    """Its parts tell more than the same page again; an overloaded site is asked again."""
    site.faults[1] = answer(500, "{}")
    await read(transport, site, PAGE)
    assert len(site.asked) == 1
    site.faults[1] = answer(503)
    await read(transport, site, PAGE)
    assert len(site.asked) == 3


async def test_site_that_cannot_be_reached_is_an_error(transport: Transport) -> None:
    site = Site([], url="http://127.0.0.1:9")
    assert await read(transport, site, PAGE) == (Answer.ERROR, PAGE, Reason.NETWORK)

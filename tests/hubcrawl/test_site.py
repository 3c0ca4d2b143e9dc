"""A site that wants to be left alone, and what is said of it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from hubcrawl.answers import Answer
from hubcrawl.queries import Query, Slice
from hubcrawl.reading import Read
from hubcrawl.site import Site
from tests.hubcrawl.sweeping import QuickClock

if TYPE_CHECKING:
    from hubcrawl.endpoints import Endpoint
    from hubcrawl.reading import PageReader
    from hubcrawl.territory import Territory

PART = Slice(1, 100)


class Asked:
    """A reader to whom always the same is said, and a territory with one endpoint."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    def endpoint(self, name: str) -> str:
        return name

    async def read(self, _endpoint: Endpoint, _query: Query, part: Slice, _claimed: int | None) -> Read:
        return Read(self.answer, part, part, "http://hub/")


def site_that_says(answer: Answer, clock: QuickClock) -> Site:
    asked = Asked(answer)
    return Site(cast("Territory", asked), cast("PageReader", asked), clock)


async def test_site_that_wants_to_be_left_alone_is_and_it_is_said_why() -> None:
    clock = QuickClock()
    site = site_that_says(Answer.ABUSE, clock)
    assert site.pausing is None
    await site.ask("search-v2", Query("a"), PART)
    assert site.pausing == "pausing: search-v2 asks to be left alone"
    await site.ask("search-v2", Query("b"), PART)
    assert clock.slept == [900.0]


async def test_pauses_double_until_nothing_is_to_be_hoped_for() -> None:
    clock = QuickClock()
    site = site_that_says(Answer.ABUSE, clock)
    for _ in range(12):
        await site.ask("search-v2", Query("a"), PART)
    assert clock.slept[:4] == [900.0, 1800.0, 3600.0, 7200.0]
    assert sum(clock.slept) >= 86_400
    assert site.given_up is not None
    assert site.pausing is None

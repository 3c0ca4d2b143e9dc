"""A site that wants to be left alone, and what is said of it meanwhile."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from hubcrawl.answers import Answer
from hubcrawl.queries import Query, Slice
from hubcrawl.reading import Read
from hubcrawl.site import Site
from registry.errors import Reason, RegistryError
from tests.hubcrawl.sweeping import QuickClock

if TYPE_CHECKING:
    from hubcrawl.endpoints import Endpoint
    from hubcrawl.reading import PageReader
    from hubcrawl.territory import Territory

PART = Slice(1, 100)


class Asked:
    """A reader to whom always the same is said, and a territory with one endpoint."""

    def __init__(self, answer: Answer, error: RegistryError | None = None) -> None:
        self.answer = answer
        self.error = error

    def endpoint(self, name: str) -> str:
        return name

    async def read(self, _endpoint: Endpoint, _query: Query, part: Slice, _claimed: int | None) -> Read:
        return Read(self.answer, part, part, "http://hub/", error=self.error)


def site_that_says(answer: Answer, clock: QuickClock, error: RegistryError | None = None) -> Site:
    asked = Asked(answer, error)
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


@pytest.mark.parametrize(
    ("asked_s", "waits"), [(None, [60.0, 120.0]), (7.0, [7.0, 14.0]), (90_000.0, [90_000.0] * 2)]
)
async def test_rate_that_was_too_high_costs_as_long_as_the_site_says_or_a_minute(
    asked_s: float | None, waits: list[float]
) -> None:
    clock = QuickClock()
    error = RegistryError(Reason.ABUSE_LIMIT, "429", temporary=True, status=429, retry_after_s=asked_s)
    site = site_that_says(Answer.RATE, clock, error)
    for _ in range(3):
        await site.ask("search-v2", Query("a"), PART)
    assert clock.slept == waits
    assert site.pausing == "pausing: search-v2 is asked too often"

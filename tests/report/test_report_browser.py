"""The page in a real browser: headless Chromium, where there is one."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from report.page.writing import write_report
from tests.report.browser import CHROMIUM, Page, browsing
from tests.report.documents import HOSTILE, results

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        CHROMIUM is None and not os.environ.get("REQUIRE_REAL_PARTS"),
        reason="there is no Chromium: `make real-parts` installs it",
    ),
]


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report"), results())


@pytest.fixture
async def tab(tmp_path: Path) -> AsyncIterator[Page]:
    async with browsing(tmp_path / "profile") as page:
        yield page


async def test_it_shows_without_complaint_and_asks_nobody(tab: Page, document: Path) -> None:
    """No error, no warning, no request but for the page itself; no name ran a script."""
    await tab.open(document)
    assert await tab.value("document.querySelectorAll('figure svg').length") == 8
    assert await tab.value("document.querySelector('figure svg').getBoundingClientRect().height") > 100
    assert await tab.value("document.title") == "A census of container images"
    assert tab.complaints == []
    assert tab.requests == [document.as_uri()]


@pytest.mark.parametrize("width", [320, 768, 1360])
async def test_no_screen_is_too_narrow(tab: Page, document: Path, width: int) -> None:
    """The page never scrolls to the side: wide tables do so within themselves."""
    await tab.show(width=width)
    await tab.open(document)
    await tab.value("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert await tab.value("document.documentElement.scrollWidth") == width


async def test_it_is_dark_for_who_prefers_that(tab: Page, document: Path) -> None:
    """Ground and drawings change; text in the drawings stays lighter than the ground."""
    ground = "getComputedStyle(document.body).backgroundColor"
    ink = "getComputedStyle(document.querySelector('figure svg text')).fill"
    seen = []
    for is_dark in (False, True):
        await tab.show(width=1360, is_dark=is_dark)
        await tab.open(document)
        seen.append((await tab.value(ground), await tab.value(ink)))
    (light_ground, light_ink), (dark_ground, dark_ink) = seen
    assert brightness(light_ground) > brightness(light_ink) + 150
    assert brightness(dark_ground) < brightness(dark_ink) - 150


def brightness(colour: str) -> float:
    """The mean of ``rgb(r, g, b)``."""
    return sum(float(each) for each in colour.partition("(")[2].rstrip(")").split(",")[:3]) / 3


async def test_everything_is_reached_by_keys(tab: Page, document: Path) -> None:
    """Tab passes by every link, definition and head of a column, and what has it can be seen."""
    await tab.open(document)
    targets = "a[href], summary, button, .scroll"
    visible = f"[...document.querySelectorAll({targets!r})].filter((each) => each.checkVisibility()).length"
    wanted = await tab.value(visible)
    await tab.value("window.seen = new Set()")
    for _ in range(wanted + 5):
        await tab.press("Tab")
        await tab.value("window.seen.add(document.activeElement)")
    reached = f"[...window.seen].filter((each) => each.matches({targets!r})).length"
    assert wanted > 20
    assert await tab.value(reached) == wanted


async def test_the_focus_is_seen(tab: Page, document: Path) -> None:
    """Whoever uses keys sees where they are."""
    await tab.open(document)
    for _ in range(3):
        await tab.press("Tab")
        assert await tab.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"


async def test_a_definition_is_one_key_away(tab: Page, document: Path) -> None:
    """Enter opens it."""
    await tab.open(document)
    await tab.value("document.querySelector('#layer_files summary').focus()")
    await tab.press("Enter")
    assert await tab.value("document.querySelector('#layer_files details').open") is True


async def test_tables_are_sorted_by_their_numbers(tab: Page, document: Path) -> None:
    """Enter on the head of a column: rising, then falling; by what numbers are, not as they are written."""
    await tab.open(document)
    pulls = "document.querySelectorAll('#top_repositories thead button')[2]"
    column = (
        "[...document.querySelectorAll('#top_repositories tbody tr')].map((row) => row.cells[2].textContent)"
    )
    orders = []
    for _ in range(2):
        await tab.value(f"{pulls}.focus()")
        await tab.press("Enter")
        orders.append(await tab.value(column))
    assert [int(each.replace(",", "")) for each in orders[0]] == [10**place for place in range(len(HOSTILE))]
    assert orders[1] == orders[0][::-1]
    assert await tab.value(f"{pulls}.closest('th').getAttribute('aria-sort')") == "descending"

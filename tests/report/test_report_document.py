"""The document as a stage: from the tables of a census to a page."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from report.engine import DocumentEngine
from report.metrics import metrics
from report.settings import ReportSettings
from tests.report.censuses import Census, a_file

pytestmark = pytest.mark.slow


def engine(census: Census) -> DocumentEngine:
    return DocumentEngine(census.layout, ReportSettings(threads=1))


def page(census: Census) -> Path:
    return census.layout.report / "index.html"


async def test_without_profiles_every_figure_says_that_there_is_no_data(census: Census) -> None:
    """There is a page all the same, and it says what to do."""
    await asyncio.to_thread(census.update)
    summary = await engine(census).run()
    text = page(census).read_text()
    assert (summary.metrics, summary.page) == (len(metrics()), "report/index.html")
    assert summary.empty > 60
    assert "No layer was profiled yet" in text
    assert "Traceback" not in text
    assert text.count(">no data<") > 60


async def test_a_report_answers_with_what_was_profiled(census: Census) -> None:
    """Two files in the only layer are those of a typical one; only page, figures and numbers are left."""
    census.layer("one", [a_file("a", "x"), a_file("b", "yy")])
    await asyncio.to_thread(census.update)
    await engine(census).run()
    assert "A typical layer has 2\u00a0files; nine in ten have at most 2." in page(census).read_text()
    assert sorted(path.name for path in census.layout.report.iterdir()) == ["csv", "figures", "index.html"]
    assert len(list((census.layout.report / "figures").glob("*.pdf"))) > 60


async def test_a_report_that_is_interrupted_ends_soon_and_leaves_the_old_page(census: Census) -> None:
    """The page is written last."""
    await asyncio.to_thread(census.update)
    page(census).parent.mkdir()
    page(census).write_text("the old one")
    work = asyncio.create_task(engine(census).run())
    await asyncio.wait([work], timeout=0.2)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert page(census).read_text() == "the old one"
    assert not (census.layout.report / ".work").exists()

"""The report as files: figures, numbers, and the page that shows them.

Everything is drawn anew and lies under ``report/``; the page is written last, so that it never shows what is
not there. What an earlier report left and this one does not have is removed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from report.comma import write_csv
from report.exhibits import exhibits
from report.figures import SUFFIXES
from report.files import put
from report.page.document import Link, Panel
from report.page.drawing import draw_all
from report.page.outline import Shown, outline
from report.page.render import render

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from report.exhibits import Exhibit
    from report.metrics import Metric
    from report.results import Value

_FIGURES, _CSV = "figures", "csv"


def write_report(
    folder: Path,
    results: Sequence[tuple[Metric, Value]],
    processes: int = 1,
    go_on: Callable[[], None] = lambda: None,
) -> Path:
    """Write figures, numbers and page into ``folder``; returns the path of the page.

    Args:
        folder: ``report/`` of a data directory.
        results: Metrics with their values, in the order of the page.
        processes: How many draw; the bytes are the same however many.
        go_on: Called now and then; raises if the report is not wanted any more.

    Raises:
        OSError: A file cannot be written.
    """
    found = [(metric, value, exhibits(metric, value)) for metric, value in results]
    everything = [each for _, _, mine in found for each in mine]
    for each in everything:
        write_csv(folder / _CSV / f"{each.name}.csv", each.columns, each.rows)
    drawn = draw_all(everything, folder / _FIGURES, processes, go_on)
    shown = [_shown(metric, value, mine, drawn) for metric, value, mine in found]
    page = folder / "index.html"
    put(page, render(outline(shown)).encode("utf-8", "replace"))
    _sweep(folder, shown)
    return page


def _shown(metric: Metric, value: Value, mine: Sequence[Exhibit], drawn: Mapping[str, str]) -> Shown:
    """One metric as the page has it."""
    return Shown(
        metric=metric,
        value=value,
        panels=tuple(_panel(metric, each, drawn[each.name]) for each in mine if each.draw),
        links=tuple(Link("CSV", f"{_CSV}/{each.name}.csv") for each in mine if not each.draw),
        sources=tuple(dict.fromkeys(each.source for each in mine if each.source)),
    )


def _panel(metric: Metric, exhibit: Exhibit, svg: str) -> Panel:
    return Panel(
        name=exhibit.name,
        svg=svg,
        title=metric.title,
        description=exhibit.description,
        links=(
            Link("CSV", f"{_CSV}/{exhibit.name}.csv"),
            *(Link(suffix.upper(), f"{_FIGURES}/{exhibit.name}.{suffix}") for suffix in SUFFIXES),
        ),
    )


def _sweep(folder: Path, shown: Sequence[Shown]) -> None:
    """Remove figures and numbers that the page does not link to."""
    linked = {link.href for each in shown for link in each.links}
    linked |= {link.href for each in shown for panel in each.panels for link in panel.links}
    for kind in (_FIGURES, _CSV):
        for path in (folder / kind).glob("*"):
            if f"{kind}/{path.name}" not in linked:
                path.unlink()

"""From metrics to what the page says: sections, tiles, figures and tables."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from report.metrics import SECTIONS
from report.page.document import Document, FigureBlock, Link, Section, TableBlock
from report.page.findings import finding, then
from report.page.numbers_table import numbers_table, plain_table
from report.page.tiles import tiles
from report.results import Table, has_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from report.metrics import Metric
    from report.page.document import Panel
    from report.results import Value

_TITLES = {
    "dataset": "The dataset",
    "sharing": "Sharing and deduplication",
    "repositories": "Repositories",
    "images": "Images",
    "layers": "Layers",
    "files": "Files",
}
_INTRODUCTIONS = {
    "dataset": "What was listed, fetched and profiled, and what became of the rest.",
    "sharing": "How much is kept once that is referred to many times: layers in images, contents in layers.",
    "repositories": "What the registry says of each repository.",
    "images": "One value per image: one manifest of one platform. Sizes are sums over its distinct layers.",
    "layers": "One value per distinct layer, however many images have it.",
    "files": "What the layers hold. A content is one SHA-256, however often it occurs.",
}
_SUBTITLE = (
    "Everything that was profiled so far, beside what was published of Docker Hub in 2017. In colour is now; "
    "grey or dashed is then."
)
_NOTHING = (
    "No layer was profiled yet: `hubcrawl analyze` does that once `hubcrawl download` has fetched images."
)

# What a reader wants to know before all else.
_FIRST = "totals"

_INFLATED = (
    "The authors' programs recorded most files twice, so that their counts of files and everything that "
    "follows from repeats are too high. Ours count every entry once: lower values are expected."
)
_ABOUT = (
    (
        "Typical means the median: half of the values are that or less. p90 is the value that nine in ten do "
        "not exceed. KiB, MiB and GiB are 2^10, 2^20 and 2^30 bytes."
    ),
    (
        "Compared with: Zhao et al., Large-Scale Analysis of the Docker Hub Dataset, CLUSTER 2019, "
        "DOI 10.1109/CLUSTER.2019.8891000. S17 are the published numbers (data of 2017); S18 are those of "
        "unpublished drafts of 2018 on a larger set, and the dashed curves come from them."
    ),
)


@dataclass(frozen=True, slots=True)
class Shown:
    """One metric with its value, its drawings as they were saved, and the files of its numbers."""

    metric: Metric
    value: Value
    panels: tuple[Panel, ...]
    links: tuple[Link, ...]
    sources: tuple[str, ...] = ()


def outline(shown: Sequence[Shown]) -> Document:
    """The document of all metrics; a section without any is left out."""
    values = {each.metric.name: (each.metric, each.value) for each in shown}
    return Document(
        title="A census of container images",
        subtitle=_SUBTITLE,
        tiles=tuple(tiles(values)),
        sections=tuple(_sections(shown)),
        notices=() if _has_profiles(shown) else (_NOTHING,),
        about=_ABOUT,
    )


def _has_profiles(shown: Sequence[Shown]) -> bool:
    return any(has_data(each.value) for each in shown if each.metric.section == "layers")


def _sections(shown: Sequence[Shown]) -> Iterator[Section]:
    for key in SECTIONS:
        mine = [each for each in shown if each.metric.section == key]
        mine.sort(key=lambda each: each.metric.name != _FIRST)
        blocks = tuple(map(_block, mine))
        if blocks:
            yield Section(key, _TITLES[key], blocks, _INTRODUCTIONS[key])


def _block(shown: Shown) -> FigureBlock | TableBlock:
    metric, value = shown.metric, shown.value
    notes = tuple(_notes(shown))
    if isinstance(value, Table) and not shown.panels:
        table = plain_table(metric, value)
        return TableBlock(
            key=metric.name,
            title=metric.title,
            columns=table.columns,
            rows=table.rows,
            definition=metric.definition,
            notes=notes,
            links=shown.links,
        )
    return FigureBlock(
        key=metric.name,
        title=metric.title,
        finding=finding(metric, value),
        then=then(metric, value),
        panels=shown.panels,
        number=_figure_numbers(metric.figures),
        numbers=numbers_table(metric, value),
        definition=metric.definition,
        notes=notes,
    )


def _figure_numbers(figures: Sequence[str]) -> str:
    """``figures 13 to 15 of the paper``; some figures are in drafts only."""
    numbers = [each for each in figures if each.isdecimal()]
    if not numbers:
        return "figure of a draft" if figures else ""
    if len(numbers) == 1:
        return f"figure {numbers[0]} of the paper"
    return f"figures {numbers[0]}\u2013{numbers[-1]} of the paper"


def _notes(shown: Shown) -> Iterator[str]:
    metric = shown.metric
    if metric.paper and metric.paper.lower() != metric.title.lower():
        yield f"The paper's name for it: {metric.paper}."
    if metric.note:
        yield metric.note
    if metric.is_inflated:
        yield _INFLATED
    for source in shown.sources:
        yield f"The dashed curves were read from {source}: drafts, not the printed figures."

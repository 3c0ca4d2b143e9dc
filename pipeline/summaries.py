"""What a stage found and where it lies, in a few lines (pure)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pipeline.output import LABEL_WIDTH
from pipeline.phrases import counted, moment, printable, size, table
from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from analyzer.engine import AnalyzeSummary
    from corpus.catalog.census import Census, Work
    from corpus.catalog.coverage import Coverage
    from corpus.catalog.failures import FailureGroup
    from corpus.catalog.images import Retries
    from corpus.layout import Layout
    from downloader.engine import DownloadSummary
    from hubcrawl.engine import CrawlSummary
    from report.engine import DocumentSummary
    from report.tables.engine import TablesSummary

NOTHING_LISTED = "no image is listed: `hubcrawl crawl` found none, or had to stop before"
WHICH_FAILED = "hubcrawl status --failed"
WHY_FAILED = "hubcrawl status --failures"


def crawl_lines(census: Census, data: Path) -> list[str]:
    """What the catalog holds after a crawl."""
    return [_whole(data), *_found(census), *_by_registry(census), *_covered(census)]


def download_lines(census: Census, data: Path) -> list[str]:
    """What the store holds after a download."""
    return [
        _whole(data),
        *_fetched(census, data),
        _line("", f"an OCI layout: skopeo inspect oci:{data}:NAME"),
    ]


def analyze_lines(census: Census, data: Path) -> list[str]:
    """What the profiles say after an analysis."""
    return [_whole(data), *_profiled(census), _line("profiles", str(data / "profiles"))]


def status_lines(census: Census, data: Path) -> list[str]:
    """The whole census."""
    return [
        _line("data", str(data)),
        *_found(census),
        *_by_registry(census),
        *_covered(census),
        *_current(census),
        *_fetched(census, data),
        *_profiled(census),
    ]


def failure_lines(groups: Sequence[FailureGroup]) -> list[str]:
    """Reason, count and an example, by kind of unit."""
    lines: list[str] = []
    for unit in dict.fromkeys(group.unit for group in groups):
        mine = [group for group in groups if group.unit == unit]
        counts = table([(group.reason, f"{group.count:,}") for group in mine])
        rows = [f"{count}  {_example(group)}" for count, group in zip(counts, mine, strict=True)]
        lines += labelled(f"{unit}s", rows)
    return lines or ["nothing has failed"]


def _example(group: FailureGroup) -> str:
    """One that failed, on one line: names come from strangers, and may hold anything."""
    detail = group.detail.removeprefix(f"{group.reason}: ")
    retried = f" ({group.retried:,} tried again)" if group.retried else ""
    return printable(f"{group.example}: {detail}" if detail else group.example) + retried


def crawled(summaries: Sequence[CrawlSummary], listed: str) -> Iterator[str]:
    """What one run of the crawl did with the registry or list ``listed``."""
    rows, pages = sum(each.rows for each in summaries), sum(each.pages for each in summaries)
    yield f"{counted(sum(each.new for each in summaries), 'new repository')} in {listed}"
    yield f"{counted(rows, 'row')} read on {counted(pages, 'page')}"
    for summary in summaries:
        yield from (f"note: {note}" for note in summary.notes)


def downloaded(summary: DownloadSummary, now: float) -> Iterator[str]:
    """What one run of the download did, and what is left to later ones."""
    yield f"{counted(summary.done, 'image')} fetched, {sum(summary.failed.values()):,} could not be had"
    yield from retried(summary.retries, now)
    yield f"{size(summary.bytes_fetched)} came over the network"


def retried(retries: Retries, now: float) -> Iterator[str]:
    """What is left to a later run, and from when on: ``3 images are tried again after 14:05``."""
    if retries.next_at is not None:
        are = "1 image is" if retries.images == 1 else f"{counted(retries.images, 'image')} are"
        yield f"{are} tried again by a run after {moment(retries.next_at, now)}"


def analyzed(summary: AnalyzeSummary) -> Iterator[str]:
    """What one run of the analysis did."""
    yield f"{counted(summary.layers, 'layer')} and {counted(summary.images, 'image')} profiled"
    yield f"{counted(summary.files, 'file')} in {size(summary.als_bytes)} of tar read"


def report_lines(layout: Layout, files: Mapping[str, int]) -> list[str]:
    """Where the tables are, and what to do with them."""
    names = [f"{name} ({counted(count, 'file')})" for name, count in files.items()]
    return [
        _line("tables", str(layout.tables)),
        *(_line("", ", ".join(names[start : start + 4])) for start in range(0, len(names), 4)),
        _line("", 'hubcrawl query "SELECT count(*) FROM files"'),
    ]


def page_lines(layout: Layout) -> list[str]:
    """Where the page is."""
    return [_line("page", str(layout.report / "index.html"))]


def documented(summary: DocumentSummary) -> Iterator[str]:
    """What one run of the report drew."""
    yield f"{counted(summary.metrics, 'metric')} measured, {summary.empty:,} of them without data"


def reported(summary: TablesSummary) -> Iterator[str]:
    """What one run of the report did."""
    layers, images = counted(summary.layers, "layer"), counted(summary.images, "distinct image")
    yield f"{layers} with {counted(summary.files, 'file row')} and {images} added to the tables"
    if summary.damaged_parts:
        yield f"{counted(summary.damaged_parts, 'damaged part')} made anew"
    if summary.outdated:
        are = "is" if summary.outdated == 1 else "are"
        yield (
            f"{counted(summary.outdated, 'profile')} of an older version {are} left out: `hubcrawl analyze` "
            "makes them again"
        )
    if summary.refused:
        why = ", ".join(f"{count:,} {why}" for why, count in sorted(summary.refused.items()))
        yield f"profiles that cannot be read are left out: {why}; the first: {printable(summary.example)}"


def labelled(label: str, texts: Iterable[str]) -> Iterator[str]:
    """One line per text, the first with the label."""
    for position, text in enumerate(texts):
        yield _line("" if position else label, text)


def _whole(data: Path) -> str:
    """What follows counts all runs, and not only this one."""
    return _line("whole census", str(data / "catalog.sqlite"))


def _found(census: Census) -> Iterator[str]:
    found = census.repositories
    repeats = found.rows_listed - found.found
    yield _line("repositories", f"{found.found:,} found, {found.official:,} of them official")
    yield _line("", f"{counted(found.rows_listed, 'row')} listed, {counted(repeats, 'repeat')} among them")
    if found.unpullable:
        yield _line("", f"{counted(found.unpullable, 'name')} that nobody can pull: recorded, never tried")
    if found.pages_pending or found.pages_failed:
        yield _line("pages", f"{found.pages_pending:,} to read, {found.pages_failed:,} could not be read")


def _by_registry(census: Census) -> Iterator[str]:
    if len(census.registries) > 1:
        yield from _counts("registries", census.registries)


def _covered(census: Census) -> Iterator[str]:
    """How complete the sweeps are, and what is known to be out of reach."""
    for registry, coverage in census.coverage.items():
        label = "coverage" if len(census.coverage) == 1 else registry
        yield from labelled(label, _coverage_lines(coverage))


def _current(census: Census) -> Iterator[str]:
    """Up to when the changes of hubs are known that were swept."""
    known = {name: each.known_until for name, each in census.coverage.items() if each.known_until is not None}
    goes_on = "are known: `hubcrawl crawl --updates` asks for later ones"
    whose = {name: f"of {name} " if len(known) > 1 else "" for name in known}
    yield from labelled("changes", (f"{whose[name]}until {_utc(at)} {goes_on}" for name, at in known.items()))


def _coverage_lines(coverage: Coverage) -> Iterator[str]:
    searched, listed = coverage.queries, coverage.namespaces
    yield f"{_count(searched, 'search', 'searches')} answered, {counted(listed, 'namespace')} listed"
    if coverage.queries_waiting or coverage.namespaces_waiting:
        yield (
            f"{_count(coverage.queries_waiting, 'search', 'searches')} and "
            f"{counted(coverage.namespaces_waiting, 'namespace')} still to ask"
        )
    if coverage.estimated is not None and coverage.shown is not None:
        share = 100 * coverage.found / max(coverage.estimated, 1)
        yield f"{share:.2f} % of about {coverage.estimated:,} known (95 %: at most {coverage.high:,} exist)"
    if coverage.gone:
        yield f"{coverage.gone:,} more are deleted or private: their namespace does not list them"
    if coverage.unreadable:
        yield f"out of reach: {counted(coverage.unreadable, 'row')} that the site cannot serve"
    for why, queries in sorted(coverage.out_of_reach.items()):
        yield f"out of reach: {_count(queries, 'search', 'searches')} given up, {printable(why)}"


def _utc(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds")


def _count(number: int, one: str, many: str) -> str:
    return f"{number:,} {one if number == 1 else many}"


def _fetched(census: Census, data: Path) -> Iterator[str]:
    blobs = census.blobs
    yield _line("images", _work(census.images, "fetched", "failed"))
    yield from _counts("failures", census.failures)
    if census.failures:
        never_tried = (
            f" ({Reason.INVALID_NAME}: never tried)" if Reason.INVALID_NAME in census.failures else ""
        )
        yield _line("", f"why: {WHY_FAILED}; which: {WHICH_FAILED}{never_tried}")
    yield _line("store", f"{counted(blobs.count, 'blob')}, {size(blobs.bytes)}, in {data / 'blobs'}")


def _profiled(census: Census) -> Iterator[str]:
    layers = census.layers
    yield _line("layers", f"{layers.done:,} profiled, {layers.failed:,} damaged, {layers.pending:,} pending")
    yield from _counts("damages", census.layer_failures)
    yield _line("", f"{counted(layers.files, 'file')} in {counted(layers.directories, 'directory')}")
    sizes = (
        f"{size(layers.cls_bytes)} compressed",
        f"{size(layers.als_bytes)} as tar",
        f"{size(layers.fls_bytes)} in files",
    )
    yield _line("", ", ".join(sizes))
    yield _line("image profiles", _work(census.image_profiles, "complete", "incomplete"))


def _work(work: Work, done: str, failed: str) -> str:
    return f"{work.done:,} {done}, {work.failed:,} {failed}, {work.pending:,} pending"


def _counts(label: str, counts: Mapping[str, int]) -> Iterator[str]:
    yield from labelled(label, table([(name, f"{count:,}") for name, count in counts.items()]))


def _line(label: str, text: str) -> str:
    return f"  {label:<{LABEL_WIDTH}}  {text}"

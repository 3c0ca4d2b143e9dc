"""What a stage found and where it lies, in a few lines (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.output import LABEL_WIDTH
from pipeline.phrases import counted, size, table
from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from analyzer.engine import AnalyzeSummary
    from corpus.catalog.census import Census, Work
    from downloader.engine import DownloadSummary
    from hubcrawl.engine import CrawlSummary

WHICH_FAILED = "hubcrawl status --failed"


def crawl_lines(census: Census, data: Path) -> list[str]:
    """What the catalog holds after a crawl."""
    return [_whole(data), *_found(census), *_by_registry(census)]


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
        *_fetched(census, data),
        *_profiled(census),
    ]


def crawled(summaries: Sequence[CrawlSummary], name: str) -> Iterator[str]:
    """What one run of the crawl did."""
    rows, pages = sum(each.rows for each in summaries), sum(each.pages for each in summaries)
    yield f"{counted(sum(each.new for each in summaries), 'new repository')} in {name}"
    yield f"{counted(rows, 'row')} read on {counted(pages, 'page')}"
    for summary in summaries:
        yield from (f"note: {note}" for note in summary.notes)


def downloaded(summary: DownloadSummary) -> Iterator[str]:
    """What one run of the download did."""
    yield f"{counted(summary.done, 'image')} fetched, {sum(summary.failed.values()):,} could not be had"
    if summary.passing:
        passing = "1 of these" if summary.passing == 1 else f"{summary.passing:,} of these"
        yield f"{passing} for a passing reason: the next run tries again"
    yield f"{size(summary.bytes_fetched)} came over the network"


def analyzed(summary: AnalyzeSummary) -> Iterator[str]:
    """What one run of the analysis did."""
    yield f"{counted(summary.layers, 'layer')} and {counted(summary.images, 'image')} profiled"
    yield f"{counted(summary.files, 'file')} in {size(summary.als_bytes)} of tar read"


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


def _fetched(census: Census, data: Path) -> Iterator[str]:
    blobs = census.blobs
    yield _line("images", _work(census.images, "fetched", "failed"))
    yield from _counts("failures", census.failures)
    if census.failures:
        never_tried = (
            f" ({Reason.INVALID_NAME}: never tried)" if Reason.INVALID_NAME in census.failures else ""
        )
        yield _line("", f"which: {WHICH_FAILED}{never_tried}")
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

"""What a stage found and where it lies, in a few lines (pure)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.phrases import counted, size, table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from corpus.catalog.census import Census, Work
    from hubcrawl.engine import CrawlSummary

_LABEL_WIDTH = 14


def crawl_lines(census: Census, data: Path, summaries: Sequence[CrawlSummary] = ()) -> list[str]:
    """What the catalog holds after a crawl, and what this run added."""
    return [
        *_found(census),
        *_read(summaries),
        *_by_registry(census),
        _line("catalog", str(data / "catalog.sqlite")),
    ]


def download_lines(census: Census, data: Path) -> list[str]:
    """What the store holds after a download."""
    return [*_fetched(census, data), _line("", f"an OCI layout: skopeo inspect oci:{data}:NAME")]


def analyze_lines(census: Census, data: Path) -> list[str]:
    """What the profiles say after an analysis."""
    return [*_profiled(census), _line("profiles", str(data / "profiles"))]


def status_lines(census: Census, data: Path) -> list[str]:
    """The whole census."""
    return [
        _line("data", str(data)),
        *_found(census),
        *_by_registry(census),
        *_fetched(census, data),
        *_profiled(census),
    ]


def _found(census: Census) -> Iterator[str]:
    found = census.repositories
    repeats = found.rows_listed - found.found
    yield _line("repositories", f"{found.found:,} found, {found.official:,} of them official")
    yield _line("", f"{counted(found.rows_listed, 'row')} listed, {counted(repeats, 'repeat')} among them")
    if found.unpullable:
        names = counted(found.unpullable, "name")
        yield _line("", f"{names} outside the image-name grammar: recorded, but nobody can pull them")
    if found.pages_pending or found.pages_failed:
        yield _line("pages", f"{found.pages_pending:,} to read, {found.pages_failed:,} could not be read")


def _read(summaries: Sequence[CrawlSummary]) -> Iterator[str]:
    if summaries:
        rows, pages = sum(each.rows for each in summaries), sum(each.pages for each in summaries)
        new = sum(each.new for each in summaries)
        yield _line("this run", f"{new:,} new in {counted(rows, 'row')} on {counted(pages, 'page')}")
    for summary in summaries:
        for note in summary.notes:
            yield _line("note", note)


def _by_registry(census: Census) -> Iterator[str]:
    if len(census.registries) > 1:
        yield from _counts("registries", census.registries)


def _fetched(census: Census, data: Path) -> Iterator[str]:
    blobs = census.blobs
    yield _line("images", _work(census.images, "fetched", "failed"))
    yield from _counts("failures", census.failures)
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
    rows = table([(name, f"{count:,}") for name, count in counts.items()])
    for position, row in enumerate(rows):
        yield _line("" if position else label, row)


def _line(label: str, text: str) -> str:
    return f"  {label:<{_LABEL_WIDTH}}  {text}"

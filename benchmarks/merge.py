"""What it takes to merge layers into the file system of an image: ``python -m benchmarks.merge``.

Two layers of 600,000 files each; the second one writes a third of the first one's again. Once as they are,
and once with 3,000 directories deleted by whiteouts. Held against the bare reading of the same rows.
"""

from __future__ import annotations

import resource
import tempfile
from functools import partial
from hashlib import sha256
from pathlib import Path
from time import process_time
from typing import TYPE_CHECKING

from analyzer.images.view import AnalyzedLayer, view_image
from corpus.profiles.layer import Entry, Kind, LayerCounts, LayerStatus, LayerSummary
from corpus.profiles.stream import LayerProfileWriter, commit, iter_entries, read_summary

if TYPE_CHECKING:
    from collections.abc import Iterator

_FILES, _SHIFT, _PER_DIRECTORY = 600_000, 400_000, 20


def rows_of(first: int, whiteouts: int) -> Iterator[list[Entry]]:
    """Whiteouts, then the directories of a layer, each with its files."""
    yield [Entry(f"usr/lib/.wh.part{number}", Kind.WHITEOUT) for number in range(whiteouts)]
    for start in range(first, first + _FILES, _PER_DIRECTORY):
        folder = f"usr/lib/part{start // _PER_DIRECTORY}"
        numbers = range(start, start + _PER_DIRECTORY)
        yield [Entry(folder, Kind.DIRECTORY, mode=0o755), *(file_of(folder, number) for number in numbers)]


def file_of(folder: str, number: int) -> Entry:
    """A file with a content of its own."""
    row = Entry(f"{folder}/module_{number}.py", Kind.FILE, number % 9000, mode=0o644, mtime_s=number % 1000)
    row.sha256, row.group, row.type = sha256(str(number).encode()).hexdigest(), "script", "python"
    return row


def layer(target: Path, first: int, whiteouts: int = 0) -> AnalyzedLayer:
    """A layer whose profile is in ``target``."""
    with LayerProfileWriter(target) as writer:
        for rows in rows_of(first, whiteouts):
            writer.entries(rows)
        writer.directories(())
        counts = LayerCounts(whiteouts=whiteouts)
        digest = f"sha256:{target.name}"
        writer.finish(LayerSummary(digest=digest, media_type="", status=LayerStatus.COMPLETE, counts=counts))
    commit([target])
    return AnalyzedLayer(read_summary(target), target.name, partial(iter_entries, target))


def measure(name: str, layers: list[AnalyzedLayer]) -> None:
    """Print one line: processor time per row of reading and of merging, and the memory in all."""
    start = process_time()
    rows = sum(1 for layer in layers for _ in layer.rows())
    reading = process_time() - start
    view_image(layers, is_windows=False, max_paths=10 * rows)
    merging = process_time() - start - reading
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    each, bare = merging / rows * 1e6, reading / rows * 1e6
    print(f"{name:14} {rows:9,} rows {each:5.1f} us each (bare reading {bare:.1f})  {memory:,.0f} MiB in all")


def main() -> None:
    """Print both lines."""
    with tempfile.TemporaryDirectory() as folder:
        below = layer(Path(folder, "0"), 0)
        measure("rewritten", [below, layer(Path(folder, "1"), _SHIFT)])
        measure("and deleted", [below, layer(Path(folder, "2"), _SHIFT, 3_000)])


if __name__ == "__main__":
    main()

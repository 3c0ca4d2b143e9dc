"""What a verification found, for people and for programs (pure)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from downloader.findings import Kind
from pipeline.phrases import counted, printable, size
from pipeline.summaries import labelled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from downloader.findings import Tally, VerifySummary

# What each kind means, and what `--repair` does about it.
_MEANINGS: dict[Kind, tuple[str, str]] = {
    Kind.MISSING: ("in the catalog, not in the store", "to be fetched again"),
    Kind.TRUNCATED: ("too short", "removed, to be fetched again"),
    Kind.CORRUPT: ("not the bytes of the digest", "removed, to be fetched again if an image needs it"),
    Kind.UNREADABLE: ("cannot be read", "left as it is"),
    Kind.ORPHANED: ("right bytes, not in the catalog", "adopted"),
    Kind.FOREIGN: ("not ours, or left behind", "moved to foreign/"),
    Kind.INDEX: ("does not list the images fetched", "written anew"),
    Kind.CATALOG: ("the database is damaged", "left as it is"),
}


def verified(summary: VerifySummary) -> Iterator[str]:
    """What one run looked at, and what is to be done now."""
    yield f"{counted(summary.blobs, 'blob')} looked at, {size(summary.bytes)} read"
    if summary.is_beside_a_stage:
        yield "a stage is at work: what it has not recorded yet was not looked at"
    if not summary.found:
        yield "nothing is wrong"
    elif not summary.is_repair:
        yield "`hubcrawl verify --repair` mends what can be mended"
    if summary.requeued:
        images = counted(summary.requeued, "image")
        yield f"{images} pending again: `hubcrawl download` fetches what is missing"


def finding_lines(summary: VerifySummary) -> Iterator[str]:
    """What was found: kind, count, bytes, and the first few."""
    for kind in Kind:
        if kind in summary.found:
            yield from labelled(kind, _described(kind, summary.found[kind], is_repair=summary.is_repair))


def as_json(summary: VerifySummary, data: Path) -> str:
    """One JSON object; every kind is there, whether it was found or not."""
    found: dict[str, Any] = {kind: {"count": 0, "bytes": 0, "examples": []} for kind in Kind}
    for kind, tally in summary.found.items():
        found[kind] = {"count": tally.count, "bytes": tally.bytes, "examples": list(tally.examples)}
    return json.dumps(
        {
            "data": str(data),
            "is_clean": not summary.found,
            "is_repaired": summary.is_repair and summary.stopped is None,
            "is_beside_a_stage": summary.is_beside_a_stage,
            "blobs": summary.blobs,
            "bytes": summary.bytes,
            "found": found,
            "images_requeued": summary.requeued,
        },
        indent=2,
    )


def _described(kind: Kind, tally: Tally, *, is_repair: bool) -> Iterator[str]:
    meaning, remedy = _MEANINGS[kind]
    what = f"{tally.count:,}, {size(tally.bytes)}" if tally.bytes else f"{tally.count:,}"
    yield f"{what}: {meaning}" + (f"; {remedy}" if is_repair else "")
    yield from map(printable, tally.examples)
    if tally.count > len(tally.examples):
        yield f"and {tally.count - len(tally.examples):,} more"

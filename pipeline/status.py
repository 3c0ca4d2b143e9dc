"""``hubcrawl status``: the state of a census, read beside whatever is running."""

from __future__ import annotations

import json
from contextlib import aclosing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from corpus.catalog import read_catalog
from corpus.catalog.census import Census
from corpus.lock import is_held
from pipeline import phrases
from pipeline.summaries import failure_lines, status_lines
from registry.errors import Reason

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping

    from corpus.catalog.failures import FailedImage
    from corpus.layout import Layout

# The last progress event stands within the last lines of the log; one line is below 1 KiB.
_TAIL_BYTES = 64 << 10


class StageRun(msgspec.Struct, frozen=True, kw_only=True):
    """The last run of one stage.

    Attributes:
        outcome: ``running``, ``done``, ``stopped`` (before its work was done), ``interrupted``,
            ``failed``, or ``killed`` (it left no outcome, and nobody is working here).
        started_at: ISO 8601, UTC.
        ended_at: ISO 8601, UTC; ``None`` while it runs.
        unit: What it counts: ``row``, ``image`` or ``layer``; ``None`` when it did not report yet.
        rate_per_s: Units settled per second, over the whole run up to its last report.
        time_left_s: What it expected then, in seconds, while it runs.
    """

    outcome: str
    started_at: str
    ended_at: str | None
    unit: str | None
    rate_per_s: float | None
    time_left_s: float | None


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """The census and the runs that made it."""

    data: str
    census: Census
    runs: dict[str, StageRun]

    def as_json(self) -> str:
        """One JSON object: the counts of the census at the top level, ``data`` and ``runs`` beside them."""
        fields = msgspec.to_builtins(self)
        return json.dumps({"data": fields["data"], **fields["census"], "runs": fields["runs"]}, indent=2)

    def as_text(self) -> str:
        """The same for people."""
        lines = status_lines(self.census, Path(self.data))
        lines += [f"  {stage:<14}  {_describe(run)}" for stage, run in self.runs.items()]
        if not self.runs:
            lines.append("  nothing was run here yet: begin with `hubcrawl crawl`")
        return "\n".join(lines)


async def read_status(layout: Layout) -> Status:
    """The state of a census; creates nothing, writes nothing, takes no lock.

    Raises:
        ConfigurationError: The catalog there cannot be read.
    """
    async with read_catalog(layout) as catalog:
        census = await catalog.census.count()
        runs = await catalog.runs.latest()
    at_work = is_held(layout)
    last = {
        stage: stage_run(run, last_progress(layout, stage), at_work=at_work) for stage, run in runs.items()
    }
    return Status(data=str(layout.root), census=census, runs=last)


async def failures(layout: Layout, *, as_json: bool) -> str:
    """What failed, by reason, with how often and an example of each; one JSON object, or lines for people.

    Raises:
        ConfigurationError: The catalog there cannot be read.
    """
    async with read_catalog(layout) as catalog:
        groups = await catalog.failures.groups()
    if as_json:
        return json.dumps({"failures": msgspec.to_builtins(groups)}, indent=2)
    return "\n".join(failure_lines(groups))


async def failed_images(layout: Layout, *, as_json: bool) -> AsyncGenerator[str, None]:
    """One line for every image that failed and every name that nobody can pull, however many there are.

    Raises:
        ConfigurationError: The catalog there cannot be read.
    """
    async with read_catalog(layout) as catalog, aclosing(catalog.failures.images()) as images:
        async for image in images:
            yield msgspec.json.encode(image).decode() if as_json else failure_line(image)


def failure_line(image: FailedImage) -> str:
    """Reason, image and detail, with tabs between; names come from strangers, and may hold anything."""
    name = f"{image.registry}/{image.repository}"
    if image.reference is not None:
        name += f"{'@' if ':' in image.reference else ':'}{image.reference}"
    detail = image.detail.removeprefix(f"{image.reason}: ")
    if image.reason == Reason.INVALID_NAME and image.listed_by:
        detail = f"listed by {image.listed_by}"
    return "\t".join(phrases.printable(text) for text in (image.reason, name, detail))


def stage_run(run: Mapping[str, Any], progress: Mapping[str, Any], *, at_work: bool) -> StageRun:
    """What to say of a run: its record, and the last progress event of its log."""
    is_open = run["ended_at"] is None
    outcome = run["outcome"] or ("running" if at_work else "killed")
    return StageRun(
        outcome=outcome,
        started_at=_iso(run["started_at"]),
        ended_at=None if is_open else _iso(run["ended_at"]),
        unit=progress.get("noun"),
        rate_per_s=progress.get("average_per_s"),
        time_left_s=progress.get("time_left_s") if outcome == "running" else None,
    )


def last_progress(layout: Layout, stage: str) -> dict[str, Any]:
    """The last ``progress`` event in the newest log of ``stage``; empty if there is none."""
    newest = max(layout.logs.glob(f"*-{stage}.jsonl"), default=None)
    if newest is None:
        return {}
    for line in reversed(_tail(newest).splitlines()):
        event = _decode(line)
        if event.get("event") == "progress":
            return event
    return {}


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        return file.read()


def _decode(line: bytes) -> dict[str, Any]:
    try:
        return msgspec.json.decode(line, type=dict[str, Any])
    except msgspec.DecodeError:  # cut off where the tail begins, or half written
        return {}


def _iso(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).isoformat(timespec="seconds")


def _describe(run: StageRun) -> str:
    began = "since" if run.outcome == "running" else "begun at"
    when = f", {began} {run.started_at}" if run.ended_at is None else f" at {run.ended_at}"
    parts = [run.outcome + when]
    if run.rate_per_s is not None:
        parts.append(f"{run.rate_per_s:,.1f} {run.unit}s/s on average")
    if run.time_left_s is not None:
        parts.append(f"{phrases.duration(run.time_left_s)} left")
    return ", ".join(parts)

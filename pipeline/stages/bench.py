"""The place a stage works at: one data directory, held by this process, with catalog, log and display."""

from __future__ import annotations

import asyncio
import gc
import logging
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from rich.console import Console
from sqlalchemy.exc import OperationalError

from corpus.blobs import BlobStore
from corpus.catalog import Catalog, open_catalog
from corpus.lock import exclusive
from pipeline import phrases
from pipeline.directory import census_in, directory_of
from pipeline.interrupts import run_until_interrupted
from pipeline.logs import logging_to
from pipeline.output import say, tell
from pipeline.progress import Display, Statistics, noted, settled_of, waiting_for
from pipeline.summaries import labelled
from registry.transport.clock import Clock, SystemClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence

    from corpus.catalog.census import Census
    from corpus.layout import Layout
    from pipeline.config import Resolved
    from pipeline.settings import Settings
    from registry.transport.waits import Wait

    Waiting = Callable[[], Wait | None]

log = logging.getLogger(__name__)

DONE, STOPPED = 0, 1

# The stage that begins a census.
BEGINNING = "crawl"

# Events outside of any run, which has a log, go nowhere: without a handler logging prints them.
_NOWHERE = logging.NullHandler()

Summary_co = TypeVar("Summary_co", covariant=True)
T = TypeVar("T")


def _nobody() -> None:
    """No wait: nothing is asked of anybody."""


class Engine(Protocol[Summary_co]):
    """What every stage's engine is to the pipeline."""

    async def run(self) -> Summary_co:
        """Work until nothing is left."""

    def statistics(self) -> Statistics:
        """How far it is."""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a run.

    Attributes:
        this_run: What this run did, line by line.
        census: What the whole census holds now.
        summaries: The engines' summaries (dataclasses), for the record.
        stopped: Why the run had to stop before its work was done, if it had to.
        as_json: What to print instead of lines, where a program asked for it.
    """

    this_run: Sequence[str]
    census: Sequence[str]
    summaries: Sequence[Any]
    stopped: str | None
    as_json: str | None = None


@dataclass(frozen=True, slots=True)
class Bench:
    """Everything a stage is built from."""

    stage: str
    resolved: Resolved
    layout: Layout
    catalog: Catalog
    blobs: BlobStore
    clock: Clock
    console: Console

    @property
    def settings(self) -> Settings:
        """The settings that hold."""
        return self.resolved.settings

    async def census(self) -> Census:
        """The counts of the catalog now."""
        return await self.catalog.census.count()

    async def run(self, engine: Engine[Summary_co], noun: str, waiting: Waiting = _nobody) -> Summary_co:
        """Run an engine and show its progress, and what the requests it makes are ``waiting`` for."""

        def statistics() -> Statistics:
            return noted(engine.statistics(), waiting(), self.clock.now())

        display = Display(
            self.stage,
            noun,
            interval_s=self.settings.general.progress_interval_s,
            clock=self.clock,
            console=self.console,
        )
        try:
            async with display.showing(statistics):
                return await engine.run()
        except asyncio.CancelledError:
            kept = settled_of(noun, engine.statistics())
            self.tell(f"interrupted: {kept} done; run the same command again to go on")
            raise

    async def patiently(self, waiting: Waiting, work: Awaitable[T]) -> T:
        """Do ``work`` of which no progress is shown; where it has to wait for long, say what for."""
        telling = asyncio.create_task(self._tell_of(waiting))
        try:
            return await work
        finally:
            telling.cancel()

    async def _tell_of(self, waiting: Waiting) -> None:
        while True:
            await self.clock.sleep(self.settings.general.progress_interval_s)
            if (wait := waiting()) is not None:
                self.tell(f"{self.stage}: {waiting_for(wait, self.clock.now())}")

    def tell(self, sentence: str) -> None:
        """Say something on the way."""
        tell(self.console, sentence)

    def nothing_to_do(self, why: str, lines: Sequence[str]) -> int:
        """Say so, with what there is."""
        say("\n".join([f"{self.stage}: nothing to do: {why}", *lines]))
        return DONE

    async def record(self, work: Callable[[], Awaitable[Report]]) -> int:
        """Run ``work`` with a log and a record in the catalog; print what came of it."""
        started_at = self.clock.now()
        run_id = f"{datetime.fromtimestamp(started_at, UTC):%Y%m%dT%H%M%S.%f}-{self.stage}"
        await self.catalog.runs.start(run_id, self.stage, self.resolved.recorded(), started_at)
        log_file = self.layout.logs / f"{run_id}.jsonl"
        secrets = [self.settings.source.password]
        with logging_to(log_file, self.settings.general.log_level, secrets) as kept:
            report = await self._recorded(run_id, work)
        took = phrases.duration(self.clock.now() - started_at)
        ended = "finished" if report.stopped is None else "stopped"
        lines = [*labelled("this run", report.this_run), *report.census]
        say(report.as_json or "\n".join([f"{self.stage} {ended} after {took}", *lines]))
        if report.stopped is not None:
            self.tell(f"hubcrawl: stopped: {report.stopped}")
            return STOPPED
        if kept.lost:
            self.tell(f"hubcrawl: {phrases.counted(kept.lost, 'event')} could not be written to {log_file}")
        return DONE

    async def _recorded(self, run_id: str, work: Callable[[], Awaitable[Report]]) -> Report:
        log.info("run_started", extra={"run": run_id, "settings": self.resolved.recorded()})
        try:
            report = await work()
        except asyncio.CancelledError:
            await self._end(run_id, "interrupted", {})
            raise
        except BaseException as error:
            log.exception("run_failed")
            await self._end(run_id, "failed", {"error": f"{type(error).__name__}: {error}"})
            raise
        outcome = "done" if report.stopped is None else "stopped"
        engines = [asdict(summary) for summary in report.summaries]
        await self._end(run_id, outcome, {"stopped": report.stopped, "engines": engines})
        return report

    async def _end(self, run_id: str, outcome: str, summary: dict[str, Any]) -> None:
        log.info("run_ended", extra={"run": run_id, "outcome": outcome, "summary": summary})
        await self.catalog.runs.end(run_id, outcome, summary, self.clock.now())


@asynccontextmanager
async def open_bench(stage: str, resolved: Resolved, console: Console) -> AsyncIterator[Bench]:
    """The bench in the data directory of the settings, which no other process may work on meanwhile.

    Only a crawl begins a census: the other stages create nothing where there is none.

    Raises:
        ConfigurationError: The directory cannot be written, is held by another process, or its catalog
            cannot be used.
    """
    find = directory_of if stage == BEGINNING else census_in
    layout = find(resolved.settings.general.data)
    layout.ensure()
    with exclusive(layout):
        async with open_catalog(layout) as catalog:
            yield Bench(stage, resolved, layout, catalog, BlobStore(layout), SystemClock(), console)


def run_stage(stage: Callable[[Bench], Awaitable[int]], resolved: Resolved, name: str = "") -> int:
    """Run one stage, named as its function is if not otherwise, in the data directory of the settings.

    Returns:
        The exit status.
    """
    console = Console(stderr=True)

    async def work() -> int:
        async with open_bench(name or stage.__name__, resolved, console) as bench:
            return await stage(bench)

    return run_guarded(work(), console)


def run_guarded(work: Coroutine[None, None, int], console: Console) -> int:
    """Run ``work`` until it ends, is interrupted, or meets a disk that fails; returns the exit status."""
    logging.getLogger().addHandler(_NOWHERE)
    gc.freeze()  # the modules need not be looked through for cycles
    try:
        return run_until_interrupted(work, partial(tell, console))
    except (OSError, OperationalError, ExceptionGroup) as error:
        cause = disk_trouble(error)
        if cause is None:
            raise
        tell(console, f"hubcrawl: stopped: {cause}: see to the disk, and run the same command again")
        return STOPPED


def disk_trouble(error: Exception) -> str | None:
    """In one line, why this machine cannot keep what it is given; ``None`` if that is not what failed."""
    if isinstance(error, ExceptionGroup):
        causes = [disk_trouble(inner) for inner in error.exceptions]
        return None if None in causes else causes[0]
    if isinstance(error, OperationalError):
        return f"the catalog cannot be written ({error.orig})"
    is_disk = isinstance(error, OSError) and not isinstance(error, BrokenPipeError)  # nobody reads stderr
    return str(error) if is_disk else None

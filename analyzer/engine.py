"""Stage 3: the layers and images of the store become profiles.

Source of work: :meth:`ProfileCatalog.pending_layers`, then :meth:`~ProfileCatalog.pending_images`.
Plan: :mod:`analyzer.plan`. This engine keeps every worker process busy and writes checkpoints:
profiles get their names durably first, then one transaction records them.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from analyzer.jobs import ImageBatch, LayerBatch, Profiled, profile_images, profile_layers, profile_lost
from analyzer.plan import batches
from analyzer.workers import WorkerDied, Workers
from corpus.catalog.database import uninterrupted
from corpus.profiles.stream import commit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from analyzer.settings import AnalyzerSettings
    from corpus.catalog import Catalog
    from corpus.layout import Layout
    from corpus.records import LayerTask, ProfileOutcome
    from registry.transport.clock import Clock

log = logging.getLogger(__name__)

Batch = TypeVar("Batch", LayerBatch, ImageBatch)

_CLAIM_LAYERS = 2_000
_IMAGES_PER_BATCH = 64
# What a crash has to do again, at most.
_CHECKPOINT_S = 5.0
# Batches on their way per worker: the next one is there when a worker is done.
_BATCHES_PER_WORKER = 2


@dataclass(frozen=True, slots=True)
class AnalyzeStatistics:
    """A snapshot for the progress display; counts are layers of this run."""

    done: int
    failed: int
    total: int | None
    bytes_done: int
    note: str


@dataclass(frozen=True, slots=True)
class AnalyzeSummary:
    """What a run did.

    Attributes:
        layers: Layers profiled, damaged ones included.
        damaged: Of these, how many by status.
        images: Images profiled.
        als_bytes: Uncompressed bytes read.
        files: Files seen.
        stopped: Why the run had to stop before its work was done, if it had to.
    """

    layers: int
    damaged: Mapping[str, int]
    images: int
    als_bytes: int
    files: int
    stopped: str | None = None


async def has_work(catalog: Catalog) -> bool:
    """Whether a run would profile anything, told from the catalog alone."""
    layers, _ = await catalog.profiles.count_pending_layers()
    return layers > 0 or await catalog.profiles.count_pending_images() > 0


@dataclass(slots=True)
class _Tally:
    layers: int = 0
    images: int = 0
    als_bytes: int = 0
    files: int = 0
    total: int | None = None
    damaged: Counter[str] = field(default_factory=Counter)

    def count_layer(self, outcome: ProfileOutcome) -> None:
        self.layers += 1
        self.als_bytes += int(outcome.totals["als_bytes"] or 0)
        self.files += int(outcome.totals["files"] or 0)
        if outcome.status != "complete":
            self.damaged[outcome.status] += 1


class AnalyzeEngine:
    """Profiles every pending layer, then every pending image."""

    def __init__(self, catalog: Catalog, layout: Layout, settings: AnalyzerSettings, clock: Clock) -> None:
        self._profiles = catalog.profiles
        self._layout = layout
        self._settings = settings
        self._clock = clock
        self._workers = Workers(settings.processes)
        self._tally = _Tally()
        self._finished: list[Profiled] = []
        self._checkpoint_at = 0.0
        self._checkpointing = asyncio.Lock()
        self._stopped: str | None = None
        self._unprofiled = 0

    def statistics(self) -> AnalyzeStatistics:
        """How far the run is."""
        tally = self._tally
        is_at_images = tally.total is not None and tally.layers >= tally.total
        return AnalyzeStatistics(
            done=tally.layers - tally.damaged.total(),
            failed=tally.damaged.total(),
            total=tally.total,
            bytes_done=tally.als_bytes,
            note=f"{tally.images} images" if is_at_images else "",
        )

    async def run(self) -> AnalyzeSummary:
        """Profile until nothing is pending; a damaged layer is an outcome, not an error."""
        self._tally.total, _ = await self._profiles.count_pending_layers()
        self._checkpoint_at = self._clock.monotonic() + _CHECKPOINT_S
        try:
            await self._keep_busy(self._layer_batches(), self._profile_layers, self._profiles.record_layers)
            if self._stopped is None:
                await self._keep_busy(
                    self._image_batches(), self._profile_images, self._profiles.record_images
                )
        finally:
            self._workers.stop()
        tally = self._tally
        return AnalyzeSummary(
            layers=tally.layers,
            damaged=dict(tally.damaged.most_common()),
            images=tally.images,
            als_bytes=tally.als_bytes,
            files=tally.files,
            stopped=self._stopped or _why_unfinished(self._unprofiled),
        )

    async def _keep_busy(
        self,
        source: AsyncIterator[Batch],
        profile: Callable[[Batch], Awaitable[list[Profiled]]],
        record: Callable[[Sequence[ProfileOutcome], float], Awaitable[None]],
    ) -> None:
        """Have enough batches on their way, and record what comes back."""
        claiming = asyncio.Lock()

        async def work() -> None:
            while self._stopped is None:
                async with claiming:
                    batch = await anext(source, None)
                if batch is None:
                    return
                try:
                    profiled = await profile(batch)
                except OSError as error:
                    self._stopped = _why_stopped(error)
                    return
                self._finished += profiled  # only now: a checkpoint meanwhile has put another list there
                if self._clock.monotonic() >= self._checkpoint_at:
                    await self._checkpoint(record)

        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(_BATCHES_PER_WORKER * self._workers.count):
                    group.create_task(work())
        finally:
            await self._checkpoint(record)

    @uninterrupted
    async def _checkpoint(self, record: Callable[[Sequence[ProfileOutcome], float], Awaitable[None]]) -> None:
        """Bytes before rows: name the profiles durably, then record them."""
        async with self._checkpointing:
            finished, self._finished = self._finished, []
            if finished:
                await asyncio.to_thread(commit, [profiled.target for profiled in finished])
                await record([profiled.outcome for profiled in finished], self._clock.now())
            self._checkpoint_at = self._clock.monotonic() + _CHECKPOINT_S

    async def _layer_batches(self) -> AsyncIterator[LayerBatch]:
        after: tuple[int, str] | None = None
        while tasks := await self._profiles.pending_layers(after=after, limit=_CLAIM_LAYERS):
            after = (tasks[-1].size_bytes, tasks[-1].digest)
            for group in batches(tasks):
                yield self._batch(group)

    async def _image_batches(self) -> AsyncIterator[ImageBatch]:
        after: str | None = None
        while tasks := await self._profiles.pending_images(after=after, limit=_IMAGES_PER_BATCH):
            after = tasks[-1].manifest_digest
            yield ImageBatch(self._layout, tasks)

    def _batch(self, tasks: Sequence[LayerTask]) -> LayerBatch:
        return LayerBatch(self._layout, self._settings, tasks)

    async def _profile_layers(self, batch: LayerBatch) -> list[Profiled]:
        profiled = await self._profile(profile_layers, batch)
        for each in profiled:
            self._tally.count_layer(each.outcome)
            _log("layer_profiled", each.outcome)
        return profiled

    async def _profile_images(self, batch: ImageBatch) -> list[Profiled]:
        profiled = await self._profile(profile_images, batch)
        self._tally.images += len(profiled)
        for each in profiled:
            _log("image_profiled", each.outcome)
        return profiled

    async def _profile(self, work: Callable[[Batch], list[Profiled]], batch: Batch) -> list[Profiled]:
        """Have a worker do a batch; where that fails, each of its tasks where it can harm only itself."""
        try:
            return await self._workers.run(work, batch)
        except OSError:
            raise
        except Exception:  # noqa: BLE001 - the boundary of a worker; one task by itself tells what it was
            alone = [replace(batch, tasks=[task]) for task in batch.tasks]
        return [profiled for each in alone for profiled in await self._profile_alone(work, each)]

    async def _profile_alone(self, work: Callable[[Batch], list[Profiled]], batch: Batch) -> list[Profiled]:
        try:
            return await self._workers.run_alone(work, batch)
        except OSError:
            raise
        except WorkerDied:
            log.warning("worker_killed", extra={"task": str(batch.tasks[0])})
            if isinstance(batch, LayerBatch):
                return await asyncio.to_thread(profile_lost, batch)
        except Exception:
            log.exception("profile_failed", extra={"task": str(batch.tasks[0])})
        self._unprofiled += 1
        return []


def _why_stopped(error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is gone, though the catalog has it; put it back and run it again"
    return f"cannot keep a profile: {error.strerror or error}; make room and run it again"


def _why_unfinished(unprofiled: int) -> str | None:
    if not unprofiled:
        return None
    return (
        f"{unprofiled} of the layers and images have no profile: the log tells why; the next run tries again"
    )


def _log(event: str, outcome: ProfileOutcome) -> None:
    fields = {"digest": outcome.digest, "status": outcome.status, "reason": outcome.failure_reason}
    log.info(event, extra={**fields, "duration_s": round(outcome.duration_s, 6)})

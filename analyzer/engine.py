"""Stage 3: the layers and images of the store become profiles.

Source of work: :meth:`ProfileCatalog.pending_layers`, then :meth:`~ProfileCatalog.pending_images`.
Plan: :mod:`analyzer.plan`. This engine keeps every worker busy (:mod:`analyzer.workers`), whatever becomes of
them (:mod:`analyzer.isolation`), and has recorded what is finished (:mod:`analyzer.checkpoints`).
"""

from __future__ import annotations

import asyncio
import errno
import logging
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from analyzer.analysers.registry import Analysers
from analyzer.checkpoints import Checkpoints
from analyzer.images.jobs import IMAGE_JOB, ImageBatch
from analyzer.isolation import profile_batch
from analyzer.layers.jobs import LAYER_JOB, LayerBatch
from analyzer.plan import batches
from analyzer.workers import LocalProcess, Worker, processors

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from analyzer.jobs import AnyBatch, Job, Profiled
    from analyzer.settings import AnalyzerSettings
    from analyzer.workers import Executors
    from corpus.catalog import Catalog
    from corpus.layout import Layout
    from corpus.records import ProfileOutcome
    from registry.transport.clock import Clock

log = logging.getLogger(__name__)

_CLAIM_LAYERS = 2_000
_IMAGES_PER_BATCH = 16
# A layer that used up its time still has to be summed up, by the worker itself; then that is ended.
_GRACE_S = 60.0
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


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


async def has_work(catalog: Catalog, settings: AnalyzerSettings) -> bool:
    """Whether a run would profile anything, told from the catalog alone."""
    profiles, retry = catalog.profiles, settings.retry_failed
    analysers = Analysers.load(settings.analysers).key
    if await profiles.pending_layers(after=None, limit=1, analysers=analysers, retry_failed=retry):
        return True
    return await profiles.count_pending_images(retry_failed=retry) > 0


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

    def count_image(self, _outcome: ProfileOutcome) -> None:
        self.images += 1


class AnalyzeEngine:
    """Profiles every pending layer, then every pending image.

    Args:
        catalog: Where the work is, and where it is recorded.
        layout: Where blobs and profiles lie.
        settings: Limits, and how many workers there are.
        clock: The time.
        executors: Makes the executor of one worker; by default, a process of this machine. Another one has to
            see the same files, and to end by itself what is lost: a thread cannot be killed.
    """

    def __init__(
        self,
        catalog: Catalog,
        layout: Layout,
        settings: AnalyzerSettings,
        clock: Clock,
        executors: Executors | None = None,
    ) -> None:
        self._profiles = catalog.profiles
        self._layout = layout
        self._settings = settings
        self._clock = clock
        self._analysers = Analysers.load(settings.analysers)
        executors = executors or partial(LocalProcess, settings.worker_memory_bytes)
        self._workers = [Worker(executors) for _ in range(settings.processes or processors())]
        self._tally = _Tally()
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
        profiles, tally = self._profiles, self._tally
        tally.total, _ = await profiles.count_pending_layers(
            analysers=self._analysers.key, retry_failed=self._settings.retry_failed
        )
        try:
            await self._keep_busy(LAYER_JOB, self._layer_batches(), tally.count_layer, profiles.record_layers)
            if self._stopped is None:
                await profiles.settle_images()
                await self._keep_busy(
                    IMAGE_JOB, self._image_batches(), tally.count_image, profiles.record_images
                )
        finally:
            for worker in self._workers:
                worker.stop()
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
        job: Job[AnyBatch],
        source: AsyncIterator[AnyBatch],
        count: Callable[[ProfileOutcome], None],
        record: Callable[[Sequence[ProfileOutcome], float], Awaitable[None]],
    ) -> None:
        """Have every worker at a batch, one at a time, and record what comes back."""
        claiming = asyncio.Lock()
        checkpoints = Checkpoints(record, self._clock)

        async def work(worker: Worker) -> None:
            while self._stopped is None:
                async with claiming:
                    batch = await anext(source, None)
                if batch is None:
                    return
                profiled = await self._profile(worker, job, batch)
                for each in profiled:
                    count(each.outcome)
                    _log(job.event, each.outcome)
                await checkpoints.add(profiled)

        try:
            async with asyncio.TaskGroup() as group:
                for worker in self._workers:
                    group.create_task(work(worker))
        finally:
            await checkpoints.close()

    async def _profile(self, worker: Worker, job: Job[AnyBatch], batch: AnyBatch) -> list[Profiled]:
        timeout_s = self._settings.layer_timeout_s + _GRACE_S
        try:
            profiled = await profile_batch(worker, job, batch, timeout_s)
        except OSError as error:
            tasks = [str(task) for task in batch.tasks]
            log.error("disk_failed", extra={"tasks": tasks, "error": str(error)})  # noqa: TRY400 - the worker's
            self._stopped = why_stopped(error)
            return []
        self._unprofiled += len(batch.tasks) - len(profiled)
        return profiled

    async def _layer_batches(self) -> AsyncIterator[LayerBatch]:
        after: tuple[int, str] | None = None
        analysers, retry = self._analysers, self._settings.retry_failed
        while tasks := await self._profiles.pending_layers(
            after=after, limit=_CLAIM_LAYERS, analysers=analysers.key, retry_failed=retry
        ):
            after = (tasks[-1].size_bytes, tasks[-1].digest)
            for group in batches(tasks):
                yield LayerBatch(self._layout, self._settings, group, analysers)

    async def _image_batches(self) -> AsyncIterator[ImageBatch]:
        after: str | None = None
        analysers, retry = self._analysers.key, self._settings.retry_failed
        while tasks := await self._profiles.pending_images(
            after=after, limit=_IMAGES_PER_BATCH, analysers=analysers, retry_failed=retry
        ):
            after = tasks[-1].manifest_digest
            yield ImageBatch(self._layout, tasks, self._settings.max_image_paths)


def why_stopped(error: OSError) -> str:
    """The sentence for what the disk did, with what may help."""
    if isinstance(error, FileNotFoundError):
        return f"{error.filename} is gone, though the catalog has it; put it back and run it again"
    if error.errno in _FULL:
        return f"cannot keep a profile: {error.strerror}; make room and run it again"
    return f"a blob cannot be read, or a profile not be kept ({error}): see to the disk and run it again"


def _why_unfinished(unprofiled: int) -> str | None:
    if not unprofiled:
        return None
    return (
        f"{unprofiled} of the layers and images have no profile: the log tells why; the next run tries again"
    )


def _log(event: str, outcome: ProfileOutcome) -> None:
    fields = {"digest": outcome.digest, "status": outcome.status, "reason": outcome.failure_reason}
    log.info(event, extra={**fields, "duration_s": round(outcome.duration_s, 6)})

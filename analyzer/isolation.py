"""Whatever a task does to its worker costs that task a status, and its neighbours nothing.

A batch over which a worker was lost is done again, each task in a worker of its own: that tells which it was.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from analyzer.workers import WorkerLost, WorkFailed
from corpus.profiles.layer import LayerReason

if TYPE_CHECKING:
    from analyzer.jobs import AnyBatch, Job, Profiled
    from analyzer.workers import Worker

log = logging.getLogger(__name__)

# To write a profile with nothing in it takes milliseconds; beyond this the disk does not answer.
_GIVING_UP_S = 60.0


async def profile_batch(
    worker: Worker, job: Job[AnyBatch], batch: AnyBatch, timeout_s: float
) -> list[Profiled]:
    """Have a worker do a batch; a task without a result has its reason in the log.

    Args:
        worker: Who does it, and it alone meanwhile.
        job: What to do.
        batch: With what.
        timeout_s: Time for the batch, and for each task where they are done again.

    Raises:
        OSError: The disk.
    """
    try:
        profiled = await worker.run(job.profile, batch, timeout_s)
        if not any(each.outcome.failure_reason == LayerReason.WORKER_MEMORY for each in profiled):
            return profiled
        # It may be what earlier ones left behind that took the memory.
    except WorkerLost as lost:
        if lost.reason is LayerReason.TIMEOUT and len(batch.tasks) == 1:
            return await _give_up(worker, job, batch, lost.reason)
    except WorkFailed:
        pass  # one task by itself tells what it was
    alone = [replace(batch, tasks=[task]) for task in batch.tasks]
    return [each for one in alone for each in await _profile_alone(worker, job, one, timeout_s)]


async def _profile_alone(
    worker: Worker, job: Job[AnyBatch], batch: AnyBatch, timeout_s: float
) -> list[Profiled]:
    try:
        return await worker.run_alone(job.profile, batch, timeout_s)
    except WorkerLost as lost:
        return await _give_up(worker, job, batch, lost.reason)
    except WorkFailed as failure:
        log.error("profile_failed", extra={"task": str(batch.tasks[0]), "traceback": str(failure)})  # noqa: TRY400
        return []


async def _give_up(
    worker: Worker, job: Job[AnyBatch], batch: AnyBatch, reason: LayerReason
) -> list[Profiled]:
    """The profile that says why there is nothing in it."""
    log.warning("worker_lost", extra={"task": str(batch.tasks[0]), "reason": str(reason)})
    try:
        return await worker.run_alone(partial(job.give_up, reason), batch, _GIVING_UP_S)
    except (WorkerLost, WorkFailed) as failure:
        log.error("profile_failed", extra={"task": str(batch.tasks[0]), "traceback": str(failure)})  # noqa: TRY400
        return []

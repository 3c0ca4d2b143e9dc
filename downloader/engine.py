"""Stage 2: the images of the catalog become manifests and blobs in the store.

Source of work: :class:`Feed`, in the order of :class:`PlanCatalog`. Plan: :mod:`downloader.plan`. This
engine runs :class:`Fetcher` for many images at a time and writes checkpoints: blobs are synced first,
then one transaction records what became of the images. What failed for a passing reason is tried again
by the schedule of :mod:`downloader.schedule`, in this run if that is soon, else in a later one.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from corpus.catalog.database import uninterrupted
from corpus.oci import write_index
from corpus.records import Failure, ImageOutcome
from downloader.feed import Feed, order_of
from downloader.fetchers import Client, Fetchers
from downloader.listing import TagLister
from downloader.schedule import RETRY_DELAYS_S, scheduled
from registry.errors import ConfigurationError, Reason

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from corpus.blobs import BlobStore
    from corpus.catalog import Catalog
    from corpus.catalog.images import Retries
    from corpus.layout import Layout
    from corpus.records import ImageTask
    from downloader.dates import Dated
    from downloader.settings import DownloadSettings
    from registry.transport.clock import Clock

log = logging.getLogger(__name__)

# No answer came at all: a registry that refuses, refuses with an answer.
_UNREACHABLE = frozenset({Reason.NETWORK, Reason.TIMEOUT, Reason.TLS})

# A checkpoint is also written when this many images have gathered, to bound the transaction.
_CHECKPOINT_IMAGES = 1_000

# Between two looks at what is due again, in seconds, and so how late a retry may come: no more than it waits.
_BETWEEN_LOOKS_S = RETRY_DELAYS_S[0]

# Images worked on at a time, of many registries together: each holds some connections and some memory.
_MOST_IMAGES = 256


@dataclass(frozen=True, slots=True)
class DownloadStatistics:
    """A snapshot for the progress display; counts are images of this run."""

    done: int
    failed: int
    total: int | None
    bytes_done: int
    note: str


@dataclass(frozen=True, slots=True)
class DownloadSummary:
    """What a run did.

    Attributes:
        done: Images fetched whole.
        failed: Images that could not be had, by reason.
        retries: Those of the plan that failed for a passing reason, in this run or before, and are due again.
        bytes_fetched: Bytes of manifests, configurations and layers that came over the network.
        stopped: Why the run had to stop before its work was done, if it had to.
    """

    done: int
    failed: Mapping[Reason, int]
    retries: Retries
    bytes_fetched: int
    stopped: str | None = None


async def registries_with_work(
    catalog: Catalog, registries: Sequence[str], settings: DownloadSettings, now: float
) -> set[str]:
    """Registries from which a run would fetch anything, told from the catalog alone.

    Where it takes the order to tell, the plan is made here: the run that follows finds it made.
    """
    found = await catalog.images.unexpanded_registries(registries, settings.tags)
    if len(found) == len(registries):
        return found
    await catalog.plan.make(order_of(registries, settings))
    until = now + settings.retry_wait_s
    return found | await catalog.images.with_work(
        registries, settings.scope, until=until, permanent=settings.retry_failed
    )


@dataclass(slots=True)
class _Tally:
    """Images settled by this run."""

    done: int = 0
    failed: Counter[Reason] = field(default_factory=Counter)
    unanswered_in_a_row: int = 0
    total: int | None = None

    @property
    def settled(self) -> int:
        return self.done + self.failed.total()

    def count(self, outcome: ImageOutcome) -> None:
        if outcome.failure is None:
            self.done += 1
        else:
            self.failed[outcome.failure.reason] += 1
        if outcome.failure is not None and outcome.failure.is_shared:
            return  # no request of its own tells anything of the registry
        is_unanswered = outcome.failure is not None and outcome.failure.reason in _UNREACHABLE
        self.unanswered_in_a_row = self.unanswered_in_a_row + 1 if is_unanswered else 0

    def reopen(self, failed: Mapping[Reason, int]) -> None:
        """These are to be settled again."""
        self.failed.subtract(failed)


class DownloadEngine:
    """Fetches every pending image of the plan from the registries it has clients for."""

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        layout: Layout,
        clients: Mapping[str, Client | None],
        settings: DownloadSettings,
        clock: Clock,
    ) -> None:
        """Take a client of each registry whose images the plan is about, or ``None``.

        ``None`` is a registry from which nothing is fetched now (it does not answer, or all is there):
        its images keep their places in the order, so that the first N are the same in every run.
        """
        reached = {name: client for name, client in clients.items() if client is not None}
        self._catalog = catalog
        self._blobs = blobs
        self._layout = layout
        self._order = order_of(clients, settings)
        self._registries = list(reached)
        self._settings = settings
        self._clock = clock
        self._fetcher = Fetchers(catalog, blobs, layout, reached, settings)
        self._lister = TagLister(catalog.images, reached, settings, self._fetcher.created, self._keep_dated)
        self._tally = _Tally()
        self._feeds = [Feed(catalog.images, [name], settings.scope) for name in reached]
        self._finished: list[ImageOutcome] = []
        self._checkpointing = asyncio.Lock()
        self._retry_at: float | None = None
        self._due_at = math.inf
        self._started_at = 0.0
        self._stopped: str | None = None

    def statistics(self) -> DownloadStatistics:
        """How far the run is."""
        return DownloadStatistics(
            done=self._tally.done,
            failed=self._tally.failed.total(),
            total=self._tally.total,
            bytes_done=self._fetcher.bytes_fetched,
            note=self._note(),
        )

    def _note(self) -> str:
        if self._retry_at is not None:
            return f"waiting until {_wall_clock(self._retry_at)} to try again what failed"
        return ""

    async def run(self) -> DownloadSummary:
        """Fetch until nothing is pending; an image that cannot be had is an outcome, not an error."""
        self._started_at = self._clock.now()
        try:
            await self._expand_tags()
            await self._catalog.plan.make(self._order)
            await self._fetch_all()
        finally:
            await self._close()
        return DownloadSummary(
            done=self._tally.done,
            failed={reason: count for reason, count in self._tally.failed.most_common() if count},
            retries=await self._catalog.images.retries(self._order.registries),
            bytes_fetched=self._fetcher.bytes_fetched,
            stopped=self._stopped,
        )

    async def _fetch_all(self) -> None:
        await self._go_through(permanent=self._settings.retry_failed)
        until = self._clock.now() + self._settings.retry_wait_s
        while self._stopped is None and await self._wait_for_retries(until):
            await self._go_through(permanent=False)

    async def _go_through(self, *, permanent: bool) -> None:
        """Fetch what is open in the plan, first to last."""
        await self._reopen(permanent=permanent)
        async with asyncio.TaskGroup() as group:
            checkpoints = group.create_task(self._checkpoint_regularly())
            # Each registry has its own: one that asks for a pause, or is slow, holds up no other.
            workers = [
                group.create_task(self._work(feed)) for feed in self._feeds for _ in range(self._share)
            ]
            if workers:
                await asyncio.wait(workers)
            checkpoints.cancel()
        await self._checkpoint()

    async def _reopen(self, *, permanent: bool) -> None:
        """Have what is due again, or all that failed, fetched before the run goes on in its order."""
        async with self._checkpointing:
            now, images = self._clock.now(), self._catalog.images
            failed = await images.reopen(self._registries, now, permanent=permanent, since=self._started_at)
            self._tally.reopen(failed)
            left = sum([await feed.rewind() for feed in self._feeds])
            # Until a checkpoint what is finished is settled for the tally, and still left for the catalog.
            self._tally.total = self._tally.settled - len(self._finished) + left
            next_at = (await images.retries(self._registries)).next_at
            if next_at is not None:
                self._due_at = min(self._due_at, max(next_at, now + _BETWEEN_LOOKS_S))

    async def _reopen_what_is_due(self) -> None:
        if self._clock.now() >= self._due_at:
            self._due_at = math.inf  # the other workers go on meanwhile
            await self._checkpoint()
            await self._reopen(permanent=False)

    @property
    def _share(self) -> int:
        """Images of one registry that are worked on at a time."""
        parallel = self._settings.parallel_images
        return max(1, min(parallel, max(parallel, _MOST_IMAGES) // max(1, len(self._feeds))))

    async def _wait_for_retries(self, until: float) -> bool:
        """Wait for the next image that is due again; false if there is none, or not by ``until``."""
        retries = await self._catalog.images.retries(self._registries)
        now = self._clock.now()
        if retries.next_at is None or retries.next_at > max(until, now):
            return False
        self._retry_at = retries.next_at
        await self._clock.sleep(retries.next_at - now)
        self._retry_at = None
        return True

    @uninterrupted
    async def _close(self) -> None:
        """Record what is finished, whatever ended the run."""
        await self._fetcher.cancel()
        await self._checkpoint()
        try:
            await write_index(self._layout, self._catalog.contents)
        except OSError as error:
            self._stop(error)
        if self._stopped is None and await self._catalog.images.is_settled():
            self._blobs.sweep()  # no image is left that would resume a partial file

    def _stop(self, error: OSError) -> None:
        """Begin nothing more: this machine cannot keep it."""
        self._stopped = self._stopped or (
            f"cannot keep what was fetched: {error.strerror or error}; make room and run it again"
        )

    async def _work(self, feed: Feed) -> None:
        while self._stopped is None and (task := await feed.next()) is not None:
            try:
                outcome = await self._fetcher.fetch(task)
            except OSError as error:
                self._stop(error)
                return
            except ConfigurationError as error:  # an account that cannot be had, or not without harm
                self._stopped = self._stopped or str(error)
                return
            except Exception as error:  # noqa: BLE001 - the worker's boundary: one image, not the campaign
                outcome = self._fault(task, error)
            outcome = scheduled(outcome, task, self._clock.now())
            self._due_at = min(self._due_at, outcome.retry_at or math.inf)
            self._tally.count(outcome)
            self._give_up_on_silence(outcome)
            self._finished.append(outcome)
            _log(task, outcome)
            if len(self._finished) >= _CHECKPOINT_IMAGES:
                await self._checkpoint()
            await self._reopen_what_is_due()

    def _give_up_on_silence(self, outcome: ImageOutcome) -> None:
        """Stop when nobody answers any more: the images to come would only fail one after the other."""
        silent, failure = self._tally.unanswered_in_a_row, outcome.failure
        is_all = silent == self._tally.settled == self._tally.total
        if failure is not None and silent and (is_all or silent >= self._settings.failures_in_a_row):
            images = "image" if silent == 1 else f"{silent} images"
            self._stopped = self._stopped or (
                f"no answer for the last {images} ({failure.detail}): "
                "check that the registry can be reached, and run it again"
            )

    def _fault(self, task: ImageTask, error: Exception) -> ImageOutcome:
        """The outcome of an image that this program was not prepared for."""
        log.error("image_fault", exc_info=error, extra={"image": _name(task)})
        failure = Failure(Reason.INTERNAL, f"a fault of this program: {error!r}", is_temporary=True)
        return ImageOutcome(task.id, self._settings.scope, failure=failure)

    async def _checkpoint_regularly(self) -> None:
        while self._stopped is None:  # a sync that fails takes the place of its cancellation
            await self._clock.sleep(self._settings.checkpoint_s)
            await self._checkpoint()

    async def _checkpoint(self) -> None:
        """Bytes before rows: sync the blobs, then record the images that consist of them."""
        async with self._checkpointing:
            outcomes = tuple(self._finished)
            if not outcomes:
                return
            try:
                await self._blobs.sync()
            except OSError as error:
                self._stop(error)
                return
            await self._catalog.contents.record(outcomes, self._clock.now())
            del self._finished[: len(outcomes)]  # only now: a checkpoint may be cancelled half-way
            for feed in self._feeds:
                feed.forget(outcome.task_id for outcome in outcomes)
            self._fetcher.forget(outcomes)

    async def _expand_tags(self) -> None:
        """Turn repositories into images by the tag rule."""
        try:
            await self._lister.run()
        except OSError as error:
            self._stop(error)

    async def _keep_dated(self, dated: Sequence[Dated]) -> None:
        """Bytes before rows, as for a checkpoint."""
        async with self._checkpointing:
            await self._blobs.sync()
            fetched = [manifest for each in dated for manifest in each.manifests]
            configs = [blob for each in dated for blob in each.blobs]
            await self._catalog.contents.keep(fetched, configs, self._clock.now())
            self._fetcher.forget(dated)


def _name(task: ImageTask) -> str:
    separator = "@" if ":" in task.reference else ":"
    return f"{task.registry}/{task.repository}{separator}{task.reference}"


def _log(task: ImageTask, outcome: ImageOutcome) -> None:
    if outcome.failure is None:
        log.info(
            "image_done", extra={"image": _name(task), "digest": outcome.root, "blobs": len(outcome.blobs)}
        )
    else:
        log.info(
            "image_failed",
            extra={"image": _name(task), "reason": outcome.failure.reason, "detail": outcome.failure.detail},
        )


def _wall_clock(unix_s: float) -> str:
    return datetime.fromtimestamp(unix_s, UTC).astimezone().strftime("%H:%M")

"""Stage 2: the images of the catalog become manifests and blobs in the store.

Source of work: :meth:`ImageCatalog.pending`. Plan: :mod:`downloader.plan`. This engine runs
:class:`Fetcher` for many images at a time and writes checkpoints: blobs are synced first,
then one transaction records what became of the images.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from corpus.catalog.database import uninterrupted
from corpus.oci import write_index
from corpus.records import Failure, ImageOutcome
from downloader.fetch import Fetcher
from downloader.plan import parse_tags
from registry.errors import Reason, RegistryError
from registry.names import is_tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from corpus.blobs import BlobStore
    from corpus.catalog import Catalog
    from corpus.catalog.images import Position
    from corpus.layout import Layout
    from corpus.records import ImageTask
    from downloader.settings import DownloadSettings
    from registry.client import RegistryClient
    from registry.transport.clock import Clock

log = logging.getLogger(__name__)

# No answer came at all: a registry that refuses, refuses with an answer.
_UNREACHABLE = frozenset({Reason.NETWORK, Reason.TIMEOUT, Reason.TLS})

# Rows per claim: large enough that claiming costs nothing, small enough to hold in memory.
_CLAIM_IMAGES = 500
_EXPAND_REPOSITORIES = 5_000
# A checkpoint is also written when this many images have gathered, to bound the transaction.
_CHECKPOINT_IMAGES = 1_000


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
        passing: Of the failed, those for a passing reason: the next run tries them again.
        bytes_fetched: Bytes of manifests, configurations and layers that came over the network.
        stopped: Why the run had to stop before its work was done, if it had to.
    """

    done: int
    failed: Mapping[Reason, int]
    passing: int
    bytes_fetched: int
    stopped: str | None = None


async def has_work(catalog: Catalog, registries: Sequence[str], settings: DownloadSettings) -> bool:
    """Whether a run would fetch anything, told from the catalog alone."""
    if await catalog.images.has_reopenable(registries, permanent=settings.retry_failed):
        return True
    pending, settled = await catalog.images.count(registries, settings.platform)
    if settings.limit and settled >= settings.limit:
        return False
    return pending > 0 or await catalog.images.has_unexpanded(registries, settings.tags)


@dataclass(slots=True)
class _Tally:
    """Images settled by this run."""

    done: int = 0
    failed: Counter[Reason] = field(default_factory=Counter)
    passing: int = 0
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
            self.passing += outcome.failure.is_temporary
        is_unanswered = outcome.failure is not None and outcome.failure.reason in _UNREACHABLE
        self.unanswered_in_a_row = self.unanswered_in_a_row + 1 if is_unanswered else 0


class DownloadEngine:
    """Fetches every pending image of the registries it has clients for."""

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        layout: Layout,
        clients: Mapping[str, RegistryClient],
        settings: DownloadSettings,
        clock: Clock,
    ) -> None:
        self._tags = parse_tags(settings.tags)
        self._catalog = catalog
        self._blobs = blobs
        self._layout = layout
        self._clients = clients
        self._registries = list(clients)
        self._settings = settings
        self._clock = clock
        self._fetcher = Fetcher(catalog.contents, blobs, clients, settings)
        self._tally = _Tally()
        self._feed = _Feed(catalog, self._registries, settings)
        self._finished: list[ImageOutcome] = []
        self._checkpointing = asyncio.Lock()
        self._quota = asyncio.Lock()
        self._quota_until: float | None = None
        self._stopped: str | None = None

    def statistics(self) -> DownloadStatistics:
        """How far the run is."""
        until = self._quota_until
        return DownloadStatistics(
            done=self._tally.done,
            failed=self._tally.failed.total(),
            total=self._tally.total,
            bytes_done=self._fetcher.bytes_fetched,
            note="" if until is None else f"waiting for quota until {_wall_clock(until)}",
        )

    async def run(self) -> DownloadSummary:
        """Fetch until nothing is pending; an image that cannot be had is an outcome, not an error."""
        await self._catalog.images.reopen(self._registries, permanent=self._settings.retry_failed)
        await self._fetcher.open()
        try:
            await self._expand_tags()
            self._tally.total = await self._feed.open()
            await self._fetch_all()
        finally:
            await self._close()
        return DownloadSummary(
            done=self._tally.done,
            failed=dict(self._tally.failed.most_common()),
            passing=self._tally.passing,
            bytes_fetched=self._fetcher.bytes_fetched,
            stopped=self._stopped,
        )

    async def _fetch_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            checkpoints = group.create_task(self._checkpoint_regularly())
            workers = [group.create_task(self._work()) for _ in range(self._settings.parallel_images)]
            await asyncio.wait(workers)
            checkpoints.cancel()

    @uninterrupted
    async def _close(self) -> None:
        """Record what is finished, whatever ended the run."""
        await self._fetcher.cancel()
        await self._checkpoint()
        try:
            await asyncio.to_thread(write_index, self._layout, await self._catalog.contents.oci_index())
        except OSError as error:
            self._stop(error)
        if self._stopped is None and await self._is_everything_settled():
            self._blobs.sweep()

    async def _is_everything_settled(self) -> bool:
        """Whether no image is left that would resume a partial file."""
        images = self._catalog.images
        pending, _ = await images.count(self._registries, self._settings.platform)
        return not pending and not await images.has_reopenable(self._registries, permanent=False)

    def _stop(self, error: OSError) -> None:
        """Begin nothing more: this machine cannot keep it."""
        self._stopped = self._stopped or (
            f"cannot keep what was fetched: {error.strerror or error}; make room and run it again"
        )

    async def _work(self) -> None:
        while self._stopped is None and (task := await self._feed.next()) is not None:
            try:
                outcome = await self._fetch(task)
            except OSError as error:
                self._stop(error)
                return
            except Exception as error:  # noqa: BLE001 - the worker's boundary: one image, not the campaign
                outcome = self._fault(task, error)
            self._tally.count(outcome)
            self._give_up_on_silence(outcome)
            self._finished.append(outcome)
            _log(task, outcome)
            if len(self._finished) >= _CHECKPOINT_IMAGES:
                await self._checkpoint()

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
        return ImageOutcome(task.id, self._settings.platform, failure=failure)

    async def _fetch(self, task: ImageTask) -> ImageOutcome:
        """Fetch one image, for as long as it takes the pull quota to come back."""
        while True:
            try:
                return await self._fetcher.fetch(task)
            except RegistryError as error:
                log.warning("quota", extra={"image": _name(task), "detail": str(error)})
                await self._wait_for_quota(error)

    async def _wait_for_quota(self, error: RegistryError) -> None:
        """All wait together, and none asks before the pause is over."""
        if self._quota.locked():
            async with self._quota:
                return
        async with self._quota:
            pause = error.retry_after_s or self._settings.quota_pause_s
            self._quota_until = self._clock.now() + pause
            await self._clock.sleep(pause)
            self._quota_until = None

    async def _checkpoint_regularly(self) -> None:
        while True:
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
            self._fetcher.forget(outcomes)

    async def _expand_tags(self) -> None:
        """Turn repositories into images by the tag rule."""
        rule, images = self._settings.tags, self._catalog.images
        while await images.expand(self._registries, rule, self._tags, _EXPAND_REPOSITORIES):
            pass
        after = 0
        while batch := await images.unexpanded(
            self._registries, rule, after=after, limit=self._settings.parallel_images
        ):
            after = batch[-1][0]
            await asyncio.gather(*(self._expand(*repository) for repository in batch))

    async def _expand(self, repository_id: int, registry: str, name: str) -> None:
        """List the tags of one repository.

        Where that fails for good, or gives none that can be pulled, ``latest`` is asked for: the
        answer tells why. Where it may yet succeed, the repository is left for the next run.
        """
        tags: list[str] = []
        try:
            async for page in self._clients[registry].tags(name):
                tags += filter(is_tag, page)
        except RegistryError as error:
            log.info("tags_failed", extra={"repository": name, "reason": error.reason, "detail": str(error)})
            if error.temporary:
                return
        await self._catalog.images.expand_repository(repository_id, self._settings.tags, tags or ["latest"])


class _Feed:
    """Hands out pending images one by one, claimed from the catalog a page at a time."""

    def __init__(self, catalog: Catalog, registries: Sequence[str], settings: DownloadSettings) -> None:
        self._catalog = catalog
        self._registries = registries
        self._settings = settings
        self._claiming = asyncio.Lock()
        self._tasks: list[ImageTask] = []
        self._after: Position | None = None
        self._left = 0

    async def open(self) -> int:
        """How many images this run will hand out."""
        pending, settled = await self._catalog.images.count(self._registries, self._settings.platform)
        limit = self._settings.limit
        self._left = min(pending, max(0, limit - settled)) if limit else pending
        return self._left

    async def next(self) -> ImageTask | None:
        """The next image, ``None`` when there is none."""
        async with self._claiming:
            if self._left and not self._tasks:
                self._tasks = await self._claim()
            if not self._tasks:
                return None
            self._left -= 1
            return self._tasks.pop()

    async def _claim(self) -> list[ImageTask]:
        tasks = await self._catalog.images.pending(
            self._registries, self._settings.platform, after=self._after, limit=min(_CLAIM_IMAGES, self._left)
        )
        if tasks:
            self._after = (tasks[-1].pull_count, tasks[-1].id)
        return tasks[::-1]


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

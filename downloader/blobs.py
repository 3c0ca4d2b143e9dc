"""Configurations and layers: held already, or brought from a registry or from where they are kept."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from corpus.records import Failure, FetchedBlob
from downloader.flights import SingleFlight
from downloader.plan import (
    Asked,
    foreign_urls,
    holds_for_all_who_waited,
    is_of_the_bytes,
    why_not_asked_for,
)
from downloader.ranges import Parts
from downloader.receive import receive_blob
from downloader.wanted import Means
from registry.digests import Digest
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from corpus.blobs import BlobStore
    from corpus.catalog.contents import ContentCatalog
    from corpus.records import ImageTask
    from downloader.settings import DownloadSettings
    from registry.client import BlobSource, RegistryClient
    from registry.descriptors import Descriptor

log = logging.getLogger(__name__)


class _LostError(Exception):
    """What a fetch ended with, for all who waited for it.

    Attributes:
        asked: What was asked for.
        error: What came of it.
    """

    def __init__(self, asked: Asked, error: RegistryError) -> None:
        super().__init__()
        self.asked = asked
        self.error = error

    @property
    def is_pause(self) -> bool:
        """Whether a server asked for a pause before it gives the blob."""
        return self.error.temporary and self.error.retry_after_s is not None

    @property
    def is_refusal(self) -> bool:
        """Whether somebody said so just now; else that was known, and nothing was asked."""
        return self.error.attempts > 0


class BlobFetcher:
    """Brings blobs into the store; one wanted by several images at once is fetched once.

    What could not be had is no secret of one image only where it is about the bytes, and then it is known
    to those who ask the same registry for the same blob. It is known as long as this run lasts.
    """

    def __init__(
        self,
        catalog: ContentCatalog,
        blobs: BlobStore,
        clients: Mapping[str, RegistryClient],
        settings: DownloadSettings,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._clients = clients
        self._sources = {name: client.unwaiting() for name, client in clients.items()}
        self._settings = settings
        self._flights = SingleFlight[Digest, int]()
        self._slots = asyncio.Semaphore(settings.parallel_layers)
        self._means = Means(
            attempts=settings.blob_attempts,
            max_bytes=settings.max_blob_bytes,
            parts=Parts(settings.parallel_ranges, settings.ranges_from_bytes),
            spare=self._slots,
        )
        self._wrong: dict[Asked, RegistryError] = {}

    def __repr__(self) -> str:
        return f"<BlobFetcher flights={len(self._flights)} wrong={len(self._wrong)}>"

    async def fetch(self, task: ImageTask, wanted: Sequence[tuple[str, Descriptor]]) -> list[FetchedBlob]:
        """Blobs by role, from the catalog's knowledge, a flight under way, or the registry.

        Raises:
            OSError: This machine cannot keep what came.
        """
        maybe = [each.digest for _, each in wanted if self._may_be_known(each.digest)]
        known = await self._catalog.known_blobs(maybe) if maybe else {}
        return await asyncio.gather(
            *(self._blob(task, role, each, known.get(each.digest)) for role, each in wanted)
        )

    def forget(self, fetched: Iterable[FetchedBlob]) -> None:
        """Drop what the catalog knows by now."""
        self._flights.forget(blob.digest for blob in fetched)

    async def cancel(self) -> None:
        """End what is under way; partial files stay, to be resumed."""
        await self._flights.cancel()

    def _may_be_known(self, digest: Digest) -> bool:
        # What is not verifiable is never kept, and may be longer than any file's name. Blobs that are in
        # the store are files: for most of a first census the catalog need not be asked at all.
        return digest.is_verifiable and digest not in self._flights and self._blobs.size(digest) is not None

    async def _blob(
        self, task: ImageTask, role: str, wanted: Descriptor, known: FetchedBlob | None
    ) -> FetchedBlob:
        """One blob, whose size is what this image says it is."""
        if known is not None and known.failure is None and known.size_bytes is not None:
            size = known.size_bytes
        else:
            failure = self._why_not(wanted)
            if failure is not None:
                return FetchedBlob(wanted.digest, role, wanted.size_bytes, failure)
            try:
                size = await self._brought(task, wanted)
            except RegistryError as error:
                log.info(
                    "blob_failed",
                    extra={"digest": wanted.digest, "reason": error.reason, "detail": str(error)},
                )
                return FetchedBlob(wanted.digest, role, wanted.size_bytes, Failure.of(error))
        if wanted.size_bytes not in {None, size}:
            failure = Failure(Reason.SIZE_MISMATCH, f"it has {size} bytes, {wanted.size_bytes} are listed")
            return FetchedBlob(wanted.digest, role, wanted.size_bytes, failure)
        return FetchedBlob(wanted.digest, role, size)

    def _why_not(self, wanted: Descriptor) -> Failure | None:
        settings = self._settings
        return why_not_asked_for(wanted, settings.max_blob_bytes, foreign=settings.foreign_layers)

    async def _brought(self, task: ImageTask, wanted: Descriptor) -> int:
        """The size of a blob, once it is in the store.

        Pauses are waited out here: nothing is held, and another registry may give the blob meanwhile.
        """
        client, refusals = self._clients[task.registry], 0
        urls = tuple(foreign_urls(wanted)) if wanted.is_foreign else ()
        asked = Asked(task.registry, wanted.digest, wanted.size_bytes, urls)
        while True:
            is_ours = wanted.digest not in self._flights
            try:
                return await self._flights.join(wanted.digest, partial(self._fetch, task, wanted, asked))
            except _LostError as lost:
                if lost.is_pause and lost.asked.registry == task.registry:
                    refusals += lost.is_refusal
                    if refusals >= client.attempts:
                        raise lost.error from lost
                    await client.outwait(lost.error)
                elif is_ours:
                    raise lost.error from lost
                elif lost.asked == asked and holds_for_all_who_waited(lost.error):
                    raise lost.error.shared() from lost

    async def _fetch(self, task: ImageTask, wanted: Descriptor, asked: Asked) -> int:
        try:
            async with self._slots:
                return await self._held_or_received(task, wanted, asked)
        except RegistryError as error:
            if is_of_the_bytes(error.reason) and not asked.urls:
                self._wrong[asked] = error.shared()
            raise _LostError(asked, error) from error

    async def _held_or_received(self, task: ImageTask, wanted: Descriptor, asked: Asked) -> int:
        """Size of a blob that is in the store now: received, or left there by a run that was killed."""
        held = self._blobs.size(wanted.digest)
        if held is not None and await self._blobs.verify(wanted.digest):
            return held
        if wanted.digest.algorithm == "sha256" and wanted.embedded is not None:
            self._blobs.put(wanted.embedded)
            return len(wanted.embedded)
        if asked in self._wrong:
            raise self._wrong[asked].shared()
        source = self._sources[task.registry]
        try:
            return await self._received(source, task, wanted)
        except RegistryError as error:
            urls = () if error.temporary else asked.urls
            failure = error
        for url in urls:
            try:
                return await self._received(source.elsewhere(url), task, wanted)
            except RegistryError as error:
                log.info("url_failed", extra={"digest": wanted.digest, "detail": str(error)})
                failure = error
        raise failure

    async def _received(self, source: BlobSource, task: ImageTask, wanted: Descriptor) -> int:
        return await receive_blob(self._blobs, source, task.repository, wanted, self._means)

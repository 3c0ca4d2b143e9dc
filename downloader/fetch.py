"""Fetching one image: resolve, walk its graph, bring its blobs. What failed is a value, not an exception."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from corpus.records import Failure, FetchedBlob, ImageOutcome
from downloader.artifacts import ArtifactFinder, Found
from downloader.dates import MAX_CONFIG_BYTES, Dated, created_of, latest
from downloader.flights import SingleFlight
from downloader.manifests import ManifestFetcher
from downloader.plan import (
    MAX_INDEX_DEPTH,
    MAX_MANIFESTS,
    blobs_of,
    choose_children,
    first_failure,
    foreign_urls,
    holds_for,
    parse_platforms,
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
    from corpus.records import FetchedManifest, ImageTask
    from downloader.settings import DownloadSettings
    from registry.client import BlobSource, RegistryClient
    from registry.descriptors import Descriptor
    from registry.manifests import Manifest

log = logging.getLogger(__name__)


class Fetcher:
    """Fetches images; a manifest or blob wanted by several of them at once is fetched once."""

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
        self._settings = settings
        self._platforms = parse_platforms(settings.platform)
        self._blob_flights = SingleFlight[Digest, FetchedBlob]()
        self._layer_slots = asyncio.Semaphore(settings.parallel_layers)
        self._means = Means(
            attempts=settings.blob_attempts,
            max_bytes=settings.max_blob_bytes,
            parts=Parts(settings.parallel_ranges, settings.ranges_from_bytes),
            spare=self._layer_slots,
        )
        # Blobs that the catalog knows to have failed. Those it knows to be there are files, so
        # for most blobs of a first census the catalog need not be asked at all.
        self._failed: set[str] = set()
        self._manifests = ManifestFetcher(catalog, blobs, clients)
        self._artifacts = ArtifactFinder(self._manifests, clients)

    def __repr__(self) -> str:
        return f"<Fetcher blobs={len(self._blob_flights)} bytes_fetched={self.bytes_fetched}>"

    @property
    def bytes_fetched(self) -> int:
        """Bytes of manifests and blobs that came over the network, as they come."""
        return self._manifests.bytes_fetched + self._blobs.received_bytes

    async def open(self) -> None:
        """Learn what earlier runs could not get."""
        self._failed = await self._catalog.failed_blobs()

    async def fetch(self, task: ImageTask) -> ImageOutcome:
        """Everything of one image, or as much as can be had.

        Raises:
            OSError: This machine cannot keep what came.
        """
        scope = self._settings.scope
        try:
            root = await self._manifests.by_reference(task)
        except RegistryError as error:
            return ImageOutcome(task.id, scope, failure=Failure.of(error))
        manifests, missing = await self._walk(task, root)
        about = await self._artifacts.find(task, manifests) if self._settings.referrers else Found()
        images, artifacts = _with_blobs(manifests), _with_blobs(about.manifests)
        blobs = await self._fetch_blobs(task, blobs_of(images, artifacts))
        failure = first_failure([*missing, *about.failures], blobs)
        return ImageOutcome(
            task.id,
            scope,
            root=root.manifest.blob_digest,
            manifests=(*manifests, *about.manifests),
            chosen=tuple(manifest.blob_digest for manifest in images),
            blobs=tuple(blobs),
            failure=failure if images or failure else _no_image(missing, self._settings.platform),
            referrers=tuple(about.referrers),
        )

    async def created(self, task: ImageTask) -> Dated:
        """When an image was built, as its configuration says; its manifests are fetched for that, and kept.

        Raises:
            RegistryError: It cannot be had now; what cannot be had for good has no date.
        """
        try:
            root = await self._manifests.by_reference(task)
        except RegistryError as error:
            if error.temporary:
                raise
            return Dated(None)
        manifests, missing = await self._walk(task, root)
        images = _with_blobs(manifests)
        blobs = await self._fetch_blobs(task, [each for each in blobs_of(images) if each[0] == "config"])
        failure = first_failure(missing, blobs)
        if failure is not None and failure.is_temporary:
            raise RegistryError(
                failure.reason, failure.detail, temporary=True, retry_after_s=failure.retry_after_s
            )
        return Dated(latest(map(self._created, images)), tuple(manifests), tuple(blobs))

    def _created(self, image: Manifest) -> str | None:
        """The date of one image, unless its configuration is not to be had."""
        config = image.config
        if config is None or not config.digest.is_verifiable:
            return created_of(image, None)
        size = self._blobs.size(config.digest)
        is_readable = size is not None and size <= MAX_CONFIG_BYTES
        return created_of(image, self._blobs.read(config.digest) if is_readable else None)

    def forget(self, outcomes: Sequence[ImageOutcome | Dated]) -> None:
        """Drop what the catalog knows by now."""
        for outcome in outcomes:
            self._failed.update(blob.digest for blob in outcome.blobs if blob.failure is not None)
            self._blob_flights.forget(blob.digest for blob in outcome.blobs)
            self._manifests.forget(outcome.manifests)

    async def cancel(self) -> None:
        """End what is under way; partial files stay, to be resumed."""
        await self._blob_flights.cancel()
        await self._manifests.cancel()

    async def _walk(
        self, task: ImageTask, root: FetchedManifest
    ) -> tuple[list[FetchedManifest], list[Failure]]:
        """The manifests below ``root`` and itself, each once, and why chosen children are missing."""
        found, missing = [root], list[Failure]()
        seen = {root.manifest.digest}
        frontier = deque([(root.manifest, 0)])
        while frontier:
            manifest, depth = frontier.popleft()
            if depth == MAX_INDEX_DEPTH:
                continue
            for child in choose_children(manifest, self._platforms):
                if child.digest in seen:
                    continue
                if len(seen) == MAX_MANIFESTS:
                    return found, [*missing, _too_many_manifests()]
                seen.add(child.digest)
                try:
                    found.append(await self._manifests.by_digest(task, child.digest, child.media_type))
                except RegistryError as error:
                    missing.append(Failure.of(error))
                    log.info("child_failed", extra={"digest": child.digest, "detail": str(error)})
                else:
                    frontier.append((found[-1].manifest, depth + 1))
        return found, missing

    async def _fetch_blobs(
        self, task: ImageTask, wanted: Sequence[tuple[str, Descriptor]]
    ) -> list[FetchedBlob]:
        """Blobs by role, from the catalog's knowledge, a flight under way, or the registry."""
        maybe = [each.digest for _, each in wanted if self._may_be_known(each.digest)]
        known = await self._catalog.known_blobs(maybe) if maybe else {}
        return await asyncio.gather(
            *(self._blob(task, role, each, known.get(each.digest)) for role, each in wanted)
        )

    def _may_be_known(self, digest: Digest) -> bool:
        if not digest.is_verifiable or digest in self._blob_flights:
            return False  # the former are never kept, and may be longer than any file's name
        return digest in self._failed or self._blobs.size(digest) is not None

    async def _blob(
        self, task: ImageTask, role: str, wanted: Descriptor, known: FetchedBlob | None
    ) -> FetchedBlob:
        """One blob; another image's failure is ours only if it is sure to happen to us too."""
        if known is not None and holds_for(known, wanted):
            return replace(known, role=role)
        while True:
            is_ours = wanted.digest not in self._blob_flights
            blob = await self._blob_flights.join(wanted.digest, partial(self._fetch_blob, task, role, wanted))
            if is_ours or holds_for(blob, wanted):
                return replace(blob, role=role)
            self._blob_flights.forget([wanted.digest])

    async def _fetch_blob(self, task: ImageTask, role: str, wanted: Descriptor) -> FetchedBlob:
        settings = self._settings
        failure = why_not_asked_for(wanted, settings.max_blob_bytes, foreign=settings.foreign_layers)
        if failure is not None:
            return FetchedBlob(wanted.digest, role, wanted.size_bytes, failure)
        try:
            async with self._layer_slots:
                return FetchedBlob(wanted.digest, role, await self._held_or_received(task, wanted))
        except RegistryError as error:
            failure = Failure.of(error)
            log.info(
                "blob_failed", extra={"digest": wanted.digest, "reason": error.reason, "detail": str(error)}
            )
            return FetchedBlob(wanted.digest, role, wanted.size_bytes, failure)

    async def _held_or_received(self, task: ImageTask, wanted: Descriptor) -> int:
        """Size of a blob that is in the store now: received, or left there by a run that was killed."""
        held = self._blobs.size(wanted.digest)
        if held is not None and await self._blobs.verify(wanted.digest):
            return held
        if wanted.digest.algorithm == "sha256" and wanted.embedded is not None:
            self._blobs.put(wanted.embedded)
            return len(wanted.embedded)
        client = self._clients[task.registry]
        try:
            return await self._received(client, task, wanted)
        except RegistryError as error:
            urls = foreign_urls(wanted) if wanted.is_foreign and not error.temporary else []
            failure = error
        for url in urls:
            try:
                return await self._received(client.elsewhere(url), task, wanted)
            except RegistryError as error:
                log.info("url_failed", extra={"digest": wanted.digest, "detail": str(error)})
                failure = error
        raise failure

    async def _received(self, source: BlobSource, task: ImageTask, wanted: Descriptor) -> int:
        return await receive_blob(self._blobs, source, task.repository, wanted, self._means)


def _with_blobs(manifests: Iterable[FetchedManifest]) -> list[Manifest]:
    """Those that are no index."""
    return [fetched.manifest for fetched in manifests if not fetched.manifest.kind.is_index]


def _no_image(missing: Sequence[Failure], rule: str) -> Failure:
    """Why an index led to no image at all."""
    return missing[0] if missing else Failure(Reason.NO_PLATFORM, f"the index offers nothing for {rule}")


def _too_many_manifests() -> Failure:
    return Failure(Reason.TOO_LARGE, f"the index leads to more than {MAX_MANIFESTS} manifests")

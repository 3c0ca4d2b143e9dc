"""Fetching one image: resolve, walk its graph, bring its blobs. What failed is a value, not an exception."""

from __future__ import annotations

import logging
from collections import deque
from typing import TYPE_CHECKING

from corpus.records import Failure, ImageOutcome
from downloader.artifacts import ArtifactFinder, Found
from downloader.blobs import BlobFetcher
from downloader.dates import MAX_CONFIG_BYTES, Dated, created_of, latest
from downloader.manifests import ManifestFetcher
from downloader.plan import (
    MAX_DESCRIPTORS,
    MAX_INDEX_DEPTH,
    MAX_MANIFESTS,
    blobs_of,
    choose_children,
    descriptors_in,
    first_failure,
    parse_platforms,
)
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from corpus.blobs import BlobStore
    from corpus.catalog.contents import ContentCatalog
    from corpus.records import FetchedManifest, ImageTask
    from downloader.settings import DownloadSettings
    from registry.client import RegistryClient
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
        self._blobs = blobs
        self._settings = settings
        self._platforms = parse_platforms(settings.platform)
        self._contents = BlobFetcher(catalog, blobs, clients, settings)
        self._manifests = ManifestFetcher(catalog, blobs, clients)
        self._artifacts = ArtifactFinder(self._manifests, clients)

    def __repr__(self) -> str:
        return f"<Fetcher {self._manifests!r} {self._contents!r}>"

    @property
    def bytes_fetched(self) -> int:
        """Bytes of manifests and blobs that came over the network, as they come."""
        return self._manifests.bytes_fetched + self._blobs.received_bytes

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
        blobs = await self._contents.fetch(task, blobs_of(images, artifacts))
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
        blobs = await self._contents.fetch(task, [each for each in blobs_of(images) if each[0] == "config"])
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
            self._contents.forget(outcome.blobs)
            self._manifests.forget(outcome.manifests)

    async def cancel(self) -> None:
        """End what is under way; partial files stay, to be resumed."""
        await self._contents.cancel()
        await self._manifests.cancel()

    async def _walk(
        self, task: ImageTask, root: FetchedManifest
    ) -> tuple[list[FetchedManifest], list[Failure]]:
        """The manifests below ``root`` and itself, each once, and why chosen children are missing."""
        found, missing = [root], list[Failure]()
        seen, listed = {root.manifest.digest}, descriptors_in(root.manifest)
        frontier = deque([(root.manifest, 0)])
        while frontier:
            manifest, depth = frontier.popleft()
            chosen = choose_children(manifest, self._platforms)
            children = [child for child in chosen if child.digest not in seen]
            if children and depth == MAX_INDEX_DEPTH:
                missing.append(_too_large(f"more than {MAX_INDEX_DEPTH} indexes within each other"))
                continue
            for child in children:
                if child.digest in seen:
                    continue
                if len(seen) == MAX_MANIFESTS:
                    return found, [*missing, _too_large(f"more than {MAX_MANIFESTS} manifests")]
                seen.add(child.digest)
                fetched = await self._child(task, child, missing)
                if fetched is None:
                    continue
                listed += descriptors_in(fetched.manifest)
                if listed > MAX_DESCRIPTORS:
                    self._manifests.forget([fetched])
                    return found, [*missing, _too_large(f"more than {MAX_DESCRIPTORS} descriptors")]
                found.append(fetched)
                frontier.append((fetched.manifest, depth + 1))
        return found, missing

    async def _child(
        self, task: ImageTask, child: Descriptor, missing: list[Failure]
    ) -> FetchedManifest | None:
        """The manifest of a child; else ``None``, and why it is missing."""
        try:
            return await self._manifests.by_digest(task, child.digest, child.media_type)
        except RegistryError as error:
            log.info("child_failed", extra={"digest": child.digest, "detail": str(error)})
            missing.append(Failure.of(error))
            return None


def _with_blobs(manifests: Iterable[FetchedManifest]) -> list[Manifest]:
    """Those that are no index."""
    return [fetched.manifest for fetched in manifests if not fetched.manifest.kind.is_index]


def _no_image(missing: Sequence[Failure], rule: str) -> Failure:
    """Why an index led to no image at all."""
    return missing[0] if missing else Failure(Reason.NO_PLATFORM, f"the index offers nothing for {rule}")


def _too_large(extent: str) -> Failure:
    return Failure(Reason.TOO_LARGE, f"the index leads to {extent}")

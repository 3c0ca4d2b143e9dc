"""Fetching one image: resolve, walk its graph, bring its blobs. What failed is a value, not an exception."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from corpus.records import Failure, FetchedBlob, FetchedManifest, ImageOutcome
from downloader.flights import SingleFlight
from downloader.plan import (
    MAX_INDEX_DEPTH,
    MAX_MANIFESTS,
    blobs_of,
    choose_children,
    depends_on_asker,
    first_failure,
    holds_for,
    parse_platforms,
    why_not_asked_for,
)
from downloader.receive import receive_blob
from registry.digests import Digest, digest_or_none
from registry.errors import Reason, RegistryError
from registry.manifests import may_be_schema1, parse_manifest

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from corpus.blobs import BlobStore
    from corpus.catalog.contents import ContentCatalog
    from corpus.records import ImageTask
    from downloader.settings import DownloadSettings
    from registry.client import ManifestHead, RegistryClient
    from registry.manifests import Descriptor, Manifest

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
        self._manifest_flights = SingleFlight[str, FetchedManifest]()
        self._blob_flights = SingleFlight[Digest, FetchedBlob]()
        self._layer_slots = asyncio.Semaphore(settings.parallel_layers)
        # Registries that count no pulls: there a GET by tag saves the HEAD.
        self._uncounted: set[str] = set()
        # Blobs that the catalog knows to have failed. Those it knows to be there are files, so
        # for most blobs of a first census the catalog need not be asked at all.
        self._failed: set[str] = set()
        self._manifest_bytes = 0

    def __repr__(self) -> str:
        return f"<Fetcher blobs={len(self._blob_flights)} bytes_fetched={self.bytes_fetched}>"

    @property
    def bytes_fetched(self) -> int:
        """Bytes of manifests and blobs that came over the network, as they come."""
        return self._manifest_bytes + self._blobs.received_bytes

    async def open(self) -> None:
        """Learn what earlier runs could not get."""
        self._failed = await self._catalog.failed_blobs()

    async def fetch(self, task: ImageTask) -> ImageOutcome:
        """Everything of one image, or as much as can be had.

        Raises:
            RegistryError: Only ``QUOTA``, which is about us and not about this image.
            OSError: This machine cannot keep what came.
        """
        rule = self._settings.platform
        try:
            root = await self._root(task)
        except RegistryError as error:
            return ImageOutcome(task.id, rule, failure=_failure_of(error))
        manifests, missing = await self._walk(task, root)
        images = [fetched.manifest for fetched in manifests if not fetched.manifest.kind.is_index]
        blobs = await self._fetch_blobs(task, images)
        failure = first_failure(missing, blobs)
        return ImageOutcome(
            task.id,
            rule,
            root=root.manifest.blob_digest,
            manifests=tuple(manifests),
            chosen=tuple(manifest.blob_digest for manifest in images),
            blobs=tuple(blobs),
            failure=failure if images or failure else _no_image(missing, rule),
        )

    def forget(self, outcomes: Sequence[ImageOutcome]) -> None:
        """Drop what the catalog knows by now."""
        for outcome in outcomes:
            self._failed.update(blob.digest for blob in outcome.blobs if blob.failure is not None)
            self._blob_flights.forget(blob.digest for blob in outcome.blobs)
            for fetched in outcome.manifests:
                self._manifest_flights.forget({fetched.manifest.digest, fetched.manifest.blob_digest})

    async def cancel(self) -> None:
        """End what is under way; partial files stay, to be resumed."""
        await self._blob_flights.cancel()
        await self._manifest_flights.cancel()

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
                    found.append(await self._by_digest(task, child.digest, child.media_type))
                except RegistryError as error:
                    missing.append(_failure_of(error))
                    log.info("child_failed", extra={"digest": child.digest, "detail": str(error)})
                else:
                    frontier.append((found[-1].manifest, depth + 1))
        return found, missing

    async def _root(self, task: ImageTask) -> FetchedManifest:
        """The manifest that the reference stands for."""
        if ":" in task.reference:
            return await self._by_digest(task, Digest.parse(task.reference))
        head = None if task.registry in self._uncounted else await self._head(task)
        if head is not None and head.digest is not None and head.digest.is_verifiable:
            try:
                return await self._by_digest(task, head.digest, head.media_type)
            except RegistryError as error:
                if error.reason is not Reason.MANIFEST_MISSING:
                    raise
        # HEAD was not worth it, did not tell, or told wrong, or the tag was moved since.
        return await self._by_tag(task)

    async def _head(self, task: ImageTask) -> ManifestHead | None:
        """What a tag stands for, asked by HEAD, which costs no pull quota.

        ``None`` when HEAD does not tell: it is unsupported, or fails without a body to say why. The
        GET by tag that follows does tell.
        """
        try:
            head = await self._clients[task.registry].head(task.repository, task.reference)
        except RegistryError as error:
            if error.status in {404, 405}:
                return None
            raise
        if not head.is_counted:
            self._uncounted.add(task.registry)
        return head

    async def _by_tag(self, task: ImageTask) -> FetchedManifest:
        """The manifest of a tag; by its digest where the answer is not what its own header says.

        Registries may convert a manifest asked for by tag, but none that is asked for by digest.
        """
        answer = await self._clients[task.registry].manifest(task.repository, task.reference)
        claimed = digest_or_none(answer.header_digest)
        manifest = parse_manifest(answer.raw, answer.content_type)
        if claimed is not None and claimed not in _names_of(answer.raw, manifest, claimed):
            try:
                return await self._by_digest(task, claimed)
            except RegistryError as error:
                log.info("header_wrong", extra={"digest": claimed, "detail": str(error)})
        return self._keep(answer.raw, answer.content_type, answer.header_digest)

    async def _by_digest(self, task: ImageTask, digest: Digest, media_type: str = "") -> FetchedManifest:
        if not digest.is_verifiable:
            raise RegistryError(Reason.UNVERIFIABLE, f"no way to compute {digest.algorithm}")
        fetch = partial(self._held_or_fetched, task, digest, media_type)
        is_ours = digest not in self._manifest_flights
        try:
            return await self._manifest_flights.join(digest, fetch)
        except RegistryError as error:
            if is_ours or not depends_on_asker(error.reason):
                raise
            return await fetch()

    async def _held_or_fetched(self, task: ImageTask, digest: Digest, media_type: str) -> FetchedManifest:
        stored = await self._stored_name(digest, media_type)
        if stored is not None and await self._blobs.verify(Digest(stored)):
            content_type, header = await self._catalog.manifest_answer(stored)
            manifest = parse_manifest(self._blobs.read(Digest(stored)), content_type)
            return FetchedManifest(manifest, content_type, header)
        answer = await self._clients[task.registry].manifest(task.repository, digest)
        return self._keep(answer.raw, answer.content_type, answer.header_digest, expected=digest)

    async def _stored_name(self, digest: Digest, media_type: str) -> str | None:
        """The name under which a manifest is held: its digest, but for schema 1, that of its payload."""
        if self._blobs.size(digest) is None and not may_be_schema1(media_type):
            return None
        return (await self._catalog.known_manifests([digest])).get(digest)

    def _keep(
        self, raw: bytes, content_type: str, header_digest: str | None, *, expected: Digest | None = None
    ) -> FetchedManifest:
        """Store the bytes as they came, once they are known to be what was asked for."""
        manifest = parse_manifest(raw, content_type)
        if expected is not None and expected not in _names_of(raw, manifest, expected):
            raise RegistryError(
                Reason.DIGEST_MISMATCH, f"the manifest hashes to {manifest.digest}, {expected} was asked for"
            )
        self._blobs.put(raw)
        self._manifest_bytes += len(raw)
        return FetchedManifest(manifest, content_type, header_digest)

    async def _fetch_blobs(self, task: ImageTask, manifests: Sequence[Manifest]) -> list[FetchedBlob]:
        """The blobs of an image, from the catalog's knowledge, a flight under way, or the registry."""
        wanted = [(role, each) for role, group in blobs_of(manifests).items() for each in group]
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
            return known
        while True:
            is_ours = wanted.digest not in self._blob_flights
            blob = await self._blob_flights.join(wanted.digest, partial(self._fetch_blob, task, role, wanted))
            if is_ours or holds_for(blob, wanted):
                return blob
            self._blob_flights.forget([wanted.digest])

    async def _fetch_blob(self, task: ImageTask, role: str, wanted: Descriptor) -> FetchedBlob:
        failure = why_not_asked_for(wanted, self._settings.max_blob_bytes)
        if failure is not None:
            return FetchedBlob(wanted.digest, role, wanted.size_bytes, failure)
        try:
            async with self._layer_slots:
                return FetchedBlob(wanted.digest, role, await self._held_or_received(task, wanted))
        except RegistryError as error:
            failure = _failure_of(error)
            log.info(
                "blob_failed", extra={"digest": wanted.digest, "reason": error.reason, "detail": str(error)}
            )
            return FetchedBlob(wanted.digest, role, wanted.size_bytes, failure)

    async def _held_or_received(self, task: ImageTask, wanted: Descriptor) -> int:
        """Size of a blob that is in the store now: received, or left there by a run that was killed."""
        held = self._blobs.size(wanted.digest)
        if held is not None and await self._blobs.verify(wanted.digest):
            return held
        return await receive_blob(
            self._blobs,
            self._clients[task.registry],
            task.repository,
            wanted,
            attempts=self._settings.blob_attempts,
            max_bytes=self._settings.max_blob_bytes,
        )


def _names_of(raw: bytes, manifest: Manifest, expected: Digest) -> set[Digest]:
    """The digests by which these bytes may be asked for: canonical, and of the bytes themselves."""
    names = {manifest.digest, manifest.blob_digest}
    if expected.algorithm != "sha256" and expected.is_verifiable:
        names.add(Digest.of(raw, expected.algorithm))
    return names


def _failure_of(error: RegistryError) -> Failure:
    """The outcome of a request; a used-up quota is none: it says nothing about what was asked for."""
    if error.reason is Reason.QUOTA:
        raise error
    return Failure.of(error)


def _no_image(missing: Sequence[Failure], rule: str) -> Failure:
    """Why an index led to no image at all."""
    return missing[0] if missing else Failure(Reason.NO_PLATFORM, f"the index offers nothing for {rule}")


def _too_many_manifests() -> Failure:
    return Failure(Reason.TOO_LARGE, f"the index leads to more than {MAX_MANIFESTS} manifests")

"""Manifests, by tag or digest: held already, or fetched as the registry stores them and proven to be so."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING

from corpus.records import FetchedManifest
from downloader.flights import SingleFlight, join_or_ask
from downloader.plan import MAX_DESCRIPTORS, descriptors_in
from registry.digests import Digest, digest_or_none
from registry.documents import LONG_BYTES, read_aside
from registry.errors import Reason, RegistryError
from registry.manifests import ManifestFlag, ManifestKind, may_be_schema1, parse_manifest
from registry.originals import flags_of_answer, is_called, may_be_converted, parse_named
from registry.transport.http import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from corpus.blobs import BlobStore
    from corpus.catalog.contents import ContentCatalog
    from corpus.records import ImageTask
    from registry.client import FetchedManifest as Answer
    from registry.client import ManifestHead, RegistryClient
    from registry.manifests import Manifest

log = logging.getLogger(__name__)


class ManifestFetcher:
    """Brings manifests into the store; one wanted by several images at once is fetched once.

    Every method raises ``RegistryError`` for what cannot be had.
    """

    def __init__(
        self, catalog: ContentCatalog, blobs: BlobStore, clients: Mapping[str, RegistryClient]
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._clients = clients
        # By registry: nobody is to wait for a pause that another one asked for.
        self._flights = SingleFlight[tuple[str, str], FetchedManifest]()
        # At some ten times its size in memory, one long manifest is enough at a time.
        self._reading = asyncio.Lock()
        self.bytes_fetched = 0

    def __repr__(self) -> str:
        return f"<ManifestFetcher flights={len(self._flights)} bytes_fetched={self.bytes_fetched}>"

    def forget(self, fetched: Iterable[FetchedManifest]) -> None:
        """Drop what the catalog knows by now."""
        for each in fetched:
            names = {each.manifest.digest, each.manifest.blob_digest}
            self._flights.forget(product(self._clients, names))

    async def cancel(self) -> None:
        """End what is under way."""
        await self._flights.cancel()

    async def by_reference(self, task: ImageTask) -> FetchedManifest:
        """The manifest that the reference of an image stands for."""
        if ":" in task.reference:
            return await self.by_digest(task, Digest.parse(task.reference))
        # Where pulls are not counted, a GET by tag saves the HEAD.
        is_counted = self._clients[task.registry].counts_pulls is not False
        head = await self._head(task) if is_counted else None
        promised = None if head is None else head.digest
        if head is not None and promised is not None and promised.is_verifiable:
            try:
                return await self.by_digest(task, promised, head.media_type)
            except RegistryError as error:
                if error.reason is not Reason.MANIFEST_MISSING:
                    raise
        # HEAD was not worth it, did not tell, or told wrong, or the tag was moved since.
        return await self._by_tag(task, promised)

    async def by_tag_if_any(self, task: ImageTask, tag: str) -> FetchedManifest | None:
        """The manifest of a tag that few repositories have; most answer a HEAD with 404, and that is all."""
        wanted = replace(task, reference=tag)
        try:
            head = await self._clients[task.registry].head(task.repository, tag)
            if head.digest is not None and head.digest.is_verifiable:
                return await self.by_digest(task, head.digest, head.media_type)
            return await self._by_tag(wanted, head.digest)
        except RegistryError as error:
            if error.status == 405:
                return await self._by_tag(wanted, None)
            if error.reason in {Reason.NO_TAG, Reason.MANIFEST_MISSING}:
                return None
            raise

    async def by_digest(self, task: ImageTask, digest: Digest, media_type: str = "") -> FetchedManifest:
        """A manifest by any of its digests; ``media_type`` is what is said of it elsewhere."""
        if not digest.is_verifiable:
            raise RegistryError(Reason.UNVERIFIABLE, f"no way to compute {digest.algorithm}")
        fetch = partial(self._held_or_fetched, task, digest, media_type)
        return await join_or_ask(self._flights, (task.registry, digest), fetch)

    async def _head(self, task: ImageTask) -> ManifestHead | None:
        """What a tag stands for, asked by HEAD, which costs no pull quota.

        ``None`` when HEAD does not tell: it is unsupported, or fails without a body to say why. The
        GET by tag that follows does tell.
        """
        try:
            return await self._clients[task.registry].head(task.repository, task.reference)
        except RegistryError as error:
            if error.status in {404, 405}:
                return None
            raise

    async def _by_tag(self, task: ImageTask, promised: Digest | None) -> FetchedManifest:
        """The manifest of a tag; by its digest where the answer is not what its own header says.

        Registries may convert a manifest asked for by tag, but none that is asked for by digest: what
        they do not know by its digest is none that they store.
        """
        answer = await self._clients[task.registry].manifest(task.repository, task.reference)
        claimed = digest_or_none(answer.header_digest)
        if claimed is not None and claimed.is_verifiable and not await self._is_named(answer, claimed):
            try:
                return await self.by_digest(task, claimed)
            except RegistryError as error:
                if error.reason is not Reason.MANIFEST_MISSING:
                    raise
                log.info("header_wrong", extra={"digest": claimed, "detail": str(error)})
        manifest = await self._read(answer.raw, answer.content_type)
        flags = frozenset[ManifestFlag]()
        if may_be_converted(answer.raw, manifest, answer.header_digest, promised):
            flags = await self._mark_of_conversion(task, manifest.digest)
        return self._keep(answer, manifest, flags)

    async def _mark_of_conversion(self, task: ImageTask, digest: Digest) -> frozenset[ManifestFlag]:
        """``converted``, unless the registry knows a manifest by this digest, its own."""
        client = self._clients[task.registry]
        try:
            stored = await client.manifest(task.repository, digest)
            is_original = is_called(digest, stored.raw, await self._read(stored.raw, stored.content_type))
        except RegistryError as error:
            if error.temporary:
                raise
            is_original = False
        return frozenset() if is_original else frozenset({ManifestFlag.CONVERTED})

    async def _held_or_fetched(self, task: ImageTask, digest: Digest, media_type: str) -> FetchedManifest:
        held = await self._recorded(digest, media_type) or await self._left_behind(task, digest)
        if held is not None:
            return held
        answer, manifest = await self._fetched(task, digest)
        return self._keep(answer, _named(manifest, digest))

    async def _recorded(self, digest: Digest, media_type: str) -> FetchedManifest | None:
        """A manifest that is in the store and in the catalog."""
        stored = await self._stored_name(digest, media_type)
        if stored is None or not await self._blobs.verify(Digest(stored)):
            return None
        content_type, header, flags = await self._catalog.manifest_answer(stored)
        manifest = await self._read(self._blobs.read(Digest(stored)), content_type)
        return FetchedManifest(_named(manifest, digest), content_type, header, flags)

    async def _left_behind(self, task: ImageTask, digest: Digest) -> FetchedManifest | None:
        """A manifest that only the store has: a run was killed before it wrote what the registry said of it.

        A HEAD tells that again, and costs no pull quota. What cannot be told or read so is asked for anew.
        """
        size = self._blobs.size(digest) if digest.algorithm == "sha256" else None
        if size is None or size > MAX_BODY_BYTES or not await self._blobs.verify(digest):
            return None
        raw = self._blobs.read(digest)
        try:
            head = await self._clients[task.registry].head(task.repository, digest)
            manifest = await self._read(raw, head.media_type)
        except RegistryError as error:
            log.info("held_unreadable", extra={"digest": digest, "detail": str(error)})
            return None
        said = flags_of_answer(raw, manifest, head.media_type, head.digest)
        return FetchedManifest(manifest, head.media_type, head.digest, manifest.flags | said)

    async def _fetched(self, task: ImageTask, digest: Digest) -> tuple[Answer, Manifest]:
        """The manifest as it came; wrong bytes may be a broken cache on the way, twice they are not."""
        try:
            return await self._fetched_once(task, digest)
        except RegistryError as error:
            if error.reason is not Reason.DIGEST_MISMATCH:
                raise
        return await self._fetched_once(task, digest)

    async def _fetched_once(self, task: ImageTask, digest: Digest) -> tuple[Answer, Manifest]:
        answer = await self._clients[task.registry].manifest(task.repository, digest)
        return answer, await self._read(answer.raw, answer.content_type, digest)

    async def _read(self, raw: bytes, content_type: str, name: Digest | None = None) -> Manifest:
        """Read the body of a manifest, under the name by which it was asked for, if by any.

        Raises:
            RegistryError: It is none, or not that, or it lists more than an image may.
        """
        if name is None:
            read = partial(parse_manifest, raw, content_type)
        else:
            read = partial(parse_named, raw, content_type, name)
        async with self._reading if len(raw) > LONG_BYTES else nullcontext():
            manifest = await read_aside(raw, read)
        if manifest.kind is ManifestKind.V1_IMAGE:
            raise RegistryError(Reason.UNSUPPORTED_TYPE, "no registry stores what only we write")
        if descriptors_in(manifest) > MAX_DESCRIPTORS:
            raise RegistryError(Reason.TOO_LARGE, f"it lists more than {MAX_DESCRIPTORS} descriptors")
        return manifest

    async def _is_named(self, answer: Answer, digest: Digest) -> bool:
        """Whether an answer is what ``digest`` names, whatever can be read in it."""
        try:
            await self._read(answer.raw, answer.content_type, digest)
        except RegistryError as error:
            return error.reason is not Reason.DIGEST_MISMATCH
        return True

    async def _stored_name(self, digest: Digest, media_type: str) -> str | None:
        """The name under which a manifest is held: the sha256 of its bytes, whatever it is asked for by."""
        may_have_another = digest.algorithm != "sha256" or may_be_schema1(media_type)
        if not may_have_another and self._blobs.size(digest) is None:
            return None
        return (await self._catalog.known_manifests([digest])).get(digest)

    def _keep(
        self, answer: Answer, manifest: Manifest, flags: frozenset[ManifestFlag] = frozenset()
    ) -> FetchedManifest:
        """Store the bytes as they came, with all that is odd about them."""
        self._blobs.put(answer.raw)
        self.bytes_fetched += len(answer.raw)
        said = flags_of_answer(answer.raw, manifest, answer.content_type, answer.header_digest)
        return FetchedManifest(
            manifest, answer.content_type, answer.header_digest, manifest.flags | said | flags
        )


def _named(manifest: Manifest, digest: Digest) -> Manifest:
    """The manifest under the name by which it was asked for, where that is of another algorithm."""
    is_own = digest.algorithm == manifest.digest.algorithm
    return manifest if is_own else replace(manifest, digest=digest)

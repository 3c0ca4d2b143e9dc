"""Fetching one image of a registry of version 1: its ancestry, then the JSON and layer of each ancestor."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import TYPE_CHECKING

from corpus.records import Failure, FetchedBlob, FetchedManifest, ImageOutcome
from downloader.dates import Dated
from downloader.flights import SingleFlight, join_or_ask
from downloader.plan import first_that_may_pass
from downloader.v1_layers import LayerSource, receive_layer
from registry.documents import parse_document, text_or_empty
from registry.errors import Reason, RegistryError
from registry.manifests import parse_manifest
from registry.v1 import V1Repository
from registry.v1_images import MEDIA_TYPE, V1Layer, is_image_id, write_image

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from corpus.blobs import BlobStore
    from corpus.catalog import Catalog
    from corpus.layout import Layout
    from corpus.records import ImageTask
    from downloader.settings import DownloadSettings
    from registry.digests import Digest
    from registry.v1 import V1Client

log = logging.getLogger(__name__)

# An image of a registry, by its name there and its id.
_Key = tuple[str, str]


class V1Fetcher:
    """Fetches images; an ancestor wanted by several of them is fetched once, in this run and later ones."""

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        layout: Layout,
        clients: Mapping[str, V1Client],
        settings: DownloadSettings,
    ) -> None:
        self._catalog = catalog
        self._blobs = blobs
        self._layout = layout
        self._clients = clients
        self._settings = settings
        self._repositories = SingleFlight[_Key, V1Repository]()
        self._layers = SingleFlight[_Key, V1Layer]()
        self._layer_slots = {name: asyncio.Semaphore(settings.parallel_layers) for name in clients}
        # What each image took from flights, until a checkpoint has recorded it.
        self._taken: dict[int, list[_Key]] = {}
        # Repositories asked for since a checkpoint: the tags of one mostly follow each other.
        self._asked: set[_Key] = set()

    def __repr__(self) -> str:
        return f"<V1Fetcher layers={len(self._layers)}>"

    async def fetch(self, task: ImageTask) -> ImageOutcome:
        """Everything of one image, or as much as can be had.

        Raises:
            OSError: This machine cannot keep what came.
        """
        scope = self._settings.scope
        try:
            repository, ids = await self._resolve(task)
        except RegistryError as error:
            return ImageOutcome(task.id, scope, failure=Failure.of(error))
        found = await asyncio.gather(*(self._layer(task, repository, image_id) for image_id in ids))
        layers = [each for each in found if isinstance(each, V1Layer)]
        failure = first_that_may_pass(each for each in found if isinstance(each, Failure))
        if failure is not None:
            return ImageOutcome(task.id, scope, blobs=_blobs_of(layers), failure=failure)
        image = self._keep(layers)
        digest = image.manifest.blob_digest
        return ImageOutcome(
            task.id, scope, root=digest, manifests=(image,), chosen=(digest,), blobs=_blobs_of(layers)
        )

    async def created(self, task: ImageTask) -> Dated:
        """When an image was built, as its JSON says.

        Raises:
            RegistryError: It cannot be had now; what cannot be had for good has no date.
        """
        client = self._clients[task.registry]
        try:
            repository = await self._repository(task)
            described = await client.image_json(repository, _id_of(repository, task.reference))
        except RegistryError as error:
            if error.temporary:
                raise
            return Dated(None)
        return Dated(text_or_empty(parse_document(described.raw).body.get("created")) or None)

    def forget(self, outcomes: Sequence[ImageOutcome | Dated]) -> None:
        """Drop what the catalog knows by now."""
        for outcome in outcomes:
            if isinstance(outcome, ImageOutcome):
                self._layers.forget(self._taken.pop(outcome.task_id, ()))
        self._repositories.forget(self._asked)
        self._asked = {key for key in self._asked if key in self._repositories}  # those under way

    async def cancel(self) -> None:
        """End what is under way; partial files stay, to be resumed."""
        await self._layers.cancel()
        await self._repositories.cancel()

    async def _repository(self, task: ImageTask) -> V1Repository:
        key = (task.registry, task.repository)
        self._asked.add(key)
        return await self._repositories.join(
            key, partial(self._clients[task.registry].repository, task.repository)
        )

    async def _resolve(self, task: ImageTask) -> tuple[V1Repository, tuple[str, ...]]:
        """The repository of an image, and the ids of its ancestry, base first."""
        repository = await self._repository(task)
        image_id = _id_of(repository, task.reference)
        ids = await self._clients[task.registry].ancestry(repository, image_id)
        self._taken[task.id] = [(task.registry, each) for each in ids]
        return repository, ids

    async def _layer(self, task: ImageTask, repository: V1Repository, image_id: str) -> V1Layer | Failure:
        """One ancestor, or why it is missing."""
        fetch = partial(self._held_or_fetched, task, repository, image_id)
        try:
            return await join_or_ask(self._layers, (task.registry, image_id), fetch)
        except RegistryError as error:
            log.info("layer_failed", extra={"image_id": image_id, "detail": str(error)})
            return Failure.of(error)

    async def _held_or_fetched(self, task: ImageTask, repository: V1Repository, image_id: str) -> V1Layer:
        known = await self._catalog.v1.layer(task.registry, image_id)
        if known is not None and await self._is_held(known):
            return known
        async with self._layer_slots[task.registry]:
            layer = await self._receive(task, repository, image_id)
        await self._catalog.v1.record(task.registry, layer)
        return layer

    async def _receive(self, task: ImageTask, repository: V1Repository, image_id: str) -> V1Layer:
        client, settings = self._clients[task.registry], self._settings
        described = await client.image_json(repository, image_id)
        self._blobs.received_bytes += len(described.raw)
        digest, size = await receive_layer(
            self._blobs,
            self._layout.partial_unnamed(f"{task.registry} {image_id}"),
            LayerSource(client, repository, image_id, described),
            attempts=settings.blob_attempts,
            max_bytes=settings.max_blob_bytes,
        )
        return V1Layer(image_id, self._blobs.put(described.raw), len(described.raw), digest, size)

    async def _is_held(self, layer: V1Layer) -> bool:
        """Whether the blobs are in the store: by the catalog, or verified, where a killed run left them."""
        digests = (layer.json_digest, layer.digest)
        if any(self._blobs.size(digest) is None for digest in digests):
            return False
        known = await self._catalog.contents.known_blobs(digests)
        for digest in digests:
            is_recorded = digest in known and known[digest].failure is None
            if not is_recorded and not await self._blobs.verify(digest):
                return False
        return True

    def _keep(self, layers: Sequence[V1Layer]) -> FetchedManifest:
        """Store the document that stands for the image."""
        document = write_image(layers)
        self._blobs.put(document)
        return FetchedManifest(parse_manifest(document, MEDIA_TYPE), MEDIA_TYPE, None)


def _id_of(repository: V1Repository, reference: str) -> str:
    """The image that a tag stands for; a digest stands for none here."""
    image_id = repository.tags.get(reference)
    if image_id is None:
        raise RegistryError(Reason.NO_TAG, f"the repository has no tag {reference[:150]!r}")
    if not is_image_id(image_id):
        raise RegistryError(Reason.UNEXPECTED_ANSWER, f"the tag stands for {image_id[:100]!r}, no image id")
    return image_id


def _blobs_of(layers: Iterable[V1Layer]) -> tuple[FetchedBlob, ...]:
    blobs: dict[Digest, FetchedBlob] = {}
    for layer in layers:
        blobs[layer.json_digest] = FetchedBlob(layer.json_digest, "config", layer.json_bytes)
        blobs[layer.digest] = FetchedBlob(layer.digest, "layer", layer.size_bytes)
    return tuple(blobs.values())

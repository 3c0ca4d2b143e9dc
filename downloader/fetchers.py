"""Which fetcher an image is for: its registry speaks version 2, as all do today, or version 1."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from downloader.fetch import Fetcher
from downloader.v1 import V1Fetcher
from registry.client import RegistryClient
from registry.v1 import V1Client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from corpus.blobs import BlobStore
    from corpus.catalog import Catalog
    from corpus.layout import Layout
    from corpus.records import ImageOutcome, ImageTask
    from downloader.dates import Dated
    from downloader.settings import DownloadSettings

Client: TypeAlias = RegistryClient | V1Client


class Fetchers:
    """Fetches images of any registry; each method does what that of :class:`Fetcher` does."""

    def __init__(
        self,
        catalog: Catalog,
        blobs: BlobStore,
        layout: Layout,
        clients: Mapping[str, Client],
        settings: DownloadSettings,
    ) -> None:
        v1 = {name: client for name, client in clients.items() if isinstance(client, V1Client)}
        v2 = {name: client for name, client in clients.items() if isinstance(client, RegistryClient)}
        self._v1 = V1Fetcher(catalog, blobs, layout, v1, settings)
        self._v2 = Fetcher(catalog.contents, blobs, v2, settings)
        self._by_registry: dict[str, Fetcher | V1Fetcher] = {
            **dict.fromkeys(v1, self._v1),
            **dict.fromkeys(v2, self._v2),
        }

    def __repr__(self) -> str:
        return f"<Fetchers {self._v2!r} {self._v1!r}>"

    @property
    def bytes_fetched(self) -> int:
        """Bytes that came over the network, as they come; those of version 1 all go through the store."""
        return self._v2.bytes_fetched

    async def fetch(self, task: ImageTask) -> ImageOutcome:
        """Everything of one image, or as much as can be had."""
        return await self._by_registry[task.registry].fetch(task)

    async def created(self, task: ImageTask) -> Dated:
        """When an image was built."""
        return await self._by_registry[task.registry].created(task)

    def forget(self, outcomes: Sequence[ImageOutcome | Dated]) -> None:
        """Drop what the catalog knows by now."""
        self._v1.forget(outcomes)
        self._v2.forget(outcomes)

    async def cancel(self) -> None:
        """End what is under way."""
        await self._v1.cancel()
        await self._v2.cancel()

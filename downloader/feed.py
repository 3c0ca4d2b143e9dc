"""The work of a run in its order: images one by one, claimed from the catalog a page at a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from corpus.catalog.images import START
from corpus.catalog.plan import Order

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from corpus.catalog.images import ImageCatalog
    from corpus.records import ImageTask
    from downloader.settings import DownloadSettings

# Rows per claim: large enough that claiming costs nothing, small enough to hold in memory.
_CLAIM_IMAGES = 500


def order_of(registries: Iterable[str], settings: DownloadSettings) -> Order:
    """Which images a run takes, and which of them first."""
    return Order(tuple(registries), by=settings.order, seed=settings.seed, limit=settings.limit)


class Feed:
    """Goes through the plan, and again when it is rewound."""

    def __init__(self, images: ImageCatalog, registries: Sequence[str], scope: str) -> None:
        self._images = images
        self._registries = registries
        self._scope = scope
        self._claiming = asyncio.Lock()
        self._tasks: list[ImageTask] = []
        self._after = START
        self._is_over = True

    async def rewind(self) -> int:
        """Begin at the front of the plan; returns how many images there are to hand out."""
        self._tasks, self._after, self._is_over = [], START, False
        return await self._images.count(self._registries, self._scope)

    async def next(self) -> ImageTask | None:
        """The next image, ``None`` when there is none."""
        async with self._claiming:
            if not self._tasks and not self._is_over:
                await self._claim()
            return self._tasks.pop() if self._tasks else None

    async def _claim(self) -> None:
        found = await self._images.pending(
            self._registries, self._scope, after=self._after, limit=_CLAIM_IMAGES
        )
        self._is_over = len(found) < _CLAIM_IMAGES
        self._tasks = found[::-1]
        if found:
            self._after = (found[-1].rank, found[-1].id)

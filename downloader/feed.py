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
    return Order(
        tuple(registries), settings.tags, by=settings.order, seed=settings.seed, limit=settings.limit
    )


class Feed:
    """Goes through the plan, and again from its front whenever it is rewound."""

    def __init__(self, images: ImageCatalog, registries: Sequence[str], scope: str) -> None:
        self._images = images
        self._registries = registries
        self._scope = scope
        self._claiming = asyncio.Lock()
        self._tasks: list[ImageTask] = []
        self._handed_out: set[int] = set()  # by id, until the catalog knows what became of them
        self._after = START
        self._is_over = True

    async def rewind(self) -> int:
        """Begin at the front of the plan; returns how many images of it the catalog has as open."""
        async with self._claiming:
            self._tasks, self._after, self._is_over = [], START, False
            return await self._images.count(self._registries, self._scope)

    async def next(self) -> ImageTask | None:
        """The next image, ``None`` when there is none."""
        async with self._claiming:
            while not self._tasks and not self._is_over:
                await self._claim()
            if not self._tasks:
                return None
            task = self._tasks.pop()
            self._handed_out.add(task.id)
            return task

    def forget(self, ids: Iterable[int]) -> None:
        """Take note that the catalog knows by now what became of these."""
        self._handed_out.difference_update(ids)

    async def _claim(self) -> None:
        under_way = set(self._handed_out)  # as of before the look: they may be settled during it
        found = await self._images.pending(
            self._registries, self._scope, after=self._after, limit=_CLAIM_IMAGES
        )
        self._is_over = len(found) < _CLAIM_IMAGES
        self._tasks = [task for task in reversed(found) if task.id not in under_way]
        if found:
            self._after = (found[-1].rank, found[-1].id)

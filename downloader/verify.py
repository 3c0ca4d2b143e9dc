"""Whether the store is what the catalog says, byte for byte; nothing is written but by :class:`Repair`.

Sources of work: what the catalog has, then what lies in the data directory. Every blob is read once: as
one that the catalog has, or as one that it has not. Memory does not grow with the store.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from contextlib import aclosing
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TYPE_CHECKING

from corpus.catalog.verification import StoredBlob
from corpus.lock import is_held
from corpus.oci import EMPTY_INDEX, index_parts, write_index
from corpus.survey import lying_blobs, lying_downloads, lying_temporaries, size_of
from downloader.examine import Examiners, batches
from downloader.findings import LOST, Findings, Kind, VerifySummary, why_unmended, why_withheld

if TYPE_CHECKING:
    from collections.abc import (
        AsyncGenerator,
        AsyncIterator,
        Awaitable,
        Callable,
        Iterable,
        Iterator,
        Sequence,
    )
    from pathlib import Path

    from corpus.catalog import Catalog
    from corpus.layout import Layout
    from corpus.survey import Lying
    from downloader.examine import Examined
    from downloader.repair import Repair

    Batch = Sequence[StoredBlob]
    Settle = Callable[[Sequence[Examined]], Awaitable[None]]

log = logging.getLogger(__name__)

# Rows per claim, and findings per transaction: a repair looks through all manifests for each.
_PAGE = 1_000
# The next one is there when a thread is done.
_BATCHES_PER_THREAD = 2
# Blobs looked for before anything is mended.
_SAMPLE = 1_000


@dataclass(frozen=True, slots=True)
class VerifyStatistics:
    """A snapshot for the progress display; counts are blobs."""

    done: int
    failed: int
    total: int | None
    bytes_done: int
    note: str


class VerifyEngine:
    """Verifies one data directory, and mends it if it is given a :class:`Repair`."""

    def __init__(self, catalog: Catalog, layout: Layout, repair: Repair | None = None) -> None:
        self._catalog = catalog.verification
        self._contents = catalog.contents
        self._layout = layout
        self._repair = repair
        self._examiners = Examiners(layout)
        self._findings = Findings()
        self._to_mend: list[Examined] = []
        self._right = 0
        self._wrong = 0
        self._total: int | None = None
        self._note = ""
        self._withheld: str | None = None

    def statistics(self) -> VerifyStatistics:
        """How far it is."""
        bytes_done = self._examiners.bytes_read
        return VerifyStatistics(self._right, self._wrong, self._total, bytes_done, self._note)

    async def run(self) -> VerifySummary:
        """Look at everything once.

        Beside a stage that is at work only what the catalog has is looked at: the rest is on its way.
        """
        is_beside = False
        with self._examiners.working():
            if await self._is_catalog_sound() and await self._is_store_there():
                await self._verify_stored()
                is_beside = self._repair is None and is_held(self._layout)
                if not is_beside:
                    await self._verify_lying()
                    await self._verify_index()
        return VerifySummary(
            blobs=self._right + self._wrong,
            bytes=self._examiners.bytes_read,
            found=dict(self._findings.by_kind),
            is_repair=self._repair is not None,
            is_beside_a_stage=is_beside,
            requeued=self._repair.requeued if self._repair else 0,
            stopped=self._withheld
            or (None if self._repair is None else why_unmended(self._findings.by_kind)),
        )

    async def _is_catalog_sound(self) -> bool:
        self._note = "checking the catalog"
        problems = await self._catalog.integrity()
        for problem in problems:
            self._found(Kind.CATALOG, problem, 0)
        return not problems

    async def _is_store_there(self) -> bool:
        """Whether a repair may begin: most blobs of a sample (digests come by chance) are there."""
        if self._repair is not None:
            sample = await self._catalog.stored(after="", limit=_SAMPLE)
            paths = [self._layout.blob(blob.digest) for blob in sample]
            there = await asyncio.to_thread(lambda: sum(path.exists() for path in paths))
            self._withheld = why_withheld(there, len(paths))
        return self._withheld is None

    async def _verify_stored(self) -> None:
        """Whether the bytes of every blob of the catalog are there."""
        self._note = ""
        self._total = await self._catalog.count()
        await self._examine_all(self._stored(), self._settle)
        await self._mend(at_least=1)

    async def _verify_lying(self) -> None:
        """Whether everything that lies there belongs there."""
        self._note = "looking for what the catalog does not have"
        await self._examine_all(self._unknown(), self._settle_unknown)
        await self._mend(at_least=1)
        async for page in _pages(chain(lying_downloads(self._layout), lying_temporaries(self._layout))):
            known = await self._known(page)
            # A download goes on where its file ends, unless the blob was had another way.
            await self._settle_foreign([path for path, digest in page if digest is None or digest in known])

    async def _verify_index(self) -> None:
        """Whether ``index.json`` lists the images fetched."""
        expected = hashlib.sha256()
        async with aclosing(index_parts(self._contents.oci_index())) as parts:
            async for part in parts:
                expected.update(part)
        if await asyncio.to_thread(_index_digest, self._layout.index) == expected.digest():
            return
        if self._repair is None or not self._repair.requeued:  # else it is outdated by what was mended
            self._found(Kind.INDEX, self._layout.relative(self._layout.index), 0)
        if self._repair is not None:
            await write_index(self._layout, self._contents)

    async def _examine_all(self, source: AsyncGenerator[Batch, None], settle: Settle) -> None:
        """Keep every thread busy with the batches of ``source``."""
        claiming = asyncio.Lock()

        async def work() -> None:
            while True:
                async with claiming:
                    batch = await anext(source, None)
                if batch is None:
                    return
                await settle(await self._examiners.examine(batch))

        async with aclosing(source), asyncio.TaskGroup() as group:
            for _ in range(_BATCHES_PER_THREAD * self._examiners.count):
                group.create_task(work())

    async def _stored(self) -> AsyncGenerator[Batch, None]:
        """What the catalog has."""
        after = ""
        while page := await self._catalog.stored(after=after, limit=_PAGE):
            after = page[-1].digest
            for batch in batches(page):
                yield batch

    async def _unknown(self) -> AsyncGenerator[Batch, None]:
        """What lies among the blobs and the catalog does not have; what is no blob is settled on the way."""
        async for page in _pages(lying_blobs(self._layout)):
            known = await self._known(page)
            await self._settle_foreign([path for path, digest in page if digest is None])
            unknown = [digest for _, digest in page if digest is not None and digest not in known]
            self._total = (self._total or 0) + len(unknown)
            for digest in unknown:
                yield [StoredBlob(digest, None)]

    async def _known(self, page: Iterable[Lying]) -> set[str]:
        return await self._catalog.known([digest for _, digest in page if digest is not None])

    async def _settle_unknown(self, examined: Sequence[Examined]) -> None:
        await self._settle([replace(blob, kind=blob.kind or Kind.ORPHANED) for blob in examined])

    async def _settle(self, examined: Sequence[Examined]) -> None:
        """Count what was found, and mend it when enough has gathered."""
        for blob in examined:
            if blob.kind is None:
                self._right += 1
            else:
                self._wrong += 1
                self._found(blob.kind, blob.digest, blob.size_bytes)
                self._to_mend.append(blob)
        await self._mend(at_least=_PAGE)

    async def _mend(self, *, at_least: int) -> None:
        if len(self._to_mend) < at_least:
            return
        found, self._to_mend = self._to_mend, []
        if self._repair is None:
            return
        if lost := [blob for blob in found if blob.kind in LOST]:
            await self._repair.withdraw(lost)
        if orphans := [blob for blob in found if blob.kind is Kind.ORPHANED]:
            await self._repair.adopt(orphans)

    async def _settle_foreign(self, paths: Sequence[Path]) -> None:
        for path, size in zip(paths, await asyncio.to_thread(_sizes, paths), strict=True):
            self._found(Kind.FOREIGN, self._layout.relative(path), size)
        if self._repair is not None:
            await self._repair.set_aside(paths)

    def _found(self, kind: Kind, what: str, size_bytes: int) -> None:
        self._findings.add(kind, what, size_bytes)
        log.warning("finding", extra={"kind": kind, "what": what, "size_bytes": size_bytes})


async def _pages(lying: Iterator[Lying]) -> AsyncIterator[list[Lying]]:
    """The directory in pages, read off the event loop."""
    while page := await asyncio.to_thread(lambda: list(islice(lying, _PAGE))):
        yield page


def _sizes(paths: Iterable[Path]) -> list[int]:
    return [size_of(path) for path in paths]


def _index_digest(path: Path) -> bytes:
    """The sha256 of ``index.json``; a missing one is as good as an empty one."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except FileNotFoundError:
        return hashlib.sha256(EMPTY_INDEX).digest()

"""Mending what a verification found, so that a ``kill -9`` at any step leaves something to be mended again.

Blobs that are not what they should be are withdrawn from the catalog first and removed then: rows
never speak of bytes that are not there. Orphans are synced first and recorded then. What is not ours is
renamed, and never removed.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from itertools import chain, count
from typing import TYPE_CHECKING

from corpus.catalog.verification import Orphan
from corpus.durability import sync
from corpus.profiles.stream import ProfileError, read_summary
from corpus.records import UNKNOWN, FetchedManifest
from downloader.findings import Kind
from registry.errors import RegistryError
from registry.manifests import parse_manifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from corpus.catalog.verification import VerificationCatalog
    from corpus.layout import Layout
    from downloader.examine import Examined
    from registry.digests import Digest
    from registry.transport.clock import Clock

# The largest manifest that registries take (distribution-spec, "Pushing Manifests").
_MAX_DOCUMENT_BYTES = 4 << 20


class Repair:
    """Mends one data directory, which this process must hold.

    Attributes:
        requeued: Images made pending so far.
    """

    def __init__(self, catalog: VerificationCatalog, layout: Layout, clock: Clock) -> None:
        self._catalog = catalog
        self._layout = layout
        self._clock = clock
        self.requeued = 0

    async def withdraw(self, lost: Sequence[Examined]) -> None:
        """Have blobs fetched again that are missing or wrong, and forget what was made of wrong bytes."""
        digests = [blob.digest for blob in lost]
        misread = await asyncio.to_thread(self._misread, digests)
        withdrawn = await self._catalog.withdraw(digests, misread)
        self.requeued += withdrawn.requeued
        # A manifest that an earlier repair withdrew, and was killed, is known by its file only.
        profiles = [*map(self._layout.image_profile, {*withdrawn.image_profiles, *digests})]
        profiles += map(self._layout.findings, misread)
        profiles += map(self._layout.layer_profile, misread)  # behind them, since it tells that it is misread
        # The blobs last: while they are there, the next repair comes by here again.
        wrong = [self._layout.blob(blob.digest) for blob in lost if blob.kind is not Kind.MISSING]
        await asyncio.to_thread(_remove, [*profiles, *wrong])

    async def adopt(self, orphans: Sequence[Examined]) -> None:
        """Have the catalog know blobs that are what their names say."""
        digests = [blob.digest for blob in orphans]
        roles = await self._catalog.roles(digests)
        await asyncio.to_thread(sync, map(self._layout.blob, digests))
        manifests = await asyncio.to_thread(self._manifests, [b for b in orphans if b.digest not in roles])
        roles |= dict.fromkeys(manifests, "manifest")
        rows = [Orphan(blob.digest, roles.get(blob.digest, UNKNOWN), blob.size_bytes) for blob in orphans]
        requeued = await self._catalog.adopt(rows, list(manifests.values()), self._clock.now())
        self.requeued += requeued  # read only now: others adopt meanwhile

    async def set_aside(self, paths: Iterable[Path]) -> None:
        """Move what is not ours out of the way, where it keeps its relative path."""
        await asyncio.to_thread(self._move, paths)

    def _misread(self, digests: Iterable[Digest]) -> list[Digest]:
        """Those whose layer profile was not made of the right bytes: the profile itself says so."""
        return [digest for digest in digests if _is_misread(self._layout.layer_profile(digest))]

    def _manifests(self, blobs: Iterable[Examined]) -> dict[str, FetchedManifest]:
        """Those that are manifests, by digest: of the answers that brought them nothing is known."""
        found: dict[str, FetchedManifest] = {}
        for blob in blobs:
            if blob.size_bytes > _MAX_DOCUMENT_BYTES or blob.digest.algorithm != "sha256":
                continue
            try:
                manifest = parse_manifest(self._layout.blob(blob.digest).read_bytes(), None)
            except RegistryError:
                continue
            found[blob.digest] = FetchedManifest(manifest, "", None, manifest.flags)
        return found

    def _move(self, paths: Iterable[Path]) -> None:
        for path in paths:
            target = _free_name(self._layout.foreign / path.relative_to(self._layout.root))
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(path, target)  # a copy, where `blobs` is a link to another disk


def _free_name(wanted: Path) -> Path:
    """``wanted``, with a number if something else has been moved there before."""
    numbered = (wanted.with_name(f"{wanted.name}.{number}") for number in count(1))
    return next(path for path in chain([wanted], numbered) if not os.path.lexists(path))


def _is_misread(profile: Path) -> bool:
    try:
        return read_summary(profile).blob_ok is not True
    except FileNotFoundError:
        return False
    except ProfileError:
        return True


def _remove(paths: Iterable[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)

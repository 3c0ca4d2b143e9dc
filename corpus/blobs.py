"""The content-addressed store ``blobs/<algorithm>/<hex>``: the name is the digest of the bytes.

Order of every write: gather under ``partial/``, verify size and digest, rename. Syncing is
left to the checkpoint (:meth:`BlobStore.sync`), which runs before the catalog records the
blob; a file here that the catalog does not know is therefore re-verified before it is used.
"""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING

from corpus.catalog.database import uninterrupted
from corpus.durability import sync
from corpus.receiver import Receiver
from corpus.writer import Writer
from registry.digests import Digest

if TYPE_CHECKING:
    from hashlib import _Hash
    from pathlib import Path

    from corpus.layout import Layout

# What is written and hashed at a time: a hop to a thread costs as much as hashing 200 KiB, and one per
# MiB is lost in the noise. With many blobs on their way batches are smaller, down to the size from which
# the hops would cost more than the hashing: what is held in memory stays within the second number, for up
# to 256 of them, each with one batch that gathers and one that is written.
_LARGEST_BATCH_BYTES = 1 << 20
_BATCHES_BYTES = 64 << 20
_SMALLEST_BATCH_BYTES = 128 << 10

# Bytes of a file in memory while it is read.
_BLOCK_BYTES = 1 << 20


class BlobStore:
    """Blobs under one data directory."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._unsynced: set[Path] = set()
        self._sync_failure: Exception | None = None
        self.finishing = Writer(Receiver.finish)  # small blobs share the hop to a thread
        self.received_bytes = 0  # that came through receivers, whatever became of them
        self.parts_open = 0  # of blobs on their way

    def __repr__(self) -> str:
        return f"<BlobStore {self._layout.root} unsynced={len(self._unsynced)}>"

    @property
    def batch_bytes(self) -> int:
        """How much of a part is gathered in memory before it is written."""
        share = _BATCHES_BYTES // (2 * max(1, self.parts_open))
        return max(_SMALLEST_BATCH_BYTES, min(_LARGEST_BATCH_BYTES, share))

    def size(self, digest: Digest) -> int | None:
        """Bytes held under ``digest``, ``None`` if there are none."""
        try:
            return os.stat(self._layout.blob(digest)).st_size  # noqa: PTH116 - cheaper than by the path
        except FileNotFoundError:
            return None

    def read(self, digest: Digest) -> bytes:
        """The whole blob: for manifests and configurations, which are small."""
        return self._layout.blob(digest).read_bytes()

    async def verify(self, digest: Digest) -> bool:
        """Whether there are bytes and they hash to their name; a blob that does not is removed."""
        path = self._layout.blob(digest)
        if self.size(digest) is None:
            return False
        if await asyncio.to_thread(_digest_of_file, path, digest.hasher()) == digest:
            self._unsynced.add(path)
            return True
        path.unlink(missing_ok=True)
        return False

    def put(self, data: bytes) -> Digest:
        """Keep a small body, already in memory, under its sha256."""
        digest = Digest.of(data)
        # Never by its size: after a power cut a file may have the right one, and zeros for bytes.
        if self.size(digest) != len(data) or self.read(digest) != data:
            # Not where a receiver gathers the same digest: a manifest may be listed as a layer.
            temporary = self._layout.partial_blob(digest).with_suffix(".whole")
            temporary.write_bytes(data)
            self.adopt(digest, temporary)
        self._unsynced.add(self._layout.blob(digest))
        return digest

    def adopt(self, digest: Digest, verified: Path) -> None:
        """Move a verified file into its place."""
        path = self._layout.blob(digest)
        try:
            verified.replace(path)
        except FileNotFoundError:  # the first of its algorithm
            path.parent.mkdir(parents=True, exist_ok=True)
            verified.replace(path)
        self._unsynced.add(path)

    def receive(self, digest: Digest, size_bytes: int | None) -> Receiver:
        """Gather ``digest`` from a stream; see :class:`Receiver`."""
        return Receiver(self, self._layout.partial_blob(digest), digest, size_bytes)

    @uninterrupted
    async def sync(self) -> None:
        """Make every blob kept since the last call durable.

        Once this has failed it always does: the system tells but once that it lost bytes (``fsync(2)``).
        """
        if self._sync_failure is not None:
            raise self._sync_failure
        paths, self._unsynced = self._unsynced, set()
        try:
            if paths:
                await asyncio.to_thread(sync, paths)
        except Exception as error:
            self._sync_failure = error
            raise

    def sweep(self) -> int:
        """Remove downloads that nobody resumed; returns how many there were."""
        leftovers = [path for path in self._layout.partial.iterdir() if path.is_file()]
        for path in leftovers:
            path.unlink()
        return len(leftovers)


def _digest_of_file(path: Path, hasher: _Hash) -> str:
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            hasher.update(block)
    return f"{hasher.name}:{hasher.hexdigest()}"

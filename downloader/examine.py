"""Reading blobs and hashing them, by as many threads as there are processors (hashlib frees the GIL)."""

from __future__ import annotations

import asyncio
import os
import threading
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from stat import S_ISREG
from typing import TYPE_CHECKING

from downloader.findings import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from corpus.catalog.verification import StoredBlob
    from corpus.layout import Layout
    from registry.digests import Digest

# Fits the second-level cache of a core, and is large enough that calls and the GIL do not matter.
_READ_BYTES = 256 << 10

# Handing work to a thread costs about 0.1 ms: blobs smaller than this go together.
_BATCH_BYTES = 8 << 20
_BATCH_BLOBS = 64


@dataclass(frozen=True, slots=True)
class Examined:
    """A blob, and what is wrong with it; ``None`` when its bytes hash to its name.

    ``size_bytes`` is that of the file; of a missing one, as recorded.
    """

    digest: Digest
    size_bytes: int
    kind: Kind | None


class Examiners:
    """The threads; bytes are counted as they are read."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._is_stopped = threading.Event()
        self._counting = threading.Lock()
        self.count = processors()
        self.bytes_read = 0
        self._pool = ThreadPoolExecutor(self.count, thread_name_prefix="verify")

    @contextmanager
    def working(self) -> Iterator[None]:
        """The threads end with the block: soon, even if it is left in the middle of a large blob."""
        try:
            yield
        finally:
            self._is_stopped.set()
            self._pool.shutdown(cancel_futures=True)

    async def examine(self, blobs: Sequence[StoredBlob]) -> list[Examined]:
        """Have one thread read these."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, self._examine, blobs)

    def _examine(self, blobs: Sequence[StoredBlob]) -> list[Examined]:
        buffer = memoryview(bytearray(_READ_BYTES))
        return [examine(self._layout.blob(blob.digest), blob, buffer, self._on_bytes) for blob in blobs]

    def _on_bytes(self, count: int) -> None:
        if self._is_stopped.is_set():
            raise CancelledError  # nobody waits for this any more
        with self._counting:
            self.bytes_read += count


def examine(path: Path, blob: StoredBlob, buffer: memoryview, on_bytes: Callable[[int], None]) -> Examined:
    """Read one blob and compare it with its name, which proves more than any size.

    Args:
        path: Its file.
        blob: What is known of it; its digest must be verifiable.
        buffer: What to read with: reading allocates nothing.
        on_bytes: Told how many bytes came, after each piece.
    """
    recorded_bytes = blob.size_bytes or 0
    try:
        status = path.stat()
        if not S_ISREG(status.st_mode):  # opening a pipe would wait for a writer
            return Examined(blob.digest, recorded_bytes, Kind.MISSING)
        is_right = _hash_of(path, blob.digest, buffer, on_bytes) == blob.digest.encoded
    except FileNotFoundError:
        return Examined(blob.digest, recorded_bytes, Kind.MISSING)
    except OSError:
        return Examined(blob.digest, recorded_bytes, Kind.UNREADABLE)
    if is_right:
        return Examined(blob.digest, status.st_size, None)
    kind = Kind.TRUNCATED if status.st_size < recorded_bytes else Kind.CORRUPT
    return Examined(blob.digest, status.st_size, kind)


def batches(blobs: Iterable[StoredBlob]) -> Iterator[Sequence[StoredBlob]]:
    """Blobs in their order, grouped so that a group is worth a thread's while; each is in exactly one."""
    batch: list[StoredBlob] = []
    size = 0
    for blob in blobs:
        batch.append(blob)
        size += blob.size_bytes or 0
        if size >= _BATCH_BYTES or len(batch) == _BATCH_BLOBS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def processors() -> int:
    """Those that this process may use, where the system tells: often fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _hash_of(path: Path, digest: Digest, buffer: memoryview, on_bytes: Callable[[int], None]) -> str:
    hasher = digest.hasher()
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            hasher.update(buffer[:count])
            on_bytes(count)
    return hasher.hexdigest()

"""The content-addressed store ``blobs/<algorithm>/<hex>``: the name is the digest of the bytes.

Order of every write: gather under ``partial/``, verify size and digest, rename. Syncing is
left to the checkpoint (:meth:`BlobStore.sync`), which runs before the catalog records the
blob; a file here that the catalog does not know is therefore re-verified before it is used.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, BinaryIO, Self

from corpus.durability import sync
from registry.digests import Digest
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from hashlib import _Hash
    from pathlib import Path
    from types import TracebackType

    from corpus.layout import Layout

# A hop to a thread costs as much as hashing 200 KiB; one per MiB is lost in the noise, and one
# per blob is less than creating its file on the event loop would cost all the others.
_BATCH_BYTES = 1 << 20


class BlobStore:
    """Blobs under one data directory."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._unsynced: set[Path] = set()
        self.received_bytes = 0  # that came through receivers, whatever became of them

    def __repr__(self) -> str:
        return f"<BlobStore {self._layout.root} unsynced={len(self._unsynced)}>"

    def size(self, digest: Digest) -> int | None:
        """Bytes held under ``digest``, ``None`` if there are none."""
        try:
            return self._layout.blob(digest).stat().st_size
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
        path.parent.mkdir(parents=True, exist_ok=True)
        verified.replace(path)
        self._unsynced.add(path)

    def receive(self, digest: Digest, size_bytes: int | None) -> Receiver:
        """Gather ``digest`` from a stream; see :class:`Receiver`."""
        return Receiver(self, self._layout.partial_blob(digest), digest, size_bytes)

    async def sync(self) -> None:
        """Make every blob kept since the last call durable."""
        paths, self._unsynced = self._unsynced, set()
        try:
            if paths:
                await asyncio.to_thread(sync, paths)
        except BaseException:
            self._unsynced |= paths  # failed, or cancelled: the next call must not trust that it happened
            raise

    def sweep(self) -> int:
        """Remove downloads that nobody resumed; returns how many there were."""
        leftovers = [path for path in self._layout.partial.iterdir() if path.is_file()]
        for path in leftovers:
            path.unlink()
        return len(leftovers)


class Receiver:
    """One blob on its way in: hashed and written together, verified before it gets its name.

    Use as an async context manager. ``offset`` is how many bytes are already here: an
    interrupted download leaves its partial file behind, and the next receiver of the same
    digest re-hashes it and goes on from there. ``resumed_bytes`` is how many came since: 0 for
    a body taken from its beginning.
    """

    def __init__(self, store: BlobStore, path: Path, digest: Digest, size_bytes: int | None) -> None:
        self._store = store
        self._path = path
        self._digest = digest
        self._size_bytes = size_bytes
        self._hasher: _Hash = digest.hasher()
        self._batch: list[bytes] = []
        self._batch_bytes = 0
        self._file: BinaryIO | None = None  # opened for the first batch: creating a file takes its time
        self._job: asyncio.Future[None] | None = None
        self._resumed_from = 0
        self.offset = 0

    async def __aenter__(self) -> Self:
        try:
            if self._path.exists():
                await self._off_loop(self._hash_prefix)
        except BaseException as error:
            await self.__aexit__(type(error), error, error.__traceback__)  # never entered, so never left
            raise
        self._resumed_from = self.offset
        if self._size_bytes is not None and self.offset > self._size_bytes:
            self.restart()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._job is not None:
            await asyncio.wait({self._job})  # cancelled while a thread writes: let it end first
            self._job.exception()  # it was raised where the job was awaited, or nobody waits any more
        try:
            if self._batch:
                self._flush()
        finally:
            self._close()

    @property
    def resumed_bytes(self) -> int:
        """See the class."""
        return self.offset - self._resumed_from if self._resumed_from else 0

    def restart(self) -> None:
        """Forget what came so far: the server sends the blob from its first byte."""
        self._opened().truncate(0)
        self._hasher = self._digest.hasher()
        self._batch, self._batch_bytes = [], 0
        self.offset = self._resumed_from = 0

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes; ``RegistryError(SIZE_MISMATCH)`` as soon as there are too many."""
        self.offset += len(chunk)
        self._store.received_bytes += len(chunk)
        self._batch.append(chunk)
        self._batch_bytes += len(chunk)
        if self._size_bytes is not None and self.offset > self._size_bytes:
            self.discard()
            raise RegistryError(Reason.SIZE_MISMATCH, f"more than the {self._size_bytes} bytes announced")
        if self._batch_bytes >= _BATCH_BYTES:
            await self._off_loop(self._flush)

    async def commit(self) -> int:
        """Verify and keep the blob; returns its size in bytes.

        ``RegistryError`` with ``SIZE_MISMATCH`` or ``DIGEST_MISMATCH`` if the bytes are not
        those named; nothing is kept then, so that the next try starts clean.
        """
        await self._off_loop(self._finish)
        if self._size_bytes is not None and self.offset != self._size_bytes:
            self.discard()
            raise RegistryError(Reason.SIZE_MISMATCH, f"{self.offset} of {self._size_bytes} bytes came")
        if self._hasher.hexdigest() != self._digest.encoded:
            self.discard()
            raise RegistryError(Reason.DIGEST_MISMATCH, f"the bytes hash to {self._hasher.hexdigest()}")
        self._store.adopt(self._digest, self._path)
        return self.offset

    def discard(self) -> None:
        """Keep nothing of what came."""
        self._batch, self._batch_bytes = [], 0
        self._close()
        self._path.unlink(missing_ok=True)

    async def _off_loop(self, work: Callable[[], None]) -> None:
        self._job = asyncio.ensure_future(asyncio.to_thread(work))
        await asyncio.shield(self._job)
        self._job = None

    def _opened(self) -> BinaryIO:
        if self._file is None:
            self._file = self._path.open("a+b")
        return self._file

    def _close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _hash_prefix(self) -> None:
        file = self._opened()
        file.seek(0)
        while block := file.read(_BATCH_BYTES):
            self._hasher.update(block)
            self.offset += len(block)

    def _flush(self) -> None:
        data = b"".join(self._batch)
        self._batch, self._batch_bytes = [], 0
        self._hasher.update(data)
        self._opened().write(data)

    def _finish(self) -> None:
        self._flush()
        self._close()


def _digest_of_file(path: Path, hasher: _Hash) -> str:
    with path.open("rb") as file:
        while block := file.read(_BATCH_BYTES):
            hasher.update(block)
    return f"{hasher.name}:{hasher.hexdigest()}"

"""A process that downloads, and kills itself at a named moment: ``DATA URL MOMENT COUNT NAME...``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from corpus import durability
from corpus.blobs import BlobStore
from corpus.catalog import contents
from corpus.catalog.contents import ContentCatalog
from corpus.receiver import Batch, Receiver
from tests.downloader.runs import InstantClock, download

# Files that come into their place between two checkpoints.
_CHECKPOINT_FILES = 25


class Doom:
    """Kills this process when a moment has come the n-th time, as ``kill -9`` does: nothing is cleaned up."""

    def __init__(self, count: int) -> None:
        self._left = count

    def come(self) -> None:
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, owner: Any, name: str) -> None:
        """The moment is just before a call."""
        method = getattr(owner, name)

        def call(*arguments: Any, **more: Any) -> Any:
            self.come()
            return method(*arguments, **more)

        setattr(owner, name, call)

    def after(self, owner: Any, name: str) -> None:
        """The moment is just after a call."""
        method = getattr(owner, name)

        def call(*arguments: Any) -> Any:
            result = method(*arguments)
            self.come()
            return result

        setattr(owner, name, call)

    def after_waiting(self, owner: Any, name: str) -> None:
        """The moment is when a coroutine has ended."""
        method = getattr(owner, name)

        async def call(*arguments: Any) -> Any:
            result = await method(*arguments)
            self.come()
            return result

        setattr(owner, name, call)

    def before_the_index(self) -> None:
        """The moment is before ``index.json`` is replaced."""
        replace = Path.replace

        def call(path: Path, target: Path) -> Path:
            if target.name == "index.json":
                self.come()
            return replace(path, target)

        setattr(Path, "replace", call)  # noqa: B010 - a method is replaced

    def within_writes(self) -> None:
        """The moment is when half of a batch is in the partial file."""
        flush = Receiver._flush

        def call(receiver: Receiver, batch: Batch) -> None:
            data = b"".join(batch.pieces)
            os.pwrite(receiver._file._opened(), data[: len(data) // 2], batch.offset)
            self.come()
            flush(receiver, batch)

        setattr(Receiver, "_flush", call)  # noqa: B010 - a method is replaced


MOMENTS: dict[str, Callable[[Doom], None]] = {
    "a file is in its place": lambda doom: doom.after(BlobStore, "adopt"),
    "a file is verified, not yet in its place": lambda doom: doom.before(BlobStore, "adopt"),
    "half a write is done": Doom.within_writes,
    "all is synced, nothing recorded": lambda doom: doom.before(ContentCatalog, "record"),
    "manifests are recorded, not committed": lambda doom: doom.before(contents, "record_blobs"),
    "a checkpoint is committed": lambda doom: doom.after_waiting(ContentCatalog, "record"),
    "some files are synced": lambda doom: doom.before(durability, "_sync_filesystem"),
    "the index is written, not in its place": Doom.before_the_index,
}


def checkpoint_often(clock: InstantClock) -> None:
    """Make a checkpoint due whenever so many files are new."""
    adopt, count = BlobStore.adopt, [0]

    def call(*arguments: Any) -> None:
        adopt(*arguments)
        count[0] += 1
        if count[0] % _CHECKPOINT_FILES == 0:
            clock.checkpoint_is_due.set()

    setattr(BlobStore, "adopt", call)  # noqa: B010 - a method is replaced


async def main(data: str, url: str, moment: str, count: str, *names: str) -> None:
    clock = InstantClock()
    MOMENTS[moment](Doom(int(count)))
    checkpoint_often(clock)
    await download(Path(data), url, names, clock)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

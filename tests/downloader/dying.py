"""A process that fetches a large blob in parts and kills itself within a write.

Its arguments are ``DATA URL DIGEST SIZE COUNT``. It says how many bytes came to it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from corpus import partial
from corpus.blobs import BlobStore
from corpus.layout import Layout
from downloader.ranges import Parts
from downloader.receive import receive_blob
from downloader.wanted import Means
from registry.descriptors import Descriptor
from registry.digests import Digest
from tests.downloader.runs import InstantClock, connected

if TYPE_CHECKING:
    from collections.abc import Sequence


def say(number: int) -> None:
    """At once, since death is near."""
    sys.stdout.write(str(number))
    sys.stdout.flush()


def die_within_write(store: BlobStore, count: int) -> None:
    """When so many batches are written, half of the next one is the last that happens."""
    write_all, left = partial._write_all, [count]

    def call(file: int, pieces: Sequence[bytes], offset: int) -> None:
        left[0] -= 1
        if left[0] == 0:
            data = b"".join(pieces)
            os.pwrite(file, data[: len(data) // 2], offset)
            say(store.received_bytes)
            os.kill(os.getpid(), signal.SIGKILL)
        write_all(file, pieces, offset)

    setattr(partial, "_write_all", call)  # noqa: B010 - a function is replaced


async def main(data: str, url: str, digest: str, size: str, count: str) -> None:
    store = BlobStore(Layout(Path(data)))
    die_within_write(store, int(count))
    means = Means(4, 1 << 40, Parts(parallel=4), asyncio.Semaphore(3))
    async with connected(url, InstantClock()) as client:
        await receive_blob(store, client, "a/b", Descriptor("", Digest(digest), int(size)), means)
    say(store.received_bytes)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

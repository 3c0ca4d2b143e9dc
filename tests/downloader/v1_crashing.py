"""A process that downloads from a registry of version 1, and kills itself at a moment.

Its arguments are ``DATA URL MOMENT COUNT NAME...``.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from corpus import unnamed
from corpus.blobs import BlobStore
from corpus.catalog.contents import ContentCatalog
from corpus.catalog.v1 import V1Catalog
from corpus.unnamed import UnnamedReceiver
from tests.downloader.crashing import Doom
from tests.downloader.v1_runs import download_v1

MOMENTS: dict[str, Callable[[Doom], None]] = {
    "a batch is written": lambda doom: doom.after(UnnamedReceiver, "_flush"),
    "a note is due": lambda doom: doom.before(UnnamedReceiver, "_write_note"),
    "a note is written": lambda doom: doom.after(UnnamedReceiver, "_write_note"),
    "a layer is verified, not yet in its place": lambda doom: doom.before(BlobStore, "adopt"),
    "a layer is in its place": lambda doom: doom.after(BlobStore, "adopt"),
    "an image id is recorded": lambda doom: doom.after_waiting(V1Catalog, "record"),
    "all is synced, nothing recorded": lambda doom: doom.before(ContentCatalog, "record"),
}

# Small, so that layers of a test have several batches, and notes.
BATCH_BYTES = 1_000
NOTE_EVERY_BYTES = 3_000


async def main(data: str, url: str, moment: str, count: str, *names: str) -> None:
    unnamed._BATCH_BYTES, unnamed._NOTE_EVERY_BYTES = BATCH_BYTES, NOTE_EVERY_BYTES
    MOMENTS[moment](Doom(int(count)))
    await download_v1(Path(data), url, *names)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

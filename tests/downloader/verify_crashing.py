"""A process that repairs a store, and kills itself at a named moment: ``DATA MOMENT COUNT``."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import corpus.catalog.verification
import downloader.repair
from corpus.catalog.verification import VerificationCatalog
from corpus.layout import Layout
from tests.downloader.crashing import Doom
from tests.downloader.stores import verify


def _after_removing(doom: Doom, *, is_blob: bool) -> None:
    """The moment is when the n-th blob or profile is removed."""
    unlink = Path.unlink

    def call(path: Path, *, missing_ok: bool = False) -> None:
        is_ours = ("blobs" in path.parts) == is_blob and path.exists() and path.suffix != ".tmp"
        unlink(path, missing_ok=missing_ok)
        if is_ours:
            doom.come()

    setattr(Path, "unlink", call)  # noqa: B010 - a method is replaced


MOMENTS: dict[str, Callable[[Doom], None]] = {
    "nothing is withdrawn yet": lambda doom: doom.before(VerificationCatalog, "withdraw"),
    "images are pending, not committed": lambda doom: doom.before(
        corpus.catalog.verification, "_drop_profiles"
    ),
    "all is withdrawn, not committed": lambda doom: doom.before(corpus.catalog.verification, "_end"),
    "all is withdrawn, nothing removed": lambda doom: doom.after_waiting(VerificationCatalog, "withdraw"),
    "a profile is removed": lambda doom: _after_removing(doom, is_blob=False),
    "a blob is removed": lambda doom: _after_removing(doom, is_blob=True),
    "orphans are not synced yet": lambda doom: doom.before(downloader.repair, "sync"),
    "orphans are synced, not recorded": lambda doom: doom.before(VerificationCatalog, "adopt"),
    "orphans are recorded": lambda doom: doom.after_waiting(VerificationCatalog, "adopt"),
    "a stranger is moved": lambda doom: doom.after(shutil, "move"),
    "the index is written, not in its place": Doom.before_the_index,
}


async def main(data: str, moment: str, count: str) -> None:
    MOMENTS[moment](Doom(int(count)))
    await verify(Layout(Path(data)), repair=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))

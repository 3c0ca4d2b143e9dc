"""A process that analyzes a data directory and kills itself at a named moment: ``DATA MOMENT [NAMES]``."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import analyzer.checkpoints
from analyzer.engine import AnalyzeEngine
from analyzer.settings import AnalyzerSettings
from corpus.catalog import open_catalog
from corpus.catalog.profiles import ProfileCatalog
from corpus.layout import Layout
from corpus.profiles import stream
from registry.transport.clock import SystemClock

_commit = stream.commit
_record_layers = ProfileCatalog.record_layers
_record_images = ProfileCatalog.record_images


def die(*_: object) -> None:
    """What ``kill -9`` does."""
    os.kill(os.getpid(), signal.SIGKILL)


def commit_half(targets: list[Path]) -> None:
    """Some profiles have their names, the others not yet."""
    _commit(targets[: len(targets) // 2])
    die()


async def record_and_die(profiles: ProfileCatalog, *arguments: Any) -> None:
    """The rows are committed, and nothing after."""
    await _record_layers(profiles, *arguments)
    die()


MOMENTS: dict[str, Callable[[], None]] = {
    "profiles are written, none has its name": lambda: setattr(analyzer.checkpoints, "commit", die),
    "some profiles have their names": lambda: setattr(analyzer.checkpoints, "commit", commit_half),
    "all profiles have their names, no row": lambda: setattr(ProfileCatalog, "record_layers", die),
    "layers are recorded": lambda: setattr(ProfileCatalog, "record_layers", record_and_die),
    "images have their names, no row": lambda: setattr(ProfileCatalog, "record_images", die),
}


async def main(data: Path, moment: str, analysers: tuple[str, ...]) -> None:
    """Analyze until the moment comes."""
    MOMENTS[moment]()
    layout, settings = Layout(data), AnalyzerSettings(processes=1, analysers=analysers)
    async with open_catalog(layout) as catalog:
        await AnalyzeEngine(catalog, layout, settings, SystemClock()).run()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], (*sys.argv[3:],) or ("none",)))

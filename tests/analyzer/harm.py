"""What work does to a worker process. It is imported there, and so imports little."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING, NoReturn

from analyzer.layers.jobs import LayerBatch, profile_layers
from analyzer.layers.profile import profile_layer
from analyzer.settings import LayerLimits
from registry.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from analyzer.jobs import Profiled
    from corpus.profiles.layer import LayerSummary


def die(_: object = None) -> NoReturn:
    """What a layer comes to for which the system has no memory left."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def hang(_: object = None) -> None:
    """Wait for what never happens."""
    threading.Event().wait()


def freeze(_: object = None) -> None:
    """What waiting for a dead disk looks like: nothing of the process runs any more."""
    os.kill(os.getpid(), signal.SIGSTOP)


def eat(_: object = None) -> NoReturn:
    """Take memory until there is none."""
    eaten = []
    while True:
        eaten.append(bytearray(1 << 20))


def eaten_mib(_: object = None) -> int:
    """MiB that can be had; they are given back."""
    eaten: list[bytearray] = []
    try:
        while len(eaten) < 4096:
            eaten.append(bytearray(1 << 20))
    except MemoryError:
        pass
    return len(eaten)


def fail(_: object = None) -> NoReturn:
    """Do what no work should."""
    raise ValueError("a fault of the program")


def process_id(_: object = None) -> int:
    """Which process it is."""
    return os.getpid()


def stay(path: Path) -> None:
    """Tell who it is, and never come back."""
    path.write_text(str(os.getpid()))
    hang()


def profile_unless(digest: Digest, harm: Callable[[], None], batch: LayerBatch) -> list[Profiled]:
    """Profile a batch; before the layer that does harm come all others."""
    if any(task.digest == digest for task in batch.tasks):
        others = [task for task in batch.tasks if task.digest != digest]
        profile_layers(LayerBatch(batch.layout, batch.limits, others, batch.analysers))
        harm()
    return profile_layers(batch)


def profile_plainly(target: Path, blob: Path) -> LayerSummary:
    """Profile a blob of no digest."""
    return profile_layer(blob, Digest.of(b""), "", target, LayerLimits())

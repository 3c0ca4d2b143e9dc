"""``hubcrawl analyze`` and the signals that end it, while a worker waits for a disk that does not answer."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from corpus.catalog import Catalog
from corpus.layout import Layout
from registry.digests import Digest
from tests.analyzer.test_analyze_engine import (
    LAYERS,
    OTHER,
    Here,
    analyze,
    catalog,
    is_pending,
    layout,
    profiles,
)

__all__ = ["catalog", "layout"]  # fixtures

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PROGRAM = "from pipeline.cli import main; main()"


def reader_of(fifo: Path) -> int:
    """Wait until somebody reads the FIFO; the end to write to, which nobody does."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(OSError):
            return os.open(fifo, os.O_WRONLY | os.O_NONBLOCK)
    raise TimeoutError


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_the_workers_at_once_and_keeps_what_is_finished(
    catalog: Catalog, layout: Layout, number: int
) -> None:
    """No process is left, no profile is half there, and the same command goes on."""
    blob = layout.blob(Digest.of(OTHER))
    await asyncio.to_thread(interrupt, layout.root, blob, number)
    await analyze(catalog, layout, Here())
    found = profiles(layout)
    assert len(found) == len(LAYERS) + 4
    assert not [path for path in found if path.endswith(".partial")]
    assert not await is_pending(catalog)


def interrupt(data: Path, blob: Path, number: int) -> None:
    """Begin to analyze, and end it with a signal while the blob is being read, which stays as it was."""
    content = blob.read_bytes()
    blob.unlink()
    os.mkfifo(blob)
    command = [sys.executable, "-c", PROGRAM, "analyze", "--data", str(data), "--processes", "2"]
    with subprocess.Popen(
        [*command, "--analysers", "none"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        end = reader_of(blob)
        before = time.monotonic()
        process.send_signal(number)
        _, said = process.communicate(timeout=60)
        took_s = time.monotonic() - before
    assert process.returncode == 130, said
    assert "run the same command again to go on" in said
    assert "Traceback" not in said
    assert took_s < 5  # a tenth of it, where nobody else works
    with pytest.raises(BrokenPipeError):
        os.write(end, b"is anybody there?")
    os.close(end)
    blob.unlink()
    blob.write_bytes(content)

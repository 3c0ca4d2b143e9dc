"""One run against an origin, and whether all that it left is true."""

from __future__ import annotations

import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from corpus.blobs import BlobStore
from corpus.catalog import open_catalog
from corpus.layout import Layout
from downloader.engine import DownloadSummary
from registry.digests import Digest
from tests.downloader.runs import Bench, InstantClock, connected, crawl, files, images, select, settings_of
from tests.faults.origin import Habits, Origin, Plan, Tree

# Seconds. A healthy server on loopback answers in one or two milliseconds; a loaded machine takes longer.
# Patience is without end, because a pause that passes at once for one request passes within another.
HURRIED = {"read_timeout_s": 0.2, "stall_window_s": 0.1, "connect_timeout_s": 5.0, "patience_s": 1e12}

# Where nothing stalls, a machine that is busy must not be taken for a server that is.
UNHURRIED = {"read_timeout_s": 30.0, "stall_window_s": 30.0}

BASE = random.Random(1).randbytes(5_000)  # noqa: S311 - any bytes, the same in every run
VICTIM = random.Random(2).randbytes(100_000)  # noqa: S311 - as above
MEDIUM = random.Random(3).randbytes(400_000)  # noqa: S311 - as above


class FlowingClock(InstantClock):
    """Waits pass at once; what takes time by itself takes its time, too."""

    def monotonic(self) -> float:
        return self.seconds + time.monotonic()


def small_tree() -> Tree:
    """Shared layers, an index, an empty layer, another algorithm; ``a/victim`` has a layer of its own."""
    tree = Tree()
    tree.push("a/base", BASE)
    tree.push("a/medium", BASE, MEDIUM)
    tree.push_index("a/index", amd64=b"one" * 1000, arm64=b"two" * 1000)
    tree.push("a/odd", b"", BASE, b"x")
    tree.push("a/victim", BASE, VICTIM)
    return tree


@asynccontextmanager
async def opened(data: Path, url: str, clock: InstantClock, **http: Any) -> AsyncIterator[Bench]:
    """The data directory with a hurried way to the registry."""
    layout = Layout(data)
    layout.ensure()
    async with open_catalog(layout) as catalog, connected(url, clock, **HURRIED | http) as client:
        yield Bench(layout, catalog, BlobStore(layout), client, clock)


async def run(
    data: Path, origin: Origin, clock: InstantClock, http: dict[str, Any] | None = None, **settings: Any
) -> DownloadSummary:
    """One run over all that the origin holds."""
    async with opened(data, origin.url, clock, **http or {}) as bench:
        await crawl(bench.catalog, origin.tree.repositories)
        return await bench.engine(settings_of(**settings)).run()


class Campaign:
    """An origin that is served, and what runs over it leave in one data directory."""

    def __init__(self, data: Path, origin: Origin, clock: InstantClock) -> None:
        self.data = data
        self.origin = origin
        self.clock = clock

    async def run(self, http: dict[str, Any] | None = None, **settings: Any) -> DownloadSummary:
        """One run; whatever it met, what it left is true."""
        summary = await self.run_unchecked(http, **settings)
        assert falsehoods(self.data, self.origin.tree) == []
        return summary

    async def run_unchecked(self, http: dict[str, Any] | None = None, **settings: Any) -> DownloadSummary:
        """One run, whatever it leaves."""
        return await run(self.data, self.origin, self.clock, http, **settings)

    def images(self) -> dict[str, str | None]:
        """State, or reason of the failure, by repository."""
        return {name.rpartition(":")[0]: state for name, state in images(self.data).items()}

    def assert_whole(self) -> None:
        """Every image was had, and nothing is left over."""
        assert self.images() == dict.fromkeys(self.origin.tree.repositories, "done")
        assert files(self.data / "partial") == {}


@asynccontextmanager
async def campaign(
    data: Path, plan: Plan | None = None, habits: Habits | None = None, tree: Tree | None = None
) -> AsyncIterator[Campaign]:
    """Serve a tree, the small one if not told, with this going wrong."""
    clock = FlowingClock()
    origin = Origin(small_tree() if tree is None else tree, plan, habits, now=clock.now)
    async with origin.serving():
        yield Campaign(data, origin, clock)


def falsehoods(data: Path, tree: Tree) -> list[str]:
    """What is in the store and is not true: wrong bytes, foreign bytes, and rows that say too much."""
    held = {f"{path.parent.name}:{path.name}": path.read_bytes() for path in (data / "blobs").glob("*/*")}
    known = tree.known()
    found = [
        f"{digest} is {'corrupt' if digest in known else 'none of the registry: ' + repr(body[:300])}"
        for digest, body in held.items()
        if known.get(digest) != body or Digest.of(body, digest.partition(":")[0]) != digest
    ]
    recorded = {str(digest) for (digest,) in select(data, "select digest from blobs where state = 'done'")}
    found += [f"{digest} is recorded, and is not there" for digest in recorded - held.keys()]
    for name, state in images(data).items():
        if state == "done" and not _needed(tree, name.replace(":", "@")) <= held.keys():
            found.append(f"{name} is called done, and is not whole")
    for described in json.loads((data / "index.json").read_bytes())["manifests"]:
        if len(held.get(described["digest"], b"")) != described["size"]:
            found.append(f"index.json lists {described['digest']}, which is not there")
    return found


def _needed(tree: Tree, name: str) -> set[str]:
    """The digests of everything that makes the image ``repository@reference`` on linux/amd64."""
    body = tree.manifests[name][1]
    manifest = json.loads(body)
    needed: set[str] = {Digest.of(body)}
    for child in manifest.get("manifests", ()):
        if child["platform"]["architecture"] == "amd64":
            needed |= _needed(tree, f"{name.partition('@')[0]}@{child['digest']}")
    described = [manifest["config"], *manifest["layers"]] if "layers" in manifest else []
    return needed | {each["digest"] for each in described}

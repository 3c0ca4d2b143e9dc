"""The stage: every layer and image in the store gets a profile, once, whatever happens."""

from __future__ import annotations

import asyncio
import base64
import errno
import gzip
import io
import json
import tarfile
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from analyzer import jobs
from analyzer.engine import AnalyzeEngine, AnalyzeSummary, has_work
from analyzer.jobs import LayerBatch, profile_layers
from analyzer.settings import AnalyzerSettings
from analyzer.workers import WorkerDied
from corpus.blobs import BlobStore
from corpus.catalog import Catalog, open_catalog
from corpus.catalog.plan import Order
from corpus.layout import Layout
from corpus.profiles import (
    ConfigurationStatus,
    LayerReason,
    LayerStatus,
    commit,
    read_image_profile,
    read_layer_profile,
)
from corpus.records import (
    FetchedBlob,
    FetchedManifest,
    ImageOutcome,
    ImageProfileTask,
    LayerTask,
    Registry,
    RepositoryRecord,
)
from registry.digests import EMPTY_LAYER, Digest
from registry.manifests import parse_manifest
from registry.transport.clock import SystemClock

pytestmark = pytest.mark.slow

GZIP = "application/vnd.oci.image.layer.v1.tar+gzip"
CONFIG = "application/vnd.oci.image.config.v1+json"


def layer(*names: str) -> bytes:
    """A gzipped tar with these files."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = len(name)
            tar.addfile(member, io.BytesIO(name.encode()))
    return gzip.compress(archive.getvalue(), mtime=0)


GOOD = layer("etc/passwd", "usr/bin/sh")
OTHER = layer("srv/data")
CUT = layer(*(f"var/file{number}" for number in range(200)))[:-40]
LAYERS = (GOOD, OTHER, CUT)


class Here:
    """Workers that are this process, and die of chosen layers."""

    count = 1

    def __init__(
        self, deadly: Sequence[bytes] = (), failing: Sequence[bytes] = (), faulty: Sequence[bytes] = ()
    ) -> None:
        self.faulty = {Digest.of(data) for data in faulty}
        self.deadly = {Digest.of(data) for data in deadly}
        self.failing = {Digest.of(data) for data in failing}
        self.alone = 0

    async def run(self, work: Callable[[Any], Any], batch: Any) -> Any:
        digests = {task.digest for task in batch.tasks} if isinstance(batch, LayerBatch) else set()
        if digests & self.deadly:
            raise WorkerDied
        if digests & self.faulty:
            raise ValueError("a fault of the program")
        if digests & self.failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        return work(batch)

    async def run_alone(self, work: Callable[[Any], Any], batch: Any) -> Any:
        self.alone += 1
        return await self.run(work, batch)

    def stop(self) -> None:
        pass


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "data")
    layout.ensure()
    return layout


@pytest.fixture
async def catalog(layout: Layout) -> AsyncIterator[Catalog]:
    """A catalog with one image per layer, and one of all of them."""
    async with open_catalog(layout) as catalog:
        await catalog.repositories.add_registry(Registry("r", ""))
        await catalog.repositories.start_listing("list", ["1"])
        (page,) = await catalog.repositories.pending_pages("list", 1)
        images = [*((each,) for each in LAYERS), LAYERS]
        names = [RepositoryRecord(f"a/{number}") for number in range(len(images))]
        await catalog.repositories.finish_page(page, "r", names, url="", next_cursors=(), now=1.0)
        await catalog.images.expand(["r"], "latest", ["latest"], 100)
        await catalog.plan.make(Order(("r",)))
        tasks = await catalog.images.pending(["r"], "all", limit=100)
        outcomes = [
            store(BlobStore(layout), task.id, image) for task, image in zip(tasks, images, strict=True)
        ]
        await catalog.contents.record(outcomes, 2.0)
        yield catalog


def store(blobs: BlobStore, task_id: int, layers: Sequence[bytes]) -> ImageOutcome:
    """Put an image into the store, as the downloader does."""
    config = json.dumps({"os": "linux", "architecture": "amd64", "rootfs": {"type": "layers"}}).encode()

    def describe(data: bytes, media_type: str) -> dict[str, object]:
        return {"mediaType": media_type, "digest": blobs.put(data), "size": len(data)}

    body = {
        "schemaVersion": 2,
        "config": describe(config, CONFIG),
        "layers": [describe(each, GZIP) for each in layers],
    }
    raw = json.dumps(body).encode()
    blobs.put(raw)
    manifest = parse_manifest(raw, "application/vnd.oci.image.manifest.v1+json")
    fetched = [FetchedBlob(Digest.of(each), "layer", len(each)) for each in layers]
    return ImageOutcome(
        task_id,
        "all",
        manifest.blob_digest,
        (FetchedManifest(manifest, manifest.media_type, None),),
        (manifest.blob_digest,),
        tuple(fetched),
    )


async def analyze(
    catalog: Catalog, layout: Layout, workers: Here | None = None, processes: int = 1
) -> AnalyzeSummary:
    engine = AnalyzeEngine(catalog, layout, AnalyzerSettings(processes=processes), SystemClock())
    if workers is not None:
        engine._workers = workers  # type: ignore[assignment]
    return await engine.run()


def profiles(layout: Layout) -> dict[str, bytes]:
    return {
        str(path.relative_to(layout.root)): path.read_bytes()
        for path in (layout.root / "profiles").rglob("*")
        if path.is_file()
    }


async def test_every_layer_and_image_gets_a_profile(catalog: Catalog, layout: Layout) -> None:
    """Each layer once, however many images list it; a damaged one too, with its reason."""
    assert await has_work(catalog)
    summary = await analyze(catalog, layout, Here())
    assert (summary.layers, summary.images, summary.stopped) == (3, 4, None)
    assert summary.damaged == {"partial": 1}
    damaged = read_layer_profile(layout.layer_profile(Digest.of(CUT)))
    assert (damaged.status, damaged.reason) == (LayerStatus.PARTIAL, LayerReason.TRUNCATED)
    assert damaged.entries
    assert len(profiles(layout)) == 7
    census = await catalog.census.count()
    assert (census.layers.done, census.layers.failed, census.image_profiles.failed) == (2, 1, 2)


async def test_an_image_profile_points_to_the_profiles_of_its_layers(
    catalog: Catalog, layout: Layout
) -> None:
    """Pointers are relative to the data directory and resolve."""
    await analyze(catalog, layout, Here())
    for path in (layout.root / "profiles" / "images").rglob("*.zst"):
        for each in read_image_profile(path).layers:
            assert each.profile is not None
            assert (layout.root / each.profile).exists()


async def test_a_second_run_does_nothing(catalog: Catalog, layout: Layout) -> None:
    """What has a profile of today's version is done."""
    await analyze(catalog, layout, Here())
    before = profiles(layout)
    assert not await has_work(catalog)
    summary = await analyze(catalog, layout, Here(deadly=LAYERS))
    assert (summary.layers, summary.images) == (0, 0)
    assert profiles(layout) == before


async def test_real_processes_write_the_same_bytes(catalog: Catalog, layout: Layout) -> None:
    """A profile depends on its layer alone: not on the process, nor on how many there are."""
    await analyze(catalog, layout, Here())
    here = profiles(layout)
    for path in (layout.root / "profiles").rglob("*.zst"):
        path.unlink()
    async with catalog.profiles._database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM layer_profiles")
        await connection.exec_driver_sql("DELETE FROM image_profiles")
    await analyze(catalog, layout, processes=2)
    assert profiles(layout) == here


async def test_a_layer_that_kills_its_worker_is_told_from_its_neighbours(
    catalog: Catalog, layout: Layout
) -> None:
    """The batch is gone over one by one: the deadly layer gets a profile that says so, the others theirs."""
    workers = Here(deadly=[OTHER])
    summary = await analyze(catalog, layout, workers)
    assert workers.alone == 3
    assert summary.layers == 3
    killed = read_layer_profile(layout.layer_profile(Digest.of(OTHER)))
    assert (killed.status, killed.reason, killed.entries) == (LayerStatus.PARTIAL, LayerReason.KILLED, ())
    assert killed.cls_bytes == len(OTHER)
    assert read_layer_profile(layout.layer_profile(Digest.of(GOOD))).status is LayerStatus.COMPLETE


async def test_checkpoints_while_others_are_on_their_way(
    catalog: Catalog, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every profile is recorded, and once, however the checkpoints fall between the batches."""

    class Elsewhere(Here):
        count = 2

        async def run(self, work: Callable[[Any], Any], batch: Any) -> Any:
            return await asyncio.to_thread(work, batch)

    monkeypatch.setattr("analyzer.engine._CHECKPOINT_S", 0.0)
    monkeypatch.setattr("analyzer.plan._BATCH_LAYERS", 1)
    monkeypatch.setattr("analyzer.engine._IMAGES_PER_BATCH", 1)
    recorded: Counter[str] = Counter()
    record = type(catalog.profiles)._record

    async def counted(self: Any, table: Any, version: int, outcomes: Sequence[Any], now: float) -> None:
        recorded.update(outcome.digest for outcome in outcomes)
        await record(self, table, version, outcomes, now)

    monkeypatch.setattr(type(catalog.profiles), "_record", counted)
    summary = await analyze(catalog, layout, Elsewhere())
    assert (summary.layers, summary.images) == (3, 4)
    assert sorted(recorded.values()) == [1] * 7
    assert not await has_work(catalog)


async def test_a_fault_of_the_program_costs_one_layer(catalog: Catalog, layout: Layout) -> None:
    """The layer and the images above it stay pending, the others are done; the next run tries again."""
    summary = await analyze(catalog, layout, Here(faulty=[OTHER]))
    assert (summary.layers, summary.images) == (2, 2)
    assert summary.stopped is not None
    assert summary.stopped.startswith("1 of the layers and images have no profile")
    summary = await analyze(catalog, layout, Here())
    assert (summary.layers, summary.images, summary.stopped) == (1, 2, None)


async def test_an_image_that_cannot_be_profiled_stops_no_other(catalog: Catalog, layout: Layout) -> None:
    """Whatever is wrong with one, here the profile of its layer, the others get theirs."""
    await analyze(catalog, layout, Here())
    async with catalog.profiles._database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM image_profiles")
    layout.layer_profile(Digest.of(OTHER)).write_bytes(b"")
    summary = await analyze(catalog, layout, Here())
    assert summary.images == 2
    assert summary.stopped is not None


async def test_a_blob_that_is_gone_is_named(catalog: Catalog, layout: Layout) -> None:
    """Somebody took it away: to make room would not help."""
    path = layout.blob(Digest.of(GOOD))
    path.unlink()
    summary = await analyze(catalog, layout, Here())
    assert summary.stopped is not None
    assert summary.stopped.startswith(f"{path} is gone")


def test_a_configuration_without_end_is_no_json(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker reads the beginning of it and no more."""
    monkeypatch.setattr(jobs, "_MAX_CONFIG_BYTES", 40)
    blobs = BlobStore(layout)
    outcome = store(blobs, 1, [GOOD])
    (manifest,) = outcome.manifests
    assert manifest.manifest.config is not None
    task = ImageProfileTask(outcome.chosen[0], manifest.content_type, manifest.manifest.config.digest)
    (profiled,) = jobs.profile_images(jobs.ImageBatch(layout, [task]))
    commit([profiled.target])
    assert read_image_profile(profiled.target).configuration_status is ConfigurationStatus.INVALID


async def test_a_full_disk_stops_the_run_and_loses_nothing(catalog: Catalog, layout: Layout) -> None:
    """The layer stays pending; the sentence says what to do; the next run finishes."""
    summary = await analyze(catalog, layout, Here(failing=[OTHER]))
    assert summary.stopped == "cannot keep a profile: No space left on device; make room and run it again"
    assert await has_work(catalog)
    summary = await analyze(catalog, layout, Here())
    assert summary.stopped is None
    assert not await has_work(catalog)


async def test_cancelling_keeps_what_was_finished(catalog: Catalog, layout: Layout) -> None:
    """Ctrl-C records the profiles there are; the next run makes only the others."""
    finished = asyncio.Event()

    class Stuck(Here):
        async def run(self, work: Callable[[Any], Any], batch: Any) -> Any:
            if work is profile_layers:
                return work(batch)
            finished.set()
            return await asyncio.Event().wait()

    task = asyncio.create_task(analyze(catalog, layout, Stuck()))
    await finished.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    census = await catalog.census.count()
    assert (census.layers.pending, census.image_profiles.pending) == (0, 4)
    summary = await analyze(catalog, layout, Here())
    assert (summary.layers, summary.images) == (0, 4)


async def test_profiles_are_durable_before_they_are_recorded(
    catalog: Catalog, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bytes before rows: at the moment the catalog says so, every profile lies under its name."""
    record = catalog.profiles.record_layers

    async def checked(outcomes: Sequence[Any], now: float) -> None:
        assert all(layout.layer_profile(outcome.digest).exists() for outcome in outcomes)
        await record(outcomes, now)

    monkeypatch.setattr(type(catalog.profiles), "record_layers", staticmethod(checked))
    assert (await analyze(catalog, layout, Here())).layers == 3
    assert not list((layout.root / "profiles").rglob("*.partial"))


def test_the_empty_layer_is_a_layer(layout: Layout) -> None:
    """The 32 bytes that most images of the paper share have no entry: profiled and counted."""
    data = base64.b64decode("H4sIAAAJbogA/2IYBaNgFIxYAAgAAP//Lq+17wAEAAA=")
    assert BlobStore(layout).put(data) == EMPTY_LAYER
    (done,) = profile_layers(
        LayerBatch(layout, AnalyzerSettings(), [LayerTask(EMPTY_LAYER, GZIP, len(data))])
    )
    assert done.outcome.status == "complete"
    assert done.outcome.totals == {
        "files": 0,
        "directories": 0,
        "cls_bytes": 32,
        "als_bytes": 1024,
        "fls_bytes": 0,
        "max_depth": 0,
    }

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
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from analyzer.engine import AnalyzeEngine, AnalyzeSummary, has_work, why_stopped
from analyzer.images import jobs
from analyzer.images.jobs import profile_images
from analyzer.jobs import Profiled
from analyzer.layers.faults import LayerFault
from analyzer.layers.jobs import LayerBatch, give_up_layers, profile_layers
from analyzer.layers.reading import LayerReading
from analyzer.settings import AnalyzerSettings
from analyzer.workers import Executors
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
    """Makes executors that do their work at once, in this thread, and lose chosen layers."""

    def __init__(
        self,
        deadly: Sequence[bytes] = (),
        failing: Sequence[bytes] = (),
        faulty: Sequence[bytes] = (),
        endless: Sequence[bytes] = (),
    ) -> None:
        self.deadly = digests(deadly)
        self.failing = digests(failing)
        self.faulty = digests(faulty)
        self.endless = digests(endless)
        self.made = 0

    def __call__(self) -> Executor:
        self.made += 1
        return At(self)


class At(Executor):
    """One of them."""

    def __init__(self, here: Here) -> None:
        self._here = here

    def submit(self, call: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        work, batch = arguments
        touched = {task.digest for task in batch.tasks} if work is profile_layers else set()
        if touched & self._here.endless:
            return future
        if touched & self._here.deadly:
            future.set_exception(BrokenExecutor())
            return future
        if touched & self._here.faulty:
            work = raising(ValueError("a fault of the program"))
        if touched & self._here.failing:
            work = raising(OSError(errno.ENOSPC, "No space left on device"))
        future.set_result(call(work, batch))
        return future


def digests(blobs: Sequence[bytes]) -> set[Digest]:
    return {Digest.of(data) for data in blobs}


def raising(error: Exception) -> Callable[[object], object]:
    def work(_: object) -> object:
        raise error

    return work


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
    catalog: Catalog, layout: Layout, executors: Executors | None = None, **settings: Any
) -> AnalyzeSummary:
    chosen = replace(AnalyzerSettings(processes=1, analysers=("none",)), **settings)
    return await AnalyzeEngine(catalog, layout, chosen, SystemClock(), executors).run()


async def is_pending(catalog: Catalog, **settings: Any) -> bool:
    return await has_work(catalog, AnalyzerSettings(analysers=("none",), **settings))


async def forget(catalog: Catalog, layout: Layout) -> None:
    """As if nothing had been analyzed."""
    for path in (layout.root / "profiles").rglob("*.zst"):
        path.unlink()
    async with catalog.profiles._database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM layer_profiles")
        await connection.exec_driver_sql("DELETE FROM image_profiles")


def profiles(layout: Layout) -> dict[str, bytes]:
    return {
        str(path.relative_to(layout.root)): path.read_bytes()
        for path in (layout.root / "profiles").rglob("*")
        if path.is_file()
    }


async def test_every_layer_and_image_gets_a_profile(catalog: Catalog, layout: Layout) -> None:
    """Each layer once, however many images list it; a damaged one too, with its reason."""
    assert await is_pending(catalog)
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
    assert not await is_pending(catalog)
    summary = await analyze(catalog, layout, Here(deadly=LAYERS))
    assert (summary.layers, summary.images) == (0, 0)
    assert profiles(layout) == before


@pytest.mark.parametrize(
    ("executors", "processes"),
    [
        (None, 1),
        (None, 3),
        (partial(ThreadPoolExecutor, 1), 2),
        (partial(ProcessPoolExecutor, 2, mp_context=get_context("spawn")), 1),
    ],
    ids=["one process", "three processes", "threads", "another pool"],
)
async def test_any_executor_writes_the_same_bytes(
    catalog: Catalog, layout: Layout, executors: Executors | None, processes: int
) -> None:
    """A profile depends on its layer alone: not on where it is made, nor on how many are made at once."""
    await analyze(catalog, layout, Here())
    here = profiles(layout)
    await forget(catalog, layout)
    await analyze(catalog, layout, executors, processes=processes)
    assert profiles(layout) == here


@pytest.mark.parametrize(
    ("lost", "reason"), [("deadly", LayerReason.KILLED), ("endless", LayerReason.TIMEOUT)]
)
async def test_a_layer_that_loses_its_worker_is_told_from_its_neighbours(
    catalog: Catalog, layout: Layout, lost: str, reason: LayerReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The batch is gone over one by one: that layer gets a profile that says so, the others theirs."""
    monkeypatch.setattr("analyzer.engine._GRACE_S", -0.9)
    summary = await analyze(catalog, layout, Here(**{lost: [OTHER]}), layer_timeout_s=1)
    assert (summary.layers, summary.images, summary.stopped) == (3, 4, None)
    found = read_layer_profile(layout.layer_profile(Digest.of(OTHER)))
    assert (found.status, found.reason, found.entries) == (LayerStatus.PARTIAL, reason, ())
    assert found.cls_bytes == len(OTHER)
    assert read_layer_profile(layout.layer_profile(Digest.of(GOOD))).status is LayerStatus.COMPLETE


async def test_a_layer_that_was_lost_is_tried_again_when_asked_for(catalog: Catalog, layout: Layout) -> None:
    """Not in every run; and then the images above it are profiled anew, and no others."""
    await analyze(catalog, layout, Here())
    whole = profiles(layout)
    await forget(catalog, layout)
    await analyze(catalog, layout, Here(deadly=[OTHER]))
    assert not await is_pending(catalog)
    assert (await analyze(catalog, layout, Here())).layers == 0
    assert await is_pending(catalog, retry_failed=True)
    again = await analyze(catalog, layout, Here(deadly=[OTHER]), retry_failed=True)
    assert (again.layers, again.images) == (1, 2)
    again = await analyze(catalog, layout, Here(), retry_failed=True)
    assert (again.layers, again.images) == (1, 2)
    assert not await is_pending(catalog, retry_failed=True)
    assert profiles(layout) == whole


async def test_a_layer_that_is_lost_when_tried_again_keeps_the_rows_it_has(
    catalog: Catalog, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second try makes nothing worse."""
    with monkeypatch.context() as patched:
        patched.setattr(LayerReading, "drain", ran_out_of_time)
        await analyze(catalog, layout, Here())
    path = layout.layer_profile(Digest.of(GOOD))
    before = read_layer_profile(path)
    assert (before.reason, len(before.entries)) == (LayerReason.TIMEOUT, 2)
    await analyze(catalog, layout, Here(deadly=LAYERS), retry_failed=True)
    assert read_layer_profile(path) == before
    await analyze(catalog, layout, Here(), retry_failed=True)
    assert read_layer_profile(path).status is LayerStatus.COMPLETE


def ran_out_of_time(reading: LayerReading) -> None:
    """What a disk that is slow leads to."""
    reading._fault = LayerFault(LayerReason.TIMEOUT)


async def test_an_image_that_loses_its_worker_has_a_profile_that_says_so(
    catalog: Catalog, layout: Layout
) -> None:
    """It lists its layers, and nothing of what they hold; it is tried again when asked for."""
    await analyze(catalog, layout, Here())
    async with catalog.profiles._database.write() as connection:
        await connection.exec_driver_sql("DELETE FROM image_profiles")

    class Deadly(At):
        def submit(self, call: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
            future: Future[Any] = Future()
            if arguments[0] is profile_images:
                future.set_exception(BrokenExecutor())
                return future
            return super().submit(call, *arguments)

    summary = await analyze(catalog, layout, lambda: Deadly(Here()))
    assert (summary.images, summary.stopped) == (4, None)
    for path in (layout.root / "profiles" / "images").rglob("*.zst"):
        found = read_image_profile(path)
        assert not found.is_complete
        assert {layer.profile for layer in found.layers} == {None}
    assert not await is_pending(catalog)
    summary = await analyze(catalog, layout, Here(), retry_failed=True)
    assert (summary.layers, summary.images) == (0, 4)


async def test_a_worker_without_memory_is_told_from_a_layer_that_takes_too_much(
    catalog: Catalog, layout: Layout
) -> None:
    """What earlier layers left behind is no fault of this one: alone in a new worker it succeeds."""
    tried: list[int] = []

    def starved(batch: LayerBatch) -> list[Profiled]:
        tried.append(len(batch.tasks))
        return give_up_layers(LayerReason.WORKER_MEMORY, batch)

    class Starved(At):
        def submit(self, call: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
            work, batch = arguments
            is_first = work is profile_layers and not tried
            return super().submit(call, starved if is_first else work, batch)

    summary = await analyze(catalog, layout, lambda: Starved(Here()))
    assert tried == [3]
    assert summary.damaged == {"partial": 1}


async def test_checkpoints_while_others_are_on_their_way(
    catalog: Catalog, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every profile is recorded, and once, however the checkpoints fall between the batches."""
    monkeypatch.setattr("analyzer.checkpoints._CHECKPOINT_S", 0.0)
    monkeypatch.setattr("analyzer.checkpoints._CHECKPOINT_PROFILES", 2)
    monkeypatch.setattr("analyzer.plan._BATCH_LAYERS", 1)
    monkeypatch.setattr("analyzer.engine._IMAGES_PER_BATCH", 1)
    recorded: Counter[str] = Counter()
    record = type(catalog.profiles)._record

    async def counted(self: Any, table: Any, version: int, outcomes: Sequence[Any], now: float) -> None:
        recorded.update(outcome.digest for outcome in outcomes)
        await record(self, table, version, outcomes, now)

    monkeypatch.setattr(type(catalog.profiles), "_record", counted)
    summary = await analyze(catalog, layout, partial(ThreadPoolExecutor, 1), processes=4)
    assert (summary.layers, summary.images) == (3, 4)
    assert sorted(recorded.values()) == [1] * 7
    assert not await is_pending(catalog)


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


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "make room and run it again"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "make room and run it again"),
        (OSError(errno.EIO, "Input/output error"), "see to the disk and run it again"),
        (PermissionError(errno.EACCES, "Permission denied", "/data/x"), "'/data/x'): see to the disk"),
        (FileNotFoundError(errno.ENOENT, "No such file", "/data/x"), "put it back and run it again"),
    ],
)
def test_what_stops_a_run_comes_with_what_helps(error: OSError, advice: str) -> None:
    """Room helps a full disk, and no other."""
    assert advice in why_stopped(error)


def test_a_configuration_without_end_is_no_json(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker reads the beginning of it and no more."""
    monkeypatch.setattr(jobs, "_MAX_CONFIG_BYTES", 40)
    blobs = BlobStore(layout)
    outcome = store(blobs, 1, [GOOD])
    (manifest,) = outcome.manifests
    assert manifest.manifest.config is not None
    task = ImageProfileTask(outcome.chosen[0], manifest.content_type, manifest.manifest.config.digest)
    (profiled,) = jobs.profile_images(jobs.ImageBatch(layout, [task]))
    commit(profiled.targets)
    assert read_image_profile(profiled.targets[0]).configuration_status is ConfigurationStatus.INVALID


async def test_a_full_disk_stops_the_run_and_loses_nothing(catalog: Catalog, layout: Layout) -> None:
    """The layer stays pending; the sentence says what to do; the next run finishes."""
    summary = await analyze(catalog, layout, Here(failing=[OTHER]))
    assert summary.stopped == "cannot keep a profile: No space left on device; make room and run it again"
    assert await is_pending(catalog)
    summary = await analyze(catalog, layout, Here())
    assert summary.stopped is None
    assert not await is_pending(catalog)


async def test_the_log_tells_what_was_read_when_the_disk_failed(
    catalog: Catalog, layout: Layout, caplog: pytest.LogCaptureFixture
) -> None:
    """An error of the disk names no file."""
    await analyze(catalog, layout, Here(failing=[OTHER]))
    (event,) = [record for record in caplog.records if record.message == "disk_failed"]
    assert str(Digest.of(OTHER)) in str(vars(event)["tasks"])


async def test_cancelling_keeps_what_was_finished(catalog: Catalog, layout: Layout) -> None:
    """Ctrl-C records the profiles there are; the next run makes only the others."""
    is_stuck = asyncio.Event()

    class Stuck(At):
        def submit(self, call: Callable[..., Any], /, *arguments: Any, **_: Any) -> Future[Any]:
            if arguments[0] is profile_layers:
                return super().submit(call, *arguments)
            is_stuck.set()
            return Future()

    task = asyncio.create_task(analyze(catalog, layout, lambda: Stuck(Here())))
    await is_stuck.wait()
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
    expected = {
        "files": 0,
        "directories": 0,
        "cls_bytes": 32,
        "als_bytes": 1024,
        "fls_bytes": 0,
        "max_depth": 0,
    }
    assert {name: done.outcome.totals[name] for name in expected} == expected

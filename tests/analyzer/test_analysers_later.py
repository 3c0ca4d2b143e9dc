"""An analyser that comes later runs alone, and what it finds is what it would have found at first."""

from __future__ import annotations

import gzip
import io
import json
import signal
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from analyzer.engine import AnalyzeEngine, AnalyzeSummary, has_work
from analyzer.layers.faults import LayerFault
from analyzer.layers.jobs import LayerBatch, give_up_layers
from analyzer.layers.reading import LayerReading
from analyzer.settings import AnalyzerSettings
from corpus.blobs import BlobStore
from corpus.catalog import Catalog, open_catalog
from corpus.catalog.plan import Order
from corpus.layout import Layout
from corpus.profiles import LayerReason, commit, read_findings
from corpus.profiles.stream import temporary_name
from corpus.records import LayerTask, Registry, RepositoryRecord
from registry.digests import Digest
from registry.transport.clock import SystemClock
from tests.analyzer.crashing import MOMENTS
from tests.analyzer.plugins import install
from tests.analyzer.test_analyze_engine import GZIP, Here, forget, layer, profiles, store

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PLUGINS = "tests.analyzer.plugins"


def tar_of(files: dict[str, bytes]) -> bytes:
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), mtime=0)


STATUS = b"Package: base\nStatus: install ok installed\nVersion: 1\n"
SYSTEM = tar_of({"var/lib/dpkg/status": STATUS, "etc/secrets/a": b"secret", "usr/bin/sh": b"#!"})
CUT = tar_of({"etc/secrets/b": b"kept", **{f"srv/{number}": b"x" * 999 for number in range(99)}})[:-30]
PLAIN = layer("srv/data")
LAYERS = (SYSTEM, CUT, PLAIN)


@pytest.fixture(autouse=True)
def plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the analysers of somebody else are installed from now on."""
    folder = tmp_path / "site"
    install(folder, secrets=f"{PLUGINS}:Secrets", rows=f"{PLUGINS}:Rows")
    monkeypatch.syspath_prepend(folder)
    return folder


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "data")
    layout.ensure()
    return layout


@pytest.fixture
async def catalog(layout: Layout) -> AsyncIterator[Catalog]:
    """A catalog with an image of all layers, fetched."""
    async with open_catalog(layout) as catalog:
        await catalog.repositories.add_registry(Registry("r", ""))
        await catalog.repositories.start_listing("list", ["1"])
        (page,) = await catalog.repositories.pending_pages("list", 1)
        names = [RepositoryRecord("a/b")]
        await catalog.repositories.finish_page(page, "r", names, url="", next_cursors=(), now=1.0)
        await catalog.images.expand(["r"], "latest", ["latest"], 100)
        await catalog.plan.make(Order(("r",)))
        (task,) = await catalog.images.pending(["r"], "all", limit=100)
        await catalog.contents.record([store(BlobStore(layout), task.id, LAYERS)], 2.0)
        yield catalog


def chosen(names: Sequence[str], **settings: Any) -> AnalyzerSettings:
    together: dict[str, Any] = {"processes": 1, "analysers": tuple(names)} | settings
    return AnalyzerSettings(**together)


async def analyze(
    catalog: Catalog, layout: Layout, *names: str, executors: Any = None, **settings: Any
) -> AnalyzeSummary:
    executors = executors or (None if settings else Here())
    return await AnalyzeEngine(catalog, layout, chosen(names, **settings), SystemClock(), executors).run()


async def is_pending(catalog: Catalog, *names: str) -> bool:
    return await has_work(catalog, chosen(names))


def killed_at(moment: str, layout: Layout, plugin: Path) -> None:
    """Run the stage in a process that does not outlive ``moment``."""
    command = [sys.executable, "-m", "tests.analyzer.crashing", str(layout.root), moment, "dpkg", "secrets"]
    environment = {"PYTHONPATH": str(plugin), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def found(layout: Layout, blob: bytes) -> list[dict[str, Any]]:
    return list(read_findings(layout.findings(Digest.of(blob))).findings)


def documents(layout: Layout) -> dict[str, bytes]:
    return {path: data for path, data in profiles(layout).items() if "/findings/" in path}


async def keys(catalog: Catalog) -> set[str]:
    async with catalog.profiles._database.read() as connection:
        rows = await connection.exec_driver_sql("SELECT analysers FROM layer_profiles")
        return {key for (key,) in rows}


async def test_findings_are_kept_beside_the_profile_of_their_layer(catalog: Catalog, layout: Layout) -> None:
    """A layer in which nothing was found has none; of one that is damaged they are those of its rows."""
    summary = await analyze(catalog, layout, "dpkg", "secrets")
    assert (summary.layers, summary.images) == (3, 1)
    assert [each["analyser"] for each in found(layout, SYSTEM)] == ["dpkg", "secrets"]
    assert [each["path"] for each in found(layout, CUT)] == ["etc/secrets/b"]
    assert len(documents(layout)) == 2
    assert read_findings(layout.findings(Digest.of(SYSTEM))).analysers == {"dpkg": 1, "secrets": 1}
    assert await keys(catalog) == {"dpkg=1 secrets=1"}
    assert not await is_pending(catalog, "dpkg", "secrets")


async def test_one_that_comes_later_runs_alone(catalog: Catalog, layout: Layout) -> None:
    """Profiles are not touched; the documents are those of a run with all of them, byte for byte."""
    await analyze(catalog, layout, "dpkg", "rows", "secrets")
    at_once = profiles(layout)
    await forget(catalog, layout)
    await analyze(catalog, layout, "dpkg")
    layers = layout.root / "profiles" / "layers"
    before = {path: path.stat().st_ino for path in layers.rglob("*.zst")}
    assert await is_pending(catalog, "dpkg", "rows", "secrets")
    summary = await analyze(catalog, layout, "dpkg", "rows", "secrets")
    assert (summary.layers, summary.images) == (3, 1)
    assert {path: path.stat().st_ino for path in layers.rglob("*.zst")} == before
    assert profiles(layout) == at_once
    assert not await is_pending(catalog, "dpkg", "rows", "secrets")


async def test_a_blob_without_a_file_that_is_wanted_is_not_read_again(
    catalog: Catalog, layout: Layout
) -> None:
    """The paths are in its profile, and so are the rows."""
    await analyze(catalog, layout, "none")
    for blob in (CUT, PLAIN):
        layout.blob(Digest.of(blob)).unlink()
    summary = await analyze(catalog, layout, "dpkg", "rows")
    assert (summary.layers, summary.stopped) == (3, None)
    assert found(layout, PLAIN) == [{"analyser": "rows", "rows": 1}]


async def test_several_workers_find_what_one_does(catalog: Catalog, layout: Layout) -> None:
    """In processes of their own, which have the analysers from the same places."""
    names = ("all",)
    await analyze(catalog, layout, *names)
    here = profiles(layout)
    assert documents(layout)
    await forget(catalog, layout)
    await analyze(catalog, layout, *names, processes=2)
    assert profiles(layout) == here
    await forget(catalog, layout)
    await analyze(catalog, layout, "none", processes=1)
    await analyze(catalog, layout, *names, processes=2)
    assert profiles(layout) == here


async def test_another_version_replaces_what_the_last_one_found(
    catalog: Catalog, layout: Layout, plugin: Path
) -> None:
    """And nothing else: the others are not asked."""
    await analyze(catalog, layout, "dpkg", "secrets")
    install(plugin, secrets=f"{PLUGINS}:NewerSecrets")
    assert await is_pending(catalog, "dpkg", "secrets")
    assert (await analyze(catalog, layout, "dpkg", "secrets")).layers == 3
    assert [each.get("first") for each in found(layout, SYSTEM)] == [None, "s"]
    assert await keys(catalog) == {"dpkg=1 secrets=2"}
    assert not await is_pending(catalog, "dpkg", "secrets")


async def test_what_one_found_stays_when_it_is_gone(catalog: Catalog, layout: Layout, plugin: Path) -> None:
    """Switched off or uninstalled, it makes nothing pending; and neither does its return."""
    await analyze(catalog, layout, "secrets")
    install(plugin, rows=f"{PLUGINS}:Rows")
    assert not await is_pending(catalog, "none")
    await analyze(catalog, layout, "dpkg")
    assert [each["analyser"] for each in found(layout, SYSTEM)] == ["dpkg", "secrets"]
    install(plugin, secrets=f"{PLUGINS}:Secrets")
    assert not await is_pending(catalog, "secrets", "dpkg")


async def test_a_layer_that_loses_its_worker_keeps_its_profile(catalog: Catalog, layout: Layout) -> None:
    """The analysers that did not come to an end are named, and the layer is settled."""
    await analyze(catalog, layout, "dpkg")
    before = layout.layer_profile(Digest.of(SYSTEM)).read_bytes()
    await analyze(catalog, layout, "dpkg", "secrets", executors=Here(deadly=[SYSTEM]))
    assert layout.layer_profile(Digest.of(SYSTEM)).read_bytes() == before
    package, error = found(layout, SYSTEM)
    assert package["name"] == "base"
    assert error == {"kind": "error", "analyser": "secrets", "reason": "interrupted", "detail": "killed"}
    assert not await is_pending(catalog, "dpkg", "secrets")


async def test_analysers_that_were_lost_over_a_layer_are_tried_again_when_asked_for(
    catalog: Catalog, layout: Layout
) -> None:
    """As a layer without a profile is; lost again, it still keeps the one it has."""
    names = ("dpkg", "secrets")
    await analyze(catalog, layout, *names)
    whole = profiles(layout)
    await forget(catalog, layout)
    await analyze(catalog, layout, "dpkg")
    before = layout.layer_profile(Digest.of(SYSTEM)).read_bytes()
    await analyze(catalog, layout, *names, executors=Here(deadly=[SYSTEM]))
    for _ in range(2):
        assert await has_work(catalog, chosen(names, retry_failed=True))
        lost = Here(deadly=[SYSTEM])
        assert (await analyze(catalog, layout, *names, executors=lost, retry_failed=True)).layers == 1
        assert layout.layer_profile(Digest.of(SYSTEM)).read_bytes() == before
    await analyze(catalog, layout, *names, executors=Here(), retry_failed=True)
    assert profiles(layout) == whole
    assert not await has_work(catalog, chosen(names, retry_failed=True))


@pytest.mark.parametrize("reason", [LayerReason.TIMEOUT, LayerReason.WORKER_MEMORY])
async def test_a_second_reading_that_is_cut_short_is_said_and_tried_again_when_asked_for(
    catalog: Catalog, layout: Layout, reason: LayerReason, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It may have been the machine, or what other layers left behind."""
    await analyze(catalog, layout, "none")
    with monkeypatch.context() as patched:
        patched.setattr(LayerReading, "fault", LayerFault(reason))
        await analyze(catalog, layout, "dpkg", executors=Here())
    assert [each["kind"] for each in found(layout, SYSTEM)] == ["package", "error"]
    assert not await is_pending(catalog, "dpkg")
    assert (await analyze(catalog, layout, "dpkg", executors=Here(), retry_failed=True)).layers == 1
    assert [each["kind"] for each in found(layout, SYSTEM)] == ["package"]


async def test_a_second_reading_without_memory_is_done_once_more_alone(
    catalog: Catalog, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a worker that nothing was done in before it is what it would have been at first."""
    await analyze(catalog, layout, "none")
    faults = [LayerFault(LayerReason.WORKER_MEMORY)]
    monkeypatch.setattr(LayerReading, "fault", property(lambda _: faults.pop() if faults else None))
    await analyze(catalog, layout, "dpkg")
    assert [each["kind"] for each in found(layout, SYSTEM)] == ["package"]


async def test_a_profile_that_is_gone_is_made_again(catalog: Catalog, layout: Layout) -> None:
    """With all analysers, those of the catalog included."""
    await analyze(catalog, layout, "dpkg")
    before = profiles(layout)
    for path in (layout.root / "profiles" / "layers").rglob("*.zst"):
        path.unlink()
    await analyze(catalog, layout, "dpkg", "secrets")
    again = profiles(layout)
    assert {path for path in again if "/layers/" in path} == {path for path in before if "/layers/" in path}
    assert len(found(layout, SYSTEM)) == 2


async def test_a_document_that_cannot_be_read_is_replaced(catalog: Catalog, layout: Layout) -> None:
    """With what all analysers find, for nobody knows any more what they found."""
    await analyze(catalog, layout, "dpkg")
    layout.findings(Digest.of(SYSTEM)).write_bytes(b"damaged")
    layout.findings(Digest.of(PLAIN)).parent.mkdir(exist_ok=True)
    layout.findings(Digest.of(PLAIN)).write_bytes(b"damaged")
    await analyze(catalog, layout, "dpkg", "secrets")
    assert [each["analyser"] for each in found(layout, SYSTEM)] == ["dpkg", "secrets"]
    assert found(layout, PLAIN) == []


def test_layers_that_are_given_up_have_no_findings(layout: Layout) -> None:
    """Their profile has no rows either; what is said is that all of today's analysers are done with them."""
    blob = BlobStore(layout).put(PLAIN)
    task = LayerTask(Digest(blob), GZIP, len(PLAIN))
    batch = LayerBatch(layout, AnalyzerSettings(), [task])
    (given_up,) = give_up_layers(LayerReason.KILLED, batch)
    assert [path.parent.parent.name for path in given_up.targets] == ["layers"]
    commit(given_up.targets)
    assert not documents(layout)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_crash_while_one_runs_alone_costs_nothing(
    catalog: Catalog, layout: Layout, plugin: Path, moment: str
) -> None:
    """Whatever has its name already is written again, the same."""
    await analyze(catalog, layout, "dpkg", "secrets")
    whole = profiles(layout)
    await forget(catalog, layout)
    await analyze(catalog, layout, "dpkg")
    killed_at(moment, layout, plugin)
    assert await is_pending(catalog, "dpkg", "secrets")
    await analyze(catalog, layout, "dpkg", "secrets")
    assert profiles(layout) == whole
    assert not await is_pending(catalog, "dpkg", "secrets")


async def test_a_temporary_document_of_a_crash_does_not_stay(catalog: Catalog, layout: Layout) -> None:
    """Or removed, where nothing is found any more."""
    targets = [layout.findings(Digest.of(blob)) for blob in (SYSTEM, PLAIN)]
    for target in targets:
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary_name(target).write_bytes(json.dumps({"half": True}).encode())
    await analyze(catalog, layout, "dpkg")
    assert len(found(layout, SYSTEM)) == 1
    assert not [target for target in targets if temporary_name(target).exists()]

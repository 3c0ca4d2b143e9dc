"""Stopped by the user or a full disk: nothing is lost, and the next run ends as if nothing had been."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web

from corpus import blobs as blobs_module
from corpus import durability
from corpus.blobs import BlobStore
from corpus.catalog.contents import ContentCatalog
from corpus.layout import Layout
from corpus.receiver import Batch, Receiver
from downloader import engine as engine_module
from registry.digests import Digest
from samplehub import Running
from tests.downloader.conftest import Undisturbed
from tests.downloader.runs import (
    InstantClock,
    crawl,
    download,
    files,
    images,
    kept,
    one_turn,
    opened,
    settings_of,
    tables,
)
from tests.downloader.servers import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    FakeRegistry,
    cut,
    describe,
    image_manifest,
    index_manifest,
)

BASE = b"base layer" * 100


def no_space(*_arguments: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def after(count: int, method: Callable[..., Any], then: Callable[..., Any]) -> Callable[..., Any]:
    """``method`` for so many calls, ``then`` from there on."""
    left = [count]

    def call(*arguments: Any) -> Any:
        left[0] -= 1
        return (method if left[0] >= 0 else then)(*arguments)

    return call


@pytest.mark.slow
@pytest.mark.parametrize("adopted", [1, 120, 200])
async def test_a_cancelled_run_is_completed_by_the_next(
    running: Running,
    data: Path,
    undisturbed: Undisturbed,
    monkeypatch: pytest.MonkeyPatch,
    adopted: int,
) -> None:
    """What was finished is recorded, and the end is the same byte for byte."""
    adopt, enough = BlobStore.adopt, asyncio.Event()

    def last(*arguments: Any) -> None:
        adopt(*arguments)
        enough.set()

    with monkeypatch.context() as patched:
        patched.setattr(BlobStore, "adopt", after(adopted, adopt, last))
        run = asyncio.create_task(download(data, running.registry_url, undisturbed.names))
        await enough.wait()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    states = list(images(data).values())
    assert states.count("pending") > 0
    assert states.count("done") > (0 if adopted > 50 else -1)
    finished = {name: state for name, state in images(data).items() if state != "pending"}
    gets = dict(running.blob_gets)
    await download(data, running.registry_url)
    assert finished.items() <= images(data).items()
    assert kept(data) == kept(undisturbed.data)
    assert tables(data) == tables(undisturbed.data)
    again = {digest for digest, count in gets.items() if running.blob_gets[digest] > count}
    assert len(again) <= 16 + 2  # blobs on their way when it was cancelled, and the damaged ones


async def test_a_cancelled_download_leaves_its_bytes_to_be_resumed(fake: FakeRegistry, data: Path) -> None:
    """Half of a layer came; the next run asks for the other half."""
    fake.push("a/b@latest", BASE)
    sent, never = asyncio.Event(), asyncio.Event()

    async def hang(_fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_length = len(data)
        await response.prepare(request)
        await response.write(data[:400])
        sent.set()
        await never.wait()
        return response

    fake.script_blob(Digest.of(BASE), hang)
    partial = data / "partial" / f"sha256-{Digest.of(BASE).encoded}"
    async with opened(data, fake.url) as bench:
        await crawl(bench.catalog, ["a/b"])
        run = asyncio.create_task(bench.engine(settings_of()).run())
        await sent.wait()
        for _ in range(100):  # the loop turns until the bytes are with the receiver
            await one_turn()
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
        assert partial.read_bytes() == BASE[:400]
    never.set()
    assert images(data) == {"a/b:latest": "pending"}
    await download(data, fake.url)
    assert images(data) == {"a/b:latest": "done"}
    assert fake.asked[-1].range == f"bytes=400-{len(BASE) - 1}"


@pytest.mark.parametrize("step", ["sync", "record"])
async def test_a_checkpoint_that_is_cancelled_half_way_is_made_again(
    fake: FakeRegistry,
    data: Path,
    clock: InstantClock,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
) -> None:
    """The end of a run cancels the checkpoint under way; the images it was about are not lost."""
    fake.push("a/1@latest", b"1")
    fake.push("a/2@latest", b"2")
    owner: Any = BlobStore if step == "sync" else ContentCatalog
    method, under_way, may_go_on, calls = getattr(owner, step), asyncio.Event(), asyncio.Event(), [0]

    async def slow(*arguments: Any) -> Any:
        calls[0] += 1
        if calls[0] == 1:
            under_way.set()
            await may_go_on.wait()
        return await method(*arguments)

    async def hang(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        while not under_way.is_set():
            clock.checkpoint_is_due.set()
            await one_turn()
        return await cut(len(data))(fake, request, data)

    monkeypatch.setattr(owner, step, slow)
    fake.script_blob(Digest.of(b"2"), hang, repository="a/2")
    summary = await download(data, fake.url, ["a/1", "a/2"], clock)
    assert summary.done == 2
    assert calls[0] == 2
    assert images(data) == {"a/1:latest": "done", "a/2:latest": "done"}


async def test_after_a_sync_that_failed_none_is_believed(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system tells but once that it lost bytes: that the next sync goes well means nothing."""
    store.put(b"x")
    with monkeypatch.context() as patched:
        patched.setattr(blobs_module, "sync", no_space)
        with pytest.raises(OSError, match="No space"):
            await store.sync()
    with pytest.raises(OSError, match="No space"):
        await store.sync()


async def test_after_a_sync_that_failed_no_image_is_recorded(
    fake: FakeRegistry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not by the last checkpoint either; the next run believes no file that it has not hashed."""
    fake.push("a/b@latest", b"layer")
    with monkeypatch.context() as patched:
        patched.setattr(blobs_module, "sync", after(1, no_space, durability.sync))
        assert (await download(data, fake.url, ["a/b"])).stopped is not None
    assert images(data) == {"a/b:latest": "pending"}
    await download(data, fake.url)
    assert images(data) == {"a/b:latest": "done"}


async def test_a_sync_that_fails_as_the_run_comes_to_its_end_stops_it(
    fake: FakeRegistry, data: Path, clock: InstantClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its failure takes the place of the cancellation: no checkpoint is waited for any more."""
    under_way = asyncio.Event()

    async def fail_once_cancelled(_: BlobStore) -> None:
        if not under_way.is_set():
            under_way.set()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.get_running_loop().create_future()
        no_space()

    async def hang(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        while not under_way.is_set():
            clock.checkpoint_is_due.set()
            await one_turn()
        return await cut(len(data))(fake, request, data)

    fake.push("a/1@latest", b"1")
    fake.push("a/2@latest", b"2")
    fake.script_blob(Digest.of(b"2"), hang, repository="a/2")
    monkeypatch.setattr(BlobStore, "sync", fail_once_cancelled)
    async with asyncio.timeout(60):
        assert (await download(data, fake.url, ["a/1", "a/2"], clock)).stopped is not None
    assert images(data) == {"a/1:latest": "pending", "a/2:latest": "pending"}


async def test_a_sync_comes_to_its_end_before_a_cancellation_goes_on(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it tells would else be told to nobody."""
    begun, may_fail = threading.Event(), threading.Event()

    def fail(_paths: object) -> None:
        begun.set()
        assert may_fail.wait(60)
        no_space()

    store.put(b"x")
    monkeypatch.setattr(blobs_module, "sync", fail)
    syncing = asyncio.create_task(store.sync())
    await asyncio.to_thread(begun.wait, 60)
    syncing.cancel()
    may_fail.set()
    with pytest.raises(OSError, match="No space"):
        await syncing
    with pytest.raises(OSError, match="No space"):
        await store.sync()


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [
        (Receiver, "_flush", 0),
        (Receiver, "_flush", 40),
        (Receiver, "_flush", 150),
        (BlobStore, "adopt", 100),
        (BlobStore, "put", 30),
        (blobs_module, "sync", 0),
        (engine_module, "write_index", 0),
    ],
    ids=["first write", "write", "late write", "rename", "manifest", "sync", "index.json"],
)
async def test_a_full_disk_stops_the_run_with_a_sentence_and_loses_nothing(
    running: Running,
    data: Path,
    undisturbed: Undisturbed,
    monkeypatch: pytest.MonkeyPatch,
    fault: tuple[Any, str, int],
) -> None:
    """Images are not blamed: they stay pending, and after making room the end is the same byte for byte."""
    owner, name, count = fault
    with monkeypatch.context() as patched:
        patched.setattr(owner, name, after(count, getattr(owner, name), no_space))
        summary = await download(data, running.registry_url, undisturbed.names)
    assert summary.stopped == (
        "cannot keep what was fetched: No space left on device; make room and run it again"
    )
    states = images(data)
    expected = images(undisturbed.data)
    assert all(state in {"pending", expected[image]} for image, state in states.items())
    if owner is not engine_module:
        assert "pending" in states.values()
    await download(data, running.registry_url)
    assert kept(data) == kept(undisturbed.data)
    assert tables(data) == tables(undisturbed.data)


async def test_a_full_disk_leaves_a_prefix_that_is_resumed(
    fake: FakeRegistry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could be written before the disk was full is a prefix of the blob."""
    fake.push("a/b@latest", BASE)
    flush = Receiver._flush

    def short(receiver: Receiver, batch: Batch) -> None:
        if receiver._digest == Digest.of(BASE):
            receiver._file.write(batch.offset, [b"".join(batch.pieces)[:123]])
            no_space()
        flush(receiver, batch)

    with monkeypatch.context() as patched:
        patched.setattr(Receiver, "_flush", short)
        summary = await download(data, fake.url, ["a/b"])
    assert summary.stopped is not None
    assert images(data) == {"a/b:latest": "pending"}
    await download(data, fake.url)
    assert images(data) == {"a/b:latest": "done"}
    assert Digest.of((data / "blobs" / "sha256" / Digest.of(BASE).encoded).read_bytes()) == Digest.of(BASE)


async def test_cancelling_while_a_prefix_is_hashed_leaves_no_open_file(
    store: BlobStore, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The receiver was never entered, so nobody else would close it."""
    digest = Digest.of(BASE)
    partial = data / "partial" / f"sha256-{digest.encoded}"
    partial.write_bytes(BASE[:100])
    receiver = store.receive(digest, len(BASE))
    never = asyncio.get_running_loop().create_future()

    async def hang(_job: asyncio.Future[None]) -> None:
        await never

    monkeypatch.setattr(receiver, "_waited_for", hang)
    entering = asyncio.create_task(receiver.__aenter__())
    await one_turn()
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    assert receiver._file._file is None
    assert partial.read_bytes() == BASE[:100]


async def test_bytes_are_durable_before_rows_speak_of_them(
    fake: FakeRegistry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Write, rename, fsync of the file, fsync of its folder, commit: in this order for every blob."""
    seen: list[tuple[str, str]] = []

    def noting(owner: Any, name: str, subject: Callable[..., str]) -> None:
        method = getattr(owner, name)

        def call(*arguments: Any) -> Any:
            result = method(*arguments)
            seen.append((name, subject(*arguments)))
            return result

        monkeypatch.setattr(owner, name, call)

    record = ContentCatalog.record

    async def recording(catalog: ContentCatalog, outcomes: Any, now: float) -> None:
        seen.extend(("record", blob.digest.encoded) for outcome in outcomes for blob in outcome.blobs)
        seen.extend(("record", outcome.root.encoded) for outcome in outcomes)
        await record(catalog, outcomes, now)

    noting(BlobStore, "adopt", lambda _store, digest, _path: digest.encoded)
    noting(durability, "_fsync", lambda path: path.name)
    monkeypatch.setattr(ContentCatalog, "record", recording)
    fake.push("a/b@latest", BASE, b"top")
    await download(data, fake.url, ["a/b"])
    names = {path.name for path in (data / "blobs" / "sha256").iterdir()}
    assert len(names) == 4
    for name in names:
        steps = [step for step, subject in seen if subject == name]
        assert steps == ["adopt", "_fsync", "record"]
        synced = seen.index(("_fsync", name))
        assert synced < seen.index(("_fsync", "sha256")) < seen.index(("record", name))


async def test_the_index_of_the_layout_is_replaced_whole(
    fake: FakeRegistry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure while it is written leaves the old one, and no temporary file."""
    fake.push("a/b@latest", BASE)
    await download(data, fake.url, ["a/b"])
    before = (data / "index.json").read_bytes()
    monkeypatch.setattr(msgspec.json, "encode", no_space)
    summary = await download(data, fake.url)
    assert summary.stopped is not None
    assert (data / "index.json").read_bytes() == before
    assert [name for name in files(data) if name.endswith(".tmp")] == []


async def test_manifests_that_came_before_a_kill_are_not_fetched_again(
    fake: FakeRegistry, data: Path, tmp_path: Path
) -> None:
    """They are in the store, and no row is in the catalog: a HEAD tells what the registry says of them."""
    body = image_manifest(b"layer")
    fake.push(f"a/b@{Digest.of(body)}", b"layer")
    fake.push_raw("a/b@latest", index_manifest(describe(body, MANIFEST_TYPE, "linux/amd64")), INDEX_TYPE)
    never_stopped = tmp_path / "never stopped"
    await download(never_stopped, fake.url, ["a/b"])
    shutil.copytree(never_stopped / "blobs", data / "blobs")
    fake.asked.clear()
    await download(data, fake.url, ["a/b"])
    assert fake.count("GET") == 0
    assert (kept(data), tables(data)) == (kept(never_stopped), tables(never_stopped))


async def test_what_is_left_in_the_place_of_a_manifest_and_is_none_is_asked_for(
    fake: FakeRegistry, data: Path
) -> None:
    """A digest of a layer, which a hostile index lists as a manifest, and one of other bytes."""
    body = image_manifest(b"layer")
    fake.push("a/b@latest", b"layer")
    fake.push_raw("a/c@latest", index_manifest(describe(b"layer", MANIFEST_TYPE)), INDEX_TYPE)
    store = Layout(data)
    store.ensure()
    store.blob(Digest.of(body)).write_bytes(b"torn")
    store.blob(Digest.of(b"layer")).write_bytes(b"layer")
    await download(data, fake.url, ["a/b", "a/c"])
    assert images(data) == {"a/b:latest": "done", "a/c:latest": "manifest_missing"}
    assert fake.count(f"GET /v2/a/b/manifests/{Digest.of(body)}") == 1

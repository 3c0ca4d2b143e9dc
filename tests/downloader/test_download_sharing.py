"""What one image met with, and for which others it is true: bytes speak for all, refusals for the asker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from corpus.layout import Layout
from corpus.records import ImageTask, RepositoryRecord
from downloader.engine import DownloadEngine, DownloadSummary
from downloader.fetchers import Fetchers
from registry.client import RegistryClient
from registry.digests import Digest
from registry.errors import Reason
from tests.downloader.runs import (
    Bench,
    crawl,
    download,
    files,
    images,
    opened,
    select,
    settings_of,
)
from tests.downloader.servers import (
    OCI,
    FakeRegistry,
    describe,
    hang_up,
    missing,
    refuse,
    serving,
    whole,
)
from tests.downloader.test_download_pauses import listed

BASE = b"base layer" * 100
DIGEST = Digest.of(BASE)
LIES = b"lies layer" * 100


def hold(fake: FakeRegistry, count: int) -> list[str]:
    """So many repositories, each with an image of the base layer and one of its own."""
    names = [f"a/{number:02}" for number in range(count)]
    for name in names:
        fake.push(f"{name}@latest", BASE, name.encode())
    return names


def in_order(*names: str) -> list[RepositoryRecord]:
    """These repositories, to be fetched in this order."""
    return [RepositoryRecord(name, pull_count=99 - place) for place, name in enumerate(names)]


@asynccontextmanager
async def recorded_one_by_one(data: Path, url: str, **settings: object) -> AsyncIterator[DownloadEngine]:
    """An engine that writes a checkpoint before each image, as happens by time in a long run."""
    async with opened(data, url) as bench:
        engine = bench.engine(settings_of(parallel_images=1, **settings))
        fetch = Fetchers.fetch

        async def fetch_after_checkpoint(fetchers: Fetchers, task: ImageTask) -> object:
            await engine._checkpoint()
            return await fetch(fetchers, task)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Fetchers, "fetch", fetch_after_checkpoint)
            yield engine


async def test_a_passing_failure_of_a_layer_fails_no_image_that_asks_later(
    fake: FakeRegistry, data: Path
) -> None:
    """The connection is lost for the first of many images, and their campaign is not stopped."""
    names = hold(fake, 8)
    fake.script_blob(DIGEST, always=hang_up, repository=names[0])
    async with opened(data, fake.url) as bench:
        await crawl(bench.catalog, in_order(*names))
    async with recorded_one_by_one(data, fake.url, failures_in_a_row=2) as engine:
        summary = await engine.run()
    assert (summary.done, summary.failed, summary.stopped) == (7, {Reason.NETWORK: 1}, None)


async def test_images_that_wait_for_one_request_are_one_sign_of_silence(
    fake: FakeRegistry, data: Path
) -> None:
    """Ten fail by it; the registry answers all else, and the run goes on to the others."""
    names = hold(fake, 10)
    for name in names:
        fake.script_blob(DIGEST, always=hang_up, repository=name)
    fake.push("b/fine@latest", b"fine")
    records = [*in_order(*names), RepositoryRecord("b/fine", pull_count=1)]
    summary = await download(data, fake.url, records, parallel_images=10, failures_in_a_row=8)
    assert (summary.done, summary.failed, summary.stopped) == (1, {Reason.NETWORK: 10}, None)


async def test_wrong_bytes_are_wrong_for_all_later_images_of_the_registry(
    fake: FakeRegistry, data: Path
) -> None:
    """They are fetched twice in all, also where a checkpoint lies between."""
    names = hold(fake, 4)
    for name in names:
        fake.script_blob(DIGEST, always=whole(body=LIES), repository=name)
    async with opened(data, fake.url) as bench:
        await crawl(bench.catalog, in_order(*names))
    async with recorded_one_by_one(data, fake.url) as engine:
        await engine.run()
    assert set(images(data).values()) == {"digest_mismatch"}
    assert fake.count(f"blobs/{DIGEST}") == 2


@asynccontextmanager
async def two_registries(
    data: Path, *fakes: FakeRegistry
) -> AsyncIterator[tuple[Bench, dict[str, RegistryClient]]]:
    """``first.test`` and ``second.test``, the former with ``a/b`` before ``c/d`` of the latter."""
    async with AsyncExitStack() as stack:
        first, second = [await stack.enter_async_context(serving(fake)) for fake in fakes]
        bench = await stack.enter_async_context(opened(data, first.url))
        transport = bench.client._transport
        clients = {
            "first.test": RegistryClient(transport, name="first.test", base_url=first.url),
            "second.test": RegistryClient(transport, name="second.test", base_url=second.url),
        }
        await listed(bench.catalog, "first.test", ["a/b"], pulls=9)
        await listed(bench.catalog, "second.test", ["c/d"], pulls=1)
        yield bench, clients


async def run_both(bench: Bench, clients: dict[str, RegistryClient], **settings: object) -> DownloadSummary:
    engine = DownloadEngine(
        bench.catalog, bench.store, bench.layout, clients, settings_of(**settings), bench.clock
    )
    return await engine.run()


@pytest.mark.parametrize("is_later", [False, True])
async def test_wrong_bytes_of_one_registry_are_not_held_against_another(
    data: Path, *, is_later: bool
) -> None:
    """Whether the image of the other one waits for the same request, or comes when that has failed."""
    first, second = FakeRegistry(), FakeRegistry()
    first.push("a/b@latest", BASE)
    second.push("c/d@latest", BASE)
    has_lied = asyncio.Event()

    async def lie(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        if first.count(f"blobs/{DIGEST}") == 2:
            has_lied.set()
        return await whole(body=LIES)(fake, request, data)

    async def head_later(fake: FakeRegistry, _request: web.BaseRequest, _data: bytes) -> web.StreamResponse:
        await has_lied.wait()
        return fake._manifest("c/d@latest")

    first.script_blob(DIGEST, always=lie)
    if is_later:
        second.script("HEAD /v2/c/d/manifests/latest", head_later)
    async with two_registries(data, first, second) as (bench, clients):
        await run_both(bench, clients)
    assert images(data)["c/d:latest"] == "done"
    assert Digest.of(BASE).encoded in files(data / "blobs" / "sha256")


@pytest.mark.parametrize("first", ["a/right", "a/wrong"])
async def test_a_wrong_size_is_a_failure_in_whatever_order_images_come(
    fake: FakeRegistry, data: Path, first: str
) -> None:
    """The layer may be there already for another image that lists it with its true size."""
    fake.push("a/right@latest", BASE)
    fake.push("a/wrong@latest", layers=[describe(BASE, f"{OCI}.layer.v1.tar", size=7)])
    second = "a/wrong" if first == "a/right" else "a/right"
    await download(data, fake.url, in_order(first, second), parallel_images=1)
    assert images(data) == {"a/right:latest": "done", "a/wrong:latest": "size_mismatch"}
    assert (DIGEST, "done") in select(data, "select digest, state from blobs")


async def test_of_many_repositories_that_wait_for_a_manifest_one_asks_when_it_is_refused_to_another(
    fake: FakeRegistry, data: Path
) -> None:
    """Else each of them would pay a pull for the same bytes."""
    names = [f"a/{number}" for number in range(10)]
    for name in names:
        digest = fake.push(f"{name}@x", BASE)
    all_wait = asyncio.Event()

    async def lack(_fake: FakeRegistry, _request: web.BaseRequest, _data: bytes) -> web.StreamResponse:
        await all_wait.wait()
        return missing("MANIFEST_UNKNOWN")

    fake.script(f"GET /v2/{names[0]}/manifests/{digest}", lack)
    records = [
        RepositoryRecord(name, reference=digest, pull_count=99 - place) for place, name in enumerate(names)
    ]
    async with opened(data, fake.url) as bench:
        await crawl(bench.catalog, records)
        engine = bench.engine(settings_of(parallel_images=10))
        fetch, begun = Fetchers.fetch, 0

        async def counting(fetchers: Fetchers, task: ImageTask) -> object:
            nonlocal begun
            begun += 1
            if begun == len(names):
                asyncio.get_running_loop().call_later(0.05, all_wait.set)
            return await fetch(fetchers, task)

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(Fetchers, "fetch", counting)
            summary = await engine.run()
    assert (summary.done, summary.failed) == (9, {Reason.MANIFEST_MISSING: 1})
    assert fake.count("GET") - fake.count("/blobs/") == 2


@pytest.mark.parametrize("status", [400, 404])
async def test_a_layer_that_is_not_there_is_a_failure_by_whatever_code_a_registry_says_so(
    fake: FakeRegistry, data: Path, status: int
) -> None:
    """That a manifest may be missing is true of the children of an index alone."""
    fake.push("a/b@latest", BASE)
    fake.script_blob(DIGEST, always=refuse(status, "MANIFEST_UNKNOWN"))
    await download(data, fake.url, ["a/b"])
    assert images(data) == {"a/b:latest": "blob_missing"}


@pytest.mark.parametrize("status", [403, 404])
async def test_what_came_of_a_layer_outlives_its_refusal_to_another_image(
    fake: FakeRegistry, data: Path, status: int
) -> None:
    """A killed run left most of it; the image whose repository gives it goes on from there."""
    layer = os.urandom(300_000)
    for name in ("a/refused", "a/given"):
        fake.push(f"{name}@latest", layer)
    fake.script_blob(Digest.of(layer), always=refuse(status), repository="a/refused")
    layout = Layout(data)
    layout.ensure()
    layout.partial_blob(Digest.of(layer)).write_bytes(layer[:200_000])
    await download(data, fake.url, in_order("a/refused", "a/given"), parallel_images=1)
    assert images(data)["a/given:latest"] == "done"
    assert fake.sent_bytes == 100_000 + len(b"{}")

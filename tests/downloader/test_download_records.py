"""What a checkpoint writes, and what the store believes: one image's failure never undoes another's bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from corpus import blobs as blobs_module
from corpus.blobs import BlobStore
from corpus.catalog import Catalog, open_catalog
from corpus.catalog.plan import Order
from corpus.layout import Layout
from corpus.records import Failure, FetchedBlob, FetchedManifest, ImageOutcome, ImageTask
from registry.digests import Digest
from registry.errors import Reason
from registry.manifests import parse_manifest
from tests.downloader.runs import NAME, crawl, select
from tests.downloader.servers import MANIFEST_TYPE, image_manifest

LAYER = b"layer" * 50
DIGEST = Digest.of(LAYER)
DONE = FetchedBlob(DIGEST, "layer", len(LAYER))
FAILED = FetchedBlob(DIGEST, "layer", 7, Failure(Reason.SIZE_MISMATCH, "7 were announced"))


@pytest.fixture
async def catalog(layout: Layout) -> AsyncIterator[Catalog]:
    """Two images to fetch."""
    async with open_catalog(layout) as catalog:
        await crawl(catalog, ["a/1", "a/2"])
        await catalog.images.expand([NAME], "latest", ["latest"], 10)
        yield catalog


async def pending(catalog: Catalog) -> list[ImageTask]:
    await catalog.plan.make(Order((NAME,)))
    return await catalog.images.pending([NAME], "linux/amd64", limit=10)


def outcome(task: ImageTask, blob: FetchedBlob) -> ImageOutcome:
    fetched = FetchedManifest(parse_manifest(image_manifest(LAYER), None), MANIFEST_TYPE, None)
    digest = fetched.manifest.blob_digest
    return ImageOutcome(task.id, "linux/amd64", digest, (fetched,), (digest,), (blob,), blob.failure)


@pytest.mark.parametrize("order", [(DONE, FAILED), (FAILED, DONE)])
@pytest.mark.parametrize("checkpoints", [1, 2])
async def test_a_blob_that_is_in_the_store_stays_there_whatever_fails_elsewhere(
    catalog: Catalog, order: tuple[FetchedBlob, ...], checkpoints: int
) -> None:
    """In either order, in one checkpoint or two."""
    outcomes = [outcome(task, blob) for task, blob in zip(await pending(catalog), order, strict=True)]
    batches = [outcomes] if checkpoints == 1 else [[each] for each in outcomes]
    for batch in batches:
        await catalog.contents.record(batch, 2.0)
    assert await catalog.contents.known_blobs([DIGEST]) == {DIGEST: DONE}
    assert (await catalog.census.count()).images.failed == 1


async def test_a_manifest_that_failed_as_a_layer_is_in_the_store_all_the_same(catalog: Catalog) -> None:
    """Its bytes came as a manifest; the old failure is not told any more."""
    first, second = await pending(catalog)
    manifest = Digest.of(image_manifest(LAYER))
    failed = FetchedBlob(manifest, "layer", 7, FAILED.failure)
    await catalog.contents.record([ImageOutcome(first.id, "linux/amd64", blobs=(failed,))], 2.0)
    await catalog.contents.record([outcome(second, DONE)], 3.0)
    known = await catalog.contents.known_blobs([manifest])
    assert known[manifest].failure is None


async def test_questions_about_blobs_fit_every_database(catalog: Catalog) -> None:
    """SQLite takes 32,766 values in one statement, where it is not built for more."""
    digests = [Digest.of(str(number).encode()) for number in range(2_500)]
    await catalog.contents.record(
        [ImageOutcome(1, "all", blobs=tuple(FetchedBlob(each, "layer", 1) for each in digests))], 2.0
    )
    sizes: list[int] = []

    def note(*arguments: Any) -> None:
        sizes.append(len(arguments[3]))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        known = await catalog.contents.known_blobs(digests)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert set(known) == set(digests)
    assert max(sizes) <= 1_000


async def test_recording_twice_changes_nothing(catalog: Catalog, layout: Layout) -> None:
    """A checkpoint whose end was not seen may be made again."""
    outcomes = [outcome(task, DONE) for task in await pending(catalog)]
    await catalog.contents.record(outcomes, 2.0)
    queries = [f"select * from {table}" for table in ("images", "manifests", "image_manifests")]  # noqa: S608
    before = [select(layout.root, query) for query in queries]
    await catalog.contents.record(outcomes, 2.0)
    assert [select(layout.root, query) for query in queries] == before


async def test_a_manifest_and_a_layer_of_one_digest_do_not_share_a_temporary_file(
    store: BlobStore, layout: Layout
) -> None:
    """While the layer is on its way the manifest comes, whole; nothing is appended to it in the store."""
    async with store.receive(DIGEST, len(LAYER)) as receiver:
        with receiver.part() as part:
            await part.write(LAYER[:100])
            store.put(LAYER)
            assert layout.blob(DIGEST).read_bytes() == LAYER
            await part.write(LAYER[100:])
        await receiver.commit()
    assert layout.blob(DIGEST).read_bytes() == LAYER
    assert list(layout.partial.iterdir()) == []


async def test_a_body_that_a_killed_run_left_is_synced_before_it_is_recorded(
    store: BlobStore, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was renamed, perhaps never synced; believing it means making it durable."""
    layout.blob(DIGEST).write_bytes(LAYER)
    synced: list[Path] = []
    monkeypatch.setattr(blobs_module, "sync", synced.extend)
    store.put(LAYER)
    await store.sync()
    assert synced == [layout.blob(DIGEST)]


async def test_what_is_not_there_is_not_verified(store: BlobStore) -> None:
    """A missing file is no error, and no blob."""
    assert not await store.verify(DIGEST)

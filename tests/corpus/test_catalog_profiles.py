"""The analyzer's work in the catalog: layers and images without a profile of today's version."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest
from sqlalchemy import event, update

from corpus.catalog import Catalog
from corpus.catalog.database import Database
from corpus.catalog.plan import Order
from corpus.catalog.schema import layer_profiles
from corpus.layout import Layout
from corpus.records import ProfileOutcome, RepositoryRecord
from registry.digests import Digest
from tests.corpus.conftest import REGISTRY, a_manifest, crawl, done

LAYERS = (b"tiny", b"largest", b"middle")


@pytest.fixture
async def fetched(catalog: Catalog) -> Catalog:
    """A catalog with one image of three layers, fetched."""
    await crawl(catalog, RepositoryRecord("a/b"))
    await catalog.images.expand([REGISTRY], "latest", ["latest"], 10)
    await catalog.plan.make(Order((REGISTRY,)))
    (task,) = await catalog.images.pending([REGISTRY], "linux/amd64", limit=10)
    await catalog.contents.record([done(task.id, a_manifest(*LAYERS))], 2.0)
    return catalog


def profiled(digest: Digest, status: str = "complete", reason: str = "truncated") -> ProfileOutcome:
    return ProfileOutcome(digest, status, None if status == "complete" else reason, 0.5, {"files": 3})


async def test_the_largest_layer_comes_first_and_claims_do_not_overlap(fetched: Catalog) -> None:
    """Claiming one by one hands out every layer once, by falling size."""
    order: list[Digest] = []
    after = None
    while page := await fetched.profiles.pending_layers(after=after, limit=1):
        order.append(page[0].digest)
        after = (page[0].size_bytes, str(page[0].digest))
    assert order == [Digest.of(b"largest"), Digest.of(b"middle"), Digest.of(b"tiny")]


async def test_claims_are_ordered_by_an_index(fetched: Catalog, layout: Layout) -> None:
    """The next of a million layers are not sought by sorting all that are left."""
    asked: list[tuple[str, Any]] = []

    def listen(_connection: object, _cursor: object, statement: str, values: Any, *_: object) -> None:
        asked.append((statement, values))

    event.listen(fetched.profiles._database._engine.sync_engine, "before_cursor_execute", listen)
    assert await fetched.profiles.pending_layers(after=(10, ""), limit=1)
    ((statement, values),) = asked
    with closing(sqlite3.connect(layout.catalog)) as connection:
        plan = [step for *_, step in connection.execute(f"explain query plan {statement}", values)]
    assert any(step.startswith("SEARCH blobs USING INDEX blobs_by_size (<expr><?)") for step in plan)
    assert not any("TEMP B-TREE" in step for step in plan)


@pytest.mark.parametrize("reason", ["timeout", "killed", "worker_memory"])
async def test_layers_that_workers_were_lost_over_are_pending_when_asked_for(
    fetched: Catalog, reason: str
) -> None:
    """They are settled for everybody else, as are those whose bytes are the reason."""
    tiny, middle, largest = (Digest.of(layer) for layer in (b"tiny", b"middle", b"largest"))
    await fetched.profiles.record_layers(
        [profiled(tiny, "partial", reason), profiled(middle, "partial"), profiled(largest)], 3.0
    )
    assert await fetched.profiles.count_pending_layers() == (0, 0)
    assert await fetched.profiles.count_pending_layers(retry_failed=True) == (1, len(b"tiny"))
    (task,) = await fetched.profiles.pending_layers(after=None, limit=10, retry_failed=True)
    assert (task.digest, task.is_profiled) == (tiny, False)
    assert len(await fetched.profiles.pending_images(after=None, limit=10, retry_failed=True)) == 1


async def test_images_are_profiled_anew_with_their_layers(fetched: Catalog) -> None:
    """What an image profile says is what those of its layers said."""
    layers = [Digest.of(layer) for layer in LAYERS]
    await fetched.profiles.record_layers([profiled(layer) for layer in layers], 3.0)
    (image,) = await fetched.profiles.pending_images(after=None, limit=10)
    await fetched.profiles.record_images([profiled(image.manifest_digest, "partial", "killed")], 3.0)
    assert not await fetched.profiles.count_pending_images()
    assert await fetched.profiles.count_pending_images(retry_failed=True) == 1
    await fetched.profiles.record_layers([profiled(layers[0])], 4.0)
    assert await fetched.profiles.count_pending_images() == 1


async def test_a_profiled_layer_is_pending_no_more(fetched: Catalog) -> None:
    """Damaged ones too: their profile says what is wrong."""
    await fetched.profiles.record_layers(
        [profiled(Digest.of(b"tiny")), profiled(Digest.of(b"middle"), "corrupt")], 3.0
    )
    assert await fetched.profiles.count_pending_layers() == (1, len(b"largest"))
    layers = (await fetched.census.count()).layers
    assert (layers.pending, layers.done, layers.failed, layers.files) == (1, 1, 1, 6)
    assert (await fetched.census.count()).layer_failures == {"corrupt": 1}


async def test_profiles_of_an_older_version_are_made_anew(fetched: Catalog, layout: Layout) -> None:
    """A change of the format makes the work pending again."""
    await fetched.profiles.record_layers([profiled(Digest.of(layer)) for layer in LAYERS], 3.0)
    assert await fetched.profiles.count_pending_layers() == (0, 0)
    database = await Database.open(layout.catalog)
    async with database.write() as connection:
        await connection.execute(update(layer_profiles).values(profile_version=0))
    await database.close()
    assert (await fetched.profiles.count_pending_layers())[0] == 3


async def test_an_image_is_profiled_once(fetched: Catalog) -> None:
    """Images are claimed by manifest, however many names they have, when their layers are settled."""
    await fetched.profiles.record_layers([profiled(Digest.of(layer)) for layer in LAYERS[1:]], 3.0)
    assert not await fetched.profiles.pending_images(after=None, limit=10)
    await fetched.profiles.record_layers([profiled(Digest.of(LAYERS[0]), "corrupt")], 3.0)
    (task,) = await fetched.profiles.pending_images(after=None, limit=10)
    assert task.config_digest == Digest.of(b"{}")
    assert await fetched.profiles.count_pending_images() == 1
    await fetched.profiles.record_images([profiled(task.manifest_digest)], 3.0)
    assert await fetched.profiles.count_pending_images() == 0
    assert (await fetched.census.count()).image_profiles.done == 1


async def test_the_profile_of_an_image_that_is_no_more_is_not_counted(fetched: Catalog) -> None:
    """Another platform was asked for: what is pending is what the analyzer has to do, never less than 0."""
    await fetched.profiles.record_images([profiled(a_manifest(*LAYERS).manifest.blob_digest)], 3.0)
    (task,) = await fetched.images.pending([REGISTRY], "linux/arm64", limit=10)
    new = a_manifest(b"other")
    await fetched.contents.record([done(task.id, new, "linux/arm64")], 4.0)
    work = (await fetched.census.count()).image_profiles
    assert (work.pending, work.done) == (1, 0)
    await fetched.profiles.record_images([profiled(new.manifest.blob_digest)], 5.0)
    work = (await fetched.census.count()).image_profiles
    assert (work.pending, work.done) == (0, 1)

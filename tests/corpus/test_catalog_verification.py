"""What the catalog says of blobs that were lost or found: the work that follows, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import insert, update

from corpus.catalog import Catalog
from corpus.catalog.database import Database
from corpus.catalog.schema import images, v1_layers
from corpus.catalog.verification import Orphan, StoredBlob
from corpus.layout import Layout
from corpus.records import Failure, FetchedBlob, ProfileOutcome, RepositoryRecord
from registry.digests import Digest
from registry.errors import Reason
from tests.corpus.conftest import a_manifest, crawl, done
from tests.downloader.runs import select

LAYER, OTHER = Digest.of(b"layer"), Digest.of(b"other")


@pytest.fixture
async def fetched(catalog: Catalog, layout: Layout) -> Catalog:
    """Two images, of one layer each."""
    names = ("a/one", "a/two")
    await crawl(catalog, *(RepositoryRecord(name, reference="latest") for name in names))
    ids = [row[0] for row in select(layout.root, "select id from images order by id")]
    outcomes = [done(ids[0], a_manifest(b"layer")), done(ids[1], a_manifest(b"other"))]
    await catalog.contents.record(outcomes, 2.0)
    return catalog


def states(layout: Layout) -> list[tuple[str, int, float | None]]:
    return select(layout.root, "select state, attempts, retry_at from images order by id")


async def test_blobs_are_handed_out_once_in_pages(fetched: Catalog) -> None:
    """By digest: what is withdrawn on the way moves nothing."""
    met: list[StoredBlob] = []
    while page := await fetched.verification.stored(after=met[-1].digest if met else "", limit=1):
        met += page
        await fetched.verification.withdraw([page[0].digest], [])
    assert len(met) == 4
    assert {blob.digest: blob.size_bytes for blob in met}.items() >= {LAYER: 5, OTHER: 5}.items()
    assert await fetched.verification.count() == 0


async def test_only_the_images_that_need_a_blob_are_fetched_again(fetched: Catalog, layout: Layout) -> None:
    """The others stay as they are."""
    assert (await fetched.verification.withdraw([LAYER], [])).requeued == 1
    assert states(layout) == [("pending", 0, None), ("done", 0, None)]
    assert await fetched.verification.known([LAYER, OTHER]) == {OTHER}


async def test_nothing_follows_from_a_blob_that_nobody_needs(fetched: Catalog, layout: Layout) -> None:
    """As of one that the catalog never had, a thousand times over."""
    digests = [Digest.of(b"%d" % number) for number in range(1_500)]
    withdrawn = await fetched.verification.withdraw(digests, digests)
    assert (withdrawn.requeued, withdrawn.image_profiles) == (0, [])
    assert [state for state, *_ in states(layout)] == ["done", "done"]


async def test_an_image_that_waits_for_its_next_try_is_fetched_at_once(
    fetched: Catalog, layout: Layout
) -> None:
    """Its tries begin anew: what failed before is not what is missing now."""
    (one, _) = [row[0] for row in select(layout.root, "select id from images order by id")]
    database = await Database.open(layout.catalog)
    async with database.write() as connection:
        failed = {"state": "failed", "reason": "timeout", "attempts": 3, "retry_at": 9e9}
        await connection.execute(update(images).where(images.c.id == one).values(failed))
    await database.close()
    await fetched.verification.withdraw([LAYER], [])
    assert states(layout)[0] == ("pending", 0, None)


async def test_the_configuration_of_any_layer_of_a_version_1_image_is_missed(
    fetched: Catalog, layout: Layout
) -> None:
    """It is no part of the manifest's rows: the image id leads to it."""
    document = Digest.of(b"json")
    row = {"registry": "r", "image_id": "x", "json_digest": document, "json_bytes": 4, "layer_bytes": 5}
    database = await Database.open(layout.catalog)
    async with database.write() as connection:
        await connection.execute(insert(v1_layers).values(layer_digest=LAYER, **row))
    await database.close()
    withdrawn = await fetched.verification.withdraw([document], [])
    assert (withdrawn.requeued, withdrawn.image_profiles) == (1, [a_manifest(b"layer").manifest.blob_digest])
    assert [state for state, *_ in states(layout)] == ["pending", "done"]


async def test_profiles_are_forgotten_by_what_was_misread(fetched: Catalog, layout: Layout) -> None:
    """The layer's own, and that of each image with it."""
    manifests = [a_manifest(data).manifest.blob_digest for data in (b"layer", b"other")]
    await fetched.profiles.record_layers([profiled(LAYER), profiled(OTHER)], 3.0)
    await fetched.profiles.record_images([profiled(digest) for digest in manifests], 3.0)
    withdrawn = await fetched.verification.withdraw([LAYER], [LAYER])
    assert withdrawn.image_profiles == manifests[:1]
    assert select(layout.root, "select digest from layer_profiles") == [(OTHER,)]
    assert select(layout.root, "select digest from image_profiles") == [(manifests[1],)]


def profiled(digest: Digest) -> ProfileOutcome:
    return ProfileOutcome(digest, "complete", None, 0.5)


async def test_an_adopted_blob_loses_its_failure(fetched: Catalog, layout: Layout) -> None:
    """It is there; only images that failed are looked at again."""
    failure = Failure(Reason.BLOB_MISSING, "it is not there")
    (one, _) = [row[0] for row in select(layout.root, "select id from images order by id")]
    await fetched.verification.withdraw([LAYER], [])
    plain = done(one, a_manifest(b"layer"))
    blobs = tuple(replace(blob, failure=failure) for blob in plain.blobs)
    lost = replace(plain, blobs=blobs, failure=failure)
    await fetched.contents.record([lost], 3.0)
    assert (
        await fetched.verification.adopt([Orphan(LAYER, "layer", 5), Orphan(OTHER, "layer", 5)], [], 4.0) == 1
    )
    assert [state for state, *_ in states(layout)] == ["pending", "done"]
    assert await fetched.verification.known([LAYER]) == {LAYER}
    assert select(layout.root, "select count(*) from blobs where reason is not null") == [(0,)]


async def test_adopting_nothing_changes_nothing(fetched: Catalog, layout: Layout) -> None:
    """Not even a transaction of it is left behind."""
    assert await fetched.verification.adopt([], [], 4.0) == 0
    assert [state for state, *_ in states(layout)] == ["done", "done"]


async def test_a_transaction_that_failed_leaves_nothing_to_the_next(
    fetched: Catalog, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The digests that it was about are forgotten with it."""

    async def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("corpus.catalog.verification._delete_manifests", fail)
        with pytest.raises(OSError, match="No space"):
            await fetched.verification.withdraw([LAYER], [])
    assert (await fetched.verification.withdraw([OTHER], [])).requeued == 1
    assert [state for state, *_ in states(layout)] == ["done", "pending"]


async def test_a_sound_database_has_nothing_to_say(fetched: Catalog) -> None:
    """SQLite says ``ok``, which is no finding."""
    assert await fetched.verification.integrity() == []


@pytest.mark.parametrize("role", ["layer", "config", "artifact"])
async def test_an_unknown_role_is_told_by_whatever_lists_the_blob(
    fetched: Catalog, layout: Layout, role: str
) -> None:
    """It is nobody's layer until then."""
    name = Digest.of(b"found")
    await fetched.verification.adopt([Orphan(name, "unknown", 5)], [a_manifest(b"found")], 4.0)
    assert (await fetched.profiles.count_pending_layers())[0] == 2
    (one, _) = [row[0] for row in select(layout.root, "select id from images order by id")]
    blobs = (FetchedBlob(name, role, 5),)
    await fetched.contents.record([replace(done(one, a_manifest(b"found")), blobs=blobs)], 5.0)
    assert select(layout.root, f"select role from blobs where digest = '{name}'") == [(role,)]  # noqa: S608

"""The downloader's work in the catalog: what is pending, what is done, what is tried again."""

from __future__ import annotations

import pytest

from corpus.catalog import Catalog
from corpus.records import Failure, FetchedBlob, ImageOutcome, ImageTask, RepositoryRecord
from registry.digests import Digest
from registry.errors import Reason
from tests.corpus.conftest import REGISTRY, a_manifest, crawl, done

AMD64 = "linux/amd64"


async def pending(catalog: Catalog, platforms: str = AMD64) -> list[ImageTask]:
    return await catalog.images.pending([REGISTRY], platforms, after=None, limit=100)


async def expand(catalog: Catalog, rule: str = "latest") -> None:
    while await catalog.images.expand([REGISTRY], rule, rule.split(","), 2):
        pass


async def fail(catalog: Catalog, task: ImageTask, reason: Reason, *, temporary: bool) -> None:
    outcome = ImageOutcome(task.id, AMD64, failure=Failure(reason, "because", temporary))
    await catalog.contents.record([outcome], 2.0)


async def test_every_repository_becomes_one_image_per_tag(catalog: Catalog) -> None:
    """A tag rule is applied to each repository once, and a new rule adds to the images there are."""
    await crawl(catalog, *(RepositoryRecord(f"a/{number}") for number in range(5)))
    await expand(catalog)
    assert len(await pending(catalog)) == 5
    await expand(catalog, "latest,edge")
    assert len(await pending(catalog)) == 10


async def test_the_most_pulled_image_comes_first_and_claims_do_not_overlap(catalog: Catalog) -> None:
    """Claiming page after page hands out every image once, by falling pull count."""
    await crawl(
        catalog, *(RepositoryRecord(f"a/{pulls}", pull_count=pulls % 3 or None) for pulls in range(7))
    )
    await expand(catalog)
    seen: list[ImageTask] = []
    after = None
    while page := await catalog.images.pending([REGISTRY], AMD64, after=after, limit=2):
        seen += page
        after = (page[-1].pull_count, page[-1].id)
    assert [task.pull_count for task in seen] == [2, 2, 1, 1, -1, -1, -1]
    assert len({task.id for task in seen}) == 7


async def test_a_name_that_nobody_can_pull_is_a_failure_not_a_task(catalog: Catalog) -> None:
    """It was listed, so it is counted; and it is never tried, not even when failures are."""
    await crawl(catalog, RepositoryRecord("a/.."), RepositoryRecord("a/b"))
    await expand(catalog)
    assert [task.repository for task in await pending(catalog)] == ["a/b"]
    assert (await catalog.census.count()).failures == {"invalid_name": 1}
    assert await catalog.images.reopen([REGISTRY], permanent=True) == 0


async def test_a_repository_listed_with_a_reference_keeps_to_it(catalog: Catalog) -> None:
    """``debian:12`` in a list file is that image, not ``debian:latest`` too."""
    await crawl(catalog, RepositoryRecord("a/b", reference="12"), RepositoryRecord("a/c"))
    await expand(catalog)
    assert {(task.repository, task.reference) for task in await pending(catalog)} == {
        ("a/b", "12"),
        ("a/c", "latest"),
    }


async def test_a_finished_image_is_pending_no_more(catalog: Catalog) -> None:
    """Its manifest and blobs are known to every later run."""
    await crawl(catalog, RepositoryRecord("a/b"))
    await expand(catalog)
    (task,) = await pending(catalog)
    manifest = a_manifest(b"one", b"two")
    await catalog.contents.record([done(task.id, manifest)], 2.0)
    assert await pending(catalog) == []
    digest = manifest.manifest.digest
    assert await catalog.contents.known_manifests([digest]) == {digest: digest}
    known = await catalog.contents.known_blobs([Digest.of(b"one"), Digest.of(b"three")])
    assert known == {Digest.of(b"one"): FetchedBlob(Digest.of(b"one"), "layer", 3)}


async def test_an_image_done_under_another_platform_rule_is_gone_over_again(catalog: Catalog) -> None:
    """Asking for more platforms later fetches what the new rule adds."""
    await crawl(catalog, RepositoryRecord("a/b"))
    await expand(catalog)
    (task,) = await pending(catalog)
    await catalog.contents.record([done(task.id, a_manifest(b"one"))], 2.0)
    assert await pending(catalog, "all") == [task]


@pytest.mark.parametrize("permanent", [False, True])
async def test_only_passing_failures_are_tried_again_unasked(catalog: Catalog, *, permanent: bool) -> None:
    """A deleted repository stays deleted; a network error is tried again by the next run."""
    await crawl(catalog, RepositoryRecord("a/gone"), RepositoryRecord("a/slow"))
    await expand(catalog)
    gone, slow = await pending(catalog)
    await fail(catalog, gone, Reason.REPO_MISSING, temporary=False)
    await fail(catalog, slow, Reason.TIMEOUT, temporary=True)
    assert (await catalog.census.count()).failures == {"repo_missing": 1, "timeout": 1}
    assert await catalog.images.has_reopenable([REGISTRY], permanent=permanent)
    assert await catalog.images.reopen([REGISTRY], permanent=permanent) == 1 + permanent
    assert len(await pending(catalog)) == 1 + permanent


async def test_trying_again_forgets_why_a_blob_failed(catalog: Catalog) -> None:
    """Otherwise the remembered failure would be all that a new try finds."""
    await crawl(catalog, RepositoryRecord("a/b"))
    await expand(catalog)
    (task,) = await pending(catalog)
    failure = Failure(Reason.NETWORK, "cut", is_temporary=True)
    blob = FetchedBlob(Digest.of(b"x"), "layer", 1, failure)
    await catalog.contents.record([ImageOutcome(task.id, AMD64, blobs=(blob,), failure=failure)], 2.0)
    assert (await catalog.contents.known_blobs([blob.digest]))[blob.digest] == blob
    await catalog.images.reopen([REGISTRY], permanent=False)
    assert await catalog.contents.known_blobs([blob.digest]) == {}


async def test_the_census_adds_up(catalog: Catalog) -> None:
    """Failures by reason sum up to the failed images, and states to all images."""
    await crawl(catalog, *(RepositoryRecord(f"a/{number}") for number in range(4)), RepositoryRecord("a/.."))
    assert (await catalog.census.count()).images.pending == 5
    await expand(catalog)
    tasks = await pending(catalog)
    await catalog.contents.record([done(tasks[0].id, a_manifest(b"one"))], 2.0)
    await fail(catalog, tasks[1], Reason.NO_TAG, temporary=False)
    census = await catalog.census.count()
    assert (census.images.pending, census.images.done, census.images.failed) == (2, 1, 2)
    assert sum(census.failures.values()) == census.images.failed
    assert (census.blobs.count, census.layers.pending) == (2, 1)


async def test_the_oci_index_has_every_image_done(catalog: Catalog) -> None:
    """One row per image, under its full name."""
    await crawl(catalog, RepositoryRecord("a/b"), RepositoryRecord("a/c"))
    await expand(catalog)
    manifest = a_manifest(b"one")
    await catalog.contents.record([done(task.id, manifest) for task in await pending(catalog)], 2.0)
    digest, size = manifest.manifest.digest, manifest.manifest.size_bytes
    media_type = "application/vnd.oci.image.manifest.v1+json"
    assert await catalog.contents.oci_index() == [
        (media_type, digest, size, REGISTRY, "a/b", "latest"),
        (media_type, digest, size, REGISTRY, "a/c", "latest"),
    ]

"""The downloader's work in the catalog: what is pending, what is done, what is tried again."""

from __future__ import annotations

import pytest

from corpus.catalog import Catalog
from corpus.catalog.images import START, Retries
from corpus.catalog.plan import Order
from corpus.layout import Layout
from corpus.oci import write_index
from corpus.records import Failure, FetchedBlob, ImageOutcome, ImageTask, RepositoryRecord
from registry.digests import Digest
from registry.errors import Reason
from tests.corpus.conftest import REGISTRY, a_manifest, crawl, done
from tests.downloader.runs import select

AMD64 = "linux/amd64"


async def pending(catalog: Catalog, scope: str = AMD64, rule: str = "latest") -> list[ImageTask]:
    await catalog.plan.make(Order((REGISTRY,), rule))
    return await catalog.images.pending([REGISTRY], scope, limit=100)


async def reopen(catalog: Catalog, *, permanent: bool = False, now: float = 100.0) -> dict[Reason, int]:
    return await catalog.images.reopen([REGISTRY], now, permanent=permanent, since=0.0)


async def expand(catalog: Catalog, rule: str = "latest") -> None:
    while await catalog.images.expand([REGISTRY], rule, rule.split(","), 2):
        pass


async def fail(
    catalog: Catalog,
    task: ImageTask,
    reason: Reason,
    *,
    retry_at: float | None = None,
    now: float = 2.0,
    scope: str = AMD64,
) -> None:
    failure = Failure(reason, "because", is_temporary=retry_at is not None)
    attempts = task.attempts + (retry_at is not None)
    outcome = ImageOutcome(task.id, scope, failure=failure, attempts=attempts, retry_at=retry_at)
    await catalog.contents.record([outcome], now)


async def test_every_repository_becomes_one_image_per_tag(catalog: Catalog) -> None:
    """A tag rule is applied to each repository once, and a new rule adds to the images there are.

    Only those that the present rule chooses are taken.
    """
    await crawl(catalog, *(RepositoryRecord(f"a/{number}") for number in range(5)))
    await expand(catalog)
    assert len(await pending(catalog)) == 5
    await expand(catalog, "latest,edge")
    assert len(await pending(catalog, rule="latest,edge")) == 10
    await expand(catalog, "edge")
    assert {task.reference for task in await pending(catalog, rule="edge")} == {"edge"}
    await expand(catalog)
    assert [task.reference for task in await pending(catalog)] == ["latest"] * 5


async def test_claims_follow_the_order_and_do_not_overlap(catalog: Catalog) -> None:
    """Claiming page after page hands out every image once, by falling pull count."""
    await crawl(
        catalog, *(RepositoryRecord(f"a/{number}", pull_count=number % 3 or None) for number in range(7))
    )
    await expand(catalog)
    await catalog.plan.make(Order((REGISTRY,)))
    seen: list[ImageTask] = []
    after = START
    while page := await catalog.images.pending([REGISTRY], AMD64, after=after, limit=2):
        seen += page
        after = (page[-1].rank, page[-1].id)
    assert [task.repository for task in seen] == ["a/2", "a/5", "a/1", "a/4", "a/0", "a/3", "a/6"]


async def test_a_name_that_nobody_can_pull_is_a_failure_not_a_task(catalog: Catalog) -> None:
    """It was listed, so it is counted; and it is never tried, not even when failures are."""
    await crawl(catalog, RepositoryRecord("a/.."), RepositoryRecord("a/b"))
    await expand(catalog)
    assert [task.repository for task in await pending(catalog)] == ["a/b"]
    assert (await catalog.census.count()).failures == {"invalid_name": 1}
    assert await reopen(catalog, permanent=True) == {}
    assert not await catalog.images.has_given_up([REGISTRY])


async def test_a_repository_listed_with_a_reference_keeps_to_it(catalog: Catalog) -> None:
    """``debian:12`` in a list file is that image, not ``debian:latest`` too."""
    await crawl(catalog, RepositoryRecord("a/b", reference="12"), RepositoryRecord("a/c"))
    await expand(catalog)
    assert {(task.repository, task.reference) for task in await pending(catalog)} == {
        ("a/b", "12"),
        ("a/c", "latest"),
    }


async def test_a_repository_listed_with_a_reference_keeps_to_it_under_every_rule(catalog: Catalog) -> None:
    """The second rule is no other than the first; what only the crawl listed is expanded."""
    await crawl(catalog, RepositoryRecord("a/b", reference="12"), RepositoryRecord("a/c"))
    for rule in ("latest", "edge", "latest"):
        await expand(catalog, rule)
        assert {(task.repository, task.reference) for task in await pending(catalog, rule=rule)} == {
            ("a/b", "12"),
            ("a/c", rule),
        }
    await expand(catalog, "12,13")
    assert [task.reference for task in await pending(catalog, rule="edge")] == ["12", "edge"]
    ((_, _, left),) = await catalog.images.unexpanded([REGISTRY], "all", after=0, limit=9)
    assert left == "a/c"


async def test_a_tag_that_a_rule_does_not_choose_any_more_is_not_taken(catalog: Catalog) -> None:
    """The ten newest of today are ten, whatever the ten of yesterday were."""
    await crawl(catalog, RepositoryRecord("a/b"))
    ((repository, *_),) = await catalog.images.unexpanded([REGISTRY], "newest:2", after=0, limit=9)
    await catalog.images.expand_repository(repository, "newest:2", ["1", "2"])
    assert [task.reference for task in await pending(catalog, rule="newest:2")] == ["1", "2"]
    await expand(catalog)
    await catalog.images.expand_repository(repository, "newest:2", ["2", "3"])
    assert [task.reference for task in await pending(catalog, rule="newest:2")] == ["2", "3"]


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


async def test_an_image_done_under_a_wider_scope_is_not_gone_over_again(catalog: Catalog) -> None:
    """What was fetched with referrers holds for a run without; other platforms are another matter."""
    await crawl(catalog, RepositoryRecord("a/b"))
    await expand(catalog)
    (task,) = await pending(catalog)
    await catalog.contents.record([done(task.id, a_manifest(b"one"), f"{AMD64} +referrers")], 2.0)
    assert await pending(catalog) == []
    assert await pending(catalog, f"{AMD64} +foreign") == [task]
    assert await pending(catalog, "linux/amd6_") == [task]


@pytest.mark.parametrize("wanted", ["", " +referrers", " +foreign", " +referrers +foreign"])
@pytest.mark.parametrize("had", ["", " +referrers", " +foreign", " +referrers +foreign"])
async def test_a_scope_includes_another_with_all_its_extras(catalog: Catalog, had: str, wanted: str) -> None:
    """In whichever order they are written."""
    await crawl(catalog, RepositoryRecord("a/b"))
    await expand(catalog)
    (task,) = await pending(catalog)
    await catalog.contents.record([done(task.id, a_manifest(b"one"), AMD64 + had)], 2.0)
    includes = set(wanted.split()) <= set(had.split())
    assert bool(await pending(catalog, AMD64 + wanted)) is not includes


@pytest.mark.parametrize("retry_at", [None, 60.0])
async def test_an_image_that_is_done_stays_so_when_more_of_it_is_wanted_in_vain(
    catalog: Catalog, layout: Layout, retry_at: float | None
) -> None:
    """Its tag may be gone; what came before is still there, and is not asked for again at every run."""
    wide = f"{AMD64} +referrers"
    await crawl(catalog, RepositoryRecord("a/b"))
    await expand(catalog)
    (task,) = await pending(catalog)
    await catalog.contents.record([done(task.id, a_manifest(b"one"))], 2.0)
    (before,) = select(layout.root, "select state, root_digest, platforms from images")
    await fail(catalog, task, Reason.NO_TAG, retry_at=retry_at, scope=wide)
    assert select(layout.root, "select state, root_digest, platforms from images") == [before]
    assert len([page async for page in catalog.contents.oci_index()]) == 1
    assert [group.reason for group in await catalog.failures.groups()] == ["no_tag"]
    for scope in (AMD64, wide):
        assert await pending(catalog, scope) == []
    assert await catalog.images.has_given_up([REGISTRY]) is (retry_at is None)
    assert await reopen(catalog, permanent=retry_at is None) == {Reason.NO_TAG: 1}
    assert await pending(catalog) == []
    assert [each.id for each in await pending(catalog, wide)] == [task.id]
    await catalog.contents.record([done(task.id, a_manifest(b"one"), wide)], 3.0)
    assert await pending(catalog, wide) == []
    assert await catalog.failures.groups() == []


async def test_an_image_that_is_to_be_fetched_again_is_not_kept_when_its_tag_is_gone(
    catalog: Catalog,
) -> None:
    """Something of it was lost."""
    await crawl(catalog, RepositoryRecord("a/b"))
    await expand(catalog)
    (task,) = await pending(catalog)
    await catalog.contents.record([done(task.id, a_manifest(b"one"))], 2.0)
    await catalog.verification.withdraw([Digest.of(b"one")], [])
    await fail(catalog, task, Reason.NO_TAG)
    assert (await catalog.census.count()).failures == {"no_tag": 1}


async def test_a_passing_failure_is_due_when_its_time_has_come(catalog: Catalog) -> None:
    """A deleted repository stays deleted; one that was given up waits until somebody asks."""
    await crawl(catalog, *(RepositoryRecord(f"a/{name}") for name in ("gone", "lost", "slow")))
    await expand(catalog)
    gone, lost, slow = await pending(catalog)
    await fail(catalog, gone, Reason.REPO_MISSING)
    await fail(catalog, lost, Reason.TIMEOUT)
    await fail(catalog, slow, Reason.TIMEOUT, retry_at=60.0)
    assert await catalog.images.retries([REGISTRY]) == Retries(1, 60.0)
    assert await reopen(catalog, now=59.0) == {}
    assert await pending(catalog) == []
    assert not await catalog.images.is_settled()
    assert await reopen(catalog, now=60.0) == {Reason.TIMEOUT: 1}
    assert [(task.id, task.attempts) for task in await pending(catalog)] == [(slow.id, 1)]
    assert await catalog.images.retries([REGISTRY]) == Retries(0, None)


async def test_all_failures_are_tried_again_when_it_is_wished(catalog: Catalog) -> None:
    """At once, and as if for the first time."""
    await crawl(catalog, RepositoryRecord("a/gone"), RepositoryRecord("a/slow"))
    await expand(catalog)
    gone, slow = await pending(catalog)
    await fail(catalog, gone, Reason.REPO_MISSING)
    await fail(catalog, slow, Reason.TIMEOUT, retry_at=1e9)
    assert await catalog.images.with_work([REGISTRY], AMD64, until=5.0, permanent=False) == set()
    assert await catalog.images.with_work([REGISTRY], AMD64, until=5.0, permanent=True) == {REGISTRY}
    assert await reopen(catalog, permanent=True) == {Reason.REPO_MISSING: 1, Reason.TIMEOUT: 1}
    assert [task.attempts for task in await pending(catalog)] == [0, 0]


async def test_an_image_that_was_given_up_may_be_resumed(catalog: Catalog) -> None:
    """It is not settled while somebody may ask for it again; what failed for good is."""
    await crawl(catalog, RepositoryRecord("a/gone"), RepositoryRecord("a/slow"))
    await expand(catalog)
    gone, slow = await pending(catalog)
    await fail(catalog, gone, Reason.REPO_MISSING)
    outcome = ImageOutcome(slow.id, AMD64, failure=Failure(Reason.TIMEOUT, "six times", is_temporary=True))
    await catalog.contents.record([outcome], 2.0)
    assert not await catalog.images.is_settled()
    await catalog.contents.record([done(slow.id, a_manifest(b"one"))], 3.0)
    assert await catalog.images.is_settled()


async def test_what_failed_before_the_run_is_not_counted_as_its_own(catalog: Catalog) -> None:
    """Those that are reopened are told by reason, as far as they failed since it began."""
    await crawl(catalog, RepositoryRecord("a/1"), RepositoryRecord("a/2"))
    await expand(catalog)
    first, second = await pending(catalog)
    await fail(catalog, first, Reason.NETWORK, retry_at=60.0, now=2.0)
    await fail(catalog, second, Reason.NETWORK, retry_at=60.0, now=8.0)
    found = await catalog.images.reopen([REGISTRY], 100.0, permanent=False, since=5.0)
    assert found == {Reason.NETWORK: 1}
    assert len(await pending(catalog)) == 2


async def test_what_lies_beyond_the_limit_is_left_alone(catalog: Catalog) -> None:
    """Neither fetched nor reopened, and no work."""
    await crawl(catalog, RepositoryRecord("a/1", pull_count=2), RepositoryRecord("a/2", pull_count=1))
    await expand(catalog)
    first, second = await pending(catalog)
    await catalog.contents.record([done(first.id, a_manifest(b"one"))], 2.0)
    await fail(catalog, second, Reason.TIMEOUT, retry_at=60.0)
    await catalog.plan.make(Order((REGISTRY,), limit=1))
    assert await reopen(catalog, permanent=True) == {}
    assert await catalog.images.with_work([REGISTRY], AMD64, until=100.0, permanent=True) == set()
    assert await catalog.images.count([REGISTRY], AMD64) == 0


@pytest.mark.parametrize("permanent", [False, True])
async def test_trying_again_forgets_just_the_blobs_that_the_images_failed_with(
    catalog: Catalog, *, permanent: bool
) -> None:
    """Otherwise the remembered failure would be all that a new try finds; others' failures stay."""
    await crawl(catalog, RepositoryRecord("a/due"), RepositoryRecord("a/later"))
    await expand(catalog)
    due, later = await pending(catalog)
    passing, lasting = Failure(Reason.NETWORK, "cut", True), Failure(Reason.BLOB_MISSING, "404")
    for task, layers, retry_at in ((due, (b"x", b"gone"), 60.0), (later, (b"y",), 600.0)):
        manifest = a_manifest(*layers)
        digest = manifest.manifest.blob_digest
        failed = tuple(
            FetchedBlob(Digest.of(layer), "layer", 1, lasting if layer == b"gone" else passing)
            for layer in layers
        )
        outcome = ImageOutcome(
            task.id, AMD64, digest, (manifest,), (digest,), failed, passing, attempts=1, retry_at=retry_at
        )
        await catalog.contents.record([outcome], 2.0)
    names = {Digest.of(layer): layer for layer in (b"x", b"gone", b"y")}
    await reopen(catalog, permanent=permanent)
    known = {names[Digest(digest)] for digest in await catalog.contents.known_blobs(names)}
    assert known == (set() if permanent else {b"gone", b"y"})


async def test_the_census_adds_up(catalog: Catalog) -> None:
    """Failures by reason sum up to the failed images, and states to all images."""
    await crawl(catalog, *(RepositoryRecord(f"a/{number}") for number in range(4)), RepositoryRecord("a/.."))
    assert (await catalog.census.count()).images.pending == 5
    await expand(catalog)
    tasks = await pending(catalog)
    await catalog.contents.record([done(tasks[0].id, a_manifest(b"one"))], 2.0)
    await fail(catalog, tasks[1], Reason.NO_TAG)
    census = await catalog.census.count()
    assert (census.images.pending, census.images.done, census.images.failed) == (2, 1, 2)
    assert sum(census.failures.values()) == census.images.failed
    assert (census.blobs.count, census.layers.pending) == (2, 1)


async def test_the_index_is_stale_from_the_checkpoint_on(catalog: Catalog, layout: Layout) -> None:
    """Until it is written, be it by another run; and when images are withdrawn."""
    await crawl(catalog, RepositoryRecord("a/b"))
    await expand(catalog)
    assert not await catalog.contents.is_index_stale()
    for (task,) in [await pending(catalog)] * 2:
        await catalog.contents.record([done(task.id, a_manifest(b"one"))], 2.0)
        assert await catalog.contents.is_index_stale()
        await write_index(layout, catalog.contents)
        assert not await catalog.contents.is_index_stale()
    await catalog.verification.withdraw([Digest.of(b"one")], [])
    assert await catalog.contents.is_index_stale()


async def test_the_oci_index_has_every_image_done(catalog: Catalog) -> None:
    """One row per image, under its full name, some at a time."""
    await crawl(catalog, RepositoryRecord("a/b"), RepositoryRecord("a/c"))
    await expand(catalog)
    manifest = a_manifest(b"one")
    await catalog.contents.record([done(task.id, manifest) for task in await pending(catalog)], 2.0)
    digest, size = manifest.manifest.digest, manifest.manifest.size_bytes
    media_type = "application/vnd.oci.image.manifest.v1+json"
    assert [page async for page in catalog.contents.oci_index(limit=1)] == [
        [(media_type, digest, size, REGISTRY, "a/b", "latest")],
        [(media_type, digest, size, REGISTRY, "a/c", "latest")],
    ]

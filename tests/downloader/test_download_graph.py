"""Indexes and shared blobs, honest and hostile: no image pays for another one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from corpus.records import RepositoryRecord
from downloader import fetch
from downloader.plan import MAX_MANIFESTS
from registry.digests import Digest
from registry.transport import redirects
from registry.transport.addresses import is_private
from tests.downloader.runs import (
    download,
    fetched,
    files,
    images,
    opened,
    select,
)
from tests.downloader.servers import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    OCI,
    FakeRegistry,
    describe,
    image_manifest,
    index_manifest,
    refuse,
    whole,
)

BASE = b"base layer" * 100
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"


async def test_an_index_leads_to_its_platform_and_keeps_its_bytes(fake: FakeRegistry, data: Path) -> None:
    """Index and child are kept as they came; other platforms are not asked for."""
    amd64, arm64 = image_manifest(b"amd64"), image_manifest(b"arm64")
    for body in (amd64, arm64):
        fake.push_raw(f"a/b@{Digest.of(body)}", body, MANIFEST_TYPE)
    fake.blobs |= {Digest.of(layer): layer for layer in (b"{}", b"amd64", b"arm64")}
    index = index_manifest(
        describe(arm64, MANIFEST_TYPE, "linux/arm64"), describe(amd64, MANIFEST_TYPE, "linux/amd64")
    )
    fake.push_raw("a/b@latest", index, INDEX_TYPE)
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    assert {Digest.of(each).encoded for each in (index, amd64, b"amd64", b"{}")} == set(
        files(data / "blobs" / "sha256")
    )
    assert await fetched(fake.url, data, platform="linux/arm64,linux/amd64") == {"a/b:latest": "done"}
    assert {Digest.of(each).encoded for each in (arm64, b"arm64")} <= set(files(data / "blobs" / "sha256"))
    assert max(count for what, count in fake.counts().items() if what.startswith("GET")) == 1
    assert select(data, "select count(*) from image_manifests") == [(2,)]


async def test_a_failure_for_want_of_a_platform_ends_with_another_rule(
    fake: FakeRegistry, data: Path
) -> None:
    """The image failed under one rule; under another it has what is wanted."""
    arm = image_manifest(b"arm")
    fake.blobs |= {Digest.of(b"{}"): b"{}", Digest.of(b"arm"): b"arm"}
    fake.push_raw("a/b@x", arm, MANIFEST_TYPE)
    fake.push_raw("a/b@latest", index_manifest(describe(arm, MANIFEST_TYPE, "linux/arm")), INDEX_TYPE)
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "no_platform"}
    async with opened(data, fake.url) as bench:
        assert not await bench.has_work()
        assert await bench.has_work(platform="all")
    assert await fetched(fake.url, data, platform="all") == {"a/b:latest": "done"}


async def test_a_broken_child_costs_its_siblings_nothing(fake: FakeRegistry, data: Path) -> None:
    """Of three platforms one is missing (sparse), one is no manifest, one is whole: that one is fetched."""
    good, prose = image_manifest(b"good"), b"prose"
    fake.blobs |= {Digest.of(b"{}"): b"{}", Digest.of(b"good"): b"good"}
    for body in (good, prose):
        fake.push_raw(f"a/sad@{Digest.of(body)}", body, MANIFEST_TYPE)
        fake.push_raw(f"a/sparse@{Digest.of(body)}", body, MANIFEST_TYPE)
    gone = describe(b"gone", MANIFEST_TYPE, "linux/s390x")
    broken = describe(prose, MANIFEST_TYPE, "linux/386")
    whole_one = describe(good, MANIFEST_TYPE, "linux/amd64")
    fake.push_raw("a/sparse@latest", index_manifest(gone, whole_one), INDEX_TYPE)
    fake.push_raw("a/sad@latest", index_manifest(gone, broken, whole_one), INDEX_TYPE)
    fake.push_raw("a/bare@latest", index_manifest(gone), INDEX_TYPE)
    found = await fetched(fake.url, data, "a/sparse", "a/sad", "a/bare", platform="all")
    assert found == {
        "a/sparse:latest": "done",
        "a/sad:latest": "manifest_invalid",
        "a/bare:latest": "manifest_missing",
    }
    assert Digest.of(b"good").encoded in files(data / "blobs" / "sha256")
    assert select(data, "select count(*) from manifests") == [(4,)]


@pytest.mark.parametrize("media_type", [INDEX_TYPE, DOCKER_LIST])
async def test_indexes_within_indexes_are_followed_so_far(
    fake: FakeRegistry, data: Path, media_type: str
) -> None:
    """Eight floors down is deep enough; a tower of fifty ends as an outcome, quickly."""
    body, kind = image_manifest(b"bottom"), MANIFEST_TYPE
    fake.blobs |= {Digest.of(b"{}"): b"{}", Digest.of(b"bottom"): b"bottom"}
    for depth in range(51):
        name = {3: "a/low@latest", 50: "a/high@latest"}.get(depth, f"a/low@{depth}")
        fake.push_raw(name, body, kind)
        fake.push_raw(name.replace("low", "high") if depth < 50 else name, body, kind)
        body, kind = index_manifest(describe(body, kind)), media_type
        if media_type == DOCKER_LIST:
            body = body.replace(INDEX_TYPE.encode(), DOCKER_LIST.encode())
    found = await fetched(fake.url, data, "a/low", "a/high")
    assert found == {"a/low:latest": "done", "a/high:latest": "too_large"}
    assert fake.count("GET /v2/a/high/manifests/") <= 9


async def test_an_index_without_end_is_followed_only_so_far(
    fake: FakeRegistry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hostile index has room for 40,000 children."""
    assert MAX_MANIFESTS == 1000
    monkeypatch.setattr(fetch, "MAX_MANIFESTS", 5)
    children = []
    for number in range(20):
        body = image_manifest(comment=number)
        fake.push_raw(f"a/b@{number}", body, MANIFEST_TYPE)
        children.append(describe(body, MANIFEST_TYPE, f"linux/{number}"))
    fake.blobs[Digest.of(b"{}")] = b"{}"
    fake.push_raw("a/b@latest", index_manifest(*children), INDEX_TYPE)
    assert await fetched(fake.url, data, "a/b", platform="all") == {"a/b:latest": "too_large"}
    assert fake.count("GET /v2/a/b/manifests/") == 5


@pytest.mark.slow
async def test_a_manifest_with_as_many_layers_as_fit_is_no_accident(fake: FakeRegistry, data: Path) -> None:
    """An 8 MiB manifest has room for 40,000 layers; here they are fewer, for the sake of time."""
    layers = [describe(b"", f"{OCI}.layer.v1.tar", digest=f"made+up:{number}") for number in range(5_000)]
    fake.push("a/b@latest", layers=layers)
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "unverifiable"}
    assert fake.count("blobs") == 1


@pytest.mark.parametrize("digest", ["made+up:" + "A" * 300, "made+up:x", "x" * 300 + ":x"])
async def test_a_digest_that_no_file_can_be_named_by_is_the_failure_of_one_image(
    fake: FakeRegistry, data: Path, digest: str
) -> None:
    """Its grammar bounds no length; it is a layer, and a child of an index."""
    fake.push("a/layer@latest", layers=[describe(b"", f"{OCI}.layer.v1.tar", digest=digest)])
    child = describe(b"", MANIFEST_TYPE, "linux/amd64", digest=digest)
    fake.push_raw("a/child@latest", index_manifest(child), INDEX_TYPE)
    fake.push("a/b@latest", BASE)
    found = await fetched(fake.url, data, "a/layer", "a/child", "a/b")
    assert found == {"a/layer:latest": "unverifiable", "a/child:latest": "unverifiable", "a/b:latest": "done"}


async def test_words_that_no_database_takes_are_kept_as_escapes(fake: FakeRegistry, data: Path) -> None:
    """Lone surrogates in JSON are legal text, and must not end a campaign at its checkpoint."""
    odd = describe(BASE, "application/x-\ud800", platform="linux/amd64")
    body = image_manifest(layers=[odd], annotations={"\udfff": "\ud800"})
    fake.blobs |= {Digest.of(b"{}"): b"{}", Digest.of(BASE): BASE}
    fake.push_raw("a/b@x", body, MANIFEST_TYPE)
    child = describe(body, "application/vnd.\ud800", platform="li\ud800nux/amd64")
    fake.push_raw("a/b@latest", index_manifest(child), INDEX_TYPE)
    fake.push("a/c@latest", BASE)
    found = await fetched(fake.url, data, "a/b", "a/c", platform="all")
    assert found == {"a/b:latest": "done", "a/c:latest": "done"}


async def test_one_damaged_layer_fails_its_images_and_is_fetched_twice_in_all(
    fake: FakeRegistry, data: Path
) -> None:
    """Ten images list it; two tries tell that it is corrupt, and every other layer is kept."""
    names = [f"a/{number}" for number in range(10)]
    for name in names:
        fake.push(f"{name}@latest", BASE, name.encode())
    for name in names:
        fake.script_blob(Digest.of(BASE), always=whole(body=b"damaged " * 125), repository=name)
    assert set((await fetched(fake.url, data, *names)).values()) == {"digest_mismatch"}
    assert fake.count(f"blobs/{Digest.of(BASE)}") == 2
    assert len(files(data / "blobs")) == 10 + 1 + 10
    assert files(data / "partial") == {}


@pytest.mark.parametrize("parallel", [1, 16])
@pytest.mark.parametrize(
    "lie",
    [{"size": 7}, {"size": 1 << 62}, {"mediaType": f"{OCI}.layer.nondistributable.v1.tar"}],
    ids=["small", "huge", "foreign"],
)
async def test_what_one_image_claims_of_a_layer_is_not_held_against_another(
    fake: FakeRegistry, data: Path, lie: dict[str, object], parallel: int
) -> None:
    """A hostile manifest with a wrong size, or "kept elsewhere", must not poison a shared base layer."""
    layer = {**describe(BASE, f"{OCI}.layer.v1.tar"), **lie}
    fake.push("a/hostile@latest", layers=[layer])
    fake.push("a/honest@latest", BASE)
    records = [RepositoryRecord("a/hostile", pull_count=9), RepositoryRecord("a/honest", pull_count=1)]
    await download(data, fake.url, records, parallel_images=parallel)
    assert images(data)["a/honest:latest"] == "done"
    assert (data / "blobs" / "sha256" / Digest.of(BASE).encoded).read_bytes() == BASE
    assert (Digest.of(BASE), "done") in select(data, "select digest, state from blobs")


@pytest.mark.parametrize("parallel", [1, 16])
@pytest.mark.parametrize("status", [404, 403])
async def test_a_layer_that_one_repository_refuses_is_had_from_another(
    fake: FakeRegistry, data: Path, status: int, parallel: int
) -> None:
    """The same digest may be there; only the image whose repository refuses it fails."""
    for name in ("a/refusing", "a/giving"):
        fake.push(f"{name}@latest", BASE)
    fake.script_blob(Digest.of(BASE), always=refuse(status), repository="a/refusing")
    records = [RepositoryRecord("a/refusing", pull_count=9), RepositoryRecord("a/giving", pull_count=1)]
    await download(data, fake.url, records, parallel_images=parallel)
    assert images(data)["a/giving:latest"] == "done"
    assert select(data, "select count(*) from blobs where state = 'failed'") == [(0,)]


async def test_a_layer_may_be_listed_that_is_a_manifest(fake: FakeRegistry, data: Path) -> None:
    """Both ways write the same digest at the same time; what is kept is right."""
    inner = image_manifest(b"inner")
    fake.push("a/1@latest", b"inner")
    fake.blobs[Digest.of(inner)] = inner
    fake.push("a/2@latest", inner)
    found = await fetched(fake.url, data, "a/1", "a/2")
    assert set(found.values()) == {"done"}
    assert all(name == f"sha256/{digest}" for name, digest in files(data / "blobs").items())


async def test_a_moved_tag_leads_to_the_new_image_alone(fake: FakeRegistry, data: Path) -> None:
    """When an image is gone over again, what it consisted of before is not what it consists of now."""
    fake.push("a/b@latest", b"old")
    await fetched(fake.url, data, "a/b")
    new = fake.push("a/b@latest", b"new")
    await fetched(fake.url, data, platform="all")
    assert select(data, "select manifest_digest from image_manifests") == [(new,)]


async def test_foreign_layers_are_left_where_they_are_and_remembered(fake: FakeRegistry, data: Path) -> None:
    """The image is done without them, and a retry of failures does not forget them."""
    foreign = describe(BASE, "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip")
    fake.push("a/b@latest", layers=[foreign])
    assert await fetched(fake.url, data, "a/b", "a/gone") == {"a/b:latest": "done", "a/gone:latest": "no_tag"}
    await fetched(fake.url, data, retry_failed=True)
    assert select(data, "select reason from blobs where reason is not null") == [("foreign_skipped",)]
    assert fake.count(f"blobs/{Digest.of(BASE)}") == 0


# A loopback address that counts as public for these tests: whoever made an image cannot name another.
VENDOR = "127.0.0.2"


@pytest.fixture(autouse=True)
def _vendor_is_public(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redirects, "is_private", lambda url: is_private(url) and VENDOR not in url)


@asynccontextmanager
async def vendor(*answers: tuple[int, bytes]) -> AsyncIterator[tuple[str, list[web.BaseRequest]]]:
    """A host that keeps layers, with what it was asked; the last of its answers stays."""
    asked: list[web.BaseRequest] = []

    async def handle(request: web.BaseRequest) -> web.StreamResponse:
        asked.append(request)
        status, body = answers[min(len(asked), len(answers)) - 1]
        return web.Response(status=status, body=body)

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, VENDOR, 0).start()
        yield f"http://{VENDOR}:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


def foreign(*urls: str) -> dict[str, object]:
    media_type = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
    return describe(BASE, media_type, urls=list(urls))


async def test_foreign_layers_are_fetched_from_where_they_are_kept_if_they_are_wanted(
    fake: FakeRegistry, data: Path
) -> None:
    """The registry is asked first; URLs that are none, fail or lie are passed over."""
    async with vendor((404, b""), (200, b"lies" * 250), (200, b"lies" * 250), (200, BASE)) as (url, asked):
        layer = foreign("ftp://x/y", f"{url}/gone", f"{url}/lies", f"{url}/layer?sig=%2F")
        fake.push("a/b@latest", layers=[layer])
        assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
        assert asked == []
        assert await fetched(fake.url, data, foreign_layers=True) == {"a/b:latest": "done"}
        assert [request.raw_path for request in asked] == ["/gone", "/lies", "/lies", "/layer?sig=%2F"]
        assert all("Authorization" not in request.headers for request in asked)
    assert fake.count(f"blobs/{Digest.of(BASE)}") == 1
    assert (data / "blobs" / "sha256" / Digest.of(BASE).encoded).read_bytes() == BASE
    assert select(data, "select platforms from images") == [("linux/amd64 +foreign",)]
    async with opened(data, fake.url) as bench:
        assert not await bench.has_work(foreign_layers=True)


async def test_a_registry_that_holds_a_foreign_layer_gives_it(fake: FakeRegistry, data: Path) -> None:
    """Private mirrors do; nobody else is asked."""
    async with vendor((200, BASE)) as (url, asked):
        fake.push("a/b@latest", layers=[foreign(f"{url}/layer")])
        fake.blobs[Digest.of(BASE)] = BASE
        assert await fetched(fake.url, data, "a/b", foreign_layers=True) == {"a/b:latest": "done"}
        assert asked == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [((404, b""), "blob_missing"), ((403, b""), "denied"), ((200, b"lies" * 250), "digest_mismatch")],
)
async def test_a_foreign_layer_that_is_wanted_and_nowhere_to_be_had_is_a_failure(
    fake: FakeRegistry, data: Path, answer: tuple[int, bytes], reason: str
) -> None:
    """For the reason that was heard last."""
    async with vendor(answer) as (url, _):
        fake.push("a/b@latest", layers=[foreign(f"{url}/layer")])
        assert await fetched(fake.url, data, "a/b", foreign_layers=True) == {"a/b:latest": reason}


async def test_only_foreign_layers_are_sought_at_urls(fake: FakeRegistry, data: Path) -> None:
    """Any descriptor may have some; an ordinary layer that is not there is missing."""
    async with vendor((200, BASE)) as (url, asked):
        layer = describe(BASE, f"{OCI}.layer.v1.tar", urls=[f"{url}/layer"])
        fake.push("a/b@latest", layers=[layer])
        assert await fetched(fake.url, data, "a/b", foreign_layers=True) == {"a/b:latest": "blob_missing"}
        assert asked == []


@pytest.mark.parametrize("parallel", [1, 16])
async def test_what_a_url_in_a_manifest_gives_is_not_held_against_an_image_without_it(
    fake: FakeRegistry, data: Path, parallel: int
) -> None:
    """A hostile image names a popular layer as one that is kept elsewhere, at a host that lies."""
    async with vendor((200, b"lies" * 250)) as (url, asked):
        fake.push("a/hostile@latest", layers=[foreign(f"{url}/layer")])
        fake.push("a/honest@latest", BASE)
        fake.script_blob(Digest.of(BASE), always=refuse(404), repository="a/hostile")
        records = [RepositoryRecord("a/hostile", pull_count=9), RepositoryRecord("a/honest", pull_count=1)]
        await download(data, fake.url, records, parallel_images=parallel, foreign_layers=True)
        assert images(data)["a/honest:latest"] == "done"
        assert parallel > 1 or len(asked) == 2

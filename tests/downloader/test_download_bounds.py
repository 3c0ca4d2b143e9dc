"""Manifests that list more than anybody fetches: bounded in memory and requests, and not said to be whole."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from downloader import artifacts, fetch, manifests, plan
from registry import documents
from registry.digests import Digest
from registry.manifests import Manifest, parse_manifest
from tests.downloader.runs import fetched, opened, select
from tests.downloader.servers import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    FakeRegistry,
    describe,
    image_manifest,
    index_manifest,
)
from tests.downloader.test_download_artifacts import hold, lists, referrers, statement

BOUND = 12


@pytest.fixture
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Descriptors of one image, of which there are ten thousand else."""
    assert plan.MAX_DESCRIPTORS == 10_000
    for module in (artifacts, fetch, manifests):
        monkeypatch.setattr(module, "MAX_DESCRIPTORS", BOUND)


def layers(count: int, name: str = "") -> list[bytes]:
    return [f"layer {number} {name}".encode() for number in range(count)]


@pytest.mark.usefixtures("_few")
async def test_a_manifest_of_too_many_layers_costs_one_request(fake: FakeRegistry, data: Path) -> None:
    """One of 8 MiB has room for 90,000; with its configuration this one has one too many."""
    fake.push("a/many@latest", *layers(BOUND))
    fake.push("a/fine@latest", *layers(BOUND - 1))
    found = await fetched(fake.url, data, "a/many", "a/fine")
    assert found == {"a/many:latest": "too_large", "a/fine:latest": "done"}
    assert fake.count("a/many/blobs") == 0
    assert select(data, "select count(*) from manifests") == [(1,)]


@pytest.mark.usefixtures("_few")
async def test_the_manifests_of_an_image_list_no_more_than_one_may(fake: FakeRegistry, data: Path) -> None:
    """Each of its platforms is harmless; what came before the bound is kept."""
    children = []
    for name in ("amd64", "arm64", "s390x"):
        body = image_manifest(*layers(4, name))
        fake.push(f"a/b@{name}", *layers(4, name))
        children.append(describe(body, MANIFEST_TYPE, f"linux/{name}"))
    fake.push_raw("a/b@latest", index_manifest(*children), INDEX_TYPE)
    assert await fetched(fake.url, data, "a/b", platform="all") == {"a/b:latest": "too_large"}
    assert fake.count("GET /v2/a/b/blobs/") == 4 + 1
    async with opened(data, fake.url) as bench:
        assert not await bench.has_work(platform="all")


@pytest.mark.usefixtures("_few")
async def test_the_artifacts_about_an_image_count_with_it(fake: FakeRegistry, data: Path) -> None:
    """Its statements of two descriptors each are followed until there are too many."""
    fake.push("a/b@latest", b"layer")
    image = image_manifest(b"layer")
    bodies = [statement(f"statement {number}".encode(), image) for number in range(9)]
    for number, body in enumerate(bodies):
        hold(fake, body, f"statement {number}".encode())
    fake.referrers = lists()
    referrers(fake, image, lists(*bodies))
    assert await fetched(fake.url, data, "a/b", referrers=True) == {"a/b:latest": "too_large"}
    assert sum(fake.count(f"GET /v2/a/b/manifests/{Digest.of(body)}") for body in bodies) == 6


async def test_a_long_manifest_is_read_beside_the_event_loop(
    fake: FakeRegistry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else every other image would stand still meanwhile."""
    fake.push("a/short@latest", b"short")
    fake.push("a/long@latest", b"long", comment="x" * documents.LONG_BYTES)
    threads: dict[bool, bool] = {}

    def watched(raw: bytes, content_type: str | None) -> Manifest:
        threads[len(raw) > documents.LONG_BYTES] = threading.current_thread() is threading.main_thread()
        return parse_manifest(raw, content_type)

    monkeypatch.setattr("registry.originals.parse_manifest", watched)
    found = await fetched(fake.url, data, "a/short", "a/long")
    assert set(found.values()) == {"done"}
    assert threads == {False: True, True: False}


async def test_an_image_below_more_indexes_than_are_followed_is_missing(
    fake: FakeRegistry, data: Path
) -> None:
    """The platforms beside it are fetched; the image as a whole is not said to be."""
    deep, near = image_manifest(b"deep"), image_manifest(b"near")
    fake.push("a/b@deep", b"deep")
    fake.push("a/b@near", b"near")
    child = describe(deep, MANIFEST_TYPE)
    for depth in range(plan.MAX_INDEX_DEPTH + 1):
        is_root = depth == plan.MAX_INDEX_DEPTH
        body = index_manifest(child, *([describe(near, MANIFEST_TYPE)] if is_root else []))
        fake.push_raw(f"a/b@{'latest' if is_root else depth}", body, INDEX_TYPE)
        child = describe(body, INDEX_TYPE)
    assert await fetched(fake.url, data, "a/b", platform="all") == {"a/b:latest": "too_large"}
    assert fake.count(f"blobs/{Digest.of(b'near')}") == 1
    assert fake.count(f"blobs/{Digest.of(b'deep')}") == 0

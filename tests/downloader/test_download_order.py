"""The order of a run: which images come first, and which are the sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from corpus.catalog.plan import sample_key
from corpus.records import Registry, RepositoryRecord
from downloader.engine import DownloadEngine, registries_with_work
from tests.downloader.runs import NAME, crawl, download, images, opened, settings_of
from tests.downloader.servers import FakeRegistry

RECORDS = [
    RepositoryRecord("a/old", pull_count=900, last_updated_at="2014-01-01T00:00:00Z"),
    RepositoryRecord("a/mid", pull_count=5, last_updated_at="2020-01-01T00:00:00Z"),
    RepositoryRecord("a/new", pull_count=70, last_updated_at="2024-01-01T00:00:00Z"),
]


def asked_in_order(fake: FakeRegistry) -> list[str]:
    heads = [asked.path for asked in fake.asked if asked.method == "HEAD"]
    return [path.removeprefix("/v2/").partition("/manifests")[0] for path in heads]


def by_chance(seed: int) -> list[str]:
    names = [record.name for record in RECORDS]
    return sorted(names, key=lambda name: sample_key(seed, f"{NAME}/{name}:latest"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, ["a/old", "a/new", "a/mid"]),
        ({"order": "newest"}, ["a/new", "a/mid", "a/old"]),
        ({"order": "random"}, by_chance(0)),
        ({"order": "random", "seed": 5}, by_chance(5)),
    ],
)
async def test_images_are_fetched_in_the_order_asked_for(
    fake: FakeRegistry, data: Path, settings: dict[str, Any], expected: list[str]
) -> None:
    """With one worker strictly so; and with a limit the first of them only."""
    for record in RECORDS:
        fake.push(f"{record.name}@latest", b"layer")
    await download(data, fake.url, RECORDS, parallel_images=1, limit=2, **settings)
    assert asked_in_order(fake) == expected[:2]
    await download(data, fake.url, parallel_images=1, **settings)
    assert asked_in_order(fake) == expected


async def test_another_order_changes_the_sample_and_nothing_is_fetched_twice(
    fake: FakeRegistry, data: Path
) -> None:
    """The work left is told for the order asked for, not for the one before."""
    for record in RECORDS:
        fake.push(f"{record.name}@latest", record.name.encode())
    await download(data, fake.url, RECORDS, limit=1)
    async with opened(data, fake.url) as bench:
        assert not await bench.has_work(limit=1)
        assert await bench.has_work(limit=1, order="newest")
        await bench.engine(settings_of(limit=1, order="newest")).run()
        assert not await bench.has_work(limit=1, order="newest")
        assert not await bench.has_work(limit=1)
        assert await bench.has_work()
    assert images(data) == {"a/old:latest": "done", "a/mid:latest": "pending", "a/new:latest": "done"}
    assert max(fake.counts().values()) == 1


async def test_images_found_later_take_their_place_in_the_order(fake: FakeRegistry, data: Path) -> None:
    """A limit of one is the most pulled of all that is known now."""
    for name in ("a/b", "a/more"):
        fake.push(f"{name}@latest", b"layer")
    await download(data, fake.url, [RepositoryRecord("a/b", pull_count=1)], limit=1)
    async with opened(data, fake.url) as bench:
        await bench.catalog.repositories.forget_listing("listing")
        await crawl(bench.catalog, [RepositoryRecord("a/more", pull_count=2)])
        assert await bench.has_work(limit=1)
        await bench.engine(settings_of(limit=1)).run()
    assert images(data) == {"a/b:latest": "done", "a/more:latest": "done"}


async def test_a_registry_out_of_reach_keeps_its_places_in_the_order(fake: FakeRegistry, data: Path) -> None:
    """A sample must not depend on who answered: its images are left, and no others taken for them."""
    for record in RECORDS:
        fake.push(f"{record.name}@latest", b"layer")
    async with opened(data, fake.url) as bench:
        await crawl(bench.catalog, RECORDS)
        await bench.catalog.repositories.add_registry(Registry("down.test", ""))
        await bench.catalog.repositories.start_listing("other", ["1"])
        (page,) = await bench.catalog.repositories.pending_pages("other", 1)
        listed = [RepositoryRecord("a/top", pull_count=1000)]
        await bench.catalog.repositories.finish_page(
            page, "down.test", listed, url="", next_cursors=(), now=1.0
        )
        clients = {NAME: bench.client, "down.test": None}
        settings = settings_of(limit=2)
        await bench.catalog.images.expand(["down.test"], "latest", ["latest"], 10)
        engine = DownloadEngine(bench.catalog, bench.store, bench.layout, clients, settings, bench.clock)
        summary = await engine.run()
        left = await registries_with_work(bench.catalog, list(clients), settings, bench.clock.now())
    assert summary.done == 1
    assert images(data)["a/old:latest"] == "done"
    assert images(data)["a/top:latest"] == "pending"
    assert left == {"down.test"}

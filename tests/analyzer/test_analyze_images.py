"""Images whose profiles tell of each other: what is built on what, however the work was cut."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import pytest

from analyzer.engine import AnalyzeEngine, AnalyzeSummary
from analyzer.settings import AnalyzerSettings
from corpus.blobs import BlobStore
from corpus.catalog import Catalog, open_catalog
from corpus.catalog.plan import Order
from corpus.layout import Layout
from corpus.profiles import ImageProfile, MergeGap, read_image_profile
from corpus.records import Registry, RepositoryRecord
from registry.transport.clock import SystemClock
from tests.analyzer.test_analyze_engine import Here, layer, profiles, store

pytestmark = pytest.mark.slow

BASE, MIDDLE, TOP = (
    layer("etc/passwd", "etc/os-release"),
    layer("usr/bin/sh"),
    layer("etc/passwd", "srv/data"),
)
IMAGES = ((BASE,), (BASE, MIDDLE), (BASE, MIDDLE, TOP))


async def fetch(catalog: Catalog, layout: Layout, *images: Sequence[bytes]) -> None:
    """Fetch further images."""
    listing = str(await catalog.profiles.count_pending_images()) + str(len(profiles(layout)))
    await catalog.repositories.start_listing(listing, ["1"])
    (page,) = await catalog.repositories.pending_pages(listing, 1)
    names = [RepositoryRecord(f"a/{listing}-{number}") for number in range(len(images))]
    await catalog.repositories.finish_page(page, "r", names, url="", next_cursors=(), now=1.0)
    await catalog.images.expand(["r"], "latest", ["latest"], 100)
    await catalog.plan.make(Order(("r",)))
    tasks = await catalog.images.pending(["r"], "all", limit=100)
    fetched = zip(tasks, images, strict=True)
    await catalog.contents.record([store(BlobStore(layout), task.id, each) for task, each in fetched], 2.0)


async def analyze(catalog: Catalog, layout: Layout, max_image_paths: int = 100) -> AnalyzeSummary:
    settings = AnalyzerSettings(processes=1, analysers=("none",), max_image_paths=max_image_paths)
    return await AnalyzeEngine(catalog, layout, settings, SystemClock(), Here()).run()


async def census(layout: Layout, *steps: Sequence[Sequence[bytes]]) -> list[int]:
    """Fetch and analyze, step by step; how many images were profiled in each."""
    layout.ensure()
    async with open_catalog(layout) as catalog:
        await catalog.repositories.add_registry(Registry("r", ""))
        profiled = []
        for images in steps:
            await fetch(catalog, layout, *images)
            profiled.append((await analyze(catalog, layout)).images)
        return profiled


def by_layers(layout: Layout) -> list[ImageProfile]:
    """The profiles of all images, by the number of their layers."""
    found = map(read_image_profile, (layout.root / "profiles" / "images").rglob("*.zst"))
    return sorted(found, key=lambda image: len(image.layers))


async def test_images_know_what_they_are_built_on(tmp_path: Path) -> None:
    """The longest beginning, its layers marked, and what it leaves to the image itself."""
    layout = Layout(tmp_path)
    assert await census(layout, IMAGES) == [3]
    base, middle, top = by_layers(layout)
    assert base.base is None
    assert (top.base and top.base.manifests, top.base and top.base.layers) == ((middle.blob_digest,), 2)
    assert [each.is_of_base for each in top.layers] == [True, True, False]
    assert [each.chain_id for each in top.layers][1] == middle.layers[-1].chain_id
    assert (top.sharing.shared_layers, top.sharing.private_layers) == (2, 1)
    assert top.reclaimable is not None
    assert (top.reclaimable.identical_rewrite_bytes, top.reclaimable.total_bytes) == (10, 10)
    assert top.merged is not None
    assert (top.merged.files, top.merged.implied_directories) == (4, 4)


async def test_the_order_in_which_images_come_leaves_no_trace(tmp_path: Path) -> None:
    """One by one, in any order: in the end the bytes of all profiles are the same."""
    whole = Layout(tmp_path / "whole")
    await census(whole, IMAGES)
    for number, order in enumerate(permutations(IMAGES)):
        layout = Layout(tmp_path / f"{number}")
        await census(layout, *([image] for image in order))
        assert profiles(layout) == profiles(whole)


async def test_only_what_a_new_image_concerns_is_profiled_again(tmp_path: Path) -> None:
    """A new base concerns what is built on it, a second one in the middle only what lies above."""
    steps = ([IMAGES[2]], [IMAGES[0]], [IMAGES[1]], [(TOP,)])
    assert await census(Layout(tmp_path), *steps) == [1, 2, 2, 2]


async def test_an_image_with_too_many_paths_has_no_merged_file_system(tmp_path: Path) -> None:
    """The limit is a setting; the rest of the profile is there."""
    layout = Layout(tmp_path)
    layout.ensure()
    async with open_catalog(layout) as catalog:
        await catalog.repositories.add_registry(Registry("r", ""))
        await fetch(catalog, layout, IMAGES[0])
        await analyze(catalog, layout, max_image_paths=2)
    (found,) = by_layers(layout)
    assert (found.merge_gap, found.merged, found.totals.files) == (MergeGap.PATHS, None, 2)

"""Image ids of registries of version 1: names that each registry gives for itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from registry.digests import Digest
from registry.v1_images import V1Layer

ID = "a" * 64
ONE, OTHER = (V1Layer(ID, Digest.of(content), 1, Digest.of(content * 2), 2) for content in (b"one", b"other"))


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[Catalog]:
    layout = Layout(tmp_path / "data")
    layout.ensure()
    async with open_catalog(layout) as catalog:
        yield catalog


async def test_what_came_for_an_id_is_known_later(catalog: Catalog) -> None:
    assert await catalog.v1.layer("old:5000", ID) is None
    await catalog.v1.record("old:5000", ONE)
    assert await catalog.v1.layer("old:5000", ID) == ONE


async def test_two_registries_may_mean_different_things_by_one_id(catalog: Catalog) -> None:
    """One of them cannot make us take its bytes for those of the other."""
    await catalog.v1.record("evil:5000", OTHER)
    assert await catalog.v1.layer("old:5000", ID) is None
    await catalog.v1.record("old:5000", ONE)
    assert await catalog.v1.layer("old:5000", ID) == ONE
    assert await catalog.v1.layer("evil:5000", ID) == OTHER


async def test_what_came_last_holds(catalog: Catalog) -> None:
    await catalog.v1.record("old:5000", ONE)
    await catalog.v1.record("old:5000", OTHER)
    assert await catalog.v1.layer("old:5000", ID) == OTHER

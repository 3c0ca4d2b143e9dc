"""A catalog in a fresh data directory, and manifests to put into it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from corpus.records import FetchedBlob, FetchedManifest, ImageOutcome, Registry, RepositoryRecord
from registry.digests import Digest
from registry.manifests import parse_manifest

OCI = "application/vnd.oci.image"
REGISTRY = "registry.test"


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    layout = Layout(tmp_path / "data")
    layout.ensure()
    return layout


@pytest.fixture
async def catalog(layout: Layout) -> AsyncIterator[Catalog]:
    async with open_catalog(layout) as catalog:
        await catalog.repositories.add_registry(Registry(REGISTRY, f"registry=http://{REGISTRY}"))
        yield catalog


async def crawl(catalog: Catalog, *records: RepositoryRecord) -> None:
    """Record one page that lists ``records``."""
    await catalog.repositories.start_listing("listing", ["1"])
    await catalog.repositories.retry_pages("listing")
    (page,) = await catalog.repositories.pending_pages("listing", 1)
    await catalog.repositories.finish_page(page, REGISTRY, records, url="http://x/", next_cursors=(), now=1.0)


def a_manifest(*layers: bytes) -> FetchedManifest:
    """An OCI manifest with these layers."""

    def describe(data: bytes, media_type: str) -> dict[str, object]:
        return {"mediaType": media_type, "digest": Digest.of(data), "size": len(data)}

    body = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": describe(b"{}", f"{OCI}.config.v1+json"),
        "layers": [describe(layer, f"{OCI}.layer.v1.tar") for layer in layers],
    }
    return FetchedManifest(parse_manifest(json.dumps(body).encode(), None), f"{OCI}.manifest.v1+json", None)


def done(task_id: int, manifest: FetchedManifest, platforms: str = "linux/amd64") -> ImageOutcome:
    """The outcome of an image fetched whole."""
    digest = manifest.manifest.blob_digest
    blobs = [FetchedBlob(layer.digest, "layer", layer.size_bytes) for layer in manifest.manifest.layers]
    return ImageOutcome(task_id, platforms, digest, (manifest,), (digest,), tuple(blobs))

"""A whole census made without a network: what a download leaves, and what it brings again afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from corpus.blobs import BlobStore
from corpus.catalog import Catalog, open_catalog
from corpus.layout import Layout
from corpus.oci import write_index
from corpus.profiles import LayerProfileWriter, LayerStatus, LayerSummary, commit, write_image_profile
from corpus.records import (
    Failure,
    FetchedBlob,
    FetchedManifest,
    ImageOutcome,
    ProfileOutcome,
    Referrer,
    Registry,
    RepositoryRecord,
)
from downloader.findings import VerifySummary
from downloader.repair import Repair
from downloader.verify import VerifyEngine
from registry.digests import Digest
from registry.errors import Reason
from registry.manifests import parse_manifest
from tests.corpus.test_corpus_profiles import IMAGE

OCI = "application/vnd.oci.image"
NAME = "registry.test"
PLATFORM = "linux/amd64"


class Clock:
    """It is always the same time."""

    def __call__(self) -> float:
        return 5.0

    def now(self) -> float:
        return 5.0

    def monotonic(self) -> float:
        return 5.0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nothing waits here, not even {seconds} s")


@dataclass(frozen=True)
class Image:
    """An image as the registry has it: every blob by name, and what a download of it records."""

    name: str
    blobs: Mapping[str, bytes]
    outcome: ImageOutcome


def digest(data: bytes) -> Digest:
    return Digest.of(data)


def _described(data: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": digest(data), "size": len(data)}


def manifest(config: bytes, *layers: bytes) -> bytes:
    body = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": _described(config, f"{OCI}.config.v1+json"),
        "layers": [_described(layer, f"{OCI}.layer.v1.tar") for layer in layers],
    }
    return json.dumps(body).encode()


def index(*manifests: bytes) -> bytes:
    children = [_described(each, f"{OCI}.manifest.v1+json") for each in manifests]
    body = {"schemaVersion": 2, "mediaType": f"{OCI}.index.v1+json", "manifests": children}
    return json.dumps(body).encode()


def _fetched(raw: bytes) -> FetchedManifest:
    parsed = parse_manifest(raw, None)
    return FetchedManifest(parsed, parsed.media_type, None)


def image(name: str, config: bytes, *layers: bytes, above: Iterable[bytes] = ()) -> Image:
    """An image of one platform; ``above`` are the indexes that lead to it, the root first."""
    raw = manifest(config, *layers)
    manifests = [*above, raw]
    blobs: dict[str, bytes] = {digest(data): data for data in (*manifests, config, *layers)}
    parts = [("config", config), *(("layer", layer) for layer in layers)]
    outcome = ImageOutcome(
        0,
        PLATFORM,
        root=digest(manifests[0]),
        manifests=tuple(map(_fetched, manifests)),
        chosen=(digest(raw),),
        blobs=tuple(FetchedBlob(digest(data), role, len(data)) for role, data in parts),
    )
    return Image(name, blobs, outcome)


def signed(plain: Image, artifact: bytes, part: bytes) -> Image:
    """``plain`` with an artifact about it."""
    outcome = replace(
        plain.outcome,
        manifests=(*plain.outcome.manifests, _fetched(artifact)),
        blobs=(*plain.outcome.blobs, FetchedBlob(digest(part), "artifact", len(part))),
        referrers=(Referrer(plain.outcome.chosen[0], digest(artifact), "referrers"),),
    )
    return Image(plain.name, {**plain.blobs, digest(artifact): artifact, digest(part): part}, outcome)


def failed(plain: Image, missing: bytes) -> Image:
    """``plain``, one blob of which could not be had."""
    why = Failure(Reason.BLOB_MISSING, "it is not there")
    blobs = tuple(
        replace(blob, failure=why) if blob.digest == digest(missing) else blob for blob in plain.outcome.blobs
    )
    had = {name: data for name, data in plain.blobs.items() if data != missing}
    return Image(plain.name, had, replace(plain.outcome, blobs=blobs, failure=why))


def _census() -> list[Image]:
    child = manifest(b'{"os":"windows"}', b"layer of the child")
    inner = index(child)
    nested = image("a/nested", b'{"os":"windows"}', b"layer of the child", above=(index(inner), inner))
    artifact = manifest(b"{}", b"signature")
    return [
        image("a/one", b'{"one":1}', b"shared layer", b"layer of one"),
        image("a/two", b'{"two":2}', b"shared layer", b"layer of two" * 1_000),
        nested,
        signed(image("a/signed", b'{"signed":1}', b"layer of signed"), artifact, b"signature"),
        failed(image("a/failed", b'{"failed":1}', b"layer of failed", b"never had"), b"never had"),
    ]


CENSUS = _census()
BLOBS: dict[str, bytes] = {name: data for image in CENSUS for name, data in image.blobs.items()}


def images_of(data: bytes) -> set[str]:
    """The images that need these bytes."""
    return {image.name for image in CENSUS if digest(data) in image.blobs}


async def make(layout: Layout) -> None:
    """Leave behind what a download and an analysis of :data:`CENSUS` do."""
    layout.ensure()
    async with open_catalog(layout) as catalog:
        await catalog.repositories.add_registry(Registry(NAME, f"registry=http://{NAME}"))
        await catalog.repositories.start_listing("listing", ["1"])
        (page,) = await catalog.repositories.pending_pages("listing", 1)
        records = [RepositoryRecord(image.name, reference="latest") for image in CENSUS]
        await catalog.repositories.finish_page(page, NAME, records, url="http://x/", next_cursors=(), now=1.0)
        await fetch_pending(layout, catalog)
        await profile(layout, catalog)


async def refetch(layout: Layout) -> set[str]:
    """What the next download does; returns the images that it fetched."""
    async with open_catalog(layout) as catalog:
        return await fetch_pending(layout, catalog)


async def fetch_pending(layout: Layout, catalog: Catalog) -> set[str]:
    store = BlobStore(layout)
    pending = dict(rows(layout, "select name, images.id from images join repositories on repositories.id = "
                                "repository_id where state = 'pending'"))  # fmt: skip
    wanted = [image for image in CENSUS if image.name in pending]
    for image in wanted:
        for name, data in image.blobs.items():
            assert store.put(data) == name
    outcomes = [replace(image.outcome, task_id=pending[image.name]) for image in wanted]
    await catalog.contents.record(outcomes, 2.0)
    await write_index(layout, catalog.contents)
    return set(pending)


async def profile(layout: Layout, catalog: Catalog, *, misread: Iterable[bytes] = ()) -> None:
    """Profile every layer and image; the bytes of some layers were wrong when they were read."""
    wrong = {digest(data) for data in misread}
    had = [blob for image in CENSUS for blob in image.outcome.blobs if blob.failure is None]
    layers = {blob.digest for blob in had if blob.role == "layer"}
    for name in layers:
        _write_layer_profile(layout.layer_profile(name), name, is_right=name not in wrong)
    chosen = [name for image in CENSUS for name in image.outcome.chosen]
    for name in chosen:
        write_image_profile(IMAGE, layout.image_profile(name))
    commit(map(layout.image_profile, chosen))
    await catalog.profiles.record_layers([_profiled(name) for name in sorted(layers)], 3.0)
    await catalog.profiles.record_images([_profiled(name) for name in chosen], 3.0)


def _profiled(name: Digest) -> ProfileOutcome:
    return ProfileOutcome(name, "complete", None, 0.5)


def _write_layer_profile(target: Path, name: Digest, *, is_right: bool) -> None:
    summary = LayerSummary(digest=str(name), media_type="x", status=LayerStatus.COMPLETE, blob_ok=is_right)
    with LayerProfileWriter(target) as writer:
        writer.directories([])
        writer.finish(summary)
    commit([target])


async def verify(layout: Layout, *, repair: bool = False) -> VerifySummary:
    """One run of the verification."""
    async with open_catalog(layout) as catalog:
        mender = Repair(catalog.verification, layout, Clock()) if repair else None
        return await VerifyEngine(catalog, layout, mender).run()


def found(summary: VerifySummary) -> dict[str, set[str]]:
    """What was found, by kind: few enough that all are examples."""
    assert all(tally.count == len(tally.examples) for tally in summary.found.values())
    return {str(kind): set(tally.examples) for kind, tally in summary.found.items()}


def rows(layout: Layout, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(layout.catalog)) as connection:
        return connection.execute(query).fetchall()


def pending(layout: Layout) -> set[str]:
    """Names of the images to fetch."""
    query = (
        "select name from images join repositories on repositories.id = repository_id where state = 'pending'"
    )
    return {row[0] for row in rows(layout, query)}


def profiles(layout: Layout) -> Iterator[str]:
    """Which profiles there are: rows, which must be as many as the files."""
    for kind in ("layer", "image"):
        for row in rows(layout, f"select digest from {kind}_profiles"):  # noqa: S608 - our own names
            yield row[0]

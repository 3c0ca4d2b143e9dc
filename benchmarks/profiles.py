"""A census that was never taken: profiles of invented layers and images, and the catalog that knows them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from random import Random
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert

from corpus.catalog import schema
from corpus.catalog.database import Database
from corpus.profiles import (
    ConfigurationStatus,
    Directory,
    Entry,
    ImageLayer,
    ImageProfile,
    Kind,
    LayerCounts,
    LayerDepth,
    LayerProfileWriter,
    LayerStatus,
    LayerSummary,
    temporary_name,
    write_image_profile,
)
from corpus.profiles.image import IMAGE_VERSION, ImageTotals
from corpus.profiles.layer import LAYER_VERSION
from registry.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from corpus.layout import Layout

REGISTRY = "bench.test"
_LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
_MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
_LAYERS_PER_IMAGE = 10
_FILES_PER_DIRECTORY = 8
_TYPES = (
    ("documents", "ascii", "text/plain"),
    ("source", "c", "text/x-c"),
    ("scripts", "python", "text/x-python"),
    ("eol", "elf_shared_object", "application/x-sharedlib"),
    ("archives", "gzip", "application/gzip"),
    ("images", "png", "image/png"),
)


@dataclass(frozen=True, slots=True)
class Invented:
    """What was invented of one layer."""

    digest: Digest
    files: int
    directories: int
    bytes: int


def invent_layers(layout: Layout, numbers: range, rows: int, seed: int = 0) -> list[Invented]:
    """Write profiles of one layer for each number, with ``rows`` entries for each on average.

    Most layers are small, and a few hold most of the rows; a third of the contents are in several layers.
    """
    return [_invent_layer(layout, number, rows, seed) for number in numbers]


def invent_image(layout: Layout, number: int, layers: Sequence[Invented]) -> Digest:
    """Write the profile of an image of these layers."""
    digest = _digest("image", number)
    profile = ImageProfile(
        digest=str(digest),
        blob_digest=str(digest),
        kind="oci_manifest",
        schema_version=2,
        media_type=_MANIFEST_TYPE,
        configuration_status=ConfigurationStatus.READ,
        os="linux",
        architecture="amd64",
        created=f"20{10 + number % 15}-01-01T00:00:00Z",
        totals=ImageTotals(layers=len(layers), files=sum(layer.files for layer in layers)),
        layers=tuple(ImageLayer(digest=str(layer.digest), media_type=_LAYER_TYPE) for layer in layers),
    )
    _take_name(write_image_profile(profile, layout.image_profile(digest)))
    return digest


def images_of(layers: Sequence[Invented]) -> list[Sequence[Invented]]:
    """The layers of each image: every layer is in one, and those of a base in all."""
    base = layers[:2]
    return [
        [*base, *layers[start : start + _LAYERS_PER_IMAGE - 2]]
        for start in range(2, len(layers), _LAYERS_PER_IMAGE - 2)
    ]


async def record(layout: Layout, layers: Sequence[Invented], images: Sequence[Digest], now: float) -> None:
    """Have the catalog know them as crawled, fetched and profiled."""
    database = await Database.open(layout.catalog)
    try:
        async with database.write() as connection:
            for table, rows in _rows_of(layers, images, now):
                if rows:
                    await connection.execute(insert(table).prefix_with("OR IGNORE"), rows)
    finally:
        await database.close()


def _rows_of(
    layers: Sequence[Invented], images: Sequence[Digest], now: float
) -> Iterator[tuple[Any, list[dict[str, Any]]]]:
    yield schema.registries, [{"name": REGISTRY, "source": f"registry=http://{REGISTRY}"}]
    for position, digest in enumerate(images):
        identifier = int(digest.encoded[:12], 16)
        yield schema.repositories, [_repository(identifier, position, now)]
        yield schema.images, [_image(identifier, digest, now)]
        yield schema.manifests, [_manifest(digest, now)]
        yield schema.image_manifests, [{"image_id": identifier, "manifest_digest": str(digest)}]
    profile = {"state": "done", "status": "complete", "duration_s": 0.0, "finished_at": now}
    yield (
        schema.image_profiles,
        [{"digest": str(digest), "profile_version": IMAGE_VERSION, **profile} for digest in images],
    )
    yield (
        schema.layer_profiles,
        [
            {"digest": str(layer.digest), "profile_version": LAYER_VERSION, "files": layer.files, **profile}
            for layer in layers
        ],
    )


def _repository(identifier: int, position: int, now: float) -> dict[str, Any]:
    name = f"bench/{identifier:x}"
    seen = {"first_seen_at": now, "last_seen_at": now}
    return {
        "id": identifier,
        "registry": REGISTRY,
        "name": name,
        "is_pullable": True,
        "pull_count": position,
        **seen,
    }


def _image(identifier: int, digest: Digest, now: float) -> dict[str, Any]:
    return {
        "id": identifier,
        "repository_id": identifier,
        "reference": "latest",
        "state": "done",
        "root_digest": str(digest),
        "finished_at": now,
    }


def _manifest(digest: Digest, now: float) -> dict[str, Any]:
    return {
        "digest": str(digest),
        "canonical_digest": str(digest),
        "content_type": _MANIFEST_TYPE,
        "media_type": _MANIFEST_TYPE,
        "kind": "oci_manifest",
        "size_bytes": 1000,
        "fetched_at": now,
    }


def _invent_layer(layout: Layout, number: int, rows: int, seed: int) -> Invented:
    random = Random(f"{seed} {number}")  # noqa: S311 - invented data
    digest = _digest("layer", number)
    # An exponential of an exponential: half of the layers are below a quarter of the mean.
    count = min(int(random.expovariate(1) ** 2 * rows / 2), 40 * rows)
    entries = list(_entries(random, number, count))
    directories = _directories(entries)
    files = [entry for entry in entries if entry.kind == Kind.FILE]
    size = sum(entry.size_bytes for entry in files)
    contents = {entry.sha256 for entry in files}
    summary = LayerSummary(
        digest=str(digest),
        media_type=_LAYER_TYPE,
        status=LayerStatus.COMPLETE,
        cls_bytes=size // 3 + 100,
        als_bytes=size + 1024 * len(entries),
        fls_bytes=size,
        counts=LayerCounts(
            entries=len(entries),
            files=len(files),
            regular_files=len(files),
            directories=len(directories) - 1,
            contents=len(files),
            distinct_contents=len(contents),
        ),
        depth=LayerDepth(max=max(row.depth for row in directories)),
    )
    with LayerProfileWriter(layout.layer_profile(digest)) as writer:
        writer.entries(entries)
        writer.directories(directories)
        _take_name(writer.finish(summary))
    return Invented(digest, len(files), len(directories) - 1, size)


def _entries(random: Random, number: int, count: int) -> Iterator[Entry]:
    common = partial(random.randrange, 200_000)
    for position in range(count):
        folder = position // _FILES_PER_DIRECTORY
        path = f"usr/share/package-{folder % 50}/part-{folder}/file-{position}.txt"
        is_common = random.random() < 2 / 3
        content = f"common {common()}" if is_common else f"own {number} {position}"
        group, kind, mime = _TYPES[hash(content) % len(_TYPES)]
        yield Entry(
            path,
            Kind.FILE,
            size_bytes=int(random.expovariate(1 / 8_000)),
            mode=0o644,
            mtime_s=1_500_000_000 + position,
            offset_bytes=position * 9_216,
            sha256=blake2b(content.encode(), digest_size=32).hexdigest(),
            group=group,
            type=kind,
            method="signature",
            mime=mime,
        )


def _directories(entries: Sequence[Entry]) -> list[Directory]:
    """The directories of these paths, which are all as deep."""
    paths = {""}
    for entry in entries[::_FILES_PER_DIRECTORY]:
        parts = entry.path.split("/")[:-1]
        paths.update("/".join(parts[:depth]) for depth in range(1, len(parts) + 1))
    return [Directory(path, path.count("/") + 1 if path else 0, files=0) for path in sorted(paths)]


def _digest(kind: str, number: int) -> Digest:
    return Digest.of(f"{kind} {number}".encode())


def _take_name(temporary: Any) -> None:
    """Without the syncs that a census has: nothing here is worth keeping."""
    target = temporary.with_name(temporary.name.removesuffix(".partial"))
    assert temporary_name(target) == temporary  # noqa: S101 - a mistake here, and not of the input
    temporary.rename(target)

"""Images as work for workers: batches of manifests in, image profiles out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

from analyzer.images.history import v1_history
from analyzer.images.profile import profile_image
from analyzer.images.view import MAX_PATHS, AnalyzedLayer
from analyzer.jobs import Job, Profiled
from analyzer.layers.faults import status_of
from corpus.profiles.findings import read_findings
from corpus.profiles.stream import iter_entries, read_summary, write_image_profile
from corpus.records import ProfileOutcome
from registry.manifests import ManifestKind, parse_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from corpus.layout import Layout
    from corpus.profiles.findings import Findings
    from corpus.profiles.image import ImageProfile
    from corpus.profiles.layer import LayerReason
    from corpus.records import ImageProfileTask
    from registry.digests import Digest
    from registry.manifests import Manifest

# A configuration is decoded in memory, at some ten times its size; real ones have a few KiB. Of a longer one
# the beginning is read, which is no JSON.
_MAX_CONFIG_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Images to profile in one go; ``max_paths`` is how many paths a merged file system may have."""

    layout: Layout
    tasks: Sequence[ImageProfileTask]
    max_paths: int = MAX_PATHS


def profile_images(batch: ImageBatch) -> list[Profiled]:
    """Profile every image of the batch; ``OSError`` only for the disk."""
    analyzed: dict[Digest, AnalyzedLayer | None] = {}
    return [_profile_image(batch, task, analyzed) for task in batch.tasks]


def give_up_images(reason: LayerReason, batch: ImageBatch) -> list[Profiled]:
    """Profiles of images that workers are lost over: their manifests, and nothing of what these lead to."""
    return [_give_up_image(batch, task, reason) for task in batch.tasks]


IMAGE_JOB: Job[ImageBatch] = Job("image_profiled", profile_images, give_up_images)


def _profile_image(
    batch: ImageBatch, task: ImageProfileTask, analyzed: dict[Digest, AnalyzedLayer | None]
) -> Profiled:
    start = perf_counter()
    profile = _read_image(batch, task, analyzed)
    status, reason = ("complete", None) if profile.is_complete else ("partial", "layers")
    return _written(batch, task, profile, (status, reason), perf_counter() - start)


def _read_image(
    batch: ImageBatch, task: ImageProfileTask, analyzed: dict[Digest, AnalyzedLayer | None]
) -> ImageProfile:
    layout = batch.layout
    manifest = _manifest_of(layout, task)
    for layer in manifest.layers:
        if layer.digest not in analyzed:
            analyzed[layer.digest] = _analyzed_layer(layout, layer.digest)
    found = {layer.digest: each for layer in manifest.layers if (each := analyzed[layer.digest])}
    return profile_image(manifest, _config_of(layout, task), found, task.surroundings, batch.max_paths)


def _give_up_image(batch: ImageBatch, task: ImageProfileTask, reason: LayerReason) -> Profiled:
    raw = batch.layout.blob(task.manifest_digest).read_bytes()
    profile = profile_image(parse_manifest(raw, task.content_type), None, {}, task.surroundings)
    return _written(batch, task, profile, (str(status_of(reason)), str(reason)), 0.0)


def _written(
    batch: ImageBatch,
    task: ImageProfileTask,
    profile: ImageProfile,
    ending: tuple[str, str | None],
    duration_s: float,
) -> Profiled:
    """The profile under its temporary name, with the status and reason that the catalog keeps."""
    target = batch.layout.image_profile(task.manifest_digest)
    write_image_profile(profile, target)
    totals: dict[str, int | float | str | None] = {
        "files": profile.totals.files,
        "directories": profile.totals.directories,
        "cls_bytes": profile.totals.cis_bytes,
        "als_bytes": profile.totals.ais_bytes,
        "fls_bytes": profile.totals.fis_bytes,
        "layers": profile.totals.layers,
        "surroundings": task.surroundings.key(),
    }
    outcome = ProfileOutcome(task.manifest_digest, *ending, duration_s, totals)
    return Profiled((target,), outcome)


def _manifest_of(layout: Layout, task: ImageProfileTask) -> Manifest:
    """The manifest; that of a v1 image with the history that its layers tell."""
    raw = layout.blob(task.manifest_digest).read_bytes()
    manifest = parse_manifest(raw, task.content_type)
    if manifest.kind is ManifestKind.V1_IMAGE:
        return replace(manifest, history=v1_history(layout, raw))
    return manifest


def _analyzed_layer(layout: Layout, digest: Digest) -> AnalyzedLayer | None:
    path = layout.layer_profile(digest)
    if not path.exists():
        return None
    findings = layout.findings(digest)
    return AnalyzedLayer(
        read_summary(path), layout.relative(path), partial(iter_entries, path), partial(_findings, findings)
    )


def _findings(path: Path) -> Findings | None:
    return read_findings(path) if path.exists() else None


def _config_of(layout: Layout, task: ImageProfileTask) -> bytes | None:
    path = layout.blob(task.config_digest) if task.config_digest else None
    if path is None or not path.exists():
        return None
    with path.open("rb") as file:
        return file.read(_MAX_CONFIG_BYTES)

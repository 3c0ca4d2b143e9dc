"""What worker processes do: batches of layers or images in, finished profiles and their facts out.

Everything here goes through pickle, so it is plain values and module-level functions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING

from analyzer.images.history import v1_history
from analyzer.images.profile import AnalyzedLayer, profile_image
from analyzer.layers.profile import LayerFacts, profile_layer, profile_lost_layer
from corpus.profiles.layer import LayerReason
from corpus.profiles.stream import read_summary, write_image_profile
from corpus.records import ProfileOutcome
from registry.manifests import ManifestKind, parse_manifest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from analyzer.settings import LayerLimits
    from corpus.layout import Layout
    from corpus.profiles.image import ImageProfile
    from corpus.records import ImageProfileTask, LayerTask
    from registry.digests import Digest

# A configuration is decoded in memory, at some ten times its size; real ones have a few KiB. Of a longer one
# the beginning is read, which is no JSON.
_MAX_CONFIG_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class LayerBatch:
    """Layers to profile in one go."""

    layout: Layout
    limits: LayerLimits
    tasks: Sequence[LayerTask]


@dataclass(frozen=True, slots=True)
class ImageBatch:
    """Images to profile in one go."""

    layout: Layout
    tasks: Sequence[ImageProfileTask]


@dataclass(frozen=True, slots=True)
class Profiled:
    """A profile that waits under its temporary name to be committed, and what the catalog keeps of it."""

    target: Path
    outcome: ProfileOutcome


def profile_layers(batch: LayerBatch) -> list[Profiled]:
    """Profile every layer of the batch; ``OSError`` only for the disk."""
    return [_profile_layer(batch.layout, batch.limits, task) for task in batch.tasks]


def profile_lost(batch: LayerBatch) -> list[Profiled]:
    """Profiles, without rows, of layers that killed their worker."""
    profiled = []
    for task in batch.tasks:
        blob, target = batch.layout.blob(task.digest), _prepared(batch.layout.layer_profile(task.digest))
        facts = profile_lost_layer(blob, task.digest, task.media_type, target, LayerReason.KILLED)
        profiled.append(_layer_outcome(task, facts, 0.0))
    return profiled


def profile_images(batch: ImageBatch) -> list[Profiled]:
    """Profile every image of the batch; ``OSError`` only for the disk."""
    analyzed: dict[Digest, AnalyzedLayer | None] = {}
    return [_profile_image(batch.layout, task, analyzed) for task in batch.tasks]


def _profile_layer(layout: Layout, limits: LayerLimits, task: LayerTask) -> Profiled:
    start = perf_counter()
    target = _prepared(layout.layer_profile(task.digest))
    facts = profile_layer(layout.blob(task.digest), task.digest, task.media_type, target, limits)
    return _layer_outcome(task, facts, perf_counter() - start)


def _layer_outcome(task: LayerTask, facts: LayerFacts, duration_s: float) -> Profiled:
    summary = facts.summary
    totals = {
        "files": summary.counts.files,
        "directories": summary.counts.directories,
        "cls_bytes": summary.cls_bytes,
        "als_bytes": summary.als_bytes,
        "fls_bytes": summary.fls_bytes,
        "max_depth": summary.depth.max,
    }
    return Profiled(
        facts.target, ProfileOutcome(task.digest, summary.status, summary.reason, duration_s, totals)
    )


def _profile_image(
    layout: Layout, task: ImageProfileTask, analyzed: dict[Digest, AnalyzedLayer | None]
) -> Profiled:
    start = perf_counter()
    raw = layout.blob(task.manifest_digest).read_bytes()
    manifest = parse_manifest(raw, task.content_type)
    if manifest.kind is ManifestKind.V1_IMAGE:
        manifest = replace(manifest, history=v1_history(layout, raw))
    for layer in manifest.layers:
        if layer.digest not in analyzed:
            analyzed[layer.digest] = _analyzed_layer(layout, layer.digest)
    found = {layer.digest: each for layer in manifest.layers if (each := analyzed[layer.digest])}
    profile = profile_image(manifest, _config_of(layout, task), found)
    target = _prepared(layout.image_profile(task.manifest_digest))
    write_image_profile(profile, target)
    return Profiled(target, _image_outcome(task, profile, perf_counter() - start))


def _image_outcome(task: ImageProfileTask, profile: ImageProfile, duration_s: float) -> ProfileOutcome:
    totals = {
        "files": profile.totals.files,
        "directories": profile.totals.directories,
        "cls_bytes": profile.totals.cis_bytes,
        "als_bytes": profile.totals.ais_bytes,
        "fls_bytes": profile.totals.fis_bytes,
        "layers": profile.totals.layers,
    }
    status, reason = ("complete", None) if profile.is_complete else ("partial", "layers")
    return ProfileOutcome(task.manifest_digest, status, reason, duration_s, totals)


def _analyzed_layer(layout: Layout, digest: Digest) -> AnalyzedLayer | None:
    path = layout.layer_profile(digest)
    return AnalyzedLayer(read_summary(path), layout.relative(path)) if path.exists() else None


def _config_of(layout: Layout, task: ImageProfileTask) -> bytes | None:
    path = layout.blob(task.config_digest) if task.config_digest else None
    if path is None or not path.exists():
        return None
    with path.open("rb") as file:
        return file.read(_MAX_CONFIG_BYTES)


def _prepared(target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    return target

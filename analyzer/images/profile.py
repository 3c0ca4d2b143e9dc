"""The profile of an image, put together from what is already known: pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyzer.images.configuration import read_compatibility, read_configuration, run_parameters
from corpus.profiles.image import ImageLayer, ImageProfile, ImageTotals
from corpus.profiles.layer import LayerStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from analyzer.images.configuration import ImageConfiguration
    from corpus.profiles.image import HistoryRow
    from corpus.profiles.layer import LayerSummary
    from registry.descriptors import Descriptor
    from registry.digests import Digest
    from registry.manifests import Manifest


@dataclass(frozen=True, slots=True)
class AnalyzedLayer:
    """A layer that has a profile.

    Attributes:
        summary: The summary of the profile.
        profile: Where the profile lies, relative to the data directory.
    """

    summary: LayerSummary
    profile: str


def profile_image(
    manifest: Manifest, config: bytes | None, analyzed: Mapping[Digest, AnalyzedLayer]
) -> ImageProfile:
    """The profile of one image.

    Args:
        manifest: A manifest with layers; not an index.
        config: The configuration blob as stored; ``None`` if it is not in the corpus. For schema 1 and v1
            images their history stands for it.
        analyzed: The layers that have a profile, by digest; others are listed without one.
    """
    is_history = bool(manifest.history) or not manifest.config
    found = read_compatibility(manifest.history) if is_history else read_configuration(config)
    layers = _layers(manifest, found, analyzed)
    return ImageProfile(
        digest=str(manifest.digest),
        blob_digest=str(manifest.blob_digest),
        kind=str(manifest.kind),
        schema_version=1 if is_history else 2,
        media_type=manifest.media_type,
        config_digest=str(manifest.config.digest) if manifest.config else None,
        configuration_status=found.status,
        os=found.text("os"),
        os_version=found.text("os.version"),
        architecture=found.text("architecture"),
        variant=found.text("variant"),
        created=found.text("created"),
        author=found.text("author"),
        configuration=run_parameters(found.body),
        is_complete=all(layer.status is LayerStatus.COMPLETE for layer in layers),
        totals=_totals(
            layers, [analyzed[digest].summary for digest in _distinct(manifest) if digest in analyzed]
        ),
        history=found.history,
        history_matches=_history_matches(found.history, layers),
        layers=layers,
    )


def _layers(
    manifest: Manifest, found: ImageConfiguration, analyzed: Mapping[Digest, AnalyzedLayer]
) -> tuple[ImageLayer, ...]:
    """The layers with their profiles; a list of DiffIDs of another length belongs to no layer."""
    expected: Sequence[str | None] = found.diff_ids
    if len(expected) != len(manifest.layers):
        expected = [None] * len(manifest.layers)
    return tuple(
        _layer(layer, diffid, analyzed.get(layer.digest))
        for layer, diffid in zip(manifest.layers, expected, strict=True)
    )


def _layer(layer: Descriptor, expected: str | None, known: AnalyzedLayer | None) -> ImageLayer:
    summary = known.summary if known else None
    diffid = summary.diffid if summary else None
    return ImageLayer(
        digest=str(layer.digest),
        media_type=layer.media_type,
        size_bytes=layer.size_bytes if layer.size_bytes is not None or not summary else summary.cls_bytes,
        diffid=diffid,
        diffid_ok=diffid == expected if diffid and expected else None,
        is_empty=summary.is_empty if summary else None,
        is_foreign=layer.is_foreign,
        status=summary.status if summary else None,
        profile=known.profile if known else None,
    )


def _totals(layers: Sequence[ImageLayer], summaries: Sequence[LayerSummary]) -> ImageTotals:
    """Sums over the ``summaries``, one for each distinct layer that was analyzed."""
    cis = sum(summary.cls_bytes for summary in summaries)
    ais = sum(summary.als_bytes for summary in summaries)
    fis = sum(summary.fls_bytes for summary in summaries)
    return ImageTotals(
        layers=len(layers),
        distinct_layers=len({layer.digest for layer in layers}),
        empty_layers=sum(layer.is_empty is True for layer in layers),
        cis_bytes=cis,
        ais_bytes=ais,
        fis_bytes=fis,
        fis_cis_ratio=fis / cis if cis else None,
        ais_cis_ratio=ais / cis if cis else None,
        files=sum(summary.counts.files for summary in summaries),
        directories=sum(summary.counts.directories for summary in summaries),
        max_depth=max((summary.depth.max for summary in summaries), default=0),
    )


def _distinct(manifest: Manifest) -> Iterable[Digest]:
    """The digests of the layers, each once, in order."""
    return dict.fromkeys(layer.digest for layer in manifest.layers)


def _history_matches(history: Sequence[HistoryRow], layers: Sequence[ImageLayer]) -> bool | None:
    """Whether the steps that are not marked empty are as many as the layers."""
    if not history:
        return None
    return sum(not step.empty_layer for step in history) == len(layers)

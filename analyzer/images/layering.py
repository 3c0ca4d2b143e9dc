"""The layers of an image: each with its profile, its ChainID, and the step of the build that made it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from corpus.chains import KINDS_WITH_EMPTY_LAYERS, chain_ids
from corpus.profiles.image import ConfigurationStatus, HistoryRow, ImageLayer, ImageTotals, Sharing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from analyzer.images.configuration import ImageConfiguration
    from analyzer.images.view import AnalyzedLayer
    from corpus.profiles.layer import LayerSummary
    from corpus.records import Surroundings
    from registry.digests import Digest
    from registry.manifests import Manifest


def image_layers(
    manifest: Manifest,
    found: ImageConfiguration,
    analyzed: Mapping[Digest, AnalyzedLayer],
    surroundings: Surroundings,
) -> tuple[ImageLayer, ...]:
    """A row per layer, base first; a list of DiffIDs of another length belongs to no layer."""
    expected: Sequence[str | None] = found.diff_ids
    if len(expected) != len(manifest.layers):
        expected = [None] * len(manifest.layers)
    rows = []
    for index, (layer, listed) in enumerate(zip(manifest.layers, expected, strict=True)):
        known = analyzed.get(layer.digest)
        summary = known.summary if known else None
        diffid = summary.diffid if summary else None
        size_bytes = layer.size_bytes
        rows.append(
            ImageLayer(
                digest=str(layer.digest),
                media_type=layer.media_type,
                size_bytes=summary.cls_bytes if size_bytes is None and summary else size_bytes,
                diffid=diffid,
                diffid_ok=diffid == listed if diffid and listed else None,
                is_of_base=index < surroundings.base_layers,
                is_shared=layer.digest in surroundings.shared,
                is_empty=summary.is_empty if summary else None,
                is_foreign=layer.is_foreign,
                status=summary.status if summary else None,
                profile=known.profile if known else None,
            )
        )
    return _with_chain(manifest, rows)


def joined_history(found: ImageConfiguration, layers: Sequence[ImageLayer]) -> tuple[HistoryRow, ...]:
    """The steps of the build, each with the layer it made; without, where they are not as many."""
    if not history_matches(found, layers):
        return found.history
    left = iter(enumerate(layers))
    return tuple(
        _with_layer(step, *next(left)) if _makes_layer(found, step) else step for step in found.history
    )


def history_matches(found: ImageConfiguration, layers: Sequence[ImageLayer]) -> bool | None:
    """Whether as many steps say that they made a layer as there are layers."""
    if not found.history:
        return None
    return sum(_makes_layer(found, step) for step in found.history) == len(layers)


def diffids_match(found: ImageConfiguration, layers: Sequence[ImageLayer]) -> bool | None:
    """Whether the configuration lists the DiffIDs that the layers have."""
    if not found.diff_ids:
        return None
    if len(found.diff_ids) != len(layers) or any(layer.diffid_ok is False for layer in layers):
        return False
    return True if all(layer.diffid_ok for layer in layers) else None


def image_totals(layers: Sequence[ImageLayer], summaries: Sequence[LayerSummary]) -> ImageTotals:
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


def sharing(layers: Sequence[ImageLayer], analyzed: Mapping[Digest, AnalyzedLayer]) -> Sharing:
    """What other images list too, and what they do not."""
    cls_bytes = {str(digest): layer.summary.cls_bytes for digest, layer in analyzed.items()}
    shared = {layer.digest for layer in layers if layer.is_shared}
    private = {layer.digest for layer in layers if not layer.is_shared}
    return Sharing(
        shared_layers=len(shared),
        shared_cls_bytes=sum(cls_bytes.get(digest, 0) for digest in shared),
        private_layers=len(private),
        private_cls_bytes=sum(cls_bytes.get(digest, 0) for digest in private),
    )


def _with_chain(manifest: Manifest, rows: Sequence[ImageLayer]) -> tuple[ImageLayer, ...]:
    chain = chain_ids([row.diffid for row in rows], skips_empty=manifest.kind in KINDS_WITH_EMPTY_LAYERS)
    return tuple(
        msgspec.structs.replace(row, chain_id=chain_id) for row, chain_id in zip(rows, chain, strict=True)
    )


def _makes_layer(found: ImageConfiguration, step: HistoryRow) -> bool:
    """In the first version of images every step has a layer, if only one without an entry."""
    return found.status is ConfigurationStatus.HISTORY or not step.empty_layer


def _with_layer(step: HistoryRow, index: int, layer: ImageLayer) -> HistoryRow:
    return msgspec.structs.replace(step, layer=index, layer_digest=layer.digest)

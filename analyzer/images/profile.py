"""The profile of an image, put together from what is already known: pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from analyzer.images.configuration import read_compatibility, read_configuration, run_parameters
from analyzer.images.layering import (
    diffids_match,
    history_matches,
    image_layers,
    image_totals,
    joined_history,
    sharing,
)
from analyzer.images.view import MAX_PATHS, view_image
from corpus.profiles.image import Base, ConfigurationStatus, ImageProfile, MergeGap
from corpus.profiles.layer import LayerStatus
from corpus.records import Surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from analyzer.images.configuration import ImageConfiguration
    from analyzer.images.view import AnalyzedLayer
    from corpus.profiles.image import ImageLayer
    from registry.digests import Digest
    from registry.manifests import Manifest


# No other image is known.
ALONE = Surroundings()


def profile_image(
    manifest: Manifest,
    config: bytes | None,
    analyzed: Mapping[Digest, AnalyzedLayer],
    surroundings: Surroundings = ALONE,
    max_paths: int = MAX_PATHS,
) -> ImageProfile:
    """The profile of one image.

    Args:
        manifest: A manifest with layers; not an index.
        config: The configuration blob as stored; ``None`` if it is not in the corpus. For schema 1 and v1
            images their history stands for it.
        analyzed: The layers that have a profile, by digest; others are listed without one.
        surroundings: What it has in common with other images.
        max_paths: Paths that a merged file system may have.
    """
    found = _configuration(manifest, config)
    layers = image_layers(manifest, found, analyzed, surroundings)
    distinct = {layer.digest: each for layer in manifest.layers if (each := analyzed.get(layer.digest))}
    profile = msgspec.structs.replace(
        _described(manifest, found, layers),
        totals=image_totals(layers, [layer.summary for layer in distinct.values()]),
        sharing=sharing(layers, distinct),
        base=_base(surroundings),
    )
    view = view_image(
        [distinct.get(layer.digest) for layer in manifest.layers],
        is_windows=found.text("os") == "windows",
        max_paths=max_paths,
    )
    if isinstance(view, MergeGap):
        return msgspec.structs.replace(profile, merge_gap=view)
    return msgspec.structs.replace(
        profile,
        merged=view.merged,
        dive=view.dive,
        reclaimable=view.reclaimable,
        distribution=view.contents.distribution,
        packages=view.contents.packages,
    )


def _configuration(manifest: Manifest, config: bytes | None) -> ImageConfiguration:
    if manifest.history or not manifest.config:
        return read_compatibility(manifest.history)
    return read_configuration(config)


def _described(manifest: Manifest, found: ImageConfiguration, layers: tuple[ImageLayer, ...]) -> ImageProfile:
    """What manifest and configuration say."""
    return ImageProfile(
        digest=str(manifest.digest),
        blob_digest=str(manifest.blob_digest),
        kind=str(manifest.kind),
        schema_version=1 if found.status is ConfigurationStatus.HISTORY else 2,
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
        history=joined_history(found, layers),
        history_matches=history_matches(found, layers),
        diffids_match=diffids_match(found, layers),
        layers=layers,
    )


def _base(surroundings: Surroundings) -> Base | None:
    if surroundings.base_chain is None:
        return None
    return Base(
        chain_id=surroundings.base_chain,
        manifests=tuple(map(str, surroundings.base)),
        layers=surroundings.base_layers,
    )

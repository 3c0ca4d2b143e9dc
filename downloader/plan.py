"""What to fetch next: pure decisions over manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from corpus.records import Failure
from registry.errors import ConfigurationError, Reason
from registry.manifests import Platform
from registry.names import is_tag

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from corpus.records import FetchedBlob
    from registry.manifests import Descriptor, Manifest

ALL = "all"

# Nesting of indexes followed; the image specification allows any, nobody uses more than two.
MAX_INDEX_DEPTH = 8

# Manifests of one image: ten times those of the official images with the most platforms, attestations
# included. An index of 8 MiB has room for 40,000.
MAX_MANIFESTS = 1_000

_INDEX_TYPES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)

# What one repository lacks or refuses, another one may give.
_REASONS_OF_THE_ASKER = frozenset(
    {
        Reason.AUTH_REQUIRED,
        Reason.BLOB_MISSING,
        Reason.DENIED,
        Reason.FOREIGN_SKIPPED,
        Reason.INVALID_NAME,
        Reason.LEGAL,
        Reason.MANIFEST_MISSING,
        Reason.REPO_MISSING,
    }
)
# Failures of a size that a descriptor claims.
_REASONS_OF_A_SIZE = frozenset({Reason.SIZE_MISMATCH, Reason.TOO_LARGE})


def parse_platforms(rule: str) -> tuple[Platform, ...] | None:
    """Platforms of a rule such as ``linux/amd64,linux/arm64``; ``None`` stands for ``all``."""
    if rule == ALL:
        return None
    try:
        return tuple(Platform.parse(part.strip()) for part in rule.split(","))
    except ValueError as error:
        raise ConfigurationError(
            f"platform {rule!r} is not understood ({error}): write linux/amd64, or all"
        ) from error


def parse_tags(rule: str) -> tuple[str, ...] | None:
    """Tags of a rule such as ``latest`` or ``3.19,3.20``; ``None`` stands for ``all``: ask the registry."""
    if rule == ALL:
        return None
    tags = tuple(part.strip() for part in rule.split(","))
    wrong = [tag for tag in tags if not is_tag(tag)]
    if wrong:
        raise ConfigurationError(
            f"tags {rule!r} is not understood ({wrong[0]!r} is no tag): write latest, or all"
        )
    return tags


def choose_children(index: Manifest, platforms: Sequence[Platform] | None) -> tuple[Descriptor, ...]:
    """The children of an index to follow, in the index's order, one per wanted platform.

    Attestations (platform ``unknown/unknown``) are no images and never chosen. A child that
    names no platform is followed when it is an index itself, or when no child names one.
    """
    images = [child for child in index.children if not child.is_attestation]
    if platforms is None or all(child.platform is None for child in images):
        return tuple(images)
    matches = {_best_match(wanted, images) for wanted in platforms}
    return tuple(
        child
        for position, child in enumerate(images)
        if position in matches or (child.platform is None and child.media_type in _INDEX_TYPES)
    )


def _best_match(wanted: Platform, children: Sequence[Descriptor]) -> int | None:
    """Position of the first child of just this platform, else of the first that is compatible with it."""
    near: int | None = None
    for position, child in enumerate(children):
        if child.platform == wanted:
            return position
        if near is None and child.platform is not None and _is_compatible(wanted, child.platform):
            near = position
    return near


def _is_compatible(wanted: Platform, offered: Platform) -> bool:
    """Whether an unspecific wish (``linux/arm64``) is met by a specific offer (``linux/arm64/v8``)."""
    return wanted.variant is None and (wanted.os, wanted.architecture) == (offered.os, offered.architecture)


def blobs_of(manifests: Iterable[Manifest]) -> dict[str, list[Descriptor]]:
    """Distinct configurations and layers of an image's manifests by role, largest first.

    The largest goes first so that the image is not kept waiting for it at the end.
    """
    configs: dict[str, Descriptor] = {}
    layers: dict[str, Descriptor] = {}
    for manifest in manifests:
        if manifest.config is not None:
            configs[manifest.config.digest] = manifest.config
        layers.update({layer.digest: layer for layer in manifest.layers})
    return {
        "config": list(configs.values()),
        "layer": sorted(layers.values(), key=lambda layer: layer.size_bytes or 0, reverse=True),
    }


def why_not_asked_for(blob: Descriptor, max_bytes: int) -> Failure | None:
    """Why a blob is left where it is without a request, if it is."""
    if blob.is_foreign:
        return Failure(Reason.FOREIGN_SKIPPED, "the layer is kept elsewhere and was not asked for")
    if not blob.digest.is_verifiable:
        return Failure(Reason.UNVERIFIABLE, f"no way to compute {blob.digest.algorithm}")
    if blob.size_bytes is not None and blob.size_bytes > max_bytes:
        return Failure(Reason.TOO_LARGE, f"{blob.size_bytes} bytes, more than the bound of {max_bytes}")
    return None


def depends_on_asker(failure: Reason) -> bool:
    """Whether the same content, asked for in another repository, may well be had."""
    return failure in _REASONS_OF_THE_ASKER


def holds_for(outcome: FetchedBlob, wanted: Descriptor) -> bool:
    """Whether what became of a blob for one image is true for another one that lists it as ``wanted``.

    Bytes in the store are there for all, and wrong bytes are wrong for all. What another image
    claims of a blob (its size, that it lives elsewhere) and what its repository refuses is not.
    """
    failure = outcome.failure
    if failure is None:
        return True
    if failure.reason in _REASONS_OF_A_SIZE:
        return outcome.size_bytes == wanted.size_bytes
    return not depends_on_asker(failure.reason)


def first_failure(missing: Iterable[Failure], blobs: Iterable[FetchedBlob]) -> Failure | None:
    """Why an image is incomplete, from the children and the blobs that could not be had.

    A foreign layer that was not asked for does not make it so, nor does a child that the registry
    does not hold (a sparse index). A passing failure comes first, so that the image is tried again
    as long as one may heal.
    """
    failures = [
        failure
        for failure in (*missing, *(blob.failure for blob in blobs))
        if failure is not None and failure.reason not in {Reason.FOREIGN_SKIPPED, Reason.MANIFEST_MISSING}
    ]
    return min(failures, key=lambda failure: not failure.is_temporary, default=None)

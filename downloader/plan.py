"""What to fetch next: pure decisions over manifests."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from corpus.records import Failure
from registry.digests import digest_or_none
from registry.errors import ConfigurationError, Reason
from registry.platforms import Platform
from registry.transport.urls import printable

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from corpus.records import FetchedBlob
    from registry.descriptors import Descriptor
    from registry.digests import Digest
    from registry.manifests import Manifest

ALL = "all"

# Nesting of indexes followed; the image specification allows any, nobody uses more than two.
MAX_INDEX_DEPTH = 8

# Manifests of one image: ten times those of the official images with the most platforms, attestations
# included. An index of 8 MiB has room for 40,000.
MAX_MANIFESTS = 1_000

# URLs of one foreign layer that are tried; real manifests have one (mcr.microsoft.com).
MAX_FOREIGN_URLS = 4

_INDEX_TYPES = frozenset(
    {
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
    }
)

# Which image a statement of BuildKit is about (buildkit: docs/attestations/attestation-storage.md).
_ABOUT = "vnd.docker.reference.digest"

_NO_TAG_CHARACTER = re.compile(r"[^A-Za-z0-9._-]", re.ASCII)

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
    """Position of the child nearest to this platform, the first of equals; ``None`` if there is none."""
    distances = {
        position: distance
        for position, child in enumerate(children)
        if child.platform is not None and (distance := _distance(wanted, child.platform)) is not None
    }
    return min(distances, key=distances.__getitem__, default=None)


def _distance(wanted: Platform, offered: Platform) -> int | None:
    """How far an offer is from a wish: written the same, the same, more specific; else ``None``."""
    if offered == wanted:
        return 0
    if offered.normalized == wanted.normalized:
        return 1
    is_same_machine = (wanted.normalized.os, wanted.normalized.architecture) == (
        offered.normalized.os,
        offered.normalized.architecture,
    )
    return 2 if wanted.variant is None and is_same_machine else None


def blobs_of(images: Iterable[Manifest], artifacts: Iterable[Manifest] = ()) -> list[tuple[str, Descriptor]]:
    """Distinct blobs of an image's manifests, and of the artifacts about them, each with its role.

    Layers come largest first, so that the image is not kept waiting for the largest at the end. A blob
    of both is the image's.
    """
    configs: dict[str, Descriptor] = {}
    layers: dict[str, Descriptor] = {}
    others: dict[str, Descriptor] = {}
    for manifest in images:
        if manifest.config is not None:
            configs[manifest.config.digest] = manifest.config
        layers.update({layer.digest: layer for layer in manifest.layers})
    for manifest in artifacts:
        parts = manifest.layers if manifest.config is None else (manifest.config, *manifest.layers)
        others.update({part.digest: part for part in parts})
    by_size = sorted(layers.values(), key=lambda layer: layer.size_bytes or 0, reverse=True)
    return [
        *(("config", config) for config in configs.values()),
        *(("layer", layer) for layer in by_size),
        *(("artifact", each) for digest, each in others.items() if digest not in configs.keys() | layers),
    ]


def why_not_asked_for(blob: Descriptor, max_bytes: int, *, foreign: bool = False) -> Failure | None:
    """Why a blob is left where it is without a request, if it is; ``foreign`` ones may be wanted."""
    if blob.is_foreign and not foreign:
        return Failure(Reason.FOREIGN_SKIPPED, "the layer is kept elsewhere and was not asked for")
    if not blob.digest.is_verifiable:
        return Failure(Reason.UNVERIFIABLE, f"no way to compute {blob.digest.algorithm}")
    if blob.size_bytes is not None and blob.size_bytes > max_bytes:
        return Failure(Reason.TOO_LARGE, f"{blob.size_bytes} bytes, more than the bound of {max_bytes}")
    return None


def foreign_urls(layer: Descriptor) -> list[str]:
    """Where a layer may be had besides the registry: the first few of its ``urls``, in their order."""
    return list(dict.fromkeys(map(printable, layer.urls)))[:MAX_FOREIGN_URLS]


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
    does not hold (a sparse index), nor what is wrong for good with an artifact about it. A passing
    failure comes first, so that the image is tried again as long as one may heal.
    """
    counted = (
        blob.failure
        for blob in blobs
        if blob.role != "artifact" or (blob.failure is not None and blob.failure.is_temporary)
    )
    failures = [
        failure
        for failure in (*missing, *counted)
        if failure is not None and failure.reason not in {Reason.FOREIGN_SKIPPED, Reason.MANIFEST_MISSING}
    ]
    return min(failures, key=lambda failure: not failure.is_temporary, default=None)


@dataclass(frozen=True, slots=True)
class Pointer:
    """What is said to be an artifact about ``subject``, by whom (see :class:`corpus.records.Referrer`)."""

    digest: Digest
    media_type: str
    subject: Digest
    found_by: str


def statements_in(index: Manifest, images: Container[Digest]) -> list[Pointer]:
    """The statements about ``images`` that BuildKit lists beside them, and that would pass for images."""
    statements = [
        (digest_or_none(child.annotations.get(_ABOUT)) or index.digest, child)
        for child in index.children
        if child.is_attestation
    ]
    return [
        Pointer(child.digest, child.media_type, about, "index")
        for about, child in statements
        if about in images
    ]


def parts_of(artifact: Manifest) -> list[Pointer]:
    """What an artifact consists of that is an index itself."""
    return [Pointer(child.digest, child.media_type, artifact.digest, "index") for child in artifact.children]


def referrers_tag(digest: Digest) -> str:
    """The tag of the index of referrers, for want of an interface (spec.md, "Referrers Tag Schema")."""
    return _NO_TAG_CHARACTER.sub("-", f"{digest.algorithm[:32]}-{digest.encoded[:64]}")


def cosign_tags(digest: Digest) -> list[str]:
    """The tags under which cosign keeps what it knows of a manifest (cosign: ``specs/SIGNATURE_SPEC.md``)."""
    return [f"{referrers_tag(digest)}.{suffix}" for suffix in ("sig", "att", "sbom")]

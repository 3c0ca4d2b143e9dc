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
    from registry.errors import RegistryError
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

# Descriptors of one image and of what is about it, as layers and as children: a hundred platforms of a
# hundred layers. A manifest of 8 MiB has room for 90,000, and an index for a thousand such manifests.
MAX_DESCRIPTORS = 10_000

# What is wrong with bytes is wrong for all to whom the same registry sends them. Anything else it may say
# to one repository alone.
_REASONS_OF_THE_BYTES = frozenset(
    {
        Reason.AMBIGUOUS,
        Reason.DIGEST_MISMATCH,
        Reason.MANIFEST_INVALID,
        Reason.SIZE_MISMATCH,
        Reason.TOO_LARGE,
        Reason.UNSUPPORTED_TYPE,
    }
)


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
    """Where a layer may be had besides the registry: the first few of its ``urls``, in their order.

    JSON may hold halves of characters, which stand in no URL.
    """
    return list(dict.fromkeys(map(printable, filter(_is_text, layer.urls))))[:MAX_FOREIGN_URLS]


def _is_text(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for: what became of it is told to whoever asks for just the same, and to nobody else.

    Attributes:
        registry: Who is asked.
        digest: Of the blob.
        size_bytes: As the manifest claims, which may be wrong.
        urls: Where else it is sought; a manifest may name anybody's.
    """

    registry: str
    digest: Digest
    size_bytes: int | None
    urls: tuple[str, ...] = ()


def is_of_the_bytes(failure: Reason) -> bool:
    """Whether it is what the registry holds that is wrong: so it is for whoever asks for it later."""
    return failure in _REASONS_OF_THE_BYTES


def holds_for_all_who_waited(error: RegistryError) -> bool:
    """Whether a failure is that of everybody who waited for the same request.

    One that may pass is: but whoever asks later asks anew. What one repository lacks or refuses, another
    one may give: who waited on behalf of another repository asks for itself.
    """
    return error.temporary or is_of_the_bytes(error.reason)


def descriptors_in(manifest: Manifest) -> int:
    """How many descriptors it lists, repeats counted."""
    return len(manifest.layers) + len(manifest.children) + (manifest.config is not None)


def first_failure(missing: Iterable[Failure], blobs: Iterable[FetchedBlob]) -> Failure | None:
    """Why an image is incomplete, from the children and the blobs that could not be had.

    A foreign layer that was not asked for does not make it so, nor does a child that the registry
    does not hold (a sparse index), nor what is wrong for good with an artifact about it.
    """
    children = [failure for failure in missing if failure.reason is not Reason.MANIFEST_MISSING]
    of_blobs = [
        blob.failure
        for blob in blobs
        if blob.failure is not None
        and blob.failure.reason is not Reason.FOREIGN_SKIPPED
        and (blob.role != "artifact" or blob.failure.is_temporary)
    ]
    return first_that_may_pass([*children, *of_blobs])


def first_that_may_pass(failures: Iterable[Failure]) -> Failure | None:
    """A passing failure comes first, so that the image is tried again as long as one may heal."""
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

"""Whether what came is the original: what a registry says of a manifest, held against the bytes it sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.digests import Digest, digest_or_none
from registry.errors import Reason, RegistryError
from registry.manifests import ManifestFlag, bare_type, parse_manifest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from registry.manifests import Manifest


def is_called(digest: Digest, raw: bytes, manifest: Manifest) -> bool:
    """Whether ``digest`` names these bytes: as canonical digest, or by any algorithm that can be computed."""
    if digest in {manifest.digest, manifest.blob_digest}:
        return True
    is_other = digest.algorithm != manifest.blob_digest.algorithm and digest.is_verifiable
    return is_other and Digest.of(raw, digest.algorithm) == digest


def parse_named(raw: bytes, content_type: str, digest: Digest) -> Manifest:
    """Read the body of a manifest that was asked for by ``digest``.

    Raises:
        RegistryError: ``DIGEST_MISMATCH``: these are other bytes, whatever they are. Else see
            :func:`~registry.manifests.parse_manifest`: the registry holds nothing better.
    """
    failure: RegistryError | None = None
    try:
        manifest = parse_manifest(raw, content_type)
    except RegistryError as error:
        failure = error
    else:
        if is_called(digest, raw, manifest):
            return manifest
    found = Digest.of(raw, digest.algorithm)
    if failure is not None and found == digest:
        raise failure
    raise RegistryError(Reason.DIGEST_MISMATCH, f"the manifest hashes to {found}, {digest} was asked for")


def may_be_converted(raw: bytes, manifest: Manifest, *claims: str | None) -> bool:
    """Whether a manifest that was asked for by tag may be something else than what the registry stores.

    Registries convert a manifest for clients that they take to be old, and tell the digest of the
    original or none (distribution: ``registry/handlers/manifests.go``), or that of what they send (Quay).
    What they convert to is schema 1, or one image of a list: so no digest is proof of schema 1, and
    nothing is one without a digest.

    Args:
        raw: The body.
        manifest: The same, read.
        claims: Its digest as the registry told it, by each answer that told one.
    """
    digests = [digest for digest in map(digest_or_none, claims) if digest is not None]
    if manifest.kind.is_schema1 or not digests:
        return True
    return any(digest.is_verifiable and not is_called(digest, raw, manifest) for digest in digests)


def flags_of_answer(
    raw: bytes, manifest: Manifest, content_type: str, header_digest: str | None
) -> frozenset[ManifestFlag]:
    """What of an answer's headers its body contradicts. An absent header contradicts nothing."""
    return frozenset(_contradictions(raw, manifest, content_type, header_digest))


def _contradictions(
    raw: bytes, manifest: Manifest, content_type: str, header_digest: str | None
) -> Iterator[ManifestFlag]:
    claimed = digest_or_none(header_digest)
    if claimed is not None and not claimed.is_verifiable:
        yield ManifestFlag.HEADER_DIGEST_UNVERIFIABLE
    elif header_digest and (claimed is None or not is_called(claimed, raw, manifest)):
        yield ManifestFlag.HEADER_DIGEST_MISMATCH
    if content_type and bare_type(content_type) != manifest.media_type.lower():
        yield ManifestFlag.CONTENT_TYPE_MISMATCH

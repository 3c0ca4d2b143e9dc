"""What others say of an image: signatures, SBOMs and provenance, found in every way they are published."""

from __future__ import annotations

import logging
from collections import deque
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from corpus.records import Failure, Referrer
from downloader.plan import (
    MAX_DESCRIPTORS,
    Pointer,
    cosign_tags,
    descriptors_in,
    parts_of,
    referrers_tag,
    statements_in,
)
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from corpus.records import FetchedManifest, ImageTask
    from downloader.manifests import ManifestFetcher
    from registry.client import RegistryClient
    from registry.digests import Digest
    from registry.manifests import Manifest

log = logging.getLogger(__name__)

# Artifacts of one image. Signed by every release of a pipeline, an image has some dozens.
MAX_ARTIFACTS = 1_000

# A statement, a signature of it, and one of that: nobody publishes more.
MAX_DEPTH = 3

# How a registry says that it has no such interface, rather than that it failed. One that has it never
# answers 404 for want of referrers, but it does for want of the repository, or of the manifest.
_NO_INTERFACE = frozenset({404, 405, 501})
_NOT_THE_INTERFACE = frozenset({Reason.MANIFEST_MISSING, Reason.REPO_MISSING})


@dataclass(slots=True)
class Found:
    """The artifacts about one image.

    Attributes:
        manifests: Their manifests, and the indexes that list them.
        referrers: Which of the manifests is about which.
        failures: Why some could not be had, if that may pass.
    """

    manifests: list[FetchedManifest] = field(default_factory=list)
    referrers: list[Referrer] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)


@dataclass(slots=True)
class _Walk:
    """The walk for one image: what is known by canonical digest, and how far it went.

    Attributes:
        task: The image.
        known: The manifests met so far.
        found: Those about the image.
        followed: How many pointers were followed.
        listed: How many descriptors the known manifests have.
        has_interface: Whether the registry lists referrers, as far as is known: if not, a tag does.
        is_over: Whether there is more than is followed.
    """

    task: ImageTask
    known: dict[Digest, FetchedManifest]
    found: Found = field(default_factory=Found)
    followed: int = 0
    listed: int = 0
    has_interface: bool = True
    is_over: bool = False

    def may_follow(self) -> bool:
        """Count one more pointer, unless it is one too many."""
        if self.followed == MAX_ARTIFACTS:
            self.cut(f"more than {MAX_ARTIFACTS} artifacts")
        self.followed += not self.is_over
        return not self.is_over

    def cut(self, extent: str) -> None:
        """Stop here: the image is not complete."""
        if not self.is_over:
            self.found.failures.append(Failure(Reason.TOO_LARGE, f"about the image there are {extent}"))
        self.is_over = True

    def take(self, about: Digest, found_by: str, artifact: FetchedManifest) -> bool:
        """Note an artifact; whether it is one that was not met before."""
        digest = artifact.manifest.digest
        self.found.referrers.append(Referrer(about, artifact.manifest.blob_digest, found_by))
        if digest in self.known:
            return False
        self.known[digest] = artifact
        self.keep(artifact)
        return True

    def keep(self, fetched: FetchedManifest) -> None:
        """Note the manifest of an artifact, or of a list of them."""
        self.found.manifests.append(fetched)
        self.listed += descriptors_in(fetched.manifest)
        if self.listed > MAX_DESCRIPTORS:
            self.cut(f"manifests with more than {MAX_DESCRIPTORS} descriptors")

    def fail(self, error: RegistryError) -> None:
        """Note what stands against an artifact: its image is incomplete only as long as that may heal."""
        log.info("artifact_failed", extra={"reason": error.reason, "detail": str(error)})
        if error.temporary:
            self.found.failures.append(Failure.of(error))


class ArtifactFinder:
    """Walks from the manifests of an image to the artifacts about them, and to those about these."""

    def __init__(self, manifests: ManifestFetcher, clients: Mapping[str, RegistryClient]) -> None:
        self._manifests = manifests
        self._clients = clients

    async def find(self, task: ImageTask, manifests: Sequence[FetchedManifest]) -> Found:
        """Every artifact about ``manifests``, each once, however their pointers run in circles."""
        walk = _Walk(task, {each.manifest.digest: each for each in manifests})
        walk.listed = sum(descriptors_in(each.manifest) for each in manifests)
        frontier = deque((each.manifest, 0) for each in manifests)
        while frontier and not walk.is_over:
            subject, depth = frontier.popleft()
            inside = parts_of(subject) if depth else statements_in(subject, walk.known)
            pointers = [*inside, *await self._pointers(walk, subject)]
            artifacts = [*await self._listed(walk, pointers), *await self._signed(walk, subject.digest)]
            if depth + 1 < MAX_DEPTH:
                frontier.extend((each.manifest, depth + 1) for each in artifacts)
        return walk.found

    async def _listed(self, walk: _Walk, pointers: Sequence[Pointer]) -> list[FetchedManifest]:
        """The artifacts that pointers lead to, without those met before."""
        new = []
        for pointer in pointers:
            if not walk.may_follow():
                break
            try:
                artifact = walk.known.get(pointer.digest) or await self._manifests.by_digest(
                    walk.task, pointer.digest, pointer.media_type
                )
            except RegistryError as error:
                walk.fail(error)
            else:
                if walk.take(pointer.subject, pointer.found_by, artifact):
                    new.append(artifact)
        return new

    async def _signed(self, walk: _Walk, subject: Digest) -> list[FetchedManifest]:
        """The artifacts that cosign keeps under tags of the subject's digest, without those met before."""
        new = []
        for tag in cosign_tags(subject):
            artifact = None if walk.is_over else await self._tagged(walk, tag)
            if artifact is not None and walk.take(subject, tag, artifact):
                new.append(artifact)
        return new

    async def _tagged(self, walk: _Walk, tag: str) -> FetchedManifest | None:
        try:
            return await self._manifests.by_tag_if_any(walk.task, tag)
        except RegistryError as error:
            walk.fail(error)
            return None

    async def _pointers(self, walk: _Walk, subject: Manifest) -> list[Pointer]:
        """What the registry lists as being about a manifest: by its interface, or the tag in place of it."""
        task = walk.task
        if walk.has_interface:
            try:
                return await self._referrers(task, subject.digest)
            except RegistryError as error:
                walk.fail(error)
                if error.temporary:
                    return []
                is_known = error.status in _NO_INTERFACE and error.reason not in _NOT_THE_INTERFACE
                walk.has_interface = not is_known
        tag = referrers_tag(subject.digest)
        index = await self._tagged(walk, tag)
        if index is None:
            return []
        walk.keep(index)
        return [
            Pointer(each.digest, each.media_type, subject.digest, tag) for each in index.manifest.children
        ]

    async def _referrers(self, task: ImageTask, subject: Digest) -> list[Pointer]:
        pointers: list[Pointer] = []
        async with aclosing(self._clients[task.registry].referrers(task.repository, subject)) as pages:
            async for page in pages:
                pointers += [Pointer(each.digest, each.media_type, subject, "referrers") for each in page]
                if len(pointers) > MAX_ARTIFACTS:
                    break
        return pointers

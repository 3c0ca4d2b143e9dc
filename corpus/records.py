"""What the stages hand to the catalog, as plain values."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from registry.digests import Digest
    from registry.errors import Reason, RegistryError
    from registry.manifests import Manifest


# The role of a blob that lay in the store before anything that lists it was fetched.
UNKNOWN = "unknown"


class State(StrEnum):
    """Where a unit of work stands."""

    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry of the census: its identity, and how it was reached."""

    name: str  # "docker.io", "127.0.0.1:5000", "sample"
    source: str  # the setting that reaches it again: "hub=docker.io", "registry=http://127.0.0.1:5000"


@dataclass(frozen=True, slots=True)
class RepositoryRecord:
    """One row of one listing: what a source says of a repository. ``None`` is "it does not say".

    Times are ISO 8601 texts as the source gave them.
    """

    name: str
    is_official: bool | None = None
    pull_count: int | None = None
    star_count: int | None = None
    description: str | None = None
    registered_at: str | None = None
    last_updated_at: str | None = None
    storage_bytes: int | None = None
    reference: str | None = None  # a tag or digest asked for together with the name (a list file)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a unit of work failed."""

    reason: Reason
    detail: str
    is_temporary: bool = False
    retry_after_s: float | None = None  # how long the server asked us to wait
    is_shared: bool = False  # what somebody else met with, who had asked for the same

    @classmethod
    def of(cls, error: RegistryError) -> Failure:
        """The record of an error."""
        return cls(error.reason, str(error), error.temporary, error.retry_after_s, error.is_shared)


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing: a unit of the crawl."""

    id: int
    source: str
    cursor: str


@dataclass(frozen=True, slots=True)
class ImageTask:
    """One image to download: a repository and the tag or digest that names it."""

    id: int
    registry: str
    repository: str
    reference: str
    attempts: int = 0  # tries in a row that failed for a passing reason
    rank: int = 0  # its place in the order of the run


@dataclass(frozen=True, slots=True)
class FetchedManifest:
    """A manifest that is in the store, with what the registry said of it.

    Attributes:
        manifest: Read from the bytes.
        content_type: The header of the answer that brought it, ``""`` when absent.
        header_digest: ``Docker-Content-Digest`` of that answer, as it stood there.
        flags: What is odd about bytes and answer (:class:`registry.manifests.ManifestFlag`).
    """

    manifest: Manifest
    content_type: str
    header_digest: str | None
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Referrer:
    """An artifact about a manifest: a signature, an SBOM, a provenance statement.

    Attributes:
        subject: The manifest it is about, by its canonical digest.
        manifest: The artifact's own manifest, by the digest of its stored bytes.
        found_by: ``referrers`` (the API), ``index`` (an index lists it), or the tag that led to it.
    """

    subject: Digest
    manifest: Digest
    found_by: str


@dataclass(frozen=True, slots=True)
class FetchedBlob:
    """The outcome of one blob: ``failure`` is ``None`` when it is in the store."""

    digest: Digest
    role: str  # "config" | "layer" | "artifact"
    size_bytes: int | None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class ImageOutcome:
    """What became of one image: everything fetched for it, and why it failed, if it did.

    Attributes:
        task_id: The image.
        platforms: What was fetched of it: the rule by which children of an index were chosen, and extras.
        root: The manifest that the reference resolved to.
        manifests: Every manifest fetched or already held, root first, artifacts last.
        chosen: Digests of the manifests (not indexes) that are this image, one per platform.
        blobs: Configurations, layers, and the blobs of artifacts.
        referrers: Which of the manifests are artifacts about which others.
        failure: The first thing that failed, if anything did.
        attempts: Tries in a row that failed for a passing reason, this one included.
        retry_at: When the next try is due, in unix seconds, if there is to be one.
    """

    task_id: int
    platforms: str
    root: Digest | None = None
    manifests: tuple[FetchedManifest, ...] = ()
    chosen: tuple[Digest, ...] = ()
    blobs: tuple[FetchedBlob, ...] = ()
    failure: Failure | None = None
    referrers: tuple[Referrer, ...] = ()
    attempts: int = 0
    retry_at: float | None = None


@dataclass(frozen=True, slots=True)
class LayerTask:
    """One layer blob to profile.

    Attributes:
        analysers: Key of the analysers that have read it (:func:`corpus.profiles.findings.key_of`).
        is_profiled: Whether its profile is of today's version: then only analysers are missing.
    """

    digest: Digest
    media_type: str
    size_bytes: int
    analysers: str = ""
    is_profiled: bool = False


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an image has in common with the others of the corpus; it changes as they come.

    Attributes:
        base_chain: ChainID of the image it is built on: the longest proper beginning of its own chain that is
            the whole chain of another one.
        base: Manifests with this chain, by the digest of their bytes; the smallest first, at most four.
        base_layers: Layers of the image that belong to it.
        shared: Layers that other images list too, sorted.
    """

    base_chain: str | None = None
    base: tuple[Digest, ...] = ()
    base_layers: int = 0
    shared: tuple[Digest, ...] = ()

    def key(self) -> str:
        """A short text that tells two of them apart."""
        fields = (self.base_chain or "", *self.base, str(self.base_layers), *self.shared)
        return sha256(" ".join(fields).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class ImageProfileTask:
    """One image whose layers are all settled: ready for its profile."""

    manifest_digest: Digest
    content_type: str
    config_digest: Digest | None
    surroundings: Surroundings = Surroundings()


@dataclass(frozen=True, slots=True)
class ProfileOutcome:
    """The result of profiling a layer or an image.

    ``totals`` are the columns of the same name in the catalog, so that ``status`` and
    ``report`` need not open the profile.
    """

    digest: Digest
    status: str
    failure_reason: str | None
    duration_s: float
    totals: Mapping[str, int | float | str | None] = field(default_factory=dict)

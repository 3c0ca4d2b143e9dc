"""What a hub holds: repositories with their listing, manifests by digest, and blobs as they are served."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from registry.digests import Digest


class Access(StrEnum):
    """How the registry answers about a repository; the search index is stale and lists all of them."""

    PUBLIC = "public"
    PRIVATE = "private"  # 401, also with an anonymous token: login required
    DELETED = "deleted"  # 404 NAME_UNKNOWN
    UNUSABLE = "unusable"  # a listed name that breaks the grammar, so that no client can ask for it


@dataclass(frozen=True, slots=True)
class StoredManifest:
    """A manifest as it was pushed.

    Attributes:
        media_type: Sent as ``Content-Type``.
        data: The original bytes.
    """

    media_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Facets:
    """What a search can be narrowed by.

    Attributes:
        badge: ``none``, ``official``, ``verified_publisher`` or ``open_source``; empty: in no bucket.
        kind: ``image``, ``plugin`` or ``extension``; empty: in no bucket.
        architectures: Of all its images; there may be none.
        operating_systems: Likewise.
        categories: Slugs; most have none.
    """

    badge: str = "none"
    kind: str = "image"
    architectures: tuple[str, ...] = ()
    operating_systems: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository: what the site says about it and what the registry holds of it.

    Attributes:
        name: With its namespace: ``library/nginx``.
        description: The short one of search results; may be empty.
        stars: Number of stars.
        pulls: Number of pulls.
        registered: When it was created (UTC).
        updated: When it was pushed to last (UTC).
        is_automated: Whether the old Hub built it from source.
        access: Public, or one of the sad cases.
        manifests: By canonical digest (of the JWS payload for signed schema 1).
        tags: Tag to digest.
        blobs: Every blob that a manifest of this repository names and the registry holds.
        facets: ``None`` where they follow from the name and the images.
    """

    name: str
    description: str
    stars: int
    pulls: int
    registered: datetime
    updated: datetime
    is_automated: bool = False
    access: Access = Access.PUBLIC
    manifests: Mapping[Digest, StoredManifest] = field(default_factory=dict)
    tags: Mapping[str, Digest] = field(default_factory=dict)
    blobs: frozenset[Digest] = frozenset()
    facets: Facets | None = None

    @property
    def namespace(self) -> str:
        """The part before the slash."""
        return self.name.partition("/")[0]

    @property
    def short_name(self) -> str:
        """The part after the slash."""
        return self.name.partition("/")[2]

    @property
    def is_official(self) -> bool:
        """Whether it is one of ``library/``."""
        return self.namespace == "library"

    @property
    def search_name(self) -> str:
        """The name in search results: official ones go without their namespace."""
        return self.short_name if self.is_official else self.name


@dataclass(frozen=True, slots=True)
class Hub:
    """A whole hub.

    Attributes:
        repositories: In order of popularity, as the search site lists them.
        blobs: The bytes that are served under a digest. Those of a corrupt blob do not hash to it.
        truncated: Blobs whose second half never arrives, although it is announced.
    """

    repositories: Sequence[Repository]
    blobs: Mapping[Digest, bytes]
    truncated: frozenset[Digest] = frozenset()

    def repository(self, name: str) -> Repository:
        """The repository called ``name`` (with its namespace); ``KeyError`` when there is none."""
        for repository in self.repositories:
            if repository.name == name:
                return repository
        raise KeyError(name)

"""What a repository's images tell of their platforms, and the values it is filtered by (pure)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from samplehub.model import Facets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from registry.digests import Digest
    from samplehub.model import Hub, Repository

Platform = dict[str, Any]


def facets_of(repository: Repository, hub: Hub) -> Facets:
    """Its facets; where they are not given, those of its images."""
    if repository.facets is not None:
        return repository.facets
    found = [each for digest in set(repository.tags.values()) for each in platforms(repository, digest, hub)]
    return Facets(
        badge="official" if repository.is_official else "none",
        architectures=tuple(sorted({platform["architecture"] for platform in found})),
        operating_systems=tuple(sorted({platform["os"] for platform in found})),
    )


def buckets(repository: Repository, hub: Hub) -> Iterable[tuple[str, str]]:
    """Pairs of a parameter of the searches and a value for which the repository is shown."""
    facets = facets_of(repository, hub)
    yield "is_official", str(repository.is_official).lower()
    yield "is_automated", str(repository.is_automated).lower()
    yield "badges", facets.badge
    yield "type", facets.kind
    yield from (("architectures", name) for name in facets.architectures)
    yield from (("operating_systems", name) for name in facets.operating_systems)
    yield from (("categories", name) for name in facets.categories)


def platforms(repository: Repository, digest: Digest, hub: Hub) -> Iterable[Platform]:
    """The images behind a manifest, one level down, as the Hub shows them (attestations are ``unknown``)."""
    manifest = repository.manifests[digest]
    body = json.loads(manifest.data)
    if "manifests" not in body:
        yield _machine(json.loads(hub.blobs[body["config"]["digest"]]) if "config" in body else body) | {
            "digest": digest,
            "size": _layer_bytes(repository, digest),
        }
    for child in body.get("manifests", ()):
        size = _layer_bytes(repository, child["digest"])
        yield _machine(child.get("platform", {})) | {"digest": child["digest"], "size": size}


def _layer_bytes(repository: Repository, digest: Digest) -> int:
    """Compressed size of one image; 0 where its manifest was never pushed."""
    manifest = repository.manifests.get(digest)
    layers = json.loads(manifest.data).get("layers", ()) if manifest else ()
    return sum(layer["size"] for layer in layers)


def _machine(platform: Platform) -> Platform:
    return {
        "architecture": platform.get("architecture", ""),
        "os": platform.get("os", "linux"),
        "variant": platform.get("variant", ""),
    }

"""Image configurations, manifests and indexes (Docker schema 2, OCI image-spec)."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from registry.digests import Digest
from samplehub.content.seeds import EPOCH
from samplehub.model import StoredManifest

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from samplehub.content.packaging import Layer
    from samplehub.content.steps import Build

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
_OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
_DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"


@dataclass(frozen=True, slots=True)
class Pushed:
    """One push: the manifest that a tag points at, and all that hangs on it.

    Attributes:
        digest: Canonical digest of the manifest, or of the index.
        manifest: The manifest or index.
        children: Further manifests by digest.
        layers: Layers of all of them.
        blobs: Other blobs by digest: configurations, attestations.
        platform: ``os``, ``architecture`` and ``variant`` of a single manifest, for an index above it.
    """

    digest: Digest
    manifest: StoredManifest
    children: Mapping[Digest, StoredManifest] = field(default_factory=dict)
    layers: tuple[Layer, ...] = ()
    blobs: Mapping[Digest, bytes] = field(default_factory=dict)
    platform: Mapping[str, str] = field(default_factory=dict)


def single(build: Build, kind: str) -> Pushed:
    """An image for one platform; ``kind`` is ``docker`` or ``oci``."""
    config = _json(configuration(build))
    media_type, config_type = (
        (OCI_MANIFEST, _OCI_CONFIG) if kind == "oci" else (DOCKER_MANIFEST, _DOCKER_CONFIG)
    )
    body = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": descriptor(config_type, config),
        "layers": [_layer_descriptor(layer, kind) for layer in build.layers],
    }
    return pushed(body, layers=build.layers, blobs={Digest.of(config): config}, platform=platform(build))


def artifact(media_type: str, config: tuple[str, bytes], content: Mapping[str, bytes]) -> Pushed:
    """An OCI manifest of something that is no image; ``content`` is media type to bytes."""
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "artifactType": media_type,
        "config": descriptor(*config),
        "layers": [descriptor(kind, data) for kind, data in content.items()],
    }
    return pushed(body, blobs={Digest.of(data): data for data in (config[1], *content.values())})


def index(children: Iterable[Pushed], media_type: str) -> Pushed:
    """A manifest list or an OCI index of the children, each with its platform."""
    below = list(children)
    body = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "manifests": [
            descriptor(child.manifest.media_type, child.manifest.data, **_platform_field(child))
            for child in below
        ],
    }
    return _with_children(pushed(body), below)


def attested(whole: Pushed) -> Pushed:
    """The index with an attestation per image, as BuildKit adds them: platform ``unknown/unknown``."""
    body = json.loads(whole.manifest.data)
    attestations = []
    for subject in list(body["manifests"]):
        attestation = _attestation(subject["digest"])
        attestations.append(attestation)
        notes = {
            "vnd.docker.reference.digest": subject["digest"],
            "vnd.docker.reference.type": "attestation-manifest",
        }
        body["manifests"].append(
            descriptor(
                OCI_MANIFEST,
                attestation.manifest.data,
                annotations=notes,
                platform={"architecture": "unknown", "os": "unknown"},
            )
        )
    return _with_children(_replaced(whole, body), attestations)


def sparse(whole: Pushed) -> Pushed:
    """The index with a further platform whose manifest was never pushed."""
    body = json.loads(whole.manifest.data)
    absent = {"architecture": "ppc64le", "os": "linux"}
    body["manifests"].append(descriptor(body["manifests"][0]["mediaType"], b"never pushed", platform=absent))
    return _replaced(whole, body)


def configuration(build: Build) -> dict[str, Any]:
    """The image configuration (OCI image-spec, config.md), in Docker's older dress."""
    history = [
        {"created": created(number), "created_by": text} | ({"empty_layer": True} if made is None else {})
        for number, (text, made) in enumerate(build.history)
    ]
    return {
        **platform(build),
        "config": {"Hostname": "", "Domainname": "", "User": "", "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]}
        | dict(build.config),
        "created": created(len(history)),
        "docker_version": "20.10.23",
        "history": history,
        "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in build.layers]},
    }


def platform(build: Build) -> dict[str, str]:
    """Platform of a build, as in configurations and indexes."""
    variant = {"arm": "v7", "arm64": "v8"}.get(build.arch)
    return {"architecture": build.arch, "os": build.os} | ({"variant": variant} if variant else {})


def created(number: int) -> str:
    """A time in RFC 3339 with nanoseconds, ``number`` steps after the beginning of the build."""
    moment = datetime.fromtimestamp(EPOCH, UTC) + timedelta(seconds=7 * number)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{number * 7_919_000 % 1_000_000_000:09}Z"


def pushed(body: Mapping[str, Any], **attributes: Any) -> Pushed:
    """The push of a manifest body."""
    data = _json(body)
    return Pushed(Digest.of(data), StoredManifest(str(body["mediaType"]), data), **attributes)


def descriptor(media_type: str, data: bytes, **others: Any) -> dict[str, Any]:
    """A content descriptor (OCI image-spec, descriptor.md)."""
    return {"mediaType": media_type, "size": len(data), "digest": Digest.of(data), **others}


def _layer_descriptor(layer: Layer, kind: str) -> dict[str, Any]:
    suffix = layer.compression
    if kind == "oci":
        media_type = "application/vnd.oci.image.layer.v1.tar" + (f"+{suffix}" if suffix else "")
    else:
        foreign = "foreign." if layer.foreign_url else ""
        media_type = f"application/vnd.docker.image.rootfs.{foreign}diff.tar" + (
            f".{suffix}" if suffix else ""
        )
    described = {"mediaType": media_type, "size": layer.size_bytes, "digest": layer.digest}
    return described | ({"urls": [layer.foreign_url]} if layer.foreign_url else {})


def _platform_field(child: Pushed) -> dict[str, Any]:
    return {"platform": dict(child.platform)} if child.platform else {}


def _attestation(subject: str) -> Pushed:
    """A provenance statement about one image (in-toto, SLSA)."""
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": "pkg:docker/sample", "digest": {"sha256": Digest.parse(subject).encoded}}],
        "predicate": {"builder": {"id": ""}, "buildType": "https://mobyproject.org/buildkit@v1"},
    }
    data = _json(statement)
    config = _json({"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"type": "layers"}})
    body = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(_OCI_CONFIG, config),
        "layers": [descriptor("application/vnd.in-toto+json", data)],
    }
    return pushed(body, blobs={Digest.of(config): config, Digest.of(data): data})


def _replaced(whole: Pushed, body: Mapping[str, Any]) -> Pushed:
    return pushed(body, children=whole.children, layers=whole.layers, blobs=whole.blobs)


def _with_children(whole: Pushed, below: Iterable[Pushed]) -> Pushed:
    children, blobs, layers = dict(whole.children), dict(whole.blobs), list(whole.layers)
    for child in below:
        children |= {child.digest: child.manifest, **child.children}
        blobs |= child.blobs
        layers += child.layers
    return Pushed(whole.digest, whole.manifest, children, tuple(layers), blobs)


def _json(value: Mapping[str, Any]) -> bytes:
    """Compact JSON, as BuildKit writes it."""
    return json.dumps(value, separators=(",", ":")).encode()

"""Image manifests of Docker's schema 1, signed with JWS (distribution, docs/spec/manifest-v2-1.md)."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from registry.digests import Digest
from samplehub.content.es256 import base64url, public_key, sign
from samplehub.content.images import Pushed, created, platform
from samplehub.content.packaging import empty_layer
from samplehub.model import StoredManifest

if TYPE_CHECKING:
    from samplehub.content.packaging import Layer
    from samplehub.content.steps import Build

SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"

_TAIL = b"\n}"  # the end of the payload, cut off so that the signatures fit in before it


def signed(build: Build, repository: str, tag: str) -> Pushed:
    """The image as an old Docker pushed it: a layer for every step, the empty one where nothing changed.

    The signature is real: ES256 over the payload, by the key in the manifest. The digest is that of the
    payload, not of the body with the signatures.
    """
    payload = json.dumps(_manifest(build, repository, tag), indent=3).encode()
    manifest = StoredManifest(SIGNED, _with_signature(payload))
    return Pushed(Digest.of(payload), manifest, layers=(*build.layers, empty_layer()))


def _manifest(build: Build, repository: str, tag: str) -> dict[str, Any]:
    steps = [(text, empty_layer() if made is None else build.layers[made]) for text, made in build.history]
    return {
        "schemaVersion": 1,
        "name": repository,
        "tag": tag,
        "architecture": build.arch,
        "fsLayers": [{"blobSum": layer.digest} for _, layer in reversed(steps)],
        "history": [{"v1Compatibility": text} for text in reversed(_v1_images(build, steps))],
    }


def _v1_images(build: Build, steps: list[tuple[str, Layer]]) -> list[str]:
    """One JSON text per step, oldest first: ids chain by ``parent``, the top one has the configuration."""
    texts: list[str] = []
    parent = ""
    for number, (step, layer) in enumerate(steps):
        image_id = hashlib.sha256(f"{parent} {step} {layer.digest}".encode()).hexdigest()
        image: dict[str, Any] = {"id": image_id} | ({"parent": parent} if parent else {})
        image |= {"created": created(number), "container_config": {"Cmd": ["/bin/sh", "-c", step]}}
        if layer.digest == empty_layer().digest:
            image["throwaway"] = True
        if number == len(steps) - 1:
            image |= {"docker_version": "1.9.1", "config": dict(build.config), **platform(build)}
        texts.append(json.dumps(image, separators=(",", ":")) + "\n")
        parent = image_id
    return texts


def _with_signature(payload: bytes) -> bytes:
    """The pretty JWS form of libtrust: the payload with a ``signatures`` member before its last brace."""
    head = payload.removesuffix(_TAIL)
    protected = base64url(
        json.dumps(
            {"formatLength": len(head), "formatTail": base64url(_TAIL), "time": created(0)[:19] + "Z"},
            separators=(",", ":"),
        ).encode()
    )
    signature = {
        "header": {"jwk": public_key(), "alg": "ES256"},
        "signature": sign(f"{protected}.{base64url(payload)}".encode()),
        "protected": protected,
    }
    block = json.dumps([signature], indent=3).replace("\n", "\n   ")
    return head + b',\n   "signatures": ' + block.encode() + _TAIL

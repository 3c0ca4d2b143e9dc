"""Images as registries of version 1 keep them: pure values.

There is no manifest there. A tag stands for an image id, the id for an ancestry of ids, and each of
these for a JSON (what is ``v1Compatibility`` in schema 1) and a layer. None of the two has a digest
to be asked for by. So that such an image has a manifest like any other, a small document of our own
lists its ancestry, with the digests of what came.

Sources: docker/docker 1.6, "Docker Registry API" and "The Docker Hub and the Registry 1.0";
docker-archive/docker-registry 0.9, ``docker_registry/images.py`` and ``lib/checksums.py``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from registry.descriptors import parse_descriptor
from registry.documents import invalid, parse_document, sequence_of_objects, text_or_empty
from registry.errors import Reason, RegistryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from registry.digests import Digest

MEDIA_TYPE = "application/vnd.hubcrawl.v1-image.v1+json"

JSON_TYPE = "application/json"

# What a registry sends layers as. They are gzipped tars mostly, plain or xz ones too: nobody says which.
LAYER_TYPE = "application/octet-stream"

# Layers of one image: eight times what Docker ever allowed (docker/docker: ``layer.maxLayerDepth``, 125).
MAX_ANCESTRY = 1_000

_IMAGE_ID = re.compile(r"[0-9a-f]{64}", re.ASCII)
# Not that of a tarsum (``tarsum+sha256:``, ``tarsum.v1+sha256:``), which is not one of the bytes.
_SHA256 = re.compile(r"(?<![\w.+])sha256:[0-9a-f]{64}(?![0-9a-f])", re.ASCII)


@dataclass(frozen=True, slots=True)
class V1Layer:
    """One image of an ancestry, as it is kept.

    Attributes:
        image_id: What the registry calls it: 64 hexadecimal digits, often random ones.
        json_digest: sha256 of its JSON as it came.
        json_bytes: Size of that.
        digest: sha256 of its layer as it came.
        size_bytes: Size of that.
    """

    image_id: str
    json_digest: Digest
    json_bytes: int
    digest: Digest
    size_bytes: int


def is_image_id(text: str) -> bool:
    """Whether ``text`` can be the id of an image."""
    return _IMAGE_ID.fullmatch(text) is not None


def parse_tags(body: bytes) -> dict[str, str]:
    """Tag to image id, both unchecked; what is no text is left out.

    Raises:
        RegistryError: ``UNEXPECTED_ANSWER``: not an object.
    """
    tags = _decoded(body)
    if not isinstance(tags, dict):
        raise _unexpected("the tags are not an object")
    return {tag: image_id for tag, image_id in tags.items() if isinstance(image_id, str)}


def parse_ancestry(body: bytes, image_id: str) -> tuple[str, ...]:
    """The ids that an image consists of, base first, itself last.

    Raises:
        RegistryError: ``UNEXPECTED_ANSWER``: not a list of ids, of another image, or with a loop.
            ``TOO_LARGE``: longer than any image.
    """
    ids = _decoded(body)
    if not isinstance(ids, list) or not all(isinstance(each, str) and is_image_id(each) for each in ids):
        raise _unexpected("the ancestry is not a list of image ids")
    if not ids or ids[0] != image_id or len(set(ids)) < len(ids):
        raise _unexpected("the ancestry is not that of this image")
    if len(ids) > MAX_ANCESTRY:
        raise RegistryError(Reason.TOO_LARGE, f"the ancestry has more than {MAX_ANCESTRY} images")
    return tuple(reversed(ids))


def check_image_json(raw: bytes, image_id: str) -> None:
    """Refuse what is not the JSON of this image.

    Raises:
        RegistryError: ``MANIFEST_INVALID``.
    """
    if parse_document(raw).body.get("id", image_id) != image_id:
        raise invalid("the JSON is that of another image")


def payload_checksums(headers: Iterable[str]) -> frozenset[str]:
    """The sha256 checksums in ``X-Docker-Payload-Checksum``, which comes once or more often.

    Each is that of the JSON, a newline, and the layer; of the layer alone with some servers.
    """
    return frozenset(match[0] for header in headers for match in _SHA256.finditer(header))


def write_image(layers: Sequence[V1Layer]) -> bytes:
    """The document of an image; ``layers`` is base first. The same image gives the same bytes."""
    ancestry = [
        {
            "id": layer.image_id,
            "json": {"digest": layer.json_digest, "size": layer.json_bytes},
            "layer": {"digest": layer.digest, "size": layer.size_bytes},
        }
        for layer in layers
    ]
    document = {"mediaType": MEDIA_TYPE, "ancestry": ancestry}
    return json.dumps(document, separators=(",", ":")).encode()


def read_image(body: Mapping[str, Any]) -> tuple[V1Layer, ...]:
    """The layers of a document, base first.

    Raises:
        RegistryError: ``MANIFEST_INVALID``: nothing that :func:`write_image` writes.
    """
    layers = tuple(map(_layer, sequence_of_objects(body, "ancestry")))
    if not 0 < len(layers) <= MAX_ANCESTRY:
        raise invalid(f"an ancestry of {len(layers)} images")
    return layers


def _layer(entry: Mapping[str, Any]) -> V1Layer:
    (json_digest, json_bytes), (digest, size) = (_content(entry.get(name)) for name in ("json", "layer"))
    return V1Layer(text_or_empty(entry.get("id")), json_digest, json_bytes, digest, size)


def _content(value: object) -> tuple[Digest, int]:
    if not isinstance(value, dict):
        raise invalid("an entry of the ancestry lacks its content")
    descriptor = parse_descriptor(value)
    return descriptor.digest, descriptor.size_bytes or 0


def _decoded(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _unexpected(detail: str) -> RegistryError:
    return RegistryError(Reason.UNEXPECTED_ANSWER, detail)

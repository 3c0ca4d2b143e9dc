"""Signed schema 1 manifests."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from registry.digests import EMPTY_LAYER, Digest
from samplehub.content.es256 import public_key, sign

if TYPE_CHECKING:
    from pathlib import Path

    from samplehub import Hub


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def payload_of(raw: bytes) -> bytes:
    """The signed payload: ``formatLength`` bytes of the body and the tail (libtrust)."""
    protected = json.loads(decoded(json.loads(raw)["signatures"][0]["protected"]))
    return raw[: protected["formatLength"]] + decoded(protected["formatTail"])


def raw_manifest(hub: Hub) -> tuple[Digest, bytes, dict[str, Any]]:
    repository = hub.repository("oldharbor/lamp")
    digest = repository.tags["latest"]
    raw = repository.manifests[digest].data
    return digest, raw, json.loads(raw)


def test_the_digest_is_that_of_the_payload(hub: Hub) -> None:
    digest, raw, body = raw_manifest(hub)
    payload = payload_of(raw)
    assert Digest.of(payload) == digest
    assert Digest.of(raw) != digest
    assert "signatures" not in json.loads(payload)
    assert json.loads(payload) == {key: value for key, value in body.items() if key != "signatures"}


def test_layers_are_parallel_to_the_history_top_first(hub: Hub) -> None:
    _, _, body = raw_manifest(hub)
    images = [json.loads(entry["v1Compatibility"]) for entry in body["history"]]
    assert len(images) == len(body["fsLayers"])
    assert [image.get("parent") for image in images[:-1]] == [image["id"] for image in images[1:]]
    assert "parent" not in images[-1]
    empty = [layer["blobSum"] == EMPTY_LAYER for layer in body["fsLayers"]]
    assert empty == [image.get("throwaway", False) for image in images]
    assert any(empty)
    assert "config" in images[0]


def test_it_names_its_repository_and_tag(hub: Hub) -> None:
    _, _, body = raw_manifest(hub)
    assert (body["name"], body["tag"], body["schemaVersion"]) == ("oldharbor/lamp", "latest", 1)


def test_signing_is_deterministic() -> None:
    assert sign(b"message") == sign(b"message") != sign(b"another")


def test_the_signature_verifies_with_openssl(hub: Hub, tmp_path: Path) -> None:
    """The signature is a real ES256 over ``protected.payload`` by the key in the header (RFC 7515)."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("openssl is not installed")
    _, raw, body = raw_manifest(hub)
    signature = body["signatures"][0]
    assert signature["header"]["jwk"] == public_key()
    payload = base64.urlsafe_b64encode(payload_of(raw)).rstrip(b"=").decode()
    (tmp_path / "message").write_text(f"{signature['protected']}.{payload}")
    (tmp_path / "signature").write_bytes(der_signature(decoded(signature["signature"])))
    (tmp_path / "key.pem").write_text(pem(public_key()))
    command = [openssl, "dgst", "-sha256", "-verify", "key.pem", "-signature", "signature", "message"]
    answer = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert answer.stdout.strip() == "Verified OK"


def der_signature(raw: bytes) -> bytes:
    """ASN.1 SEQUENCE of two INTEGERs (RFC 3279, 2.2.3)."""
    numbers = [int.from_bytes(raw[:32]), int.from_bytes(raw[32:])]
    encoded = [number.to_bytes(number.bit_length() // 8 + 1) for number in numbers]
    body = b"".join(b"\x02" + bytes((len(number),)) + number for number in encoded)
    return b"\x30" + bytes((len(body),)) + body


def pem(jwk: dict[str, str]) -> str:
    prefix = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
    key = base64.b64encode(prefix + b"\x04" + decoded(jwk["x"]) + decoded(jwk["y"])).decode()
    return f"-----BEGIN PUBLIC KEY-----\n{key}\n-----END PUBLIC KEY-----\n"

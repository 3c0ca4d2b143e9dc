"""What a registry says of a manifest, held against what it sent."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.digests import Digest
from registry.manifests import Manifest, ManifestFlag, parse_manifest
from registry.originals import flags_of_answer, is_called, may_be_converted

OCI = "application/vnd.oci.image.manifest.v1+json"
SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
RAW = json.dumps({"schemaVersion": 2, "mediaType": OCI, "layers": []}).encode()
READ = parse_manifest(RAW, None)
OLD = json.dumps({"schemaVersion": 1, "fsLayers": [], "history": []}).encode()
OTHER = Digest.of(b"other")
BLAKE = "blake3:" + "0" * 64


def flags(content_type: str = OCI, header: str | None = None) -> set[str]:
    return set(flags_of_answer(RAW, READ, content_type, header))


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_bytes_are_called_by_every_digest_that_can_be_computed(algorithm: str) -> None:
    assert is_called(Digest.of(RAW, algorithm), RAW, READ)
    assert not is_called(Digest.of(b"other", algorithm), RAW, READ)
    assert flags(header=Digest.of(RAW, algorithm)) == set()


def test_bytes_are_not_called_by_what_nobody_can_compute() -> None:
    assert not is_called(Digest.parse(BLAKE), RAW, READ)


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        ("", None),
        (Digest.of(RAW), None),
        (OTHER, ManifestFlag.HEADER_DIGEST_MISMATCH),
        ("latest", ManifestFlag.HEADER_DIGEST_MISMATCH),
        ("sha256:..", ManifestFlag.HEADER_DIGEST_MISMATCH),
        (BLAKE, ManifestFlag.HEADER_DIGEST_UNVERIFIABLE),
    ],
)
def test_a_digest_in_a_header_agrees_or_is_flagged(header: str | None, expected: str | None) -> None:
    """An absent one contradicts nothing."""
    assert flags(header=header) == ({expected} if expected else set())


@pytest.mark.parametrize(
    ("content_type", "agrees"),
    [
        ("", True),
        (OCI, True),
        (f"{OCI}; charset=utf-8", True),
        (OCI.upper(), True),
        ("application/json", False),
        ("text/plain", False),
        (SIGNED, False),
    ],
)
def test_a_type_in_a_header_agrees_or_is_flagged(content_type: str, *, agrees: bool) -> None:
    assert flags(content_type) == (set() if agrees else {"content_type_mismatch"})


def test_a_signed_manifest_may_be_called_by_what_was_signed_or_by_its_bytes(manifests: Path) -> None:
    """Docker Hub names the former; a file server could only know the latter."""
    raw = (manifests / "good_manifest").read_bytes()
    read = parse_manifest(raw, SIGNED)
    for header in (read.digest, read.blob_digest):
        assert flags_of_answer(raw, read, SIGNED, header) == frozenset()
    assert read.digest != read.blob_digest


@pytest.mark.parametrize(
    ("raw", "claims", "expected"),
    [
        (RAW, [], True),
        (RAW, [None, None], True),
        (RAW, [Digest.of(RAW)], False),
        (RAW, [OTHER], True),
        (RAW, [Digest.of(RAW), OTHER], True),
        (RAW, [None, OTHER], True),
        (RAW, [BLAKE], False),
        (RAW, ["prose"], True),
        (RAW, ["prose", Digest.of(RAW)], False),
        (OLD, [], True),
        (OLD, ["prose", None], True),
        (OLD, [Digest.of(OLD)], True),
    ],
)
def test_a_conversion_is_suspected_where_no_digest_agrees_or_what_came_is_schema_1(
    raw: bytes, claims: list[str | None], *, expected: bool
) -> None:
    """Some call a conversion by its own digest; nothing is converted to anything newer under the same tag."""
    assert may_be_converted(raw, parse_manifest(raw, None), *claims) is expected


def test_every_flag_is_explained() -> None:
    """Where the format of the data is."""
    text = (Path(__file__).parents[2] / "docs" / "data-format.md").read_text(encoding="utf-8")
    table = text.partition("| flag | meaning |")[2].partition("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(ManifestFlag)


@given(st.text(max_size=80), st.none() | st.text(max_size=80))
def test_any_headers_are_compared_without_complaint(content_type: str, header: str | None) -> None:
    manifest: Manifest = READ
    assert flags_of_answer(RAW, manifest, content_type, header) <= set(ManifestFlag)

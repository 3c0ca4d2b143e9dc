"""Digests."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.digests import Digest


@given(st.binary(max_size=100), st.sampled_from(["sha256", "sha384", "sha512"]))
def test_a_digest_is_its_text_and_verifies_what_it_was_made_of(data: bytes, algorithm: str) -> None:
    digest = Digest.of(data, algorithm)
    assert Digest.parse(str(digest)) == f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"
    hasher = digest.hasher()
    hasher.update(data)
    assert (digest.algorithm, digest.encoded, digest.is_verifiable) == (algorithm, hasher.hexdigest(), True)


def test_an_unknown_algorithm_is_a_digest_that_nobody_can_verify() -> None:
    assert not Digest.parse("multihash+base58:QmRZxt2b1FVZPNqd8hsiykDL3TdBDeTSPX9Kv46HmX4Gx8").is_verifiable


@pytest.mark.parametrize(
    "text",
    [
        *("", "sha256", "sha256:", f"sha256:{'A' * 64}", f"sha256:{'a' * 63}", f"sha256:{'a' * 64}\n"),
        *("../x:y", "a:b/c", "a:..", f"SHA256:{'a' * 64}", f"sha512:{'a' * 64}"),
    ],
)
def test_what_could_not_be_a_file_name_is_no_digest(text: str) -> None:
    with pytest.raises(ValueError, match="not a"):
        Digest.parse(text)

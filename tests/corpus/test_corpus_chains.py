"""ChainIDs (OCI image-spec, config.md#layer-chainid)."""

import hashlib

import pytest

from corpus.chains import EMPTY_DIFFID, chain_ids

A, B, C = (f"sha256:{letter * 64}" for letter in "abc")


def upon(below: str, diffid: str) -> str:
    return "sha256:" + hashlib.sha256(f"{below} {diffid}".encode()).hexdigest()


def test_the_chain_of_one_layer_is_its_diffid() -> None:
    """And each further one is the digest of that below, a space, and the DiffID."""
    assert chain_ids([A, B, C]) == [A, upon(A, B), upon(upon(A, B), C)]
    assert chain_ids([]) == []


def test_nothing_is_known_above_a_layer_that_is_not() -> None:
    """A chain that lacks a link is none."""
    assert chain_ids([A, None, C]) == [A, None, None]
    assert chain_ids([None, C]) == [None, None]


@pytest.mark.parametrize(
    ("diffids", "expected"),
    [
        ([EMPTY_DIFFID, A, EMPTY_DIFFID, B], [None, A, A, upon(A, B)]),
        ([EMPTY_DIFFID], [None]),
        ([A, EMPTY_DIFFID, None], [A, A, None]),
    ],
)
def test_layers_of_steps_that_changed_nothing_can_be_left_out(
    diffids: list[str | None], expected: list[str | None]
) -> None:
    """They have the chain of what is below them; elsewhere they count like any other."""
    assert chain_ids(diffids, skips_empty=True) == expected
    assert chain_ids([A, EMPTY_DIFFID]) == [A, upon(A, EMPTY_DIFFID)]


def test_the_empty_tar_has_the_diffid_that_is_left_out() -> None:
    """Two blocks of zeros."""
    assert hashlib.sha256(bytes(1024)).hexdigest() == EMPTY_DIFFID.removeprefix("sha256:")

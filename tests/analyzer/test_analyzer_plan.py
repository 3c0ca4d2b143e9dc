"""Layers are handed to workers in groups worth handing over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from analyzer.plan import batches
from corpus.records import LayerTask
from registry.digests import Digest


def tasks(sizes: list[int]) -> list[LayerTask]:
    return [LayerTask(Digest.of(str(number).encode()), "", size) for number, size in enumerate(sizes)]


@given(st.lists(st.integers(min_value=0, max_value=20 << 20), max_size=300))
def test_every_layer_is_in_exactly_one_group_in_order(sizes: list[int]) -> None:
    """Nothing is lost, doubled or reordered, and no group is empty."""
    groups = list(batches(tasks(sizes)))
    assert [task for group in groups for task in group] == tasks(sizes)
    assert all(groups)


@given(st.lists(st.integers(min_value=0, max_value=20 << 20), max_size=300))
def test_a_group_is_bounded(sizes: list[int]) -> None:
    """A group without its last layer is below the bound of bytes, and none has more than 64 layers."""
    for group in batches(tasks(sizes)):
        assert sum(task.size_bytes for task in group[:-1]) < 4 << 20
        assert len(group) <= 64


def test_a_large_layer_goes_alone() -> None:
    """So that one worker can take it while the others go on."""
    assert [len(group) for group in batches(tasks([5 << 20, 6 << 20, 1, 1]))] == [1, 1, 2]

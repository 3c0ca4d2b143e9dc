"""The estimate of what no route shows."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubcrawl.coverage import estimate

if TYPE_CHECKING:
    from collections.abc import Sequence

# Sizes of namespaces as on Docker Hub in 2016: 57 % have one repository, few have many.
_SIZES = (1,) * 57 + (2,) * 17 + (3,) * 9 + (4,) * 5 + (5, 6, 7, 8, 10, 12, 15, 20, 30, 60, 100, 200)


def _world(namespaces: int, random: Random) -> list[int]:
    return [random.choice(_SIZES) for _ in range(namespaces)]


def _seen(world: Sequence[int], shown: float, random: Random) -> Counter[tuple[int, int]]:
    """What the two routes see of a world in which search shows each repository with this probability."""
    seen = Counter((size, sum(random.random() < shown for _ in range(size))) for size in world)
    return Counter({(size, count): times for (size, count), times in seen.items() if count})


@pytest.mark.slow
@pytest.mark.parametrize("shown", [0.5, 0.9, 0.99, 0.999])
def test_the_interval_holds_the_truth_in_95_of_100_worlds(shown: float) -> None:
    """Seeded worlds of 3,000 namespaces, each with gaps of its own."""
    held = 0
    for seed in range(100):
        random = Random(seed)  # noqa: S311 - worlds, not secrets
        world = _world(3_000, random)
        found = estimate(_seen(world, shown, random))
        assert found is not None
        held += found.low <= sum(world) <= found.high
    assert held >= 95


def test_nothing_is_said_without_a_namespace_of_two() -> None:
    assert estimate({(1, 1): 500}) is None
    assert estimate({}) is None


def test_where_search_shows_all_the_estimate_is_what_is_known_and_the_interval_says_how_sure_that_is() -> (
    None
):
    found = estimate({(1, 1): 1_000, (2, 2): 300})
    assert found is not None
    assert found.total == found.low == 1_600
    assert 1_600 < found.high < 1_650


def test_namespaces_that_search_did_not_show_do_not_count() -> None:
    assert estimate({(3, 2): 10, (1, 1): 5, (7, 0): 4}) == estimate({(3, 2): 10, (1, 1): 5})


def test_the_probability_is_that_of_the_truncated_distribution() -> None:
    """Of two repositories one is shown by half of the known namespaces: p = 2 / 3, by hand."""
    found = estimate({(2, 1): 100, (2, 2): 100})
    assert found is not None
    assert found.shown == pytest.approx(2 / 3)
    assert found.total == pytest.approx(400 / (1 - 1 / 9))


@given(
    st.dictionaries(
        st.tuples(st.integers(1, 60), st.integers(0, 60)), st.integers(0, 1_000), min_size=1, max_size=30
    )
)
def test_an_estimate_is_never_less_than_what_is_known(namespaces: dict[tuple[int, int], int]) -> None:
    found = estimate(namespaces)
    if found is not None:
        listed = sum(k * count for (k, j), count in namespaces.items() if k >= j >= 1)
        assert listed <= found.low <= found.total <= found.high
        assert 0 < found.shown <= 1

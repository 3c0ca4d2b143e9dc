"""Crowds: names of the shape that the Hub's had, and what is told of each."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from itertools import islice
from pathlib import Path
from statistics import median

import pytest
import zstandard

from samplehub import Hub, crowd, crowd_names, crowd_of, names_in
from tests import corpora

GRAMMAR = re.compile(r"[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*", re.ASCII)


@pytest.fixture(scope="module")
def names() -> list[str]:
    return list(crowd_names(50_000, seed=1))


@pytest.fixture(scope="module")
def hub() -> Hub:
    return crowd(3000, seed=1)


def ideal_requests_per_name(names: set[str], window: int) -> float:
    """Of a partition by beginnings: one request for each query that is split, one for each hundred rows."""
    requests, queries = 0, [("", sorted(names))]
    while queries:
        term, found = queries.pop()
        if len(found) <= window or all(name == term for name in found):
            requests += max(1, -(-len(found) // 100))
            continue
        requests += 1
        longer = defaultdict(list)
        for name in found:
            if len(name) > len(term):
                longer[name[: len(term) + 1]].append(name)
        queries.extend(longer.items())
    return requests / len(names)


@pytest.mark.parametrize("count", [0, 1, 30, 31, 1000])
def test_a_crowd_has_as_many_names_as_were_asked_for_all_different(count: int) -> None:
    assert len(set(crowd_names(count, seed=3))) == len(list(crowd_names(count, seed=3))) == count


def test_the_same_seed_gives_the_same_names_another_one_others() -> None:
    first, again, other = (set(crowd_names(1000, seed)) for seed in (1, 1, 2))
    assert first == again
    assert len(first & other) < 100


@pytest.mark.slow
def test_owners_have_one_repository_mostly_and_very_few_have_thousands(names: list[str]) -> None:
    sizes = Counter(Counter(name.partition("/")[0] for name in names).values())
    owners = sum(sizes.values())
    assert 0.5 < sizes[1] / owners < 0.64
    assert 0 < sum(number for size, number in sizes.items() if size > 100) < owners / 500
    assert max(sizes) > 1000


@pytest.mark.slow
def test_names_have_separators_and_digits_and_a_few_break_the_grammar(names: list[str]) -> None:
    short_names = [name.partition("/")[2] for name in names]
    for separator, least in (("-", 0.3), ("_", 0.05), (".", 0.01)):
        assert sum(separator in name for name in short_names) > least * len(names)
    assert 0.1 < sum(any(each.isdigit() for each in name) for name in short_names) / len(names) < 0.4
    dirty = [name for name in names if not GRAMMAR.fullmatch(name)]
    assert 5 <= len(dirty) <= 20
    assert max(map(len, short_names)) > 64


@pytest.mark.slow
@pytest.mark.parametrize(
    ("window", "least", "most"), [(10_000, 0.009, 0.012), (200, 0.035, 0.06), (100, 0.065, 0.095)]
)
def test_names_share_beginnings_as_real_ones_do(
    names: list[str], window: int, least: float, most: float
) -> None:
    """246,441 real ones take 0.011, 0.047 and 0.084 requests each; a fifth of them 0.010, 0.054 and 0.087."""
    invented = {name.removeprefix("library/") for name in names}
    assert least < ideal_requests_per_name(invented, window) < most


@pytest.mark.slow
def test_real_names_lie_in_the_same_bounds() -> None:
    listed = names_in(corpora.folder("hub-names") / "names-sample.txt.zst")
    real = {name.removeprefix("library/") for name in listed}
    assert 0.009 < ideal_requests_per_name(real, 10_000) < 0.012
    assert 0.035 < ideal_requests_per_name(real, 200) < 0.06
    assert 0.065 < ideal_requests_per_name(real, 100) < 0.095


def test_a_crowd_takes_real_names_and_invents_the_others(tmp_path: Path) -> None:
    packed = tmp_path / "names.txt.zst"
    packed.write_bytes(zstandard.compress(b"someone/real\nreally-official\nsomeone/real\n\n"))
    hub = crowd(40, seed=1, real_names=names_in(packed))
    names = {repository.name for repository in hub.repositories}
    assert len(names) == 40
    assert {"someone/real", "library/really-official", "library/nginx"} < names


def test_of_too_many_real_names_a_sample_is_taken() -> None:
    real = [f"owner/{number}" for number in range(1000)]
    found = {repository.name for repository in crowd(100, seed=1, real_names=real).repositories}
    assert len(found & set(real)) == 69  # and the 31 official ones
    assert max(int(name.partition("/")[2]) for name in found & set(real)) > 500


def test_a_crowd_is_in_order_of_popularity_and_official_ones_lead(hub: Hub) -> None:
    pulls = [repository.pulls for repository in hub.repositories]
    assert pulls == sorted(pulls, reverse=True)
    assert hub.repositories[0].name == "library/nginx"
    assert hub.repository("library/nginx") == hub.repositories[0]


def test_pulls_are_log_normal_and_half_have_no_description(hub: Hub) -> None:
    community = [repository for repository in hub.repositories if not repository.is_official]
    assert 30 < median(repository.pulls for repository in community) < 55
    assert 0.45 < sum(not repository.description for repository in community) / len(community) < 0.55
    assert all(repository.registered <= repository.updated for repository in community)


def test_a_crowd_holds_no_images(hub: Hub) -> None:
    assert not hub.blobs
    assert not any(repository.tags or repository.manifests for repository in islice(hub.repositories, 50))


def test_what_is_told_of_a_name_depends_on_nothing_but_the_name_and_the_seed() -> None:
    alone = crowd_of(["ab/c"], seed=5).repositories[0]
    among = crowd_of(["aa/z", "ab/c", "zz/a"], seed=5).repositories
    assert alone in list(among)
    assert crowd_of(["ab/c"], seed=6).repositories[0] != alone


def test_columns_are_a_sequence(hub: Hub) -> None:
    assert list(hub.repositories[2:4]) == [hub.repositories[2], hub.repositories[3]]
    assert hub.repositories[-1] == hub.repositories[len(hub.repositories) - 1]
    with pytest.raises(IndexError):
        hub.repositories[len(hub.repositories)]

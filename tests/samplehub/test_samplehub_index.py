"""The index against a plain reading of what each way of matching finds; flawed pages; sliding limits."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplehub import Facets, Flaws, Hub, Matching, Repository, crowd
from samplehub.server.allowance import SlidingAllowance
from samplehub.server.flawed import Flawed
from samplehub.server.index import Index
from samplehub.server.journal import Journal

MOMENT = datetime(2020, 1, 1, tzinfo=UTC)
WORDS = st.sampled_from(["a", "b", "ab", "abc", "b1", "web", "webapp", "my", "nginx", "ng"])
NAMES = st.builds("{}/{}{}{}".format, WORDS, WORDS, st.sampled_from("-_."), WORDS)
OFFICIAL = st.builds("library/{}".format, WORDS)
QUERIES = st.builds(
    "{}{}{}".format, WORDS, st.sampled_from(["", "-", "/", " "]), st.one_of(st.just(""), WORDS)
)


def hub_of(names: set[str]) -> Hub:
    return Hub([Repository(name, name[:3], 0, 0, MOMENT, MOMENT) for name in sorted(names)], {})


def words_of(text: str) -> list[str]:
    return re.findall("[a-z0-9]+", text)


def is_found(matching: Matching, repository: Repository, query: str) -> bool:
    """What :class:`Matching` says, word for word."""
    if matching is Matching.PREFIX:
        return repository.search_name.startswith(query)
    there = words_of(f"{repository.name} {repository.description}")
    if matching is Matching.EXACT:
        return all(word in there for word in words_of(query))
    return all(
        any(each.startswith(word) if len(word) > 1 else each == word for each in there)
        for word in words_of(query)
    )


@given(names=st.sets(st.one_of(NAMES, OFFICIAL)), query=QUERIES, matching=st.sampled_from(Matching))
def test_a_search_finds_what_its_matching_says(names: set[str], query: str, matching: Matching) -> None:
    hub = hub_of(names)
    expected = [i for i, each in enumerate(hub.repositories) if is_found(matching, each, query)]
    assert list(Index(hub, matching).search(query)) == expected


@given(names=st.sets(st.one_of(NAMES, OFFICIAL), min_size=1), data=st.data())
def test_every_name_is_looked_up_and_owned(names: set[str], data: st.DataObject) -> None:
    hub = hub_of(names)
    index, name = Index(hub), data.draw(st.sampled_from(sorted(names)))
    assert index.repository(name) == hub.repository(name)
    assert index.repository(name + "x") is None or name + "x" in names
    owner = name.partition("/")[0]
    listed = [hub.repositories[i].name for i in index.listing(owner)]
    assert listed == sorted(each for each in names if each.startswith(f"{owner}/"))


def test_filters_must_all_fit_and_of_their_values_one() -> None:
    hub = Hub(
        [
            Repository("a/1", "", 0, 9, MOMENT, MOMENT, facets=Facets(architectures=("arm",))),
            Repository("a/2", "", 0, 8, MOMENT, MOMENT, facets=Facets(architectures=("amd64", "arm"))),
            Repository("a/3", "", 0, 7, MOMENT, MOMENT, facets=Facets(badge="", kind="plugin")),
        ],
        {},
    )
    index = Index(hub)
    assert list(index.search("", (("architectures", "arm"),))) == [0, 1]
    assert list(index.search("", (("architectures", "amd64,s390x"), ("type", "image")))) == [1]
    assert list(index.search("", (("badges", "none"),))) == [0, 1]
    assert not index.search("", (("architectures", "vax"),))


@pytest.mark.parametrize(
    ("flaws", "least", "most"),
    [(Flaws(hidden=0.1), 0.85, 0.95), (Flaws(hidden_owners=0.1), 0.8, 0.97), (Flaws(), 1, 1)],
)
def test_what_is_hidden_is_listed_all_the_same(flaws: Flaws, least: float, most: float) -> None:
    hub = crowd(2000, seed=1)
    index = Index(hub, flaws=flaws)
    shown = set(index.search(""))
    assert least <= len(shown) / 2000 <= most
    for number in set(range(2000)) - shown:
        assert number in index.listing(hub.repositories[number].namespace)


def test_another_seed_hides_others() -> None:
    hub = crowd(500, seed=1)
    first, second = (set(Index(hub, flaws=Flaws(seed=seed, hidden=0.2)).search("")) for seed in (1, 2))
    assert first != second


@given(
    count=st.integers(0, 60),
    size=st.integers(1, 20),
    share=st.sampled_from([0.1, 1.0]),
    request=st.integers(1, 9),
)
def test_one_request_shuffles_without_losing_anything(
    count: int, size: int, share: float, request: int
) -> None:
    flawed = Flawed(range(count), Flaws(shuffled=share), "query", request)
    rows = [row for start in range(0, count, size) for row in flawed[start : start + size]]
    assert sorted(rows) == list(range(count))


def test_pages_of_different_requests_repeat_and_miss_rows() -> None:
    pages = [Flawed(range(400), Flaws(shuffled=0.3), "query", n)[100 * n : 100 * n + 100] for n in range(4)]
    rows = [row for page in pages for row in page]
    assert len(rows) == 400
    assert 300 < len(set(rows)) < 400


def test_a_repeated_row_is_the_same_whenever_it_is_asked_for_and_never_on_the_first_page() -> None:
    first, again = (Flawed(range(400), Flaws(repeated=0.2), "query", request) for request in (1, 2))
    assert first[0:100] == list(range(100))
    assert first[100:200] == again[100:200]
    rows = [row for start in range(0, 400, 100) for row in first[start : start + 100]]
    assert 300 < len(set(rows)) < 380
    assert Flawed(range(400), Flaws(repeated=0.2), "another query", 1)[100:200] != first[100:200]


def test_a_sliding_allowance_counts_any_minute() -> None:
    now = [0.0]
    allowance = SlidingAllowance(2, 60, lambda: now[0])
    assert allowance.take()
    now[0] = 59.0
    assert allowance.take()
    now[0] = 59.5
    assert not allowance.take()
    assert allowance.reset == 60
    now[0] = 60.0
    assert [allowance.take(), allowance.take()] == [True, False]
    assert (allowance.remaining, allowance.reset) == (0, 119)


@given(st.lists(st.integers(0, 300), max_size=40))
def test_the_journal_knows_the_busiest_minute(times: list[int]) -> None:
    journal = Journal()
    numbers = [journal.enter(time, "/") for time in sorted(times)]
    assert numbers == list(range(1, len(times) + 1))
    most = max((sum(start <= time < start + 60 for time in times) for start in times), default=0)
    assert journal.most_within(60) == most

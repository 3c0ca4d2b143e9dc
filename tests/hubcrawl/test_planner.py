"""What a sweep asks next, from counts alone."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.partition import ideal_requests
from benchmarks.searching import Habits, Search
from benchmarks.sweeping import Sweep
from hubcrawl import planner
from hubcrawl.planner import ALPHABET, Matching, Seen, Step, Traits
from hubcrawl.queries import Query, Slice
from hubcrawl.words import shown_name
from samplehub.content.crowd import crowd_names

OPPOSITE = "-name"
PREFIX = Traits(orders=(("", OPPOSITE),), saturates_at=10_000, matching=Matching.PREFIX)
WORDS = replace(PREFIX, matching=Matching.WORDS)
WHOLE = replace(PREFIX, matching=Matching.WHOLE)
ONE_END = replace(PREFIX, orders=())
KINDS = replace(PREFIX, facets=(("type", ("image", "plugin")),))

counts = st.integers(0, 20_000)
ledgers = st.builds(
    Seen,
    claimed=st.none() | counts,
    rows=counts,
    distinct=counts,
    new=counts,
    prefixed=counts,
    reach=st.integers(1, 10_000),
    is_refused=st.booleans(),
    unreadable=st.integers(0, 3),
    next_is_promised=st.booleans(),
    pages=st.integers(0, 200),
    last_new=st.integers(0, 100),
)
texts = st.text(max_size=8)
queries = st.builds(
    Query, texts, st.lists(st.tuples(texts, texts), max_size=2).map(tuple), st.sampled_from(["", OPPOSITE])
)
traits = st.sampled_from([PREFIX, WORDS, WHOLE, ONE_END, KINDS, Traits()])


def page_of(claimed: int | None, **known: Any) -> Seen:
    """A ledger after one full page of nothing but new names, more of which are promised."""
    page = Seen(claimed, rows=100, distinct=100, new=100, pages=1, last_new=100, next_is_promised=True)
    return replace(page, **known)


# ---- queries


@pytest.mark.slow
@given(queries)
def test_a_query_is_read_back_from_its_key(query: Query) -> None:
    assert Query.parse(query.key) == query


@pytest.mark.slow
@given(queries, queries)
def test_equal_queries_have_equal_keys_and_others_do_not(one: Query, other: Query) -> None:
    assert (one == other) == (one.key == other.key)


def test_the_sequence_of_facets_does_not_make_another_query() -> None:
    facets = ("type", "image"), ("badges", "none")
    assert Query("a", facets) == Query("a", facets[::-1])


@pytest.mark.parametrize(
    "text", ["{}", "[]", "[1]", '["a",[["b"]]]', '["a",[],1]', '["a",[],"",""]', '"a"', "a"]
)
def test_a_text_that_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json raises its own kind of it
        Query.parse(text)


@given(queries)
def test_a_key_is_compact_json(query: Query) -> None:
    assert json.dumps(json.loads(query.key), ensure_ascii=False, separators=(",", ":")) == query.key


def test_a_page_begins_after_the_rows_of_those_before() -> None:
    assert [Slice(1, 100).offset, Slice(3, 99).offset] == [0, 198]


# ---- one query


@pytest.mark.parametrize(
    ("seen", "how", "step"),
    [
        pytest.param(page_of(100, next_is_promised=False), PREFIX, Step.COMPLETE, id="all came"),
        pytest.param(page_of(150, reach=200), PREFIX, Step.PAGE, id="fits one end"),
        pytest.param(page_of(200), PREFIX, Step.ASK, id="fits both ends"),
        pytest.param(page_of(201), PREFIX, Step.SPLIT, id="fits not"),
        pytest.param(page_of(101), ONE_END, Step.SPLIT, id="fits not, and there is no other end"),
        pytest.param(page_of(10_000, reach=9_000), PREFIX, Step.SPLIT, id="saturated: it may be any number"),
        pytest.param(page_of(None, reach=200), PREFIX, Step.PAGE, id="no claim, more rows"),
        pytest.param(page_of(None), PREFIX, Step.ASK, id="no claim, at the edge"),
        pytest.param(page_of(150, reach=200, is_refused=True), PREFIX, Step.ASK, id="window is smaller"),
        pytest.param(page_of(200, reach=200, last_new=0, new=0), PREFIX, Step.PAGE, id="exact: all are read"),
        pytest.param(page_of(200, reach=200, last_new=0, new=0), WORDS, Step.PAGE, id="words: one doubt"),
        pytest.param(
            page_of(130, reach=200, last_new=0, new=0), WORDS, Step.GIVE_UP, id="words: little left"
        ),
        pytest.param(page_of(700), WORDS, Step.ASK, id="words: both ends before longer terms"),
        pytest.param(page_of(9_000), WORDS, Step.SPLIT, id="words: far too many"),
        pytest.param(page_of(400), KINDS, Step.ASK, id="facets that may do come before longer terms"),
        pytest.param(page_of(401), KINDS, Step.SPLIT, id="facets cannot do"),
        pytest.param(Seen(0, pages=1), PREFIX, Step.COMPLETE, id="nothing there"),
        pytest.param(Seen(3, rows=2, distinct=2, unreadable=1), PREFIX, Step.COMPLETE, id="one unreadable"),
    ],
)
def test_a_page_decides_what_is_next(seen: Seen, how: Traits, step: Step) -> None:
    assert planner.after_page(Query("ab"), seen, how).step is step


def test_the_other_end_is_the_same_query_in_the_opposite_order() -> None:
    assert planner.after_page(Query("ab"), page_of(150), PREFIX).parts == (Query("ab", (), OPPOSITE),)


def test_a_facet_is_asked_for_by_all_its_values() -> None:
    parts = planner.after_page(Query("ab"), page_of(400), KINDS).parts
    assert parts == (Query("ab", (("type", "image"),)), Query("ab", (("type", "plugin"),)))


def test_a_part_of_a_facet_that_does_not_fit_either_is_not_divided_further() -> None:
    query = Query("ab", (("type", "image"),))
    assert planner.after_page(query, page_of(400), KINDS).step is Step.GIVE_UP


@pytest.mark.parametrize(
    ("claimed", "step"),
    [(200, Step.PAGE), (300, Step.COMPLETE), (301, Step.PAGE), (10_000, Step.PAGE)],
)
def test_the_other_end_is_read_until_the_ends_meet(claimed: int, step: Step) -> None:
    seen = page_of(claimed, reach=200)
    assert planner.after_page(Query("ab", (), OPPOSITE), seen, PREFIX).step is step


@pytest.mark.parametrize(
    ("others", "how", "step"),
    [
        ([50], PREFIX, Step.COMPLETE),
        ([40], PREFIX, Step.SPLIT),
        ([40], WORDS, Step.GIVE_UP),
        ([20, 20], KINDS, Step.SPLIT),
    ],
)
def test_parts_complete_a_query_if_they_add_up(others: list[int], how: Traits, step: Step) -> None:
    ends = [Query("ab", (), OPPOSITE), Query("ab", (), "another")]
    parts = {query: Seen(distinct=distinct) for query, distinct in zip(ends, others, strict=False)}
    assert planner.after_parts(Query("ab"), page_of(150), parts, how).step is step


def test_what_an_end_and_a_facet_show_may_be_the_same() -> None:
    values = [Query("ab", (("kind", kind),)) for kind in ("image", "plugin")]
    short = {query: Seen(distinct=70) for query in values}
    assert planner.after_parts(Query("ab"), page_of(150), short, KINDS).step is Step.SPLIT
    whole = {query: Seen(distinct=75) for query in values}
    assert planner.after_parts(Query("ab"), page_of(150), whole, KINDS).step is Step.COMPLETE


def test_both_ends_of_a_result_without_a_claim_complete_nothing() -> None:
    decision = planner.after_parts(
        Query("ab"), page_of(None), {Query("ab", (), OPPOSITE): Seen(distinct=100)}, WORDS
    )
    assert decision.step is Step.SPLIT


def test_after_both_ends_a_facet_is_tried() -> None:
    seen = page_of(390)
    decision = planner.after_parts(Query("ab"), seen, {Query("ab", (), OPPOSITE): Seen(distinct=100)}, KINDS)
    assert [part.facets for part in decision.parts] == [(("type", "image"),), (("type", "plugin"),)]


@pytest.mark.parametrize(
    "seen", [Seen(0, pages=1), page_of(100, next_is_promised=False), page_of(120, last_new=0)]
)
def test_one_character_is_always_followed_where_words_are_matched(seen: Seen) -> None:
    """One-character words are stop words: that nothing is found says nothing about longer ones."""
    assert planner.after_page(Query("a"), replace(seen, new=0, reach=200), WORDS).step is Step.SPLIT


@pytest.mark.slow
@given(queries, ledgers, traits)
def test_every_step_can_be_taken(query: Query, seen: Seen, how: Traits) -> None:
    decision = planner.after_page(query, seen, how)
    assert bool(decision.parts) == (decision.step is Step.ASK)
    assert decision.why or decision.step is Step.PAGE
    assert all(part != query and part.term == query.term for part in decision.parts)


@pytest.mark.slow
@given(queries, ledgers, st.dictionaries(queries, ledgers, min_size=1, max_size=3), traits)
def test_parts_lead_to_parts_once_at_most(
    query: Query, seen: Seen, parts: dict[Query, Seen], how: Traits
) -> None:
    decision = planner.after_parts(query, seen, parts, how)
    assert decision.step is not Step.PAGE
    assert decision.step is not Step.ASK or len(parts) == 1


# ---- longer terms


@pytest.mark.slow
@given(queries, ledgers, st.dictionaries(st.sampled_from(["", *ALPHABET, " ng"]), counts), traits)
def test_children_are_distinct_longer_terms_the_best_first(
    query: Query, seen: Seen, evidence: dict[str, int], how: Traits
) -> None:
    found = planner.children(query, seen, evidence, how)
    terms = [child.query.term for child in found]
    assert len(set(terms)) == len(terms)
    assert all(term.startswith(query.term) and term != query.term for term in terms)
    assert all(not child.query.order and child.query.facets == query.facets for child in found)
    assert [child.priority for child in found] == sorted((child.priority for child in found), reverse=True)


@pytest.mark.slow
@given(ledgers, st.dictionaries(st.sampled_from(ALPHABET), counts))
def test_where_prefixes_are_matched_no_character_is_left_out(seen: Seen, evidence: dict[str, int]) -> None:
    found = planner.children(Query("ab"), seen, evidence, PREFIX)
    assert {child.query.term for child in found} == {f"ab{character}" for character in ALPHABET}


@pytest.mark.parametrize(
    ("term", "evidence", "how", "expected"),
    [
        ("ab", {"": 7, "c": 2, "-": 1}, WORDS, {"abc"}),
        ("ab", {"": 7, "c": 2}, WHOLE, set()),
        ("ab", {}, WORDS, set()),
        ("a" * 255, {"b": 1}, WORDS, set()),
    ],
)
def test_words_are_followed_where_known_ones_lead(
    term: str, evidence: dict[str, int], how: Traits, expected: set[str]
) -> None:
    found = planner.children(Query(term), page_of(9_000), evidence, how)
    assert {child.query.term for child in found} == expected


def test_where_many_characters_are_known_to_follow_all_others_are_tried() -> None:
    found = planner.children(Query("ab"), page_of(9_000), dict.fromkeys("abcdefgh", 1), WORDS)
    assert len(found) == 36


def test_likely_characters_come_before_unlikely_ones() -> None:
    found = planner.children(Query("ab"), page_of(9_000), {"z": 5, "q": 9}, PREFIX)
    assert [child.query.term for child in found[:3]] == ["abq", "abz", "abe"]


def test_more_evidence_adds_children_and_takes_none_away() -> None:
    few = planner.children(Query("ab"), page_of(9_000), {"c": 1}, WORDS)
    more = planner.children(Query("ab"), page_of(9_000), {"c": 3, "d": 1}, WORDS)
    assert {child.query for child in few} < {child.query for child in more}


# ---- siblings


@pytest.mark.parametrize(
    ("claims", "equal", "is_accounted"),
    [([150, 150], 0, True), ([150, 149], 0, False), ([150, 149], 1, True), ([], 0, False)],
)
def test_prefixes_are_accounted_for_when_claims_add_up(
    claims: list[int], equal: int, *, is_accounted: bool
) -> None:
    asked = [Seen(claimed, pages=1) for claimed in claims]
    assert planner.is_accounted(Seen(300), asked, PREFIX, equal) is is_accounted


def test_a_saturated_claim_is_never_accounted_for() -> None:
    assert not planner.is_accounted(Seen(10_000), [Seen(9_999), Seen(9_999)], PREFIX)


@pytest.mark.parametrize(
    ("new", "reach", "is_accounted"),
    [
        ([9] + [0] * 5, 10_000, True),
        ([0] * 4, 10_000, False),
        ([0, 0, 3, 0, 0], 10_000, False),
        ([0] * 35, 100, False),
        ([0] * 36, 100, True),
    ],
)
def test_words_are_left_when_siblings_in_a_row_brought_nothing_new(
    new: list[int], reach: int, *, is_accounted: bool
) -> None:
    """Where windows are small every query brings little, so more of them are borne with."""
    asked = [Seen(50, pages=1, new=names) for names in new]
    assert planner.is_accounted(Seen(5_000, reach=reach), asked, WORDS) is is_accounted


# ---- how search matches


@pytest.mark.parametrize(
    ("rows", "prefixed", "long_rows", "whole", "expected"),
    [
        (0, 0, 0, 0, Matching.UNKNOWN),
        (19, 19, 0, 0, Matching.UNKNOWN),
        (100, 100, 0, 0, Matching.PREFIX),
        (1000, 995, 1000, 10, Matching.PREFIX),
        (1000, 500, 1000, 300, Matching.WORDS),
        (1000, 500, 1000, 1000, Matching.WHOLE),
        (1000, 500, 499, 499, Matching.WORDS),
    ],
)
def test_rows_show_how_search_matches(
    rows: int, prefixed: int, long_rows: int, whole: int, expected: Matching
) -> None:
    assert planner.matching(rows, prefixed, long_rows, whole) is expected


def test_words_are_asked_for_only_where_beginnings_find_nothing() -> None:
    words = {"nginx": 3}
    assert [child.query.term for child in planner.seeds(words, WHOLE)] == ["nginx"]
    assert planner.seeds(words, WORDS) == planner.seeds(words, PREFIX) == []


# ---- whole sweeps

parts = st.text("abc-", min_size=1, max_size=4)
names = st.lists(
    st.builds("{}/{}".format, st.text("abc1", min_size=2, max_size=4), parts), max_size=60, unique=True
)
a_few = settings(max_examples=15, deadline=None)


def swept(known: list[str], habits: Habits) -> tuple[set[str], int]:
    """The names that a sweep finds, and the requests it took."""
    search = Search(known, [""] * len(known), habits)
    sweep = Sweep(search, habits.window, lambda _new: ())
    sweep.run()
    found = {name for name, is_known in zip(search.names, sweep.census.is_known, strict=True) if is_known}
    return found, sweep.requests


@pytest.mark.slow
@a_few
@given(names, st.sampled_from([1, 3, 10, 100]))
def test_a_search_by_prefixes_is_listed_whole_whatever_its_window(known: list[str], window: int) -> None:
    found, requests = swept(known, Habits(Matching.PREFIX, window))
    assert found == set(known)
    assert requests <= 36 * 37 + 41 * len("/".join(known))


@pytest.mark.slow
@a_few
@given(names)
def test_a_search_by_words_that_fits_its_window_is_listed_whole(known: list[str]) -> None:
    found, _ = swept(known, Habits(Matching.WORDS, 100))
    assert found == set(known)


@pytest.mark.slow
@a_few
@given(names, st.sampled_from([1, 10, 100]), st.sampled_from([0.0, 0.3]), st.sampled_from(list(Matching)[1:]))
def test_every_sweep_ends(known: list[str], window: int, repeats: float, how: Matching) -> None:
    found, requests = swept(known, Habits(how, window, repeats))
    assert found <= set(known)
    assert requests <= 36 * 37 + 200 * len("/".join(known))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "window", "ratio", "coverage"),
    [
        (Matching.PREFIX, 100, 1.5, 1.0),
        (Matching.PREFIX, 10_000, 1.5, 1.0),
        (Matching.WORDS, 100, 5.0, 0.999),
    ],
)
def test_a_crowd_is_found_with_few_requests(
    how: Matching, window: int, ratio: float, coverage: float
) -> None:
    """Requests are held against a partition by prefixes that knows all names in advance."""
    known = sorted({shown_name(name) for name in crowd_names(8000, 1)})
    found, requests = swept(known, Habits(how, window))
    assert len(found) >= coverage * len(known)
    assert requests <= ratio * ideal_requests(known, window)

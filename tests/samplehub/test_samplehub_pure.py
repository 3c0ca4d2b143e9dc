"""Pure decisions of the servers: ranges, pages, searches, tokens, allowances, numbers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplehub import Hub, Repository
from samplehub.server.allowance import Allowance
from samplehub.server.index import Index
from samplehub.server.numerals import rounded, short
from samplehub.server.paging import cursor_page, number, numbered_page
from samplehub.server.ranges import byte_range
from samplehub.server.sealing import Grant, grant_of, token

MOMENT = datetime(2020, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "wanted"),
    [
        (None, None),
        ("bytes=0-9", range(10)),
        ("bytes=90-", range(90, 100)),
        ("bytes=-5", range(95, 100)),
        ("bytes=-500", range(100)),
        ("bytes=90-500", range(90, 100)),
        ("bytes=100-", range(100, 100)),
        ("bytes=-0", range(100, 100)),
        ("bytes=5-4", None),
        ("bytes=0-1,5-6", None),
        ("lines=0-1", None),
        ("bytes=-", None),
    ],
)
def test_a_range_header_asks_for_these_bytes_of_a_hundred(header: str | None, wanted: range | None) -> None:
    assert byte_range(header, 100) == wanted


@given(text=st.text(), size=st.integers(min_value=0, max_value=1000))
def test_no_range_header_reaches_outside(text: str, size: int) -> None:
    wanted = byte_range(text, size)
    assert wanted is None or not wanted or (wanted.start >= 0 and wanted.stop <= size)


@given(count=st.integers(min_value=0, max_value=200), size=st.integers(min_value=1, max_value=60))
def test_numbered_pages_give_every_row_and_at_most_one_twice(count: int, size: int) -> None:
    pages: list[list[int]] = []
    while (shown := numbered_page(range(count), len(pages) + 1, size)) is not None:
        pages.append(shown)
    rows = [row for page in pages for row in page]
    assert sorted(set(rows)) == list(range(count))
    assert len(rows) - count in (0, 1)
    assert len(pages) == max(1, -(-count // size))
    assert all(len(page) <= size for page in pages)


def test_a_row_is_seen_on_two_pages_because_pages_are_not_atomic() -> None:
    assert numbered_page("abcde", 1, 2) == ["a", "b"]
    assert numbered_page("abcde", 2, 2) == ["b", "c"]
    assert numbered_page("abcde", 3, 2) == ["d", "e"]
    assert numbered_page("abcde", 4, 2) is None


@given(names=st.sets(st.text(max_size=5)), size=st.integers(min_value=1, max_value=9))
def test_following_cursors_gives_every_name_once(names: set[str], size: int) -> None:
    found: list[str] = []
    last: str | None = ""
    ordered = sorted(names - {""})
    while last is not None:
        page, last = cursor_page(ordered, last, size)
        found += page
    assert found == ordered


@pytest.mark.parametrize(
    ("text", "value"),
    [(None, 7), ("", 7), ("x", 7), ("0", 1), ("12", 12), ("999", 100), ("\u0663", 7), ("-1", 7)],
)
def test_numbers_of_a_query_are_bounded(text: str | None, value: int) -> None:
    assert number(text, 7, most=100) == value


def repository(name: str, description: str = "") -> Repository:
    return Repository(name, description, 0, 0, MOMENT, MOMENT)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", ["library/nginx", "ab/my-nginx_x", "cd/web"]),
        ("*", ["library/nginx", "ab/my-nginx_x", "cd/web"]),
        ("/", ["library/nginx", "ab/my-nginx_x", "cd/web"]),
        ("NGI", ["library/nginx", "ab/my-nginx_x", "cd/web"]),
        ("ab", ["ab/my-nginx_x"]),
        ("my nginx", ["ab/my-nginx_x"]),
        ("ginx", []),
        ("x", ["ab/my-nginx_x"]),
        ("n", []),
        ("-", []),
    ],
)
def test_a_query_finds_words_of_name_owner_and_description(query: str, found: list[str]) -> None:
    everything = [
        repository("library/nginx"),
        repository("ab/my-nginx_x"),
        repository("cd/web", "Serves by nginx"),
    ]
    numbers = Index(Hub(everything, {})).search(query)
    assert [everything[number].name for number in numbers] == found


@given(st.builds(Grant, st.text(), st.frozensets(st.text()), st.integers(), st.integers()))
def test_a_token_gives_back_its_grant(grant: Grant) -> None:
    assert grant_of(token(grant)) == grant


@given(st.text())
def test_a_token_of_somebody_else_grants_nothing(text: str) -> None:
    assert grant_of(text) is None


def test_a_changed_token_grants_nothing() -> None:
    text = token(Grant("", frozenset({"library/nginx"}), 0, 300))
    assert grant_of(text.replace(text[40], "A" if text[40] != "A" else "B", 1)) is None


def test_an_allowance_is_renewed_with_its_window() -> None:
    now = [0.0]
    allowance = Allowance(2, 60, lambda: now[0])
    assert [allowance.take() for _ in range(3)] == [True, True, False]
    assert (allowance.remaining, allowance.reset) == (0, 60)
    now[0] = 60.0
    assert allowance.take()
    assert (allowance.remaining, allowance.reset) == (1, 120)


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0"), (999, "999"), (1000, "1K"), (3176, "3.2K"), (500_000, "500K+"), (1_444_331_226, "1B+")],
)
def test_numbers_are_rounded_as_on_the_site(count: int, text: str) -> None:
    assert rounded(count) == text


def test_the_site_of_2018_knew_nothing_above_ten_million() -> None:
    assert rounded(1_444_331_226, 10_000_000) == "10M+"
    assert short(99_950) == "100K"

"""Cursors of numbered listings: text that names a page, kept for weeks, read by another process."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hubcrawl.endpoints import build_url
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.queries import Query
from hubcrawl.sources.numbered import Place, refusal
from hubcrawl.sources.query import QueryListing
from hubcrawl.texts import MAX_NAME, as_name
from registry.errors import Reason, RegistryError
from registry.names import is_repository_name

places = st.builds(Place, st.integers(1, 10**9), st.integers(0, 100))


@given(places)
def test_cursor_names_its_place_and_no_other(place: Place) -> None:
    assert Place.parse(place.cursor) == place


@given(places)
def test_page_after_a_failed_one_keeps_the_page_size(place: Place) -> None:
    source = QueryListing(None, "docker.io", SearchV2("http://hub"), Query("*"), 1)  # type: ignore[arg-type]
    (cursor,) = source.after_failure(place.cursor)
    assert Place.parse(cursor) == Place(place.page + 1, place.page_size)


@given(st.binary(max_size=200), st.sampled_from([403, 404]), places)
def test_every_refusal_is_an_error_with_a_sentence(body: bytes, status: int, place: Place) -> None:
    error = refusal(status, body, "http://hub/", place)
    assert isinstance(error, RegistryError)
    assert error.reason in {Reason.DENIED, Reason.REPO_MISSING}
    assert error.detail


@pytest.mark.slow
@given(st.text())
def test_recorded_name_is_storable_and_bounded_and_raw_when_it_can_be(name: str) -> None:
    recorded = as_name(name)
    assert len(recorded.encode()) <= 4 * MAX_NAME
    assert "\0" not in recorded
    if is_repository_name(name):
        assert recorded == name


@given(st.text(alphabet=st.characters(codec="utf-8"), min_size=1))
def test_url_is_ascii_whatever_is_searched_for(query: str) -> None:
    assert build_url("http://hub/", "/search/", {"q": query}).isascii()


def test_name_that_was_cut_never_passes_for_a_valid_one() -> None:
    assert not is_repository_name(as_name("x" * 256))
    assert is_repository_name(as_name("x" * 255))

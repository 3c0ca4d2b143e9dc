"""The older search of the Hub's index, held against an answer it really gave."""

from __future__ import annotations

import pytest

from hubcrawl.endpoints.search_v1 import SearchV1
from hubcrawl.queries import Query
from hubcrawl.sources.numbered import Place
from hubcrawl.sources.query import QueryListing
from registry.errors import Reason, RegistryError
from registry.transport.http import Transport
from tests import corpora

SITE = "https://index.docker.io"


@pytest.fixture
def source(transport: Transport) -> QueryListing:
    return QueryListing(transport, "docker.io", SearchV1(SITE), Query("1a"), 100)


def test_a_page_is_asked_for_with_a_constant_number_of_rows(source: QueryListing) -> None:
    """The index counts pages by ``n``, so ``n`` stays the same throughout a listing."""
    assert source.url(Place(2, 100)) == f"{SITE}/v1/search?q=1a&page=2&n=100"


def test_a_real_answer_of_2016_is_read_whole(source: QueryListing) -> None:
    """Page 2 of 3: 100 distinct names, none of them official, 29 without a description."""
    body = (corpora.folder("hub-html") / "search.json").read_bytes()
    rows = source.parse(body, SITE)
    assert len({record.name for record in rows.records}) == len(rows.records) == 100
    assert not any(record.is_official for record in rows.records)
    assert sum(not record.description for record in rows.records) == 29
    assert {record.star_count for record in rows.records} == {0}
    assert {record.pull_count for record in rows.records} == {None}
    assert rows.has_more
    assert rows.claimed == 229


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"results": []}',
        b'{"num_pages": 1, "num_results": 1, "page": 1, "results": [{"name": 5}]}',
    ],
)
def test_a_changed_shape_is_refused(source: QueryListing, body: bytes) -> None:
    """An answer that is not the endpoint's is never read as "no results"."""
    with pytest.raises(RegistryError) as caught:
        source.parse(body, SITE)
    assert caught.value.reason is Reason.UNEXPECTED_ANSWER


def test_an_official_name_gets_its_namespace_and_the_last_page_has_no_next(source: QueryListing) -> None:
    """``nginx`` is ``library/nginx``, as in every other source; pull counts came later than stars."""
    body = (
        b'{"num_pages": 3, "num_results": 201, "page": 3, "page_size": 100, "query": "nginx", "results": '
        b'[{"name": "nginx", "description": null, "star_count": 9, "is_official": true, "pull_count": 5}]}'
    )
    rows = source.parse(body, SITE)
    (record,) = rows.records
    assert (record.name, record.is_official, record.pull_count) == ("library/nginx", True, 5)
    assert not rows.has_more

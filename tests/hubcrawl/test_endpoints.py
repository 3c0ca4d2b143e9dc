"""Docker Hub's endpoints: URLs made of a query and a page alone, and bodies read strictly or not at all."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import RepositoryRecord
from hubcrawl.endpoints import MAX_ROWS, Endpoint, Rows, served_size
from hubcrawl.endpoints.namespaces import Namespace
from hubcrawl.endpoints.repository import OneRepository
from hubcrawl.endpoints.search_v1 import SearchV1
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.endpoints.search_v3 import SearchV3
from hubcrawl.endpoints.search_v4 import SearchV4
from hubcrawl.queries import Query, Slice
from registry.errors import Reason, RegistryError

HUB = "https://hub.test"
ALL: list[type[Endpoint]] = [SearchV1, SearchV2, SearchV3, SearchV4, Namespace, OneRepository]

Json = dict[str, Any]

V1_ROW: Json = {
    "name": "1ain2/hello",
    "description": "",
    "star_count": 0,
    "is_trusted": False,
    "is_automated": False,
    "is_official": False,
}
V2_ROW: Json = {
    "repo_name": "nginx",
    "short_description": "Official build of Nginx.",
    "star_count": 21318,
    "pull_count": 13114222271,
    "repo_owner": "",
    "is_automated": False,
    "is_official": True,
}
V3_ROW: Json = {"id": "library/golang", "name": "golang", "slug": "golang", "type": "image"}
V4_ROW: Json = {
    "id": "ai/qwen3",
    "name": "ai/qwen3",
    "slug": "ai/qwen3",
    "type": "image",
    "publisher": {"id": "ai", "name": "Docker AI"},
    "created_at": "2025-04-01T00:00:00Z",
    "updated_at": "2026-08-17T14:03:18.618971Z",
    "short_description": "Qwen3.",
    "badge": "none",
    "star_count": 210,
    "pull_count": "500K+",
    "raw_pull_count": 614283,
    "operating_systems": [],
    "architectures": [],
    "categories": [],
    "archived": False,
    "content_types": ["model"],
}
NAMESPACE_ROW: Json = {
    "name": "centos",
    "namespace": "library",
    "repository_type": "image",
    "status": 1,
    "status_description": "active",
    "description": "DEPRECATED",
    "is_private": False,
    "star_count": 7763,
    "pull_count": 1168131338,
    "last_updated": "2022-12-09T19:13:54.287062Z",
    "last_modified": "2024-10-16T13:48:34.145251Z",
    "date_registered": "2013-04-30T20:54:08Z",
    "affiliation": "",
    "media_types": [],
    "content_types": ["image"],
    "categories": [],
    "storage_size": 25907042872,
}
REPOSITORY: Json = NAMESPACE_ROW | {
    "user": "library",
    "hub_user": "stackbrew",
    "is_automated": False,
    "full_description": "# Quick reference",
    "collaborator_count": 0,
    "has_starred": False,
    "permissions": {"read": True, "write": False, "admin": False},
    "immutable_tags_settings": {"enabled": False, "rules": [".*"]},
    "source": None,
}
V1_PAGE: Json = {
    "num_pages": 3,
    "num_results": 229,
    "page_size": 100,
    "page": 2,
    "query": "1a",
    "results": [V1_ROW],
}
V2_PAGE: Json = {"count": 3, "next": "https://search-api.s.internal/", "previous": "", "results": [V2_ROW]}
V3_PAGE: Json = {"total": 10000, "results": [V3_ROW]}
V4_PAGE: Json = {"total": 10000, "results": [V4_ROW]}
NAMESPACE_PAGE: Json = {"count": 177, "next": None, "previous": None, "results": [NAMESPACE_ROW]}

PAGES: list[tuple[type[Endpoint], Json]] = [
    (SearchV1, V1_PAGE),
    (SearchV2, V2_PAGE),
    (SearchV3, V3_PAGE),
    (SearchV4, V4_PAGE),
    (Namespace, NAMESPACE_PAGE),
]


def read(endpoint: type[Endpoint], body: object) -> Rows:
    return endpoint(HUB).parse(json.dumps(body).encode(), HUB)


@pytest.mark.parametrize(
    ("endpoint", "query", "part", "url"),
    [
        (SearchV1, Query("1a"), Slice(2, 100), "/v1/search?q=1a&page=2&n=100"),
        (
            SearchV2,
            Query("a&b"),
            Slice(3, 99),
            "/v2/search/repositories/?query=a%26b&page=3&page_size=99&ordering=-pull_count",
        ),
        (
            SearchV2,
            Query("x", (("is_official", "true"),), "-pull_count"),
            Slice(1, 100),
            "/v2/search/repositories/?query=x&page=1&page_size=100&ordering=-pull_count&is_official=true",
        ),
        (SearchV3, Query("go"), Slice(3, 50), "/api/search/v3/catalog/search?query=go&from=100&size=50"),
        (
            SearchV4,
            Query("go", (("type", "image"), ("badges", "none")), "updated_at:asc"),
            Slice(2, 100),
            "/api/search/v4?query=go&from=100&size=100&badges=none&type=image&sort=updated_at&order=asc",
        ),
        (
            Namespace,
            Query("bitnami"),
            Slice(2, 90),
            "/v2/namespaces/bitnami/repositories?page=2&page_size=90&ordering=name",
        ),
        (
            Namespace,
            Query("bitnami", (("name", "ng"),), "-last_updated"),
            Slice(1, 100),
            "/v2/namespaces/bitnami/repositories?page=1&page_size=100&ordering=-last_updated&name=ng",
        ),
        (
            Namespace,
            Query(".."),
            Slice(1, 1),
            "/v2/namespaces/%2E%2E/repositories?page=1&page_size=1&ordering=name",
        ),
        (OneRepository, Query("a/x"), Slice(1, 1), "/v2/namespaces/a/repositories/x"),
        (OneRepository, Query("nginx"), Slice(1, 1), "/v2/namespaces/library/repositories/nginx"),
        (OneRepository, Query("0000/.."), Slice(1, 1), "/v2/namespaces/0000/repositories/%2E%2E"),
        (OneRepository, Query("a/%2e?x"), Slice(1, 1), "/v2/namespaces/a/repositories/%252e%3Fx"),
    ],
)
def test_url_is_built_from_the_query_and_the_page(
    endpoint: type[Endpoint], query: Query, part: Slice, url: str
) -> None:
    assert endpoint(f"{HUB}/").url(query, part) == f"{HUB}{url}"


def test_version_3_is_told_which_version_is_meant() -> None:
    assert SearchV3(HUB).headers == {"Search-Version": "v3"}


@pytest.mark.parametrize("endpoint", ALL)
def test_endpoints_have_names_and_titles_of_their_own(endpoint: type[Endpoint]) -> None:
    assert [each.name for each in ALL].count(endpoint.name) == 1
    assert [each.title for each in ALL].count(endpoint.title) == 1
    assert endpoint.max_rows <= MAX_ROWS


@pytest.mark.parametrize("endpoint", ALL)
def test_orders_come_in_pairs_and_facets_have_names_of_their_own(endpoint: type[Endpoint]) -> None:
    orders = [order for pair in endpoint.orders for order in pair]
    assert len(set(orders)) == len(orders)
    assert len({facet.name for facet in endpoint.facets}) == len(endpoint.facets)


def test_rows_of_version_1_are_records_and_the_page_size_is_told() -> None:
    rows = read(SearchV1, V1_PAGE)
    assert rows.records == (RepositoryRecord("1ain2/hello", is_official=False, star_count=0, description=""),)
    assert (rows.has_more, rows.claimed, rows.page_size) == (True, 229, 100)


def test_rows_of_version_2_are_records_and_its_next_only_says_that_there_is_more() -> None:
    rows = read(SearchV2, V2_PAGE)
    assert rows.records == (
        RepositoryRecord(
            "library/nginx",
            is_official=True,
            pull_count=13_114_222_271,
            star_count=21_318,
            description="Official build of Nginx.",
        ),
    )
    assert (rows.has_more, rows.claimed, rows.page_size) == (True, 3, None)


def test_rows_of_version_3_are_names_with_their_namespace() -> None:
    assert read(SearchV3, V3_PAGE) == Rows((RepositoryRecord("library/golang"),), None, 10_000)


def test_rows_of_version_4_have_the_exact_count_and_dates() -> None:
    assert read(SearchV4, V4_PAGE).records == (
        RepositoryRecord(
            "ai/qwen3",
            is_official=False,
            pull_count=614_283,
            star_count=210,
            description="Qwen3.",
            registered_at="2025-04-01T00:00:00Z",
            last_updated_at="2026-08-17T14:03:18.618971Z",
        ),
    )


@pytest.mark.parametrize(
    ("row", "pulls"),
    [
        ({"pull_count": "500K+", "raw_pull_count": 7}, 7),
        ({"pull_count": "500K+"}, None),
        ({"pull_count": "731"}, 731),
        ({"pull_count": "٣"}, None),
        ({"pull_count": "9" * 5000}, None),
        ({"pull_count": ""}, None),
    ],
)
def test_rounded_count_of_version_4_is_not_recorded(row: Json, pulls: int | None) -> None:
    base = {key: value for key, value in V4_ROW.items() if key != "raw_pull_count"}
    (record,) = read(SearchV4, {"total": 1, "results": [base | row]}).records
    assert record.pull_count == pulls


def test_official_name_of_version_4_is_known_with_and_without_its_namespace() -> None:
    rows = [V4_ROW | {"name": "nginx", "badge": "official"}, V4_ROW | {"name": "library/redis"}]
    records = read(SearchV4, {"total": 2, "results": rows}).records
    assert [(record.name, record.is_official) for record in records] == [
        ("library/nginx", True),
        ("library/redis", True),
    ]


def test_rows_of_a_namespace_have_dates_and_storage() -> None:
    rows = read(Namespace, NAMESPACE_PAGE)
    assert rows.records[0].storage_bytes == 25_907_042_872
    assert (rows.has_more, rows.claimed) == (False, 177)


def test_one_repository_is_a_row_of_its_namespace() -> None:
    record = read(Namespace, NAMESPACE_PAGE).records[0]
    assert read(OneRepository, REPOSITORY) == Rows((record,), has_more=False, claimed=1, page_size=1)


def without(key: str, value: Json) -> Json:
    return {name: kept for name, kept in value.items() if name != key}


NEEDED: dict[type[Endpoint], tuple[str, ...]] = {
    SearchV1: ("name", "star_count", "is_official", "description"),
    SearchV2: ("repo_name", "star_count", "pull_count", "is_official", "short_description"),
    SearchV3: ("id", "name"),
    SearchV4: ("name", "star_count", "pull_count", "updated_at"),
    Namespace: ("name", "namespace", "star_count", "pull_count", "description", "last_updated"),
}
COUNTS: dict[type[Endpoint], tuple[str, ...]] = {
    SearchV1: ("num_results", "num_pages", "page", "results"),
    SearchV2: ("count", "next", "results"),
    SearchV3: ("total", "results"),
    SearchV4: ("total", "results"),
    Namespace: ("count", "next", "results"),
}


def drifted() -> list[tuple[type[Endpoint], object]]:
    """Every known page without, or with another type of, what is read in it; and pages of something else."""
    changed: list[tuple[type[Endpoint], object]] = []
    for kind, page in PAGES:
        row = page["results"][0]
        changed += [(kind, without(key, page)) for key in COUNTS[kind]]
        changed += [(kind, page | {"results": [without(key, row)]}) for key in NEEDED[kind]]
        changed += [(kind, page | {"results": [row | {key: []}]}) for key in NEEDED[kind]]
        changed += [(kind, page | {"results": None}), (kind, []), (kind, None)]
        changed += [(kind, {"detail": "Rate limit exceeded"}), (kind, {"count": 0, "summaries": []})]
    changed += [(OneRepository, without(key, REPOSITORY)) for key in ("name", "namespace", "pull_count")]
    return changed


@pytest.mark.parametrize(("endpoint", "body"), drifted())
def test_changed_shape_is_refused(endpoint: type[Endpoint], body: object) -> None:
    with pytest.raises(RegistryError) as caught:
        read(endpoint, body)
    assert (caught.value.reason, caught.value.temporary) == (Reason.UNEXPECTED_ANSWER, False)


@pytest.mark.parametrize("endpoint", ALL)
@given(body=st.binary(max_size=200))
def test_no_body_is_too_strange_to_be_refused(endpoint: type[Endpoint], body: bytes) -> None:
    with pytest.raises(RegistryError, match="not the shape"):
        endpoint(HUB).parse(body, HUB)


def rows_of(count: int, **more: Any) -> Rows:
    said = {"has_more": None, "claimed": None} | more
    return Rows(tuple(RepositoryRecord(f"a/{number}") for number in range(count)), **said)


@pytest.mark.parametrize(
    ("rows", "part", "goes_on"),
    [
        (rows_of(10, has_more=True, claimed=1), Slice(1, 10), True),
        (rows_of(10, has_more=False, claimed=99), Slice(1, 10), False),
        (rows_of(10, claimed=11), Slice(1, 10), True),
        (rows_of(10, claimed=10), Slice(1, 10), False),
        (rows_of(10, claimed=20), Slice(2, 10), False),
        (rows_of(10, claimed=21), Slice(2, 10), True),
        (rows_of(0, claimed=99), Slice(2, 10), False),
        (rows_of(5), Slice(1, 10), False),
    ],
)
def test_where_nothing_says_whether_there_is_more_the_claim_does(
    rows: Rows,
    part: Slice,
    goes_on: bool,  # noqa: FBT001 - a table
) -> None:
    assert rows.goes_on(part) is goes_on


@pytest.mark.parametrize(
    ("asked", "rows", "served"),
    [
        (100, rows_of(100, claimed=250), 100),
        (200, rows_of(100, claimed=250), 100),  # fewer rows than asked for, and more to follow
        (200, rows_of(100, has_more=True, claimed=250), 100),
        (200, rows_of(25, has_more=True, page_size=100), 100),  # the body says so
        (100, rows_of(30, claimed=30), 100),  # the last page
        (100, rows_of(30, has_more=False, claimed=99), 100),
        (100, rows_of(0, has_more=True), 100),
        (100, rows_of(100, has_more=True, page_size=200), 100),
        (100, rows_of(100, has_more=True, page_size=0), 100),
    ],
)
def test_page_that_is_served_smaller_than_asked_for_is_recognised(
    asked: int, rows: Rows, served: int
) -> None:
    assert served_size(Slice(1, asked), rows) == served

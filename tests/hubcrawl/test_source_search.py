"""Docker Hub's JSON listings: every row comes, and an answer in another shape is never "no results"."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from corpus.records import RepositoryRecord
from hubcrawl.endpoints.namespaces import Namespace
from hubcrawl.endpoints.search_v2 import SearchV2
from hubcrawl.endpoints.search_v3 import SearchV3
from hubcrawl.queries import Query
from hubcrawl.sources.numbered import Place
from hubcrawl.sources.query import QueryListing
from registry.errors import Reason, RegistryError
from tests.hubcrawl.conftest import Site, answer, json_answer, names_in, read_all, serving

if TYPE_CHECKING:
    from registry.transport.http import Transport

NAMES = ["library/nginx", *(f"owner{number}/app" for number in range(24))]


def search(transport: Transport, site: Site, query: str = "*", page_size: int = 10) -> QueryListing:
    return QueryListing(transport, "docker.io", SearchV2(site.url), Query(query), page_size)


def namespace(transport: Transport, site: Site, name: str = "library") -> QueryListing:
    return QueryListing(transport, "docker.io", Namespace(site.url), Query(name), 10)


async def test_search_lists_every_row_in_its_order(transport: Transport) -> None:
    async with serving(Site(NAMES)) as site:
        assert names_in(await read_all(search(transport, site))) == NAMES
        assert site.pages_asked == [1, 2, 3]


async def test_search_row_becomes_a_record_and_official_names_get_their_namespace(
    transport: Transport,
) -> None:
    async with serving(Site(NAMES)) as site:
        page = await search(transport, site).read(Place(1, 10).cursor)
    assert page.records[0] == RepositoryRecord(
        "library/nginx",
        is_official=True,
        pull_count=13_114_222_271,
        star_count=7,
        description="About library/nginx.",
    )
    assert page.records[1].is_official is False
    assert page.claimed == 25


async def test_official_listing_brings_dates_and_storage(transport: Transport) -> None:
    async with serving(Site([*NAMES, "library/redis"])) as site:
        (page,) = await read_all(namespace(transport, site))
    assert [record.name for record in page.records] == ["library/nginx", "library/redis"]
    assert page.records[0] == RepositoryRecord(
        "library/nginx",
        is_official=True,
        pull_count=1_168_131_338,
        star_count=7,
        description="About library/nginx.",
        registered_at="2013-04-30T20:54:08Z",
        last_updated_at="2022-12-09T19:13:54.287062Z",
        storage_bytes=25_907_042_872,
    )


async def test_namespace_other_than_library_is_listed_as_not_official(transport: Transport) -> None:
    async with serving(Site(NAMES)) as site:
        source = namespace(transport, site, "owner3")
        (page,) = await read_all(source)
    assert [(record.name, record.is_official) for record in page.records] == [("owner3/app", False)]
    assert source.name == "docker.io namespace owner3"


async def test_next_is_never_followed_but_built_anew(transport: Transport) -> None:
    async with serving(Site(NAMES)) as site:
        await read_all(search(transport, site, query="a&b= ü"))
    assert (
        site.asked[1]
        == "/v2/search/repositories/?query=a%26b%3D+%C3%BC&page=2&page_size=10&ordering=-pull_count"
    )


async def test_listing_whose_claim_is_too_high_ends_at_404(transport: Transport) -> None:
    rows = {
        "repo_name": "a/x",
        "star_count": 0,
        "pull_count": 0,
        "is_official": False,
        "short_description": None,
    }
    more = json_answer({"count": 99, "next": "yes", "previous": "", "results": [rows]})
    async with serving(Site([], faults={1: more, 2: answer(404)})) as site:
        pages = await read_all(search(transport, site))
    assert names_in(pages) == ["a/x"]
    assert pages[-1].next_cursors == ()


async def test_404_on_the_first_page_is_not_the_end_but_an_error(transport: Transport) -> None:
    async with serving(Site([], faults={1: answer(404)})) as site:
        with pytest.raises(RegistryError) as caught:
            await read_all(search(transport, site))
    assert (caught.value.reason, caught.value.status) == (Reason.REPO_MISSING, 404)


async def test_window_is_told_with_the_rows_it_allows_and_is_permanent(transport: Transport) -> None:
    async with serving(Site(NAMES, window=20)) as site:
        source = search(transport, site)
        with pytest.raises(RegistryError, match="beyond 20 rows anonymously") as caught:
            await read_all(source)
    assert (caught.value.reason, caught.value.temporary) == (Reason.DENIED, False)
    assert site.pages_asked == [1, 2, 3]


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("<title>Just a moment...</title>", "challenge"),
        ("<h1>Forbidden</h1>", "refuses this listing"),
        ("[]", "refuses"),
    ],
)
async def test_other_refusals_are_told_apart_and_may_pass(
    transport: Transport, body: str, sentence: str
) -> None:
    async with serving(Site(NAMES, faults={1: answer(403, body)})) as site:
        with pytest.raises(RegistryError, match=sentence) as caught:
            await read_all(search(transport, site))
    assert (caught.value.reason, caught.value.temporary) == (Reason.DENIED, True)


ROW: dict[str, Any] = {
    "repo_name": "a/x",
    "short_description": "",
    "star_count": 1,
    "pull_count": 2,
    "is_official": False,
}
PAGE: dict[str, Any] = {"count": 1, "next": "", "previous": "", "results": [ROW]}


def search_without_network() -> QueryListing:
    return QueryListing(None, "docker.io", SearchV2("http://hub"), Query("*"), 10)  # type: ignore[arg-type]


def test_known_shape_is_read() -> None:
    assert len(search_without_network().parse(json.dumps(PAGE).encode(), "http://hub").records) == 1


def without(key: str, value: dict[str, Any]) -> dict[str, Any]:
    return {name: kept for name, kept in value.items() if name != key}


RETYPED = [
    ("repo_name", ""),
    ("repo_name", None),
    ("star_count", "3.2K"),
    ("pull_count", 2**63),
    ("pull_count", 1.5),
    ("is_official", "yes"),
    ("short_description", 7),
]
DRIFTED = [
    *(without(key, PAGE) for key in ("count", "next", "results")),
    *(PAGE | {"results": [without(key, ROW)]} for key in ROW),
    *(PAGE | {"results": [ROW | {key: value}]} for key, value in RETYPED),
    {"detail": "Rate limit exceeded"},
    {"message": "", "errinfo": {}},
    {"count": 0, "summaries": []},
]
NO_PAGE = [
    b"",
    b"<html>",
    b"null",
    b"[]",
    b"\xff\xfe\xfd",
    b"[" * 100_000,
    b'{"count": ' + b"9" * 5_000 + b"}",
]


@pytest.mark.parametrize("body", [*NO_PAGE, *(json.dumps(page).encode() for page in DRIFTED)])
def test_changed_shape_is_refused_for_good(body: bytes) -> None:
    with pytest.raises(RegistryError) as caught:
        search_without_network().parse(body, "http://hub")
    assert (caught.value.reason, caught.value.temporary) == (Reason.UNEXPECTED_ANSWER, False)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("0000/..", "0000/.."),
        ("mattdr/_____", "mattdr/_____"),
        ("a/\ud800", "a/\\ud800"),
        ("a/\0", "a/\\x00"),
        ("a/" + "x" * 300, "a/" + "x" * 252 + "…"),
    ],
)
def test_dirty_name_costs_neither_the_page_nor_the_catalog(name: str, recorded: str) -> None:
    body = json.dumps(
        PAGE | {"results": [ROW | {"repo_name": name, "short_description": name}, ROW]}
    ).encode()
    records = search_without_network().parse(body, "http://hub").records
    assert [record.name for record in records] == [recorded, "a/x"]
    assert records[0].description is not None
    records[0].description.encode()


async def test_200_with_an_error_in_it_is_not_an_empty_page(transport: Transport) -> None:
    async with serving(Site(NAMES, faults={1: json_answer({"detail": "Rate limit exceeded"})})) as site:
        with pytest.raises(RegistryError) as caught:
            await read_all(search(transport, site))
    assert caught.value.reason is Reason.UNEXPECTED_ANSWER


async def test_empty_page_that_says_the_listing_goes_on_is_not_its_end(transport: Transport) -> None:
    contradiction = json_answer({"count": 9, "next": "page=2", "previous": None, "results": []})
    async with serving(Site(NAMES, faults={1: contradiction})) as site:
        with pytest.raises(RegistryError, match="goes on"):
            await read_all(search(transport, site))


async def test_page_beyond_any_size_of_a_page_is_not_read(transport: Transport) -> None:
    huge = answer(200, json.dumps(PAGE | {"padding": "x" * (3 << 20)}))
    async with serving(Site(NAMES, faults={1: huge})) as site:
        with pytest.raises(RegistryError) as caught:
            await read_all(search(transport, site))
    assert caught.value.reason is Reason.TOO_LARGE


async def test_listing_by_offsets_goes_on_where_a_site_stopped_that_serves_smaller_pages(
    transport: Transport,
) -> None:
    """No ``next`` says that there is more, and no row is skipped."""
    names = [f"a/x{number}" for number in range(60)]

    async def clamped(request: web.Request) -> web.Response:
        first, size = int(request.query["from"]), min(int(request.query["size"]), 25)
        rows = [{"id": name, "name": name.partition("/")[2]} for name in names[first : first + size]]
        return web.json_response({"total": len(names), "results": rows})

    application = web.Application()
    application.add_routes([web.get("/api/search/v3/catalog/search", clamped)])
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    site_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        source = QueryListing(transport, "docker.io", SearchV3(site_url), Query("x"), 100)
        pages = await read_all(source)
    finally:
        await runner.cleanup()
    assert names_in(pages) == names
    assert [len(page.records) for page in pages] == [25, 25, 10]


def test_listings_of_different_queries_have_names_of_their_own() -> None:
    plain = search_without_network()
    narrowed = QueryListing(
        None,  # type: ignore[arg-type]
        "docker.io",
        SearchV2("http://hub"),
        Query("*", (("is_official", "true"),)),
        10,
    )
    assert plain.name == "docker.io search *"
    assert narrowed.name == 'docker.io search ["*",[["is_official","true"]]]'

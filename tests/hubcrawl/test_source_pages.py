"""Docker Hub's old result pages: what they list is found whatever the build's class names were."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from corpus.records import RepositoryRecord
from hubcrawl.sources.numbered import Place
from hubcrawl.sources.pages import HubPages
from registry.errors import Reason, RegistryError
from tests import corpora
from tests.hubcrawl.conftest import Site, answer, names_in, read_all, result_page, serving

if TYPE_CHECKING:
    from hubcrawl.endpoints import Rows
    from registry.transport.http import Transport

NAMES = ["library/nginx", *(f"owner{number}/app" for number in range(31))]
URL = "http://hub/search/?page=1"


def parse(page: str | bytes) -> Rows:
    body = page.encode() if isinstance(page, str) else page
    return HubPages(None, "docker.io", "http://hub").parse(body, URL)  # type: ignore[arg-type]


def with_script(page: str, script: str) -> str:
    return page.replace("</body>", f"<script>{script}</script></body>")


async def test_search_pages_are_read_until_404(transport: Transport) -> None:
    async with serving(Site(NAMES)) as site:
        source = HubPages(transport, "docker.io", site.url, query="*")
        assert names_in(await read_all(source)) == NAMES
    assert site.pages_asked == [1, 2, 3, 4, 5]
    assert site.asked[0] == "/search/?q=%2A&page=1&isAutomated=0&isOfficial=0&pullCount=0&starCount=0"


async def test_explore_pages_are_read_when_nothing_is_searched_for(transport: Transport) -> None:
    async with serving(Site(NAMES)) as site:
        source = HubPages(transport, "docker.io", site.url)
        assert names_in(await read_all(source)) == NAMES
    assert site.asked[0] == "/explore/?page=1"


async def test_page_can_be_read_although_the_one_before_it_cannot(transport: Transport) -> None:
    async with serving(
        Site(NAMES, faults={1: answer(200, "<h1>We will be back soon</h1>", "text/html")})
    ) as site:
        source = HubPages(transport, "docker.io", site.url)
        (first,) = source.first_cursors()
        with pytest.raises(RegistryError):
            await source.read(first)
        (second,) = source.after_failure(first)
        assert len((await source.read(second)).records) == 15


def test_rounded_counts_are_not_recorded() -> None:
    (record,) = parse(result_page(["library/nginx"], 1)).records
    assert record == RepositoryRecord("library/nginx", is_official=True)


def test_total_in_the_heading_is_the_claim() -> None:
    assert parse(result_page(["a/x"], 633_003)).claimed == 633_003


def test_empty_list_is_an_empty_page() -> None:
    assert parse(result_page([], 0)).records == ()


def test_search_rows_in_the_script_give_exact_counts() -> None:
    row = {
        "repo_name": "a/x",
        "short_description": "x",
        "star_count": 1,
        "pull_count": 12,
        "is_official": False,
    }
    script = f'window.App={{"s":{{"results":{json.dumps([row])},"f":function(){{}}}}}};'
    (record, other) = parse(with_script(result_page(["a/x", "a/y"], 2), script)).records
    assert record == RepositoryRecord("a/x", is_official=False, pull_count=12, star_count=1, description="x")
    assert other == RepositoryRecord("a/y", is_official=False)


@pytest.mark.parametrize(("following", "has_more"), [("null", False), ('""', False), ('"http://x"', True)])
def test_script_tells_where_the_listing_ends(following: str, has_more: bool) -> None:  # noqa: FBT001 - a table
    script = f'window.App={{"repos":[{{"user":"x"}}],"count":148,"next":{following}}};'
    row = '{"name":"x","namespace":"a","star_count":1,"pull_count":2,"description":"","last_updated":null}'
    rows = parse(with_script(result_page(["a/x"], 1), script.replace('{"user":"x"}', row)))
    assert (rows.has_more, rows.claimed) == (has_more, 148)


@pytest.mark.parametrize(
    "link", ["/u/owner/", "javascript:void(0)", "/r/a/b/c/", "/r/a/", "https://x/r/a/b/", ""]
)
def test_item_that_leads_elsewhere_is_a_changed_shape(link: str) -> None:
    with pytest.raises(RegistryError, match="leads to") as caught:
        parse(result_page(["a/x"], 1).replace("/r/a/x/", link))
    assert caught.value.reason is Reason.UNEXPECTED_ANSWER


@pytest.mark.parametrize(
    "page", ["", "<h1>Docker Hub</h1><div id='root'></div>", "\x00\xff", '{"results": []}']
)
def test_page_without_a_list_is_a_changed_shape(page: str) -> None:
    with pytest.raises(RegistryError, match="no list") as caught:
        parse(page)
    assert caught.value.reason is Reason.UNEXPECTED_ANSWER


@pytest.mark.parametrize("array", ['[{"name": }]', "[{" * 5_000, '[{"name": "x"}]', '[{"repo_name": 7}]'])
def test_changed_rows_in_the_script_are_refused(array: str) -> None:
    with pytest.raises(RegistryError) as caught:
        parse(with_script(result_page(["a/x"], 1), f'window.App={{"repos":{array}}}'))
    assert caught.value.reason is Reason.UNEXPECTED_ANSWER


def test_dirty_names_in_links_are_kept_raw() -> None:
    names = ["0000/..", "a/x'<y>", "a/%2e%2e"]
    records = parse(result_page(names, 3)).records
    assert [record.name for record in records] == ["0000/..", "a/x'<y>", "a/.."]


def saved(name: str) -> bytes:
    return (corpora.folder("hub-html") / name).read_bytes()


def test_saved_explore_page_lists_its_fifteen_repositories_with_exact_counts() -> None:
    rows = parse(saved("Explore_DockerHub_Page1.html"))
    expected = "alpine nginx httpd redis busybox ubuntu mongo memcached mysql registry postgres node consul"
    assert [record.name for record in rows.records] == [
        f"library/{name}" for name in [*expected.split(), "centos", "hello-world"]
    ]
    assert (rows.claimed, rows.has_more) == (148, True)
    assert rows.records[0] == RepositoryRecord(
        "library/alpine",
        is_official=True,
        pull_count=1_444_331_226,
        star_count=3_176,
        description="A minimal Docker image based on Alpine Linux with a complete package index "
        "and only 5 MB in size!",
        last_updated_at="2018-01-10T19:41:17.674262Z",
    )


def test_saved_page_of_one_repository_is_no_list() -> None:
    with pytest.raises(RegistryError, match="no list"):
        parse(saved("library_elixir.html"))


def test_place_without_a_page_size_says_how_many_pages_it_is_beyond() -> None:
    assert str(Place(3)) == "2 pages"


@pytest.mark.parametrize(
    ("tag", "times"),
    [
        ("<b>", 600_000),
        ("<li class='RepositoryListItem__repositoryListItem'>", 40_000),
        ("<ul class='no-bullet'>", 90_000),
        ("<!---->", 290_000),
        ("&lt;", 500_000),
    ],
)
def test_page_that_would_take_seconds_to_parse_is_refused_unparsed(tag: str, times: int) -> None:
    with pytest.raises(RegistryError, match="larger than any list") as caught:
        parse(result_page(["a/x"], 1).replace("</ul>", tag * times + "</ul>"))
    assert caught.value.reason is Reason.UNEXPECTED_ANSWER


def test_page_with_more_items_than_any_list_is_refused_before_their_links_are_looked_for() -> None:
    """Of items within items each link is looked for in all that follows."""
    nested = "<li class='RepositoryListItem__repositoryListItem'><div>" * 2_000 + '<a href="/r/a/x/">'
    with pytest.raises(RegistryError, match="more items than any list"):
        parse(result_page([], 1).replace("</ul>", nested + "</ul>"))

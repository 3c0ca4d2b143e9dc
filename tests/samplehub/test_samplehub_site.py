"""The search site: JSON and HTML, over HTTP."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from bs4 import BeautifulSoup, Tag

from samplehub import Options

if TYPE_CHECKING:
    from samplehub import Hub
    from tests.samplehub.conftest import Client, FakeClock


async def test_v2_search_has_the_keys_of_the_hub(client: Client) -> None:
    answer = await client.json("/v2/search/repositories/?query=nginx&page_size=1")
    assert list(answer) == ["count", "next", "previous", "results"]
    assert answer["results"] == [
        {
            "repo_name": "nginx",
            "short_description": "Official build of Nginx.",
            "star_count": answer["results"][0]["star_count"],
            "pull_count": answer["results"][0]["pull_count"],
            "repo_owner": "",
            "is_automated": False,
            "is_official": True,
        }
    ]


async def test_next_names_an_internal_host_and_echoes_a_page_size_that_is_not_served(client: Client) -> None:
    answer = await client.json("/v2/search/repositories/?query=*&page_size=50")
    internal = "https://search-api.s.us-east-1.aws.dckr.io/v2/search/repositories/?query=%2A"
    assert (answer["next"], answer["previous"]) == (f"{internal}&page=2&page_size=50", "")
    answer = await client.json("/v2/search/repositories/?query=*&page_size=500")
    assert len(answer["results"]) == answer["count"] <= 100


@pytest.mark.parametrize("query", ["", "*", "/"])
async def test_following_the_pages_lists_every_repository_and_one_twice(
    client: Client, hub: Hub, query: str
) -> None:
    names: list[str] = []
    page = 1
    while True:
        path = f"/v2/search/repositories/?query={query}&page={page}&page_size=10"
        status, _, body = await client.get(path)
        if status == 404:
            break
        answer = json.loads(body)
        names += [row["repo_name"] for row in answer["results"]]
        page += 1
    assert answer["next"] == ""
    assert set(names) == {repository.search_name for repository in hub.repositories}
    assert len(names) == answer["count"] + 1


async def test_flags_and_orders_of_v2_search(client: Client) -> None:
    answer = await client.json(
        "/v2/search/repositories/?query=*&page_size=100&is_official=true&ordering=-star_count"
    )
    stars = [row["star_count"] for row in answer["results"]]
    assert stars == sorted(stars, reverse=True)
    assert answer["count"] == 31
    answer = await client.json("/v2/search/repositories/?query=*&page_size=100&is_automated=1")
    assert all(row["is_automated"] for row in answer["results"])


async def test_a_search_that_finds_nothing_is_an_empty_page(client: Client) -> None:
    answer = await client.json("/v2/search/repositories/?query=zzzz")
    assert answer == {"count": 0, "next": "", "previous": "", "results": []}


async def test_v1_search_has_the_keys_of_the_hub_and_refuses_past_the_end(client: Client) -> None:
    answer = await client.json("/v1/search?q=redis&n=1")
    assert {key: answer[key] for key in ("num_pages", "num_results", "page_size", "page", "query")} == {
        "num_pages": answer["num_results"],
        "num_results": answer["num_results"],
        "page_size": 1,
        "page": 1,
        "query": "redis",
    }
    assert set(answer["results"][0]) >= {"name", "description", "star_count", "is_trusted", "is_official"}
    status, _, _ = await client.get("/v1/search?q=redis&n=1&page=99")
    assert status == 403


async def test_v4_search_counts_from_an_offset(client: Client) -> None:
    whole = await client.json("/api/search/v4?query=&size=100")
    part = await client.json("/api/search/v4?query=&from=30&size=5&sort=pull_count&order=desc")
    assert whole["total"] == part["total"] == len(whole["results"])
    assert part["results"] == whole["results"][30:35]
    row = whole["results"][0]
    assert (row["name"], row["pull_count"]) == ("library/nginx", "1B+")
    assert row["raw_pull_count"] > 1_000_000_000
    official = await client.json("/api/search/v4?query=&badges=official")
    assert official["total"] == 31


async def test_v4_search_tells_platforms_where_it_can(client: Client) -> None:
    row = (await client.json("/api/search/v4?query=golang"))["results"][0]
    assert [system["name"] for system in row["operating_systems"]] == ["linux", "windows"]


async def test_v3_search_wants_its_header_and_splits_names(client: Client) -> None:
    assert (await client.get("/api/search/v3/catalog/search?query=golang"))[0] == 400
    answer = await client.json("/api/search/v3/catalog/search?query=golang", **{"Search-Version": "v3"})
    assert {key: answer["results"][0][key] for key in ("id", "name")} == {
        "id": "library/golang",
        "name": "golang",
    }


async def test_the_products_search_is_dead_and_says_200(client: Client) -> None:
    answer = await client.json("/api/content/v1/products/search?q=nginx&page_size=100")
    assert (answer["count"], answer["summaries"]) == (0, [])


@pytest.mark.parametrize("path", ["/v2/namespaces/library/repositories", "/v2/repositories/library/"])
async def test_a_namespace_lists_its_repositories(client: Client, path: str) -> None:
    answer = await client.json(f"{path}?page_size=100&ordering=name")
    assert answer["count"] == len(answer["results"]) == 31
    assert (answer["next"], answer["previous"]) == (None, None)
    row = next(row for row in answer["results"] if row["name"] == "nginx")
    assert set(row) == {
        *(
            "name",
            "namespace",
            "repository_type",
            "status",
            "status_description",
            "description",
            "is_private",
        ),
        *("star_count", "pull_count", "last_updated", "last_modified", "date_registered", "affiliation"),
        *("media_types", "content_types", "categories", "storage_size"),
    }


async def test_orders_of_a_namespace_listing_are_inverted(client: Client) -> None:
    path = "/v2/namespaces/library/repositories?page_size=100&ordering="
    first = [row["pull_count"] for row in (await client.json(path + "pull_count"))["results"]]
    assert first == sorted(first, reverse=True)
    last = [row["pull_count"] for row in (await client.json(path + "-pull_count"))["results"]]
    assert last == first[::-1]
    status, _, body = await client.get(path + "stars")
    assert (status, json.loads(body)["text"]) == (400, "Invalid ordering value")


async def test_a_namespace_is_filtered_by_part_of_a_name(client: Client) -> None:
    answer = await client.json("/v2/namespaces/library/repositories?name=debi")
    assert [row["name"] for row in answer["results"]] == ["debian"]


async def test_listings_hide_what_was_deleted_or_made_private_searches_do_not(client: Client) -> None:
    listed = await client.json("/v2/namespaces/brightloom/repositories?page_size=100")
    assert "legacy" not in [row["name"] for row in listed["results"]]
    found = await client.json("/v2/search/repositories/?query=brightloom&page_size=100")
    assert "brightloom/legacy" in [row["repo_name"] for row in found["results"]]
    assert (await client.get("/v2/namespaces/private/repositories"))[0] == 404
    assert (await client.get("/v2/namespaces/brightloom/repositories/legacy"))[0] == 404


async def test_an_owner_exists_or_not(client: Client) -> None:
    assert (await client.get("/v2/users/brightloom", "HEAD"))[0] == 200
    assert (await client.get("/v2/users/nobody-at-all", "HEAD"))[0] == 404


async def test_one_repository_has_more_keys_than_its_row(client: Client) -> None:
    answer = await client.json("/v2/namespaces/library/repositories/nginx")
    assert {"user", "hub_user", "full_description", "permissions", "immutable_tags_settings"} <= set(answer)
    assert answer["permissions"] == {"read": True, "write": False, "admin": False}


async def test_tags_pin_latest_first_and_show_their_images(client: Client, hub: Hub) -> None:
    answer = await client.json("/v2/repositories/library/alpine/tags/?page_size=2")
    assert [row["name"] for row in answer["results"]] == ["latest", "3"]
    latest = answer["results"][0]
    assert latest["digest"] == hub.repository("library/alpine").tags["latest"]
    assert [image["architecture"] for image in latest["images"]] == ["amd64", "arm64", "386"]
    assert latest["full_size"] == latest["images"][0]["size"] > 100_000
    one = await client.json("/v2/namespaces/library/repositories/alpine/tags/latest")
    assert one == latest
    schema1 = await client.json("/v2/namespaces/library/repositories/alpine/tags/3.6")
    assert [image["architecture"] for image in schema1["images"]] == ["amd64"]


async def test_the_site_tells_its_request_limit(client: Client) -> None:
    _, first, _ = await client.get("/v2/search/repositories/?query=nginx")
    _, second, _ = await client.get("/search/?q=nginx")
    assert first["x-ratelimit-limit"] == "60000"
    assert int(first["x-ratelimit-remaining"]) - int(second["x-ratelimit-remaining"]) == 1
    assert int(first["x-ratelimit-reset"]) == 1_700_000_060


class TestLimit:
    """The request limit, at one a minute."""

    @pytest.fixture
    def options(self) -> Options:
        return Options(site_limit=1)

    async def test_requests_above_the_limit_get_429_until_the_minute_ends(
        self, client: Client, clock: FakeClock
    ) -> None:
        path = "/v2/search/repositories/?query=nginx"
        await client.json(path)
        status, headers, body = await client.get(path)
        assert (status, json.loads(body)) == (429, {"detail": "Rate limit exceeded", "error": False})
        clock.now += int(headers["retry-after"])
        await client.json(path)


def items(body: bytes) -> list[Tag]:
    soup = BeautifulSoup(body, "lxml")
    return list(
        soup.select("ul.large-12.columns.no-bullet > li[class^=RepositoryListItem__repositoryListItem]")
    )


def row_of(item: Tag) -> tuple[str, str, dict[str, str]]:
    """Link, name and labelled numbers of a result, found by the prefixes of class names."""
    link, name = item.select_one("a[href]"), item.select_one("div[class^=RepositoryListItem__repoName]")
    assert link is not None
    assert name is not None
    labels = [each.get_text() for each in item.select("div[class^=RepositoryListItem__subLabel___]")]
    values = [each.get_text() for each in item.select("div[class^=RepositoryListItem__value___]")]
    return str(link["href"]), name.get_text(), dict(zip(labels, values, strict=True))


async def test_the_search_pages_have_the_shape_of_2018(client: Client) -> None:
    status, headers, body = await client.get(
        "/search/?q=nginx&page=1&isAutomated=0&isOfficial=0&pullCount=0&starCount=0"
    )
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    rows = [row_of(item) for item in items(body)]
    assert rows[0][:2] == ("/_/nginx/", "nginx")
    assert rows[0][2]["PULLS"] == "10M+"
    assert rows[1][0] == f"/r/{rows[1][1]}/"
    heading = BeautifulSoup(body, "lxml").h3
    assert heading is not None
    assert heading.get_text() == f"Repositories ({len(rows)})"


async def test_the_html_pages_list_everything_then_answer_404(client: Client, hub: Hub) -> None:
    names: list[str] = []
    for page in range(1, 10):
        _, _, body = await client.get(f"/search/?q=*&page={page}")
        names += [row_of(item)[1] for item in items(body)]
    assert set(names) == {repository.search_name for repository in hub.repositories}
    assert (await client.get("/search/?q=*&page=10"))[0] == 404


async def test_explore_lists_the_official_ones_fifteen_a_page(client: Client) -> None:
    counts = []
    for page in (1, 2, 3):
        _, _, body = await client.get(f"/explore/?page={page}")
        counts.append(len(items(body)))
    assert counts == [15, 15, 2]
    assert (await client.get("/explore/?page=4"))[0] == 404


async def test_exact_rows_are_in_the_script_between_functions(client: Client) -> None:
    """``window.App`` is not JSON, but the array in it is; slashes and angle brackets are escaped."""
    _, _, body = await client.get("/explore/?page=1")
    script = body.decode().partition("window.App=")[2].partition("</script>")[0]
    with pytest.raises(json.JSONDecodeError):
        json.loads(script.rstrip(";"))
    array = script.partition('"DashboardReposStore":{"repos":')[2]
    rows, _ = json.JSONDecoder().raw_decode(array)
    assert (rows[0]["name"], rows[0]["namespace"]) == ("nginx", "library")
    _, _, body = await client.get("/search/?q=jenkins")
    assert r"jenkins\u002Fjenkins:lts" in body.decode()
    _, _, body = await client.get("/search/?q=brightloom+worker")
    script = body.decode().partition("window.App=")[2]
    rows, _ = json.JSONDecoder().raw_decode(script.partition('"results":')[2])
    assert rows[0]["short_description"] == "Background jobs (celery) <beta> & friends"
    assert "<beta>" not in body.decode()


@pytest.mark.parametrize(
    ("path", "status"), [("/_/nginx/", 200), ("/r/marlowe/blog/", 200), ("/r/no/such/", 404)]
)
async def test_links_of_results_lead_to_pages(client: Client, path: str, status: int) -> None:
    assert (await client.get(path))[0] == status


async def test_the_front_page_has_commands_for_this_host(client: Client, hub: Hub) -> None:
    _, _, body = await client.get("/")
    host = client.running.site_url.removeprefix("http://")
    assert f"docker://{host}/library/debian" in body.decode()
    assert len(items(body)) == len(hub.repositories)

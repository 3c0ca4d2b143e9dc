"""Whatever may stand in a crawl's way, by option, over HTTP."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from samplehub import (
    Flaws,
    Happening,
    Hub,
    Matching,
    Options,
    RetryForm,
    SearchOptions,
    Trouble,
    Windows,
    crowd,
    everywhere,
)
from tests.samplehub.conftest import Client, FakeClock

OFFSET = "pagination offset too large for anonymous requests; sign in to page further"
EVERYTHING = "/v2/search/repositories/?query=*&page_size=100"
SEARCHES = {
    "search-v1": "/v1/search?q={query}&n={size}&page={page}",
    "search-v2": "/v2/search/repositories/?query={query}&page_size={size}&page={page}",
    "search-v3": "/api/search/v3/catalog/search?query={query}&size={size}&from={start}",
    "search-v4": "/api/search/v4?query={query}&size={size}&from={start}",
}
VERSION = {"Search-Version": "v3"}


@pytest.fixture(scope="module")
def hub() -> Hub:
    """Seven hundred repositories."""
    return crowd(700, seed=1)


def path(endpoint: str, page: int, size: int = 100, query: str = "*") -> str:
    return SEARCHES[endpoint].format(query=query, size=size, page=page, start=(page - 1) * size)


async def status_of(client: Client, url: str, **headers: str) -> int:
    return (await client.get(url, **headers))[0]


async def names_on(client: Client, url: str) -> list[str]:
    return [row["repo_name"] for row in (await client.json(url))["results"]]


def drawn(hub: Hub, owner: str) -> list[str]:
    return [each.short_name for each in hub.repositories if each.namespace == owner]


class TestOpen:
    """Nothing stands in the way unless it is asked to."""

    @pytest.mark.parametrize("endpoint", SEARCHES)
    async def test_every_search_reaches_the_end_of_a_crowd(self, client: Client, endpoint: str) -> None:
        seen: set[str] = set()
        for page in range(1, 8):
            rows = (await client.json(path(endpoint, page), **VERSION))["results"]
            seen |= {row.get("id") or row.get("repo_name") or row["name"] for row in rows}
        assert len(seen) == 700

    async def test_listings_of_a_crowd_have_dates_and_pulls(self, client: Client, hub: Hub) -> None:
        owner = hub.repositories[-1].namespace
        row = (await client.json(f"/v2/namespaces/{owner}/repositories"))["results"][0]
        assert row["pull_count"] >= 0
        assert row["last_updated"] >= row["date_registered"] > "2013"
        assert await status_of(client, f"/v2/namespaces/{owner}/repositories/{row['name']}") == 200

    async def test_traffic_is_counted_by_endpoint_and_in_the_journal(self, client: Client) -> None:
        for endpoint in SEARCHES:
            await client.get(path(endpoint, 1), **VERSION)
        await client.get("/v2/namespaces/library/repositories")
        traffic = client.running.traffic
        assert [traffic[endpoint] for endpoint in (*SEARCHES, "namespace", "tags")] == [1, 1, 1, 1, 1, 0]
        assert client.running.journal.entries[0].path == path("search-v1", 1)
        assert client.running.journal.count == 5

    async def test_v2_search_orders_by_pulls_and_stars_both_ways(self, client: Client) -> None:
        for key in ("pull_count", "star_count"):
            rows = (await client.json(f"{EVERYTHING}&ordering=-{key}"))["results"]
            assert [row[key] for row in rows] == sorted((row[key] for row in rows), reverse=True)
            least = (await client.json(f"{EVERYTHING}&ordering={key}"))["results"]
            assert [row[key] for row in least] == sorted(row[key] for row in least)
            assert least[-1][key] <= rows[-1][key]

    @pytest.mark.parametrize(
        ("sort", "key"), [("pull_count", "raw_pull_count"), ("updated_at", "updated_at")]
    )
    async def test_v4_search_sorts_both_ways(self, client: Client, sort: str, key: str) -> None:
        for order in ("asc", "desc"):
            rows = (await client.json(f"/api/search/v4?query=&size=100&sort={sort}&order={order}"))["results"]
            values = [row[key] for row in rows]
            assert values == sorted(values, reverse=order == "desc")

    @pytest.mark.parametrize(
        ("facet", "values"),
        [
            ("badges", "none official verified_publisher open_source"),
            ("type", "image plugin extension"),
            ("operating_systems", "linux windows"),
            ("categories", "api-management databases-and-storage languages-and-frameworks web-servers"),
        ],
    )
    async def test_rows_without_a_facet_fall_in_no_bucket(
        self, client: Client, facet: str, values: str
    ) -> None:
        totals = [
            (await client.json(f"/api/search/v4?query=&{facet}={value}"))["total"] for value in values.split()
        ]
        assert 0 < sum(totals) < 700

    async def test_facets_narrow_each_other_and_v3_knows_them_too(self, client: Client) -> None:
        one = await client.json("/api/search/v4?query=&size=100&architectures=arm64")
        both = await client.json("/api/search/v4?query=&size=100&architectures=arm64&badges=official")
        assert 0 < both["total"] < one["total"] < 700
        assert all("arm64" in {each["name"] for each in row["architectures"]} for row in one["results"])
        third = await client.json("/api/search/v3/catalog/search?query=&architectures=arm64", **VERSION)
        assert third["total"] == one["total"]


class TestMatchingPrefixes:
    @pytest.fixture
    def options(self) -> Options:
        return Options(search=SearchOptions(matching=Matching.PREFIX))

    async def test_a_query_begins_the_name_as_search_shows_it(self, client: Client, hub: Hub) -> None:
        names = {each.search_name for each in hub.repositories}
        for prefix in ("ma", "ngin", next(name for name in sorted(names) if "/" in name)[:-1]):
            found = await names_on(client, f"/v2/search/repositories/?query={prefix}&page_size=100")
            assert set(found) == {name for name in names if name.startswith(prefix)}


class TestMatchingWords:
    @pytest.fixture
    def options(self) -> Options:
        return Options(search=SearchOptions(matching=Matching.EXACT))

    async def test_a_query_is_a_whole_word(self, client: Client) -> None:
        assert await names_on(client, "/v2/search/repositories/?query=ngin") == []
        assert "nginx" in await names_on(client, "/v2/search/repositories/?query=nginx")


class TestClamp:
    @pytest.fixture
    def options(self) -> Options:
        return Options(search=SearchOptions(most_rows=50))

    @pytest.mark.parametrize("endpoint", SEARCHES)
    async def test_no_page_has_more_rows_than_the_clamp(self, client: Client, endpoint: str) -> None:
        assert len((await client.json(path(endpoint, 1), **VERSION))["results"]) == 50

    async def test_pages_are_counted_in_rows_that_are_served(self, client: Client) -> None:
        seen = [name for page in range(1, 15) for name in await names_on(client, f"{EVERYTHING}&page={page}")]
        assert len(set(seen)) == 700
        assert await status_of(client, f"{EVERYTHING}&page=15") == 404


class TestSaturatedCounts:
    @pytest.fixture
    def options(self) -> Options:
        return Options(search=SearchOptions(saturates_at=500))

    async def test_v2_v3_and_v4_stop_counting_and_v1_does_not(self, client: Client) -> None:
        counts = [await client.json(path(endpoint, 1), **VERSION) for endpoint in SEARCHES]
        told = [each.get("count") or each.get("total") or each["num_results"] for each in counts]
        assert told == [700, 500, 500, 500]
        assert len(await names_on(client, f"{EVERYTHING}&page=7")) == 100


class TestStraightListings:
    @pytest.fixture
    def options(self) -> Options:
        return Options(search=SearchOptions(is_inverted=False))

    async def test_an_ordering_ascends_unless_it_begins_with_a_minus(self, client: Client) -> None:
        url = "/v2/namespaces/library/repositories?page_size=100&ordering="
        pulls = [row["pull_count"] for row in (await client.json(f"{url}pull_count"))["results"]]
        assert pulls == sorted(pulls)
        pulls = [row["pull_count"] for row in (await client.json(f"{url}-pull_count"))["results"]]
        assert pulls == sorted(pulls, reverse=True)


class TestWindows:
    """A window of 200 for everybody, and of 300 for accounts, whose tokens are good for ten minutes."""

    @pytest.fixture
    def options(self) -> Options:
        return Options(windows=Windows(anonymous=everywhere(200), account=everywhere(300)))

    async def token(self, client: Client, secret: str) -> tuple[int, Any]:
        url = f"{client.running.site_url}/v2/auth/token"
        async with client.session.post(url, json={"identifier": "sample", "secret": secret}) as answer:
            return answer.status, await answer.json()

    async def bearer(self, client: Client) -> dict[str, str]:
        return {"Authorization": f"Bearer {(await self.token(client, 'sample'))[1]['access_token']}"}

    @pytest.mark.parametrize("endpoint", SEARCHES)
    async def test_an_offset_outside_is_refused_whatever_the_size_of_the_page(
        self, client: Client, endpoint: str
    ) -> None:
        for size, last_served in ((100, 2), (99, 3), (40, 5)):
            assert await status_of(client, path(endpoint, last_served, size), **VERSION) == 200
            status, _, body = await client.get(path(endpoint, last_served + 1, size), **VERSION)
            assert (status, json.loads(body)) == (403, {"message": OFFSET, "errinfo": {}})

    async def test_an_account_sees_further(self, client: Client) -> None:
        headers = await self.bearer(client)
        assert await status_of(client, f"{EVERYTHING}&page=3", **headers) == 200
        status, _, body = await client.get(f"{EVERYTHING}&page=4", **headers)
        assert (status, json.loads(body)["message"]) == (403, "pagination offset too large")

    async def test_an_expired_token_is_401_and_a_new_one_is_good(
        self, client: Client, clock: FakeClock
    ) -> None:
        headers = await self.bearer(client)
        clock.now += 600
        assert await status_of(client, EVERYTHING, **headers) == 401
        assert await status_of(client, EVERYTHING, Authorization="Bearer nonsense") == 401
        assert await status_of(client, f"{EVERYTHING}&page=3", **await self.bearer(client)) == 200

    async def test_a_wrong_secret_gets_no_token_and_neither_does_nonsense(self, client: Client) -> None:
        assert (await self.token(client, "wrong"))[0] == 401
        for data in (b"", b"[]", b'{"identifier": "sample"}'):
            url = f"{client.running.site_url}/v2/auth/token"
            async with client.session.post(url, data=data) as answer:
                assert answer.status == 400
        assert client.running.traffic["account_token"] == 4


class TestOneWindow:
    @pytest.fixture
    def options(self) -> Options:
        changes: tuple[tuple[int, dict[str, int]], ...] = ((3, {"namespace": 10}), (5, {}))
        return Options(windows=Windows(anonymous={"search-v2": 100}, changes=changes))

    async def test_windows_are_of_their_endpoints_and_change_in_the_middle_of_a_run(
        self, client: Client
    ) -> None:
        statuses = [
            await status_of(client, f"{EVERYTHING}&page=2"),
            await status_of(client, path("search-v1", 3)),
        ]
        statuses += [await status_of(client, f"{EVERYTHING}&page=2")]
        statuses += [await status_of(client, "/v2/namespaces/library/repositories?page=2")]
        statuses += [await status_of(client, "/v2/namespaces/library/repositories?page=2")]
        assert statuses == [403, 200, 200, 403, 200]


class TestPoison:
    @pytest.fixture
    def options(self) -> Options:
        return Options(flaws=Flaws(poisoned_names=frozenset({"library/nginx"})))

    @pytest.mark.parametrize("endpoint", SEARCHES)
    async def test_every_page_with_the_document_is_a_500_and_no_other(
        self, client: Client, endpoint: str
    ) -> None:
        status, _, body = await client.get(path(endpoint, 1), **VERSION)
        answer = json.loads(body)
        assert (status, answer["fields"]["query"]) == (500, "*")
        assert "unexpected number of rate plans" in answer["text"]
        assert await status_of(client, path(endpoint, 1, size=1), **VERSION) == 500
        assert await status_of(client, path(endpoint, 3, size=1), **VERSION) == 200
        assert await status_of(client, path(endpoint, 2), **VERSION) == 200

    async def test_its_namespace_is_listed(self, client: Client) -> None:
        assert await status_of(client, "/v2/namespaces/library/repositories?page_size=100") == 200


class TestListedPoison:
    @pytest.fixture
    def options(self) -> Options:
        return Options(flaws=Flaws(poisoned=1.0, is_poison_listed=True))

    async def test_a_share_may_be_poisoned_for_listings_too(self, client: Client) -> None:
        assert await status_of(client, "/v2/namespaces/library/repositories") == 500
        assert await status_of(client, EVERYTHING) == 500


class TestGaps:
    @pytest.fixture
    def options(self) -> Options:
        return Options(flaws=Flaws(hidden_owners=1.0))

    async def test_owners_that_no_search_shows_are_listed(self, client: Client, hub: Hub) -> None:
        assert (await client.json("/v2/search/repositories/?query=nginx"))["count"] == 0
        answer = await client.json("/v2/namespaces/library/repositories?page_size=100")
        assert {row["name"] for row in answer["results"]} == set(drawn(hub, "library"))


class TestFlawedPages:
    @pytest.fixture
    def options(self) -> Options:
        return Options(flaws=Flaws(repeated=0.1, shuffled=0.1))

    @pytest.mark.parametrize("endpoint", ["search-v2", "search-v4"])
    async def test_all_pages_hold_as_many_rows_as_claimed_but_not_every_repository(
        self, client: Client, endpoint: str
    ) -> None:
        pages = [(await client.json(path(endpoint, page)))["results"] for page in range(1, 8)]
        names = [row.get("repo_name") or row["name"] for page in pages for row in page]
        assert len(names) == 700
        assert 500 < len(set(names)) < 690


def during(trouble: Trouble, *endpoints: str, **more: Any) -> Options:
    """The trouble at the second and third request."""
    happening = Happening(trouble, range(2, 4), frozenset(endpoints), **more)
    return Options(happenings=(happening,))


class TestSoftBlock:
    @pytest.fixture
    def options(self) -> Options:
        return during(Trouble.SOFT_BLOCK)

    async def test_searches_are_empty_and_live_repositories_missing_for_a_time(self, client: Client) -> None:
        url = "/v2/search/repositories/?query=nginx"
        assert "nginx" in await names_on(client, url)
        assert await client.json(url) == {"count": 0, "next": "", "previous": "", "results": []}
        assert await status_of(client, "/v2/namespaces/library/repositories/nginx") == 404
        assert "nginx" in await names_on(client, url)


class TestChallenge:
    @pytest.fixture
    def options(self) -> Options:
        return during(Trouble.CHALLENGE, "search-v2")

    async def test_a_page_for_browsers_is_answered_at_one_endpoint(self, client: Client) -> None:
        assert await status_of(client, EVERYTHING) == 200
        status, headers, body = await client.get(EVERYTHING)
        assert (status, headers["content-type"]) == (403, "text/html; charset=utf-8")
        assert b"<title>Just a moment...</title>" in body
        assert await status_of(client, path("search-v4", 1)) == 200
        assert await status_of(client, EVERYTHING) == 200


@pytest.mark.parametrize(
    ("trouble", "status", "text"),
    [
        (Trouble.ABUSE, 429, "Too Many Requests (HAP429)"),
        (Trouble.FORBIDDEN, 403, '"forbidden"'),
        (Trouble.OUTAGE, 503, "Service Unavailable"),
        (Trouble.RETIRED, 410, '{"message": "this API was retired", "errinfo": {}}'),
        (Trouble.SCOLDING, 200, '{"detail": "something went wrong"}'),
    ],
)
class TestOtherTroubles:
    @pytest.fixture
    def options(self, trouble: Trouble) -> Options:
        return during(trouble)

    async def test_they_come_and_go(self, client: Client, trouble: Trouble, status: int, text: str) -> None:
        answers = [await client.get(EVERYTHING) for _ in range(4)]
        assert [each[0] for each in answers] == [200, status, status, 200], trouble
        assert answers[1][2].decode() == text
        assert "retry-after" not in answers[1][1]


class TestDrift:
    @pytest.fixture
    def options(self) -> Options:
        return during(Trouble.DRIFT, renamed={"results": "items", "repo_name": "name"})

    async def test_keys_have_other_names_for_a_time(self, client: Client) -> None:
        before, drifted = await client.json(EVERYTHING), await client.json(EVERYTHING)
        assert set(drifted) == {"count", "next", "previous", "items"}
        assert [row["name"] for row in drifted["items"]] == [row["repo_name"] for row in before["results"]]


class TestTarpit:
    @pytest.fixture
    def options(self) -> Options:
        return during(Trouble.TARPIT)

    async def test_no_answer_comes_and_others_are_served_meanwhile(self, client: Client) -> None:
        assert await status_of(client, EVERYTHING) == 200
        stuck = [asyncio.create_task(client.get(EVERYTHING)) for _ in range(2)]
        while client.running.journal.count < 3:
            await asyncio.wait(stuck, timeout=0.001)
        assert await status_of(client, EVERYTHING) == 200
        assert not any(task.done() for task in stuck)
        for task in stuck:
            task.cancel()


@pytest.mark.parametrize("form", RetryForm)
class TestLimit:
    """Two requests in any minute."""

    @pytest.fixture
    def options(self, form: RetryForm) -> Options:
        return Options(site_limit=2, retry_form=form)

    async def test_a_429_says_when_to_come_back_in_every_form(
        self, client: Client, clock: FakeClock, form: RetryForm
    ) -> None:
        await client.json(EVERYTHING)
        clock.now += 30
        await client.json(EVERYTHING)
        status, headers, _ = await client.get(EVERYTHING)
        told = {
            key: headers[key]
            for key in ("retry-after", "x-retry-after", "x-ratelimit-reset")
            if key in headers
        }
        reset = {"x-ratelimit-reset": "1700000060"}
        date = told.get("retry-after", "")
        expected = {
            RetryForm.SECONDS: {"retry-after": "30", **reset},
            RetryForm.DATE: {"retry-after": date, **reset},
            RetryForm.UNIX: {"retry-after": "1700000060", **reset},
            RetryForm.OLD: {"x-retry-after": "1700000060", **reset},
            RetryForm.RESET: reset,
            RetryForm.NOTHING: {},
            RetryForm.NONSENSE: {"retry-after": "nan", **reset},
            RetryForm.PAST: {"retry-after": "-1", **reset},
        }
        assert (status, told) == (429, expected[form])
        if form is RetryForm.DATE:
            assert parsedate_to_datetime(date).timestamp() == 1_700_000_060
        assert client.running.traffic["throttled"] == 1
        assert client.running.journal.most_within(60) == 3

    async def test_requests_count_for_a_minute_each(
        self, client: Client, clock: FakeClock, form: RetryForm
    ) -> None:
        statuses = []
        for pause_s in (0, 30, 29, 1, 0, 30):
            clock.now += pause_s
            statuses.append(await status_of(client, EVERYTHING))
        assert statuses == [200, 200, 429, 200, 429, 200], form


def test_options_are_values() -> None:
    """They compare and copy, so that a test changes one thing."""
    assert replace(Options(), site_limit=60_000) == Options()
    assert Options() == Options()

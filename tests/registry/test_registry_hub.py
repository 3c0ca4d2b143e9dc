"""The tag listings of a hub's site: whatever order it has, the newest tags are among what is read."""

from __future__ import annotations

import json
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import pytest
from aiohttp import web

from registry.errors import Reason, RegistryError
from registry.hub import HubTags, TagRow
from registry.transport.http import Transport
from tests.registry.conftest import Responder, Server, answer

PATH = "/v2/namespaces/library/repositories/debian/tags"


@pytest.fixture
def hub(server: Server, transport: Transport) -> HubTags:
    return HubTags(transport, server.url + "/")


def tag(number: int) -> dict[str, object]:
    """The tag of day ``number``."""
    return {
        "name": f"t{number:03}",
        "last_updated": f"2020-{1 + number // 28:02}-{1 + number % 28:02}T00:00:00Z",
    }


def listing(rising: Sequence[object], *, falls_by: str | None) -> Responder:
    """A site that lists these rows, which rise, 100 a page; ``falls_by`` is the order that turns them."""

    async def respond(request: web.BaseRequest) -> web.StreamResponse:
        query = parse_qs(urlsplit(request.raw_path).query)
        rows = list(rising)[::-1] if query["ordering"] == [falls_by] else list(rising)
        page = int(query["page"][0])
        shown = rows[100 * (page - 1) : 100 * page]
        if not shown:
            return web.json_response({"detail": "not found"}, status=404)
        following = "http://10.0.0.1/internal" if 100 * page < len(rows) else None
        return web.json_response({"count": len(rows), "next": following, "results": shown})

    return respond


@pytest.mark.parametrize("falls_by", ["last_updated", "-last_updated", None])
@pytest.mark.parametrize("count", [1, 99, 100, 150])
async def test_the_newest_are_found_whichever_order_falls(
    server: Server, hub: HubTags, falls_by: str | None, count: int
) -> None:
    """The dates tell, not the name of the order; where none falls, all is read."""
    server.on(f"GET {PATH}", listing([tag(number) for number in range(250)], falls_by=falls_by))
    rows = await hub.newest("library/debian", count)
    newest = {f"t{number:03}" for number in range(250 - count, 250)}
    assert newest <= {row.name for row in rows}


async def test_no_more_is_read_of_a_falling_order_than_is_wanted(server: Server, hub: HubTags) -> None:
    """Images have 100,000 tags; ``latest`` may be pinned on top of every order, and is no evidence of one."""
    rows = [
        *(tag(number) for number in range(250)),
        {"name": "latest", "last_updated": "2001-01-01T00:00:00Z"},
    ]
    server.on(f"GET {PATH}", listing(rows, falls_by="last_updated"))
    await hub.newest("library/debian", 10)
    assert server.targets() == [f"{PATH}?page=1&page_size=100&ordering=last_updated"]


async def test_a_short_list_is_read_once_in_any_order(server: Server, hub: HubTags) -> None:
    """It is whole; who asks sorts it."""
    rows = [tag(2), tag(1), {"name": "x", "last_updated": None}, {"name": 5}, {"name": "y"}]
    server.on(f"GET {PATH}", listing(rows, falls_by=None))
    assert await hub.newest("library/debian", 10) == [
        TagRow("t002", "2020-01-03T00:00:00Z"),
        TagRow("t001", "2020-01-02T00:00:00Z"),
        TagRow("x", None),
        TagRow("y", None),
    ]
    assert len(server.seen) == 1


async def test_dates_that_fall_do_so_as_points_in_time(server: Server, hub: HubTags) -> None:
    """As texts these would not: so the order is not taken for another, and all read."""
    dates = ["2021-01-01T00:00:00.5Z", "2021-01-01T00:00:00Z", "2021-01-01T01:59:00+02:00"]
    rows = [{"name": f"a{place}", "last_updated": date} for place, date in enumerate(dates)]
    rows += [{"name": f"b{number}", "last_updated": "2020-01-01T00:00:00Z"} for number in range(200)]
    server.on(f"GET {PATH}", listing(rows[::-1], falls_by="last_updated"))
    assert [row.name for row in await hub.newest("library/debian", 3)][:3] == ["a0", "a1", "a2"]
    assert len(server.seen) == 1


async def test_one_date_for_all_tells_no_order(server: Server, hub: HubTags) -> None:
    """Then everything is read."""
    same = [{"name": str(number), "last_updated": "2020-01-01T00:00:00Z"} for number in range(201)]
    server.on(f"GET {PATH}", listing(same, falls_by=None))
    assert len(await hub.newest("library/debian", 1)) == 201


@pytest.mark.parametrize(
    ("responder", "reason"),
    [
        (answer(404, '{"message":"object not found"}'), Reason.REPO_MISSING),
        (answer(403, "no"), Reason.DENIED),
        (answer(200, "<html>"), Reason.UNEXPECTED_ANSWER),
        (answer(200, "[]"), Reason.UNEXPECTED_ANSWER),
        (answer(200, '{"results":null,"next":null}'), Reason.UNEXPECTED_ANSWER),
        (answer(200, '{"results":[5],"next":null}'), Reason.UNEXPECTED_ANSWER),
        (answer(200, '{"results":[]}'), Reason.UNEXPECTED_ANSWER),
        (answer(200, '{"results":[],"next":"x"}'), Reason.UNEXPECTED_ANSWER),
    ],
)
async def test_a_site_that_does_not_list_them_has_a_reason(
    server: Server, hub: HubTags, responder: Responder, reason: Reason
) -> None:
    server.on(f"GET {PATH}", responder)
    with pytest.raises(RegistryError) as caught:
        await hub.newest("library/debian", 5)
    assert caught.value.reason is reason


async def test_a_list_that_ends_between_two_pages_has_ended(server: Server, hub: HubTags) -> None:
    """Tags are removed while it is read: the next page is past the end."""
    first = json.dumps({"results": [tag(number) for number in range(100)], "next": "x"})
    server.on(f"GET {PATH}", answer(200, first), answer(404, "{}"))
    assert len(await hub.newest("library/debian", 200)) == 100


async def test_hostile_names_do_not_climb_on_the_site(server: Server, hub: HubTags) -> None:
    path = "/v2/namespaces/%2E%2E/repositories/a%3Fb/tags"
    server.on(f"GET {path}", answer(200, '{"results":[],"next":null}'))
    assert await hub.newest("../a?b", 1) == []
    assert server.targets()[0].startswith(path)


def test_a_site_needs_the_address_of_a_server(transport: Transport) -> None:
    with pytest.raises(ValueError, match="address of a server"):
        HubTags(transport, "hub")

"""From a tag rule to the images of a repository, by the registry or by the site of its hub."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web

from corpus.catalog import read_catalog
from corpus.layout import Layout
from downloader import listing
from registry.hub import HubTags
from tests.downloader.runs import Bench, InstantClock, crawl, fetched, images, opened, select, settings_of
from tests.downloader.servers import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    FakeRegistry,
    Responder,
    describe,
    index_manifest,
    refuse,
)


def dated(fake: FakeRegistry, **dates: str | None) -> None:
    """Hold ``a/b`` with these tags, each an image that was built at its date."""
    fake.tags["a/b"] = list(dates)
    for tag, date in dates.items():
        config = json.dumps({"created": date, "tag": tag}).encode()
        fake.push(
            f"a/b@{tag}", tag.encode(), config=describe(config, "application/vnd.oci.image.config.v1+json")
        )
        fake.blobs |= {d["digest"]: config for d in [describe(config, "")]}


def tags_of(data: Path) -> set[str]:
    return {name.partition(":")[2] for name in images(data)}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("all", {"1.0", "1.1", "2.0", "edge"}),
        (r"1\..", {"1.0", "1.1"}),
        ("edge|2.*", {"2.0", "edge"}),
        ("nothing.*", set()),
        ("edge, 1.0", {"1.0", "edge"}),
        ("newest:9", {"1.0", "1.1", "2.0", "edge"}),
        ("newest:2", {"2.0", "edge"}),
        ("newest:1", {"edge"}),
    ],
)
async def test_a_rule_chooses_the_images(
    fake: FakeRegistry, data: Path, rule: str, expected: set[str]
) -> None:
    """An expression that nothing matches chooses nothing, and no ``latest`` in its place."""
    dated(
        fake,
        **{
            "1.0": "2020-01-01T00:00:00Z",
            "2.0": "2022-01-01T00:00:00+01:00",
            "1.1": None,
            "edge": "2022-01-01T00:00:00Z",
        },
    )
    found = await fetched(fake.url, data, "a/b", tags=rule)
    assert found == {f"a/b:{tag}": "done" for tag in expected}


async def test_what_was_fetched_to_know_the_date_is_not_fetched_again(fake: FakeRegistry, data: Path) -> None:
    """Nor by a later run that takes another tag; nothing but manifests and configurations was fetched."""
    dated(fake, old="2020-01-01T00:00:00Z", new="2021-01-01T00:00:00Z")
    await fetched(fake.url, data, "a/b", tags="newest:1")
    assert tags_of(data) == {"new"}
    assert select(data, "select count(*) from manifests") == [(2,)]
    assert select(data, "select role, count(*) from blobs group by role order by role") == [
        ("config", 2),
        ("layer", 1),
        ("manifest", 2),
    ]
    await fetched(fake.url, data, tags="old")
    assert max(count for what, count in fake.counts().items() if what.startswith("GET")) == 1


async def test_dates_are_those_of_the_platform_that_is_wanted(fake: FakeRegistry, data: Path) -> None:
    """An index is as new as what is chosen from it; one that offers nothing has no date."""
    dated(fake, a="2020-01-01T00:00:00Z", b="2021-01-01T00:00:00Z", c="2022-01-01T00:00:00Z")
    bodies = {tag: fake.manifests[f"a/b@{tag}"][1] for tag in "abc"}
    one = index_manifest(
        describe(bodies["a"], MANIFEST_TYPE, "linux/amd64"),
        describe(bodies["c"], MANIFEST_TYPE, "linux/arm64"),
    )
    other = index_manifest(describe(bodies["c"], MANIFEST_TYPE, "linux/s390x"))
    fake.push_raw("a/b@one", one, INDEX_TYPE)
    fake.push_raw("a/b@other", other, INDEX_TYPE)
    fake.tags["a/b"] = ["one", "other", "b"]
    await fetched(fake.url, data, "a/b", tags="newest:1")
    assert tags_of(data) == {"b"}


async def test_many_tags_are_dated_in_parts(
    fake: FakeRegistry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that a killed run has not asked for nothing."""
    monkeypatch.setattr(listing, "_DATED_TAGS", 3)
    dated(fake, **{f"t{number}": f"20{10 + number}-01-01T00:00:00Z" for number in range(10)})
    await fetched(fake.url, data, "a/b", tags="newest:4")
    assert tags_of(data) == {"t6", "t7", "t8", "t9"}


@pytest.mark.parametrize(
    ("trouble", "expected"),
    [(refuse(404), {"new"}), (refuse(403, "DENIED"), {"new"}), (refuse(500), set())],
)
async def test_a_tag_without_a_manifest_has_no_date_but_one_that_may_come_back_leaves_all_to_the_next_run(
    fake: FakeRegistry, data: Path, trouble: Responder, expected: set[str]
) -> None:
    """Else the newest would be chosen without the newest."""
    dated(fake, old="2020-01-01T00:00:00Z", new="2021-01-01T00:00:00Z", sad="2022-01-01T00:00:00Z")
    for method in ("HEAD", "GET"):
        fake.script(f"{method} /v2/a/b/manifests/sad", *[trouble] * 12)
    await fetched(fake.url, data, "a/b", tags="newest:1")
    assert tags_of(data) == expected
    assert select(data, "select count(*) from manifests") == [(2,)]
    if not expected:
        fake.script("HEAD /v2/a/b/manifests/sad")
        fake.script("GET /v2/a/b/manifests/sad")
        await fetched(fake.url, data, tags="newest:1")
        assert tags_of(data) == {"sad"}


@pytest.mark.parametrize("rule", ["all", "newest:1", "1.*"])
async def test_a_repository_whose_tags_are_not_listed_is_asked_for_latest_which_tells_why(
    fake: FakeRegistry, data: Path, rule: str
) -> None:
    """It is not there, or it has none that can be pulled."""
    fake.tags["a/odd"] = ["a/b", "", 5]
    found = await fetched(fake.url, data, "a/gone", "a/odd", tags=rule)
    assert found == {"a/gone:latest": "no_tag", "a/odd:latest": "no_tag"}


async def failures(data: Path) -> list[tuple[str, str, int, int, str]]:
    """Of tag listings: unit, reason, count, how many are tried again, and an example."""
    async with read_catalog(Layout(data)) as catalog:
        return [
            (group.unit, group.reason, group.count, group.retried, group.example)
            for group in await catalog.failures.groups()
            if group.unit == "tag listing"
        ]


async def test_tags_that_cannot_be_listed_are_counted_among_the_failures_until_they_can(
    fake: FakeRegistry, data: Path
) -> None:
    """By reason, with an example; the next run asks again, and so the repository is in no other table."""
    for name in ("a/b", "a/c", "a/d"):
        fake.push(f"{name}@edge", b"layer")
        fake.tags[name] = ["edge"]
    for name in ("a/b", "a/c"):
        fake.script(f"GET /v2/{name}/tags/list", always=refuse(500))
    assert await fetched(fake.url, data, "a/b", "a/c", "a/d", tags="all") == {"a/d:edge": "done"}
    assert await failures(data) == [("tag listing", "server_error", 2, 2, "sample/a/b")]
    fake.script("GET /v2/a/b/tags/list")
    fake.script("GET /v2/a/c/tags/list", always=refuse(429, "TOOMANYREQUESTS"))
    await fetched(fake.url, data, tags="all")
    assert await failures(data) == [("tag listing", "abuse_limit", 1, 1, "sample/a/c")]
    await fetched(fake.url, data, tags="edge")
    assert await failures(data) == []
    assert set(images(data).values()) == {"done"}


async def test_tags_that_are_refused_for_good_are_counted_too(fake: FakeRegistry, data: Path) -> None:
    """What ``latest`` gives in their place is not all that was asked for."""
    fake.push("a/b@latest", b"layer")
    fake.script("GET /v2/a/b/tags/list", always=refuse(403, "DENIED"))
    assert await fetched(fake.url, data, "a/b", "a/gone", tags="all") == {
        "a/b:latest": "done",
        "a/gone:latest": "no_tag",
    }
    assert await failures(data) == [
        ("tag listing", "denied", 1, 0, "sample/a/b"),
        ("tag listing", "repo_missing", 1, 0, "sample/a/gone"),
    ]


@asynccontextmanager
async def hub_of(fake: FakeRegistry, data: Path, site: dict[str, str] | int) -> AsyncIterator[Bench]:
    """The registry as that of a hub, whose site lists ``a/b`` with these dates, or answers with a status."""

    async def handle(_request: web.BaseRequest) -> web.StreamResponse:
        if isinstance(site, int):
            return web.Response(status=site)
        rows = [{"name": tag, "last_updated": date} for tag, date in site.items()]
        return web.json_response({"count": len(rows), "next": None, "results": rows})

    runner = web.ServerRunner(web.Server(handle), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        async with opened(data, fake.url, InstantClock()) as bench:
            bench.client.hub = HubTags(bench.client._transport, url)
            await crawl(bench.catalog, ["a/b"])
            yield bench
    finally:
        await runner.cleanup()


async def test_the_site_of_a_hub_tells_the_dates_without_a_pull(fake: FakeRegistry, data: Path) -> None:
    """When a tag was pushed, not when its image was built."""
    dated(fake, built="2030-01-01T00:00:00Z", pushed="2001-01-01T00:00:00Z")
    site = {"built": "2020-01-01T00:00:00Z", "pushed": "2021-01-01T00:00:00Z", "a/b": "2022-01-01T00:00:00Z"}
    async with hub_of(fake, data, site) as bench:
        await bench.engine(settings_of(tags="newest:1")).run()
    assert images(data) == {"a/b:pushed": "done"}
    assert fake.count("built") == fake.count("tags/list") == 0


@pytest.mark.parametrize(("status", "expected"), [(404, {"a/b:latest": "no_tag"}), (403, {}), (500, {})])
async def test_a_site_that_does_not_tell_leaves_the_repository_to_the_next_run_unless_it_is_gone(
    fake: FakeRegistry, data: Path, status: int, expected: dict[str, str]
) -> None:
    """Asking for each tag's configuration instead would cost a pull for each."""
    dated(fake, tag="2020-01-01T00:00:00Z")
    async with hub_of(fake, data, status) as bench:
        await bench.engine(settings_of(tags="newest:1")).run()
        assert await bench.has_work(tags="newest:1") is (expected == {})
    assert images(data) == expected


async def test_other_rules_ask_the_registry_also_of_a_hub(fake: FakeRegistry, data: Path) -> None:
    """Its list is whole, where a site shows strangers the first pages only."""
    dated(fake, tag="2020-01-01T00:00:00Z")
    async with hub_of(fake, data, 500) as bench:
        await bench.engine(settings_of(tags="all")).run()
    assert images(data) == {"a/b:tag": "done"}


async def test_a_list_of_tags_without_end_is_read_only_so_far(
    fake: FakeRegistry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hostile one has 8 MiB of tags on each of 10,000 pages; the failure says that there are more."""
    assert listing._MAX_TAGS == 1_000_000
    monkeypatch.setattr(listing, "_MAX_TAGS", 5)
    fake.push("a/b@latest", b"layer")

    async def page(fake: FakeRegistry, _request: web.BaseRequest, _data: bytes) -> web.Response:
        number = fake.count("tags/list")
        link = f'</v2/a/b/tags/list?last={number}>; rel="next"'
        return web.json_response({"tags": [f"{number}-1", f"{number}-2"]}, headers={"Link": link})

    fake.script("GET /v2/a/b/tags/list", always=page)
    assert await fetched(fake.url, data, "a/b", tags="all") == {"a/b:latest": "done"}
    assert fake.count("tags/list") == 3
    assert select(data, "select reason, is_temporary from tag_failures") == [("too_large", 0)]

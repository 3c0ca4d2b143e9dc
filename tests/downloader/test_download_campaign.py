"""Runs after runs: tags, limits, retries, faults; nothing is lost on the way, or done twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from corpus.records import RepositoryRecord
from downloader import blobs
from downloader.receive import receive_blob
from registry import originals
from registry.digests import Digest
from registry.errors import Reason
from registry.manifests import Manifest, parse_manifest
from tests.downloader.runs import (
    InstantClock,
    crawl,
    download,
    fetched,
    files,
    images,
    one_turn,
    opened,
    settings_of,
)
from tests.downloader.servers import (
    FakeRegistry,
    cut,
    refuse,
    whole,
)

BASE = b"base layer" * 100


async def test_all_tags_of_a_repository_become_images(fake: FakeRegistry, data: Path) -> None:
    """Once each, however often they are listed; what is no tag is left out."""
    for tag in ("1.0", "2.0"):
        fake.push(f"a/b@{tag}", tag.encode())
    fake.tags["a/b"] = ["1.0", "2.0", "1.0", None, 7, "", "../../etc", "sha256:abc", "\ud800", "x" * 129]
    assert await fetched(fake.url, data, "a/b", tags="all") == {"a/b:1.0": "done", "a/b:2.0": "done"}


async def test_a_tag_list_that_fails_for_good_or_is_empty_leads_to_latest(
    fake: FakeRegistry, data: Path
) -> None:
    """Asking for it tells why: deleted, or never pushed to."""
    fake.tags |= {"a/empty": [], "a/null": [None]}
    fake.script("HEAD /v2/a/gone/manifests/latest", always=refuse(404))
    fake.script("GET /v2/a/gone/manifests/latest", always=refuse(404, "NAME_UNKNOWN"))
    found = await fetched(fake.url, data, "a/empty", "a/null", "a/gone", tags="all")
    assert found == {
        "a/empty:latest": "no_tag",
        "a/null:latest": "no_tag",
        "a/gone:latest": "repo_missing",
    }


async def test_a_tag_list_that_fails_for_a_passing_reason_is_asked_for_by_the_next_run(
    fake: FakeRegistry, data: Path
) -> None:
    """A server error must not turn a repository with a hundred tags into one with ``latest``."""
    fake.push("a/b@1.0", BASE)
    fake.push("a/c@1.0", BASE)
    fake.tags |= {"a/b": ["1.0"], "a/c": ["1.0"]}
    fake.script("GET /v2/a/b/tags/list", *[refuse(503)] * 6)
    assert await fetched(fake.url, data, "a/b", "a/c", tags="all", parallel_images=1) == {"a/c:1.0": "done"}
    assert fake.count("GET /v2/a/b/tags/list") == 6
    async with opened(data, fake.url) as bench:
        assert await bench.has_work(tags="all")
    assert await fetched(fake.url, data, tags="all") == {"a/b:1.0": "done", "a/c:1.0": "done"}
    async with opened(data, fake.url) as bench:
        assert not await bench.has_work(tags="all")


async def test_all_tags_are_not_asked_of_names_nobody_can_pull_nor_where_one_was_named(
    fake: FakeRegistry, data: Path
) -> None:
    """The rule for tags is the same whether they are named or listed."""
    fake.push("a/b@12", BASE)
    records = [RepositoryRecord("a/b", reference="12"), RepositoryRecord("a/_.._")]
    await download(data, fake.url, records, tags="all")
    assert images(data) == {"a/b:12": "done", "a/_.._:latest": "invalid_name"}
    assert fake.count("tags/list") == 0


async def test_a_limit_takes_the_first_of_the_order_settled_or_not(fake: FakeRegistry, data: Path) -> None:
    """The most pulled come first; raising the limit adds, repeating it does nothing."""
    records = [RepositoryRecord(f"a/{number}", pull_count=number) for number in range(8)]
    for number in (1, 2, 4, 5, 7):
        fake.push(f"a/{number}@latest", str(number).encode())
    await download(data, fake.url, records, limit=3)
    found = images(data)
    assert {name: state for name, state in found.items() if state != "pending"} == {
        "a/7:latest": "done",
        "a/6:latest": "no_tag",
        "a/5:latest": "done",
    }
    asked = fake.count()
    async with opened(data, fake.url) as bench:
        assert not await bench.has_work(limit=3)
        await bench.engine(settings_of(limit=3)).run()
        assert fake.count() == asked
        assert await bench.has_work(limit=4)
        summary = await bench.engine(settings_of(limit=5)).run()
    assert (summary.done, summary.failed) == (1, {Reason.NO_TAG: 1})


async def test_a_reached_limit_does_not_hide_what_may_heal(fake: FakeRegistry, data: Path) -> None:
    """An image that failed for a passing reason is tried again, also when it filled the limit."""
    fake.push("a/b@latest", BASE)
    fake.script("HEAD /v2/a/b/manifests/latest", *[refuse(503)] * 6)
    assert await fetched(fake.url, data, "a/b", limit=1) == {"a/b:latest": "server_error"}
    async with opened(data, fake.url) as bench:
        assert await bench.has_work(limit=1)
    assert await fetched(fake.url, data, limit=1) == {"a/b:latest": "done"}


async def test_retrying_failures_asks_again_for_what_failed_for_good(fake: FakeRegistry, data: Path) -> None:
    """Only when it is wished: a missing tag may have been pushed, a damaged layer repaired."""
    fake.push("a/layer@latest", BASE)
    fake.script_blob(Digest.of(BASE), *[whole(body=b"damaged")] * 2, repository="a/layer")
    found = await fetched(fake.url, data, "a/layer", "a/tag")
    assert found == {"a/layer:latest": "size_mismatch", "a/tag:latest": "no_tag"}
    fake.push("a/tag@latest", b"new")
    async with opened(data, fake.url) as bench:
        assert not await bench.has_work()
        assert await bench.has_work(retry_failed=True)
    assert await fetched(fake.url, data) == found
    again = await fetched(fake.url, data, retry_failed=True)
    assert again == {"a/layer:latest": "done", "a/tag:latest": "done"}
    async with opened(data, fake.url) as bench:
        assert not await bench.has_work(retry_failed=True)


async def test_a_registry_that_dies_half_way_is_gone_on_with_when_it_is_back(
    fake: FakeRegistry, data: Path
) -> None:
    """Everything left fails for a passing reason after its tries; the next run completes it."""
    names = [f"a/{number}" for number in range(12)]
    for name in names:
        fake.push(f"{name}@latest", BASE, name.encode() * 1000)

    async def die(fake: FakeRegistry, _request: web.BaseRequest, _data: bytes) -> web.StreamResponse:
        fake.is_dead = True
        return web.Response(status=503)

    fake.script_blob(Digest.of(b"a/5" * 1000), die, repository="a/5")
    summary = await download(data, fake.url, names, parallel_images=2)
    assert summary.stopped is None
    assert summary.done >= 4
    assert set(summary.failed) <= {Reason.NETWORK, Reason.SERVER_ERROR}
    assert max(fake.counts().values()) <= 2 * 6  # aiohttp asks again by itself when a connection is lost
    fake.is_dead = False
    assert set((await fetched(fake.url, data)).values()) == {"done"}
    assert files(data / "partial") == {}


async def test_partial_files_outlive_a_run_that_failed_for_a_passing_reason(
    fake: FakeRegistry, data: Path
) -> None:
    """The next run resumes them; only a census without open ends is swept."""
    fake.push("a/b@latest", BASE)

    async def gasp(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        fake.is_dead = True
        return await whole(300)(fake, request, data)

    fake.script_blob(Digest.of(BASE), gasp)
    summary = await download(data, fake.url, ["a/b"])
    assert summary.retries.images == 1
    assert (data / "partial" / f"sha256-{Digest.of(BASE).encoded}").read_bytes() == BASE[:300]
    fake.is_dead = False
    (data / "partial" / "sha256-abandoned").write_bytes(b"x")
    assert await fetched(fake.url, data) == {"a/b:latest": "done"}
    assert fake.asked[-1].range == f"bytes=300-{len(BASE) - 1}"
    assert files(data / "partial") == {}


async def test_a_fault_of_this_program_costs_one_image_and_is_no_secret(
    fake: FakeRegistry, data: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It is recorded as such, logged with its traceback, and tried again by the next run."""
    for name in ("a/1", "a/bad", "a/2"):
        fake.push(f"{name}@latest", name.encode())

    def faulty(raw: bytes, content_type: str | None) -> Manifest:
        if Digest.of(b"a/bad").encode() in raw:
            raise RecursionError("deep")
        return parse_manifest(raw, content_type)

    with monkeypatch.context() as patched:
        patched.setattr(originals, "parse_manifest", faulty)
        found = await fetched(fake.url, data, "a/1", "a/bad", "a/2")
    assert found == {"a/1:latest": "done", "a/bad:latest": "internal", "a/2:latest": "done"}
    (record,) = [record for record in caplog.records if record.msg == "image_fault"]
    assert record.exc_info is not None
    assert isinstance(record.exc_info[1], RecursionError)
    async with opened(data, fake.url) as bench:
        assert await bench.has_work()
    assert set((await fetched(fake.url, data)).values()) == {"done"}


async def test_a_fault_in_one_blob_costs_the_images_that_list_it(
    fake: FakeRegistry, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fetches are shared, and so are their accidents; nothing hangs, and the next run heals."""
    for name in ("a/1", "a/2", "a/3"):
        fake.push(f"{name}@latest", b"own" if name == "a/3" else BASE)

    async def faulty(*arguments: object, **more: object) -> int:
        if arguments[3].digest == Digest.of(BASE):  # type: ignore[attr-defined]
            raise ValueError("odd")
        return await receive_blob(*arguments, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(blobs, "receive_blob", faulty)
        found = await fetched(fake.url, data, "a/1", "a/2", "a/3")
    assert found == {"a/1:latest": "internal", "a/2:latest": "internal", "a/3:latest": "done"}
    assert set((await fetched(fake.url, data)).values()) == {"done"}


async def test_a_checkpoint_records_what_is_finished_while_the_rest_goes_on(
    fake: FakeRegistry, data: Path, clock: InstantClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One image hangs; the other is in the catalog, and its flights are forgotten."""
    fake.push("a/1@latest", b"1")
    fake.push("a/2@latest", b"2")
    asked, may_go_on = asyncio.Event(), asyncio.Event()

    async def hang(fake: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        asked.set()
        await may_go_on.wait()
        return await whole()(fake, request, data)

    fake.script_blob(Digest.of(b"2"), hang, repository="a/2")
    async with opened(data, fake.url, clock) as bench:
        await crawl(bench.catalog, ["a/1", "a/2"])
        engine = bench.engine(settings_of())
        run = asyncio.create_task(engine.run())
        await asked.wait()
        recorded = asyncio.Event()
        record = bench.catalog.contents.record

        async def recording(*arguments: object) -> None:
            await record(*arguments)  # type: ignore[arg-type]
            recorded.set()

        monkeypatch.setattr(bench.catalog.contents, "record", recording)
        while engine.statistics().done == 0:
            await one_turn()
        clock.checkpoint_is_due.set()
        await recorded.wait()
        assert images(data) == {"a/1:latest": "done", "a/2:latest": "pending"}
        may_go_on.set()
        await run
    assert images(data) == {"a/1:latest": "done", "a/2:latest": "done"}


async def test_a_registry_that_is_down_stops_the_run(fake: FakeRegistry, data: Path) -> None:
    """Its images would only fail one after the other: they wait for the next run, and the reason is said."""
    names = [f"a/{number}" for number in range(20)]
    for name in names:
        fake.push(f"{name}@latest", BASE)
    fake.is_dead = True
    summary = await download(data, fake.url, names, failures_in_a_row=3, parallel_images=1)
    assert summary.stopped is not None
    assert summary.stopped.startswith("no answer for the last 3 images")
    assert (summary.done, summary.retries.images) == (0, 3)
    fake.is_dead = False
    assert (await download(data, fake.url, names)).done == len(names)


async def test_no_answer_to_any_image_is_not_a_finished_run(fake: FakeRegistry, data: Path) -> None:
    """However few they are."""
    fake.push("a/b@latest", BASE)
    fake.is_dead = True
    summary = await download(data, fake.url, ["a/b"])
    assert summary.stopped is not None
    assert summary.stopped.startswith("no answer for the last image (")


async def test_bytes_are_counted_as_they_come_and_only_once(fake: FakeRegistry, data: Path) -> None:
    """What an earlier run had brought already did not come over the network again."""
    fake.push("a/b@latest", BASE)
    half = len(BASE) // 2
    fake.script_blob(Digest.of(BASE), cut(half))
    summary = await download(data, fake.url, ["a/b"])
    manifest = len(fake.manifests["a/b@latest"][1])
    assert summary.bytes_fetched == manifest + len(b"{}") + len(BASE)

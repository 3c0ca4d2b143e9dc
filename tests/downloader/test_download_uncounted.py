"""A registry that counts no pulls is spared the HEAD, and originals stay originals."""

from __future__ import annotations

from pathlib import Path

from aiohttp import web

from registry.digests import Digest
from tests.downloader.runs import download, images, select
from tests.downloader.servers import MANIFEST_TYPE, FakeRegistry, Responder, image_manifest

NAMES = [f"a/{number}" for number in range(6)]


def converting(body: bytes, claimed: Digest) -> Responder:
    """Answer with ``body``, and a header that claims it to be ``claimed``."""

    async def respond(_: FakeRegistry, _request: web.BaseRequest, _data: bytes) -> web.StreamResponse:
        headers = {"Content-Type": MANIFEST_TYPE, "Docker-Content-Digest": claimed}
        return web.Response(body=body, headers=headers)

    return respond


async def test_after_one_answer_without_a_quota_a_manifest_is_one_request(
    fake: FakeRegistry, data: Path
) -> None:
    """The first HEAD says that pulls are not counted; from then on tags are asked for by GET alone."""
    fake.counts_pulls = False
    for name in NAMES:
        fake.push(f"{name}@latest", name.encode())
    summary = await download(data, fake.url, NAMES, parallel_images=1)
    assert summary.done == len(NAMES)
    assert fake.count("HEAD") == 1
    assert fake.count("/manifests/") == len(NAMES) + 1


async def test_where_pulls_are_counted_every_tag_is_asked_by_head_first(
    fake: FakeRegistry, data: Path
) -> None:
    """HEAD is free of the quota, and a manifest that is held already is not asked for again."""
    body = fake.push("a/0@latest", b"layer")
    for name in NAMES[1:]:
        fake.manifests[f"{name}@latest"] = fake.manifests["a/0@latest"]
        fake.manifests[f"{name}@{body}"] = fake.manifests["a/0@latest"]
    summary = await download(data, fake.url, NAMES, parallel_images=1)
    assert summary.done == len(NAMES)
    assert (fake.count("HEAD"), fake.count("GET /v2/a")) == (len(NAMES), 1 + 2)


async def test_a_manifest_converted_on_its_way_is_asked_for_by_its_digest(
    fake: FakeRegistry, data: Path
) -> None:
    """By tag comes something else than the header says: the original is fetched, and nothing else kept."""
    fake.counts_pulls = False
    for name in NAMES[:2]:
        original = fake.push(f"{name}@latest", b"layer of " + name.encode())
        other = image_manifest(b"converted")
        fake.script(f"GET /v2/{name}/manifests/latest", always=converting(other, original))
    summary = await download(data, fake.url, NAMES[:2], parallel_images=1)
    assert summary.done == 2
    digests = {row[0] for row in select(data, "select digest from manifests")}
    assert digests == {
        fake_digest for name, (_, raw) in fake.manifests.items() if (fake_digest := Digest.of(raw))
    }


async def test_a_header_that_is_plainly_wrong_does_no_harm(fake: FakeRegistry, data: Path) -> None:
    """Nobody holds what it names: the bytes are kept as they came, with what the header said."""
    fake.counts_pulls = False
    for name in NAMES[:2]:
        fake.push(f"{name}@latest", b"layer")
    wrong = Digest.of(b"something else")
    body = fake.manifests["a/1@latest"][1]
    fake.script("GET /v2/a/1/manifests/latest", always=converting(body, wrong))
    await download(data, fake.url, NAMES[:2], parallel_images=1)
    assert images(data) == {"a/0:latest": "done", "a/1:latest": "done"}
    held = select(data, f"select count(*) from manifests where digest = '{Digest.of(body)}'")  # noqa: S608
    assert held == [(1,)]

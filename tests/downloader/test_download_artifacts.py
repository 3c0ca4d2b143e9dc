"""What others say of an image: found however it is published, kept, and never taken for layers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from corpus.records import RepositoryRecord
from downloader import artifacts
from downloader.plan import referrers_tag
from registry.digests import Digest
from samplehub import Running
from tests.downloader.runs import download, fetched, files, opened, select
from tests.downloader.servers import (
    INDEX_TYPE,
    MANIFEST_TYPE,
    FakeRegistry,
    Responder,
    describe,
    image_manifest,
    index_manifest,
    refuse,
)

EMPTY = "application/vnd.oci.empty.v1+json"
NOTHING = b"{}"


def statement(content: bytes, subject: bytes | None = None, **more: Any) -> bytes:
    """The manifest of an artifact with one blob."""
    about = {} if subject is None else {"subject": describe(subject, MANIFEST_TYPE)}
    layers = [describe(content, "text/x-statement")]
    return image_manifest(
        config=describe(NOTHING, EMPTY), layers=layers, artifactType="text/x-kind", **about, **more
    )


def hold(fake: FakeRegistry, body: bytes, *blobs: bytes, reference: str | None = None) -> Digest:
    """Hold a manifest in ``a/b``, with blobs."""
    fake.blobs |= {Digest.of(data): data for data in (NOTHING, *blobs)}
    return fake.push_raw(f"a/b@{reference or Digest.of(body)}", body, MANIFEST_TYPE)


def lists(*bodies: bytes, link: str | None = None) -> Responder:
    """The interface of referrers, listing these."""

    async def respond(_registry: FakeRegistry, _request: web.BaseRequest, _data: bytes) -> web.Response:
        listed = [describe(body, MANIFEST_TYPE) for body in bodies]
        headers = {} if link is None else {"Link": f'<{link}>; rel="next"'}
        return web.json_response({"schemaVersion": 2, "manifests": listed}, headers=headers)

    return respond


def referrers(fake: FakeRegistry, subject: bytes, *responders: Responder) -> None:
    """Answer for the referrers of a manifest in ``a/b``."""
    fake.script(f"GET /v2/a/b/referrers/{Digest.of(subject)}", *responders)


def found(data: Path) -> list[tuple[str, str, str]]:
    """``(subject, artifact, found by)``."""
    return sorted(select(data, "select subject_digest, manifest_digest, found_by from referrers"))


def related(*rows: tuple[bytes, bytes, str]) -> list[tuple[str, str, str]]:
    return sorted((Digest.of(subject), Digest.of(artifact), by) for subject, artifact, by in rows)


@pytest.fixture
def image(fake: FakeRegistry) -> bytes:
    """The manifest of ``a/b:latest``; what is said of nothing else is an empty list."""
    fake.referrers = lists()
    fake.push("a/b@latest", b"layer")
    return image_manifest(b"layer")


async def test_nothing_is_asked_about_an_image_unless_it_is_wanted(
    fake: FakeRegistry, data: Path, image: bytes
) -> None:
    """It costs requests, and at Docker Hub pulls."""
    referrers(fake, image, lists(statement(b"sbom", image)))
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    assert fake.count("referrers") == fake.count(".sig") == 0
    assert found(data) == []


async def test_referrers_are_kept_with_their_blobs_and_with_how_they_were_found(
    fake: FakeRegistry, data: Path, image: bytes
) -> None:
    """From every page of the list; each manifest says itself what it is, and about what."""
    sbom, proof = statement(b"sbom", image), statement(b"proof", image)
    for body, blob in ((sbom, b"sbom"), (proof, b"proof")):
        hold(fake, body, blob)
    here = f"/v2/a/b/referrers/{Digest.of(image)}"
    referrers(fake, image, lists(sbom, link=f"{here}?c=2"), lists(proof))
    assert await fetched(fake.url, data, "a/b", referrers=True) == {"a/b:latest": "done"}
    assert found(data) == related((image, sbom, "referrers"), (image, proof, "referrers"))
    kept = files(data / "blobs" / "sha256")
    assert {Digest.of(each).encoded for each in (sbom, proof, b"sbom", b"proof")} <= set(kept)
    query = "select artifact_type, subject_digest from manifests where subject_digest is not null"
    assert select(data, query) == [("text/x-kind", Digest.of(image))] * 2
    assert select(data, "select platforms from images") == [("linux/amd64 +referrers",)]


async def test_blobs_of_artifacts_are_no_layers_to_analyze_unless_an_image_has_them_too(
    fake: FakeRegistry, data: Path, image: bytes
) -> None:
    """Neither in the image they are about nor in one that comes later."""
    body = statement(b"sbom", image, annotations={"n": "1"})
    hold(fake, body, b"sbom")
    referrers(fake, image, lists(body))
    await fetched(fake.url, data, "a/b", referrers=True)
    roles = "select role from blobs where digest = '{}'"
    assert select(data, roles.format(Digest.of(b"sbom"))) == [("artifact",)]
    assert select(data, roles.format(Digest.of(b"layer"))) == [("layer",)]
    assert await _layers_to_analyze(fake, data) == {Digest.of(b"layer")}
    assert select(data, "select manifest_digest from image_manifests") == [(Digest.of(image),)]
    fake.push("a/b@latest", b"sbom")
    await fetched(fake.url, data, referrers=True, platform="all")
    assert await _layers_to_analyze(fake, data) == {Digest.of(b"layer"), Digest.of(b"sbom")}


async def _layers_to_analyze(fake: FakeRegistry, data: Path) -> set[str]:
    async with opened(data, fake.url) as bench:
        tasks = await bench.catalog.profiles.pending_layers(after=None, limit=10)
        assert (await bench.catalog.census.count()).layers.pending == len(tasks)
        return {str(task.digest) for task in tasks}


async def test_without_an_interface_a_tag_lists_the_referrers(
    fake: FakeRegistry, data: Path, image: bytes
) -> None:
    """It is not asked again for what it does not have (distribution-spec, "Referrers Tag Schema")."""
    sbom = statement(b"sbom", image)
    hold(fake, sbom, b"sbom")
    tag = referrers_tag(Digest.of(image))
    fake.push_raw(f"a/b@{tag}", index_manifest(describe(sbom, MANIFEST_TYPE)), INDEX_TYPE)
    fake.referrers = refuse(404)
    assert await fetched(fake.url, data, "a/b", referrers=True) == {"a/b:latest": "done"}
    assert found(data) == related((image, sbom, tag))
    assert fake.count("/referrers/") == 1
    assert fake.count(f"GET /v2/a/b/manifests/{referrers_tag(Digest.of(sbom))}") == 0


@pytest.mark.parametrize("answer", [refuse(404, "NAME_UNKNOWN"), refuse(404), refuse(400), refuse(406)])
async def test_what_a_registry_answers_about_one_image_hides_nothing_said_of_another(
    fake: FakeRegistry, data: Path, image: bytes, answer: Responder
) -> None:
    """A proxy asks another registry for each repository, and any may fail for one of them."""
    sbom, other = statement(b"sbom", image), fake.push("a/a@latest", b"other")
    hold(fake, sbom, b"sbom")
    fake.script(f"GET /v2/a/a/referrers/{other}", answer)
    referrers(fake, image, lists(sbom))
    records = [RepositoryRecord("a/a", pull_count=9), RepositoryRecord("a/b", pull_count=1)]
    await download(data, fake.url, records, referrers=True, parallel_images=1)
    assert found(data) == related((image, sbom, "referrers"))


async def test_a_manifest_that_a_registry_does_not_find_hides_nothing_said_of_its_siblings(
    fake: FakeRegistry, data: Path
) -> None:
    """It answers 404 for an index that it knows by its tag alone, and lists what is about the image in it."""
    fake.referrers = lists()
    body = image_manifest(b"layer")
    hold(fake, body, b"layer")
    index = index_manifest(describe(body, MANIFEST_TYPE, "linux/amd64"))
    fake.push_raw("a/b@latest", index, INDEX_TYPE)
    sbom = statement(b"sbom", body)
    hold(fake, sbom, b"sbom")
    referrers(fake, index, refuse(404, "MANIFEST_UNKNOWN"))
    referrers(fake, body, lists(sbom))
    await fetched(fake.url, data, "a/b", referrers=True)
    assert found(data) == related((body, sbom, "referrers"))


async def test_signatures_of_cosign_are_found_by_their_tags(
    fake: FakeRegistry, data: Path, image: bytes
) -> None:
    """Two of three; the third costs a HEAD, and no GET, which would be a pull."""
    signature, sbom = statement(b"signature"), statement(b"sbom")
    tag = referrers_tag(Digest.of(image))
    hold(fake, signature, b"signature", reference=f"{tag}.sig")
    hold(fake, sbom, b"sbom", reference=f"{tag}.sbom")
    await fetched(fake.url, data, "a/b", referrers=True)
    assert found(data) == related((image, signature, f"{tag}.sig"), (image, sbom, f"{tag}.sbom"))
    assert fake.counts()[f"HEAD /v2/a/b/manifests/{tag}.att"] == 1
    assert fake.count(f"GET /v2/a/b/manifests/{tag}.att") == 0


async def test_statements_of_buildkit_are_taken_from_the_index_that_lists_them(
    fake: FakeRegistry, data: Path
) -> None:
    """Those about the platform that was chosen; none of them is an image."""
    fake.referrers = lists()
    amd64, arm64 = image_manifest(b"amd64"), image_manifest(b"arm64")
    about = {amd64: statement(b"of amd64"), arm64: statement(b"of arm64")}
    children = []
    for body, layer in ((amd64, b"amd64"), (arm64, b"arm64")):
        hold(fake, body, layer)
        hold(fake, about[body], b"of " + layer)
        children.append(describe(body, MANIFEST_TYPE, f"linux/{layer.decode()}"))
        notes = {"vnd.docker.reference.digest": Digest.of(body)}
        children.append(describe(about[body], MANIFEST_TYPE, "unknown/unknown", annotations=notes))
    fake.push_raw("a/b@latest", index_manifest(*children), INDEX_TYPE)
    await fetched(fake.url, data, "a/b", referrers=True)
    assert found(data) == related((amd64, about[amd64], "index"))
    assert select(data, "select manifest_digest from image_manifests") == [(Digest.of(amd64),)]
    await fetched(fake.url, data, referrers=True, platform="all")
    assert found(data) == related((amd64, about[amd64], "index"), (arm64, about[arm64], "index"))


async def test_the_statements_of_the_sample_hub_are_found(running: Running, data: Path) -> None:
    """One for each of its two platforms."""
    await fetched(running.registry_url, data, "library/busybox", referrers=True, platform="all")
    assert select(data, "select count(distinct subject_digest), count(*), found_by from referrers") == [
        (2, 2, "index")
    ]
    query = (
        "select count(*) from image_manifests where manifest_digest in (select subject_digest from referrers)"
    )
    assert select(data, query) == select(data, "select count(*) from image_manifests") == [(2,)]


async def test_what_is_said_of_a_statement_is_found_too_and_circles_end(
    fake: FakeRegistry, data: Path, image: bytes
) -> None:
    """A signature of an SBOM; the image itself as what is said of the signature; and itself again."""
    sbom = statement(b"sbom", image)
    signature = statement(b"signature", sbom)
    hold(fake, sbom, b"sbom")
    hold(fake, signature, b"signature")
    referrers(fake, image, lists(sbom, sbom))
    referrers(fake, sbom, lists(signature))
    referrers(fake, signature, lists(image, signature, sbom))
    assert await fetched(fake.url, data, "a/b", referrers=True) == {"a/b:latest": "done"}
    assert found(data) == related(
        (image, sbom, "referrers"),
        (sbom, signature, "referrers"),
        (signature, image, "referrers"),
        (signature, signature, "referrers"),
        (signature, sbom, "referrers"),
    )
    assert max(count for what, count in fake.counts().items() if what.startswith("GET")) == 1
    assert fake.count("/referrers/") == 3


async def test_an_artifact_may_be_an_index(fake: FakeRegistry, data: Path, image: bytes) -> None:
    """Then it consists of all that it lists."""
    part = statement(b"part")
    hold(fake, part, b"part")
    whole = index_manifest(describe(part, MANIFEST_TYPE, "linux/s390x"))
    fake.push_raw(f"a/b@{Digest.of(whole)}", whole, INDEX_TYPE)
    referrers(fake, image, lists(whole))
    await fetched(fake.url, data, "a/b", referrers=True)
    assert found(data) == related((image, whole, "referrers"), (whole, part, "index"))
    assert Digest.of(b"part").encoded in files(data / "blobs" / "sha256")


async def test_a_chain_of_statements_is_followed_only_so_far(
    fake: FakeRegistry, data: Path, image: bytes
) -> None:
    """A hostile one has no end."""
    bodies = [image]
    for number in range(10):
        bodies.append(statement(str(number).encode(), bodies[-1]))
        hold(fake, bodies[-1], str(number).encode())
        referrers(fake, bodies[-2], lists(bodies[-1]))
    await fetched(fake.url, data, "a/b", referrers=True)
    assert len(found(data)) == artifacts.MAX_DEPTH == 3


async def test_of_many_artifacts_only_so_many_are_followed(
    fake: FakeRegistry, data: Path, image: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hostile list names 40,000, there or not, and pages without end; the image is not said to be whole."""
    assert artifacts.MAX_ARTIFACTS == 1000
    monkeypatch.setattr(artifacts, "MAX_ARTIFACTS", 5)
    names = [statement(str(number).encode()) for number in range(20)]
    here = f"/v2/a/b/referrers/{Digest.of(image)}"
    pages = [lists(*names[number : number + 2], link=f"{here}?c={number}") for number in range(0, 20, 2)]
    referrers(fake, image, *pages)
    assert await fetched(fake.url, data, "a/b", referrers=True) == {"a/b:latest": "too_large"}
    assert fake.counts()[f"GET {here}"] == 3
    assert sum(fake.count(f"manifests/{Digest.of(each)}") for each in names) == 5


@pytest.mark.parametrize(
    ("trouble", "state"),
    [
        ([refuse(404, "MANIFEST_UNKNOWN")], "done"),
        ([refuse(403, "DENIED")], "done"),
        ([refuse(200)] * 2, "done"),
        ([refuse(500)] * 6, "server_error"),
    ],
)
async def test_an_image_is_whole_without_an_artifact_that_cannot_be_had_for_good(
    fake: FakeRegistry, data: Path, image: bytes, trouble: Sequence[Responder], state: str
) -> None:
    """As long as it may yet be had the image is tried again."""
    sbom = statement(b"sbom", image)
    digest = hold(fake, sbom, b"sbom")
    fake.script(f"GET /v2/a/b/manifests/{digest}", *trouble)
    referrers(fake, image, lists(sbom))
    assert await fetched(fake.url, data, "a/b", referrers=True, retry_wait_s=0) == {"a/b:latest": state}
    assert found(data) == []


async def test_a_blob_that_an_artifact_lost_has_a_reason_and_its_image_is_whole(
    fake: FakeRegistry, data: Path, image: bytes
) -> None:
    """The failure is the blob's."""
    sbom = statement(b"gone", image)
    hold(fake, sbom)
    referrers(fake, image, lists(sbom))
    assert await fetched(fake.url, data, "a/b", referrers=True) == {"a/b:latest": "done"}
    assert select(data, "select role, reason from blobs where state = 'failed'") == [
        ("artifact", "blob_missing")
    ]


@pytest.mark.parametrize("answer", [refuse(401), refuse(403), refuse(200), refuse(500)])
async def test_a_list_of_referrers_that_is_none_hides_no_signature(
    fake: FakeRegistry, data: Path, image: bytes, answer: Responder
) -> None:
    """What can be found in another way is."""
    fake.referrers = answer
    signature = statement(b"signature")
    tag = referrers_tag(Digest.of(image))
    hold(fake, signature, b"signature", reference=f"{tag}.sig")
    await fetched(fake.url, data, "a/b", referrers=True, retry_wait_s=0)
    assert found(data) == related((image, signature, f"{tag}.sig"))


async def test_content_that_a_descriptor_carries_is_not_asked_for(fake: FakeRegistry, data: Path) -> None:
    """The empty configuration of most artifacts (image-spec, manifest.md); wrong content is as none."""
    config = {**describe(NOTHING, EMPTY), "data": "e30="}
    layers = [{**describe(b"right", "text/x"), "data": "d3Jvbmc="}]
    body = json.dumps({"schemaVersion": 2, "config": config, "layers": layers}).encode()
    hold(fake, body, b"right")
    fake.push_raw("a/d@latest", body, MANIFEST_TYPE)
    assert await fetched(fake.url, data, "a/d") == {"a/d:latest": "done"}
    assert fake.count(f"blobs/{Digest.of(NOTHING)}") == 0
    assert (data / "blobs" / "sha256" / Digest.of(NOTHING).encoded).read_bytes() == NOTHING
    assert (data / "blobs" / "sha256" / Digest.of(b"right").encoded).read_bytes() == b"right"

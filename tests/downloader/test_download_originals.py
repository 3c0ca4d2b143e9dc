"""Originals: what a registry converts or calls wrongly is seen, and what it stores is kept as it came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from corpus.records import RepositoryRecord
from registry.digests import Digest
from registry.v1_images import MEDIA_TYPE
from tests import corpora
from tests.downloader.runs import download, fetched, files, images, select
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

SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
LAYER = b"layer"
MODERN = image_manifest(LAYER)
OLD = json.dumps(
    {
        "schemaVersion": 1,
        "fsLayers": [{"blobSum": Digest.of(LAYER)}],
        "history": [{"v1Compatibility": '{"id":"x"}'}],
    }
).encode()


def sends(body: bytes, content_type: str, digest: str | None) -> Responder:
    """A manifest with these headers; without a ``Docker-Content-Digest`` if there is none."""

    async def respond(_registry: FakeRegistry, _request: web.BaseRequest, _data: bytes) -> web.Response:
        headers = {"Content-Type": content_type}
        return web.Response(
            body=body, headers=headers | ({"Docker-Content-Digest": digest} if digest else {})
        )

    return respond


def answers(fake: FakeRegistry, *, head: Responder, get: Responder) -> None:
    """How ``a/b:latest`` is answered for."""
    fake.blobs |= {Digest.of(data): data for data in (b"{}", LAYER)}
    fake.script("HEAD /v2/a/b/manifests/latest", always=head)
    fake.script("GET /v2/a/b/manifests/latest", always=get)


def kept(data: Path) -> list[tuple[str, ...]]:
    """Digest, kind and flags of every manifest."""
    return sorted(select(data, "select digest, kind, flags from manifests"))


async def test_a_manifest_as_it_should_be_has_no_flags(fake: FakeRegistry, data: Path) -> None:
    fake.push("a/b@latest", LAYER)
    await fetched(fake.url, data, "a/b")
    assert kept(data) == [(Digest.of(MODERN), "oci_manifest", "")]


@pytest.mark.parametrize(
    "head", [refuse(405), sends(MODERN, MANIFEST_TYPE, Digest.of(MODERN)), sends(OLD, SIGNED, None)]
)
async def test_a_conversion_by_tag_is_seen_by_the_digest_and_the_original_fetched_by_it(
    fake: FakeRegistry, data: Path, head: Responder
) -> None:
    """As the reference registry converts for old clients, with the digest of the original in the header."""
    fake.push_raw("a/b@x", MODERN, MANIFEST_TYPE)
    answers(fake, head=head, get=sends(OLD, SIGNED, Digest.of(MODERN)))
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    assert kept(data) == [(Digest.of(MODERN), "oci_manifest", "")]


@pytest.mark.parametrize("named", [Digest.of(MODERN), None])
async def test_a_conversion_whose_original_cannot_be_had_is_kept_and_marked(
    fake: FakeRegistry, data: Path, named: str | None
) -> None:
    """Quay's older way: schema 1 that nobody can ask for by digest."""
    answers(fake, head=refuse(405), get=sends(OLD, SIGNED, named))
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    ((_, kind, flags),) = kept(data)
    mismatch = {"header_digest_mismatch"} if named else set()
    assert (kind, set(flags.split())) == (
        "schema1",
        {"content_type_mismatch", "converted", "jws_invalid"} | mismatch,
    )
    assert flags.split() == sorted(flags.split())


@pytest.mark.parametrize(
    ("body", "content_type", "named"),
    [(OLD, SIGNED.replace("prettyjws", "json"), Digest.of(OLD)), (MODERN, MANIFEST_TYPE, None)],
    ids=["schema 1", "one image of a list"],
)
async def test_a_conversion_that_agrees_with_itself_or_says_nothing_is_kept_and_marked(
    fake: FakeRegistry, data: Path, body: bytes, content_type: str, named: str | None
) -> None:
    """Quay sends schema 1 with the digest of what it sends, by which it knows nothing."""
    answers(fake, head=refuse(405), get=sends(body, content_type, named))
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    assert [(digest, flags) for digest, _, flags in kept(data)] == [(Digest.of(body), "converted")]


async def test_schema_1_that_is_known_by_its_digest_is_an_original(fake: FakeRegistry, data: Path) -> None:
    """However it was asked for."""
    content_type = SIGNED.replace("prettyjws", "json")
    fake.push_raw("a/b@x", OLD, content_type)
    answers(fake, head=refuse(405), get=sends(OLD, content_type, Digest.of(OLD)))
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    assert kept(data) == [(Digest.of(OLD), "schema1", "")]


async def test_what_only_this_program_writes_is_no_manifest_of_a_registry(
    fake: FakeRegistry, data: Path
) -> None:
    """Others would read other layers in it."""
    layer = {"digest": Digest.of(LAYER), "size": len(LAYER)}
    document = {"mediaType": MEDIA_TYPE, "ancestry": [{"id": "0" * 64, "json": layer, "layer": layer}]}
    fake.push_raw("a/b@latest", json.dumps(document).encode(), MANIFEST_TYPE)
    fake.push_raw("a/b@both", json.dumps(json.loads(MODERN) | document).encode(), MANIFEST_TYPE)
    fake.blobs |= {Digest.of(each): each for each in (b"{}", LAYER)}
    records = [RepositoryRecord("a/b", reference=each) for each in ("latest", "both")]
    await download(data, fake.url, records)
    assert images(data) == {"a/b:latest": "unsupported_type", "a/b:both": "ambiguous"}
    assert kept(data) == []
    assert fake.count("/blobs/") == 0


async def test_what_the_registry_promised_by_head_and_does_not_have_is_a_conversion(
    fake: FakeRegistry, data: Path
) -> None:
    """Even if the GET by tag then agrees with itself."""
    answers(
        fake,
        head=sends(MODERN, MANIFEST_TYPE, Digest.of(MODERN)),
        get=sends(OLD, SIGNED.replace("prettyjws", "json"), Digest.of(OLD)),
    )
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    assert kept(data) == [(Digest.of(OLD), "schema1", "converted")]


async def test_a_wrong_header_on_an_original_is_noted_and_nothing_more(
    fake: FakeRegistry, data: Path
) -> None:
    """The bytes are known by their own digest: they are what the registry stores."""
    fake.push_raw("a/b@x", MODERN, MANIFEST_TYPE)
    answers(fake, head=refuse(405), get=sends(MODERN, MANIFEST_TYPE, Digest.of(b"other")))
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    assert kept(data) == [(Digest.of(MODERN), "oci_manifest", "header_digest_mismatch")]
    query = "select header_digest, canonical_digest, content_type from manifests"
    assert select(data, query) == [(Digest.of(b"other"), Digest.of(MODERN), MANIFEST_TYPE)]


@pytest.mark.parametrize(
    ("content_type", "digest", "flags"),
    [
        ("text/plain", Digest.of(MODERN), "content_type_mismatch"),
        (MANIFEST_TYPE, "blake3:" + "0" * 64, "header_digest_unverifiable"),
        (f"{MANIFEST_TYPE}; charset=utf-8", Digest.of(MODERN), ""),
    ],
)
async def test_what_else_an_answer_says_wrongly_is_noted_without_another_request(
    fake: FakeRegistry, data: Path, content_type: str, digest: str | None, flags: str
) -> None:
    """As an algorithm of tomorrow."""
    answers(fake, head=refuse(405), get=sends(MODERN, content_type, digest))
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "done"}
    assert kept(data) == [(Digest.of(MODERN), "oci_manifest", flags)]
    assert fake.count("GET /v2/a/b/manifests/") == 1


async def test_a_doubt_that_could_not_be_settled_is_asked_about_again(fake: FakeRegistry, data: Path) -> None:
    """A server error is no proof of a conversion."""
    answers(fake, head=refuse(405), get=sends(OLD, SIGNED, None))
    fake.script(f"GET /v2/a/b/manifests/{Digest.of(OLD)}", always=refuse(500))
    assert await fetched(fake.url, data, "a/b", retry_wait_s=0) == {"a/b:latest": "server_error"}
    assert kept(data) == []


async def test_flags_outlive_the_run_that_saw_them(fake: FakeRegistry, data: Path) -> None:
    """When the image is gone over again its manifest comes from the store, with all that was odd."""
    fake.push_raw("a/b@x", MODERN, MANIFEST_TYPE)
    answers(fake, head=refuse(405), get=sends(MODERN, "text/plain", Digest.of(b"other")))
    await fetched(fake.url, data, "a/b")
    before = kept(data)
    answers(fake, head=sends(MODERN, MANIFEST_TYPE, Digest.of(MODERN)), get=refuse(500))
    assert await fetched(fake.url, data, platform="all") == {"a/b:latest": "done"}
    assert kept(data) == before
    assert before[0][2] == "content_type_mismatch header_digest_mismatch"


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
async def test_manifests_and_blobs_may_be_named_by_another_algorithm(
    fake: FakeRegistry, data: Path, algorithm: str
) -> None:
    """A manifest is stored under the sha256 of its bytes, and found there again under either name."""
    layer = describe(LAYER, "application/vnd.oci.image.layer.v1.tar", digest=Digest.of(LAYER, algorithm))
    body = image_manifest(layers=[layer])
    name = Digest.of(body, algorithm)
    fake.blobs |= {Digest.of(b"{}"): b"{}", Digest.of(LAYER, algorithm): LAYER}
    for reference in (name, "latest"):
        fake.manifests[f"a/b@{reference}"] = (MANIFEST_TYPE, body)
    answers(fake, head=sends(body, MANIFEST_TYPE, name), get=refuse(500))
    index = index_manifest(describe(body, MANIFEST_TYPE, "linux/amd64", digest=name))
    fake.push_raw("a/b@index", index, INDEX_TYPE)
    records = [RepositoryRecord("a/b", reference=each) for each in ("latest", name, "index")]
    await download(data, fake.url, records)
    assert set(images(data).values()) == {"done"}
    assert fake.count(f"manifests/{name}") == 1
    assert (Digest.of(body), name, "") in select(
        data, "select digest, canonical_digest, flags from manifests"
    )
    stored = files(data / "blobs")
    assert f"{algorithm}/{Digest.of(LAYER, algorithm).encoded}" in stored
    assert f"sha256/{Digest.of(body).encoded}" in stored
    await fetched(fake.url, data, platform="all")
    assert fake.count(f"manifests/{name}") == 1


@pytest.mark.parametrize("name", ["good_manifest", "extra_data_manifest"])
async def test_a_signed_manifest_of_docker_hub_is_an_original_by_its_published_digest(
    fake: FakeRegistry, data: Path, name: str
) -> None:
    """Asked for by tag and by digest; what follows the signed part changes neither digest nor layers."""
    raw = (corpora.folder("manifests") / name).read_bytes()
    published = "sha256:02fee8c3220ba806531f606525eceb83f4feb654f62b207191b1c9209188dedd"
    answers(fake, head=sends(raw, SIGNED, published), get=refuse(500))
    fake.script(f"GET /v2/a/b/manifests/{published}", always=sends(raw, SIGNED, published))
    await fetched(fake.url, data, "a/b")
    row: list[tuple[Any, ...]] = select(data, "select canonical_digest, kind, flags from manifests")
    assert row == [(published, "schema1_signed", "")]
    layers = select(data, "select digest from manifest_layers order by position")
    assert [digest[7:13] for (digest,) in layers] == ["03f465", "a3ed95"]
    assert (data / "blobs" / "sha256" / Digest.of(raw).encoded).read_bytes() == raw


async def test_a_signed_manifest_that_was_altered_is_refused(fake: FakeRegistry, data: Path) -> None:
    raw = (corpora.folder("manifests") / "bad_manifest").read_bytes()
    answers(fake, head=refuse(405), get=sends(raw, SIGNED, None))
    assert await fetched(fake.url, data, "a/b") == {"a/b:latest": "manifest_invalid"}
    assert files(data / "blobs") == {}


async def test_an_artifact_at_a_tag_is_fetched_whole(fake: FakeRegistry, data: Path) -> None:
    """Of whatever type, empty configuration or the type that OCI dropped."""
    chart = image_manifest(
        config=describe(b"{}", "application/vnd.oci.empty.v1+json"), artifactType="x/chart"
    )
    dropped = "application/vnd.oci.artifact.manifest.v1+json"
    body = json.dumps({"mediaType": dropped, "artifactType": "x/old", "blobs": [describe(LAYER, "x/y")]})
    fake.blobs |= {Digest.of(each): each for each in (b"{}", LAYER)}
    fake.push_raw("a/b@latest", chart, MANIFEST_TYPE)
    fake.push_raw("a/c@latest", body.encode(), dropped)
    assert set((await fetched(fake.url, data, "a/b", "a/c")).values()) == {"done"}
    assert select(data, "select artifact_type, kind, flags from manifests order by 1") == [
        ("x/chart", "oci_manifest", ""),
        ("x/old", "oci_artifact", ""),
    ]
    assert Digest.of(LAYER).encoded in files(data / "blobs" / "sha256")

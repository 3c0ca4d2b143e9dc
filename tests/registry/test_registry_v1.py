"""A registry of version 1: what its answers mean, and who is asked with what."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.digests import Digest
from registry.errors import Reason, RegistryError
from registry.manifests import ManifestKind, parse_manifest
from registry.transport.credentials import Account, Credentials
from registry.transport.http import Transport
from registry.v1 import V1Client, V1Repository, endpoints_of
from registry.v1_images import (
    MAX_ANCESTRY,
    MEDIA_TYPE,
    V1Layer,
    check_image_json,
    parse_ancestry,
    parse_tags,
    payload_checksums,
    write_image,
)
from tests.downloader.v1_server import FakeV1, serving_v1
from tests.registry.conftest import InstantClock, transporting

A, B, C = ("a" * 64, "b" * 64, "c" * 64)
SUM = "sha256:" + "5" * 64


@pytest.fixture
async def fake() -> AsyncIterator[FakeV1]:
    async with serving_v1() as registry:
        yield registry


@pytest.fixture
def client(fake: FakeV1, transport: Transport) -> V1Client:
    return V1Client(transport, name="old", base_url=fake.url)


def layer(image_id: str, content: bytes) -> V1Layer:
    return V1Layer(image_id, Digest.of(b"{}"), 2, Digest.of(content), len(content))


def reason_of(error: pytest.ExceptionInfo[RegistryError]) -> Reason:
    return error.value.reason


def test_an_ancestry_is_told_base_first() -> None:
    assert parse_ancestry(json.dumps([A, B, C]).encode(), A) == (C, B, A)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"[1]",
        b'["../../etc/passwd"]',
        b"[" * 100_000,
        json.dumps([A[:12]]).encode(),
        json.dumps([A.upper()]).encode(),
        json.dumps([B, A]).encode(),
        json.dumps([A, B, A]).encode(),
    ],
)
def test_an_ancestry_that_is_none_is_refused(body: bytes) -> None:
    """Not a list of ids, not of this image, or with a loop: no request is made for what it names."""
    with pytest.raises(RegistryError) as error:
        parse_ancestry(body, A)
    assert reason_of(error) is Reason.UNEXPECTED_ANSWER


def test_an_ancestry_longer_than_any_image_is_refused() -> None:
    ids = [f"{number:064x}" for number in range(MAX_ANCESTRY + 1)]
    with pytest.raises(RegistryError) as error:
        parse_ancestry(json.dumps(ids).encode(), ids[0])
    assert reason_of(error) is Reason.TOO_LARGE


def test_tags_are_an_object_of_texts() -> None:
    assert parse_tags(b'{"latest": "x", "odd": 1}') == {"latest": "x"}
    for body in (b"[]", b"null", b"<html>", b'[{"name": "latest", "layer": "x"}]'):
        with pytest.raises(RegistryError):
            parse_tags(body)


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ([SUM], {SUM}),
        ([f"tarsum+{SUM}"], set()),
        ([f"tarsum.v1+{SUM}", SUM[:-1]], set()),
        ([SUM + "0"], set()),
        ([f"['{SUM}', 'tarsum+{SUM}']"], {SUM}),
        ([], set()),
    ],
)
def test_only_a_sha256_is_a_checksum_of_bytes(headers: list[str], found: set[str]) -> None:
    """A tarsum hashes the entries of the tar, in its own order."""
    assert payload_checksums(headers) == found


def test_the_json_of_another_image_is_refused() -> None:
    check_image_json(b'{"id": "%s"}' % A.encode(), A)
    check_image_json(b"{}", A)
    for raw in (b'{"id": "%s"}' % B.encode(), b'{"id": 1}', b"[]", b""):
        with pytest.raises(RegistryError) as error:
            check_image_json(raw, A)
        assert reason_of(error) is Reason.MANIFEST_INVALID


def test_the_document_of_an_image_is_a_manifest() -> None:
    """Its layers are base first, and the JSON of the last one is its configuration."""
    base, top = layer(B, b"base"), layer(A, b"top")
    raw = write_image([base, top])
    manifest = parse_manifest(raw, None)
    assert manifest.kind is ManifestKind.V1_IMAGE
    assert not manifest.kind.is_index
    assert manifest.media_type == MEDIA_TYPE
    assert manifest.digest == manifest.blob_digest == Digest.of(raw)
    assert [each.digest for each in manifest.layers] == [base.digest, top.digest]
    assert [each.size_bytes for each in manifest.layers] == [4, 3]
    assert manifest.config is not None
    assert manifest.config.digest == top.json_digest
    assert manifest.artifact_type is None


@pytest.mark.parametrize(
    "ancestry",
    [
        None,
        [],
        {},
        [{}],
        [{"id": A, "json": {"digest": "x"}, "layer": {"digest": SUM}}],
        [{"id": A, "json": {"digest": SUM}, "layer": {"digest": SUM, "size": -1}}],
        [{"id": A, "json": {"digest": SUM}, "layer": {"digest": SUM}}] * (MAX_ANCESTRY + 1),
    ],
)
def test_a_document_that_is_none_of_ours_is_refused(ancestry: object) -> None:
    with pytest.raises(RegistryError) as error:
        parse_manifest(json.dumps({"mediaType": MEDIA_TYPE, "ancestry": ancestry}).encode(), None)
    assert reason_of(error) is Reason.MANIFEST_INVALID


@given(st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=3)), min_size=1, max_size=5))
def test_a_document_tells_what_was_written(contents: list[tuple[bytes, bytes]]) -> None:
    layers = [
        V1Layer(f"{number:064x}", Digest.of(one), len(one), Digest.of(other), len(other))
        for number, (one, other) in enumerate(contents)
    ]
    manifest = parse_manifest(write_image(layers), None)
    assert [(each.digest, each.size_bytes) for each in manifest.layers] == [
        (each.digest, each.size_bytes) for each in layers
    ]


@pytest.mark.parametrize(
    ("headers", "urls"),
    [
        ([], ("https://index.test",)),
        (["index.test"], ("https://index.test",)),
        (["INDEX.test:443, cdn.test:5000"], ("https://index.test", "https://cdn.test:5000")),
        (["cdn.test,,cdn.test"], ("https://cdn.test",)),
        (["me@cdn.test", "a b", ":", "?"], ("https://index.test",)),
        ([",".join(f"cdn{number}.test" for number in range(99))], None),
    ],
)
def test_the_registries_that_an_index_names_are_reached_like_it(
    headers: list[str], urls: tuple[str, ...] | None
) -> None:
    found = endpoints_of("https://index.test", headers)
    assert found == urls if urls else len(found) == 3


@given(st.lists(st.text(max_size=40)))
def test_no_header_of_an_index_is_a_fault(headers: list[str]) -> None:
    assert endpoints_of("http://127.0.0.1:5000", headers)


async def test_images_are_asked_for_with_the_token_of_their_repository(
    fake: FakeV1, client: V1Client
) -> None:
    fake.wants_token = True
    top = fake.tag("a/b", fake.build(b"base", b"top"))
    repository = await client.repository("a/b")
    assert repository.tags == {"latest": top}
    ids = await client.ancestry(repository, top)
    assert ids[-1] == top
    assert len(ids) == 2
    described = await client.image_json(repository, top)
    assert described.raw == fake.images[top].raw
    assert described.layer_bytes == 3
    assert described.checksums == {fake.images[top].checksums[0]}
    async with client.layer(repository, top, {}) as stream:
        assert [chunk async for chunk in stream.chunks()] == [b"top"]
    assert fake.authorizations[0] is None
    assert {text and text.partition(" ")[0] for text in fake.authorizations[1:]} == {"Token"}
    assert fake.authorizations[1].count("Token") == 1  # type: ignore[union-attr] # it is one, see above


async def test_a_token_that_ran_out_is_renewed_once(fake: FakeV1, client: V1Client) -> None:
    """And whoever is refused with the new one, too, is not let in."""
    fake.wants_token = True
    top = fake.tag("a/b", fake.build(b"x"))
    repository = await client.repository("a/b")
    fake.tokens.clear()
    assert await client.ancestry(repository, top) == (top,)
    assert fake.count("/images") - fake.count(top) == 2
    fake.tokens.clear()
    fake.repositories.clear()  # the index gives no more tokens
    with pytest.raises(RegistryError) as error:
        await client.ancestry(repository, top)
    assert reason_of(error) is Reason.AUTH_REQUIRED


async def test_all_who_meet_an_old_token_share_the_new_one(fake: FakeV1, client: V1Client) -> None:
    fake.wants_token = True
    ids = [fake.tag(f"a/b:{number}", fake.build(b"x")) for number in range(5)]
    repository = await client.repository("a/b")
    fake.tokens.clear()
    await asyncio.gather(*(client.ancestry(repository, image_id) for image_id in ids))
    assert fake.count("a/b/images") == 2


async def test_an_account_is_shown_to_a_registry_behind_a_password(fake: FakeV1, clock: InstantClock) -> None:
    fake.account = "me:correct-horse"
    top = fake.tag("a/b", fake.build(b"x"))
    credentials = Credentials({fake.url.partition("://")[2]: Account("me", "correct-horse")})
    async with transporting(clock, credentials=credentials) as transport:
        client = V1Client(transport, name="old", base_url=fake.url)
        assert await client.ancestry(await client.repository("a/b"), top) == (top,)
        assert [page async for page in client.tags("a/b")] == [("latest",)]
        await client.ancestry(await client.repository("a/b"), top)
    assert fake.authorizations[0] is None
    shown = [(text or "").partition(" ")[0] for text in fake.authorizations[1:]]
    assert shown == ["Basic", "Token", "Basic", "Token", *["Basic"] * 7]
    assert {text for text in fake.authorizations if text and text.startswith("Basic")} == {fake.basic}


async def test_a_token_is_shown_to_the_registry_of_an_index_that_wanted_a_password(
    fake: FakeV1, clock: InstantClock
) -> None:
    """Both at one host, as the index of Docker Hub had it: the account is for the former."""
    top = fake.tag("a/b", fake.build(b"x"))
    fake.account, fake.wants_token = "me:correct-horse", True
    fake.is_behind_a_password = lambda path: path.endswith("/images")
    credentials = Credentials({fake.url.partition("://")[2]: Account("me", "correct-horse")})
    async with transporting(clock, credentials=credentials) as transport:
        client = V1Client(transport, name="old", base_url=fake.url)
        assert await client.ancestry(await client.repository("a/b"), top) == (top,)
    assert [(text or "").partition(" ")[0] for text in fake.authorizations] == ["", "Basic", "Token", "Token"]


async def test_nobody_without_an_account_gets_behind_a_password(fake: FakeV1, client: V1Client) -> None:
    fake.account = "me:correct-horse"
    with pytest.raises(RegistryError) as error:
        await client.repository("a/b")
    assert reason_of(error) is Reason.AUTH_REQUIRED


async def test_the_registry_that_the_index_names_is_asked_with_its_token_and_no_account(
    fake: FakeV1, clock: InstantClock
) -> None:
    """The account is for the index; a registry that asks for one is not given it."""
    async with serving_v1() as registry:
        top = registry.tag("a/b", registry.build(b"x"))
        fake.tag("a/b", top)
        fake.endpoints = host = registry.url.partition("://")[2]
        fake.account = "me:correct-horse"
        account = Account("me", "correct-horse")
        credentials = Credentials({fake.url.partition("://")[2]: account, host: account})
        async with transporting(clock, credentials=credentials) as transport:
            client = V1Client(transport, name="old", base_url=fake.url)
            repository = await client.repository("a/b")
            assert await client.ancestry(repository, top) == (top,)
            assert all(text and text.startswith("Token ") for text in registry.authorizations)
            registry.account = "me:correct-horse"
            with pytest.raises(RegistryError) as error:
                await client.ancestry(repository, top)
    assert reason_of(error) is Reason.AUTH_REQUIRED
    assert fake.basic not in registry.authorizations


async def test_the_next_registry_is_asked_where_one_does_not_have_it(fake: FakeV1, client: V1Client) -> None:
    async with serving_v1() as registry:
        top = registry.tag("a/b", registry.build(b"x"))
        async with serving_v1() as empty:
            fake.tag("a/b", top)
            fake.endpoints = ", ".join(url.partition("://")[2] for url in (empty.url, registry.url))
            repository = await client.repository("a/b")
            assert repository.endpoint == registry.url
            registry.repositories.clear()
            with pytest.raises(RegistryError) as error:
                await client.repository("a/b")
    assert reason_of(error) is Reason.REPO_MISSING


async def test_an_index_cannot_make_us_call_a_private_address(clock: InstantClock) -> None:
    """Named by an index of the world, a registry inside somebody's network is not asked."""
    async with serving_v1() as inside, transporting(clock) as transport:
        client = V1Client(transport, name="old", base_url="http://index.test")
        repository = V1Repository("a/b", inside.url, client.base_url, "token")
        with pytest.raises(RegistryError) as error:
            await client.ancestry(repository, A)
    assert reason_of(error) is Reason.UNEXPECTED_ANSWER
    assert not inside.asked


@pytest.mark.parametrize(
    ("what", "reason"),
    [("ancestry", Reason.MANIFEST_MISSING), ("image_json", Reason.BLOB_MISSING)],
)
async def test_what_is_not_there_is_called_by_its_kind(
    fake: FakeV1, client: V1Client, what: str, reason: Reason
) -> None:
    fake.tag("a/b", A)
    repository = await client.repository("a/b")
    with pytest.raises(RegistryError) as error:
        await getattr(client, what)(repository, A)
    assert reason_of(error) is reason


async def test_a_repository_that_is_not_there_is_missing(client: V1Client) -> None:
    with pytest.raises(RegistryError) as error:
        await client.repository("no/thing")
    assert reason_of(error) is Reason.REPO_MISSING


async def test_a_token_is_shown_nowhere(fake: FakeV1, client: V1Client) -> None:
    fake.tag("a/b", fake.build(b"x"))
    repository = await client.repository("a/b")
    assert repository.token
    assert repository.token not in repr(repository) + repr(client)

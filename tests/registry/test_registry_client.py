"""The verbs of a registry, against a server that speaks the distribution protocol."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.client import CatalogPage, FetchedManifest, ManifestHead, RegistryClient
from registry.descriptors import Descriptor
from registry.digests import Digest
from registry.errors import Reason, RegistryError
from registry.manifests import ACCEPT
from registry.paging import next_link, parse_names
from registry.transport import redirects
from registry.transport.http import Transport
from tests.registry.conftest import InstantClock, Responder, Server, answer, transporting
from tests.registry.test_registry_addresses import Names

RAW = b'{"schemaVersion": 2,\n "layers": []}'
DIGEST = Digest.of(RAW)


def error_body(code: str) -> str:
    return f'{{"errors":[{{"code":"{code}","message":"m","detail":{{}}}}]}}'


@pytest.fixture
def client(server: Server, transport: Transport) -> RegistryClient:
    return RegistryClient(transport, name="sample", base_url=server.url + "/")


def test_a_client_shows_who_it_asks_where(client: RegistryClient, server: Server) -> None:
    assert repr(client) == f"<RegistryClient sample at {server.url}>"


async def all_tags(client: RegistryClient) -> list[str]:
    return [tag async for page in client.tags("a/b") for tag in page]


async def test_a_manifest_is_fetched_as_it_is_stored(server: Server, client: RegistryClient) -> None:
    server.on(
        "GET /v2/a/b/manifests/1.0", answer(200, RAW, Content_Type="x/y; z", Docker_Content_Digest="odd")
    )
    fetched = await client.manifest("a/b", "1.0")
    assert fetched == FetchedManifest(RAW, "x/y; z", "odd", f"{server.url}/v2/a/b/manifests/1.0")
    assert server.seen[0].headers["Accept"] == ACCEPT


async def test_a_digest_stands_in_the_url_as_it_is(server: Server, client: RegistryClient) -> None:
    server.on(f"GET /v2/a/b/manifests/{DIGEST}", answer(200, RAW))
    fetched = await client.manifest("a/b", DIGEST)
    assert (fetched.raw, fetched.content_type, fetched.header_digest) == (
        RAW,
        "application/octet-stream",
        None,
    )


async def test_a_head_tells_digest_type_and_size(server: Server, client: RegistryClient) -> None:
    server.on("HEAD /v2/a/b/manifests/x", answer(200, RAW, Content_Type="t/u", Docker_Content_Digest=DIGEST))
    assert await client.head("a/b", "x") == ManifestHead(DIGEST, "t/u", len(RAW))
    assert server.seen[0].headers["Accept"] == ACCEPT


@pytest.mark.parametrize("digest", ["", "sha256:..", "latest"])
async def test_a_head_without_a_usable_digest_tells_none(
    server: Server, client: RegistryClient, digest: str
) -> None:
    server.on("HEAD /v2/a/b/manifests/x", answer(200, RAW, Docker_Content_Digest=digest))
    assert (await client.head("a/b", "x")).digest is None


@pytest.mark.parametrize(
    ("reference", "status", "code", "reason"),
    [
        ("x", 404, "NAME_UNKNOWN", Reason.REPO_MISSING),
        ("x", 404, "MANIFEST_UNKNOWN", Reason.NO_TAG),
        ("x", 404, "NOT_FOUND", Reason.NO_TAG),
        ("x", 410, "GONE", Reason.NO_TAG),
        ("x", 400, "NAME_INVALID", Reason.INVALID_NAME),
        ("x", 403, "DENIED", Reason.DENIED),
        ("x", 401, "UNAUTHORIZED", Reason.AUTH_REQUIRED),
        (DIGEST, 404, "NAME_UNKNOWN", Reason.REPO_MISSING),
        (DIGEST, 404, "MANIFEST_UNKNOWN", Reason.MANIFEST_MISSING),
        (DIGEST, 404, "x", Reason.MANIFEST_MISSING),
    ],
)
async def test_a_manifest_that_cannot_be_had_has_a_reason(
    server: Server, client: RegistryClient, reference: str, status: int, code: str, reason: Reason
) -> None:
    server.on(f"GET /v2/a/b/manifests/{reference}", answer(status, error_body(code)))
    with pytest.raises(RegistryError) as caught:
        await client.manifest("a/b", reference)
    assert (caught.value.reason, caught.value.status, caught.value.temporary) == (reason, status, False)


async def test_a_head_has_no_body_to_say_more_than_its_status(server: Server, client: RegistryClient) -> None:
    server.on("HEAD /v2/a/b/manifests/x", answer(404))
    with pytest.raises(RegistryError) as caught:
        await client.head("a/b", "x")
    assert (caught.value.reason, caught.value.status) == (Reason.NO_TAG, 404)


async def test_a_missing_token_is_not_mistaken_for_a_missing_image(
    server: Server, other: Server, client: RegistryClient
) -> None:
    server.on("GET /v2/a/b/manifests/x", answer(401, WWW_Authenticate=f'Bearer realm="{other.url}/t"'))
    other.on("GET /t", answer(404))
    with pytest.raises(RegistryError) as caught:
        await client.manifest("a/b", "x")
    assert caught.value.reason is Reason.UNEXPECTED_ANSWER


async def test_a_manifest_is_bounded(server: Server, transport: Transport) -> None:
    server.on("GET /v2/a/b/manifests/x", answer(200, b"x" * 101))
    client = RegistryClient(transport, name="n", base_url=server.url, max_manifest_bytes=100)
    with pytest.raises(RegistryError) as caught:
        await client.manifest("a/b", "x")
    assert caught.value.reason is Reason.TOO_LARGE


@pytest.mark.parametrize(
    ("offset", "end", "header"),
    [(0, None, None), (0, 9, "bytes=0-9"), (5, 9, "bytes=5-9"), (5, None, "bytes=5-")],
)
async def test_a_blob_is_asked_for_from_an_offset_on(
    server: Server, client: RegistryClient, offset: int, end: int | None, header: str | None
) -> None:
    server.on(f"GET /v2/a/b/blobs/{DIGEST}", answer(206 if header else 200, b"blob"))
    async with client.blob("a/b", DIGEST, offset=offset, end=end) as stream:
        assert b"".join([chunk async for chunk in stream.chunks()]) == b"blob"
    assert server.seen[0].headers.get("Range") == header


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (404, "BLOB_UNKNOWN", Reason.BLOB_MISSING),
        (404, "", Reason.BLOB_MISSING),
        (404, "NAME_UNKNOWN", Reason.REPO_MISSING),
        (416, "RANGE_INVALID", Reason.UNEXPECTED_ANSWER),
    ],
)
async def test_a_blob_that_cannot_be_had_has_a_reason(
    server: Server, client: RegistryClient, status: int, code: str, reason: Reason
) -> None:
    server.on(f"GET /v2/a/b/blobs/{DIGEST}", answer(status, error_body(code)))
    with pytest.raises(RegistryError) as caught:
        async with client.blob("a/b", DIGEST):
            pass
    assert (caught.value.reason, caught.value.status) == (reason, status)


async def test_an_error_of_whoever_reads_the_blob_stays_as_it_is(
    server: Server, client: RegistryClient
) -> None:
    server.on(f"GET /v2/a/b/blobs/{DIGEST}", answer(200, b"blob"))
    own = RegistryError(Reason.NO_TAG, "mine", status=404)
    with pytest.raises(RegistryError) as caught:
        async with client.blob("a/b", DIGEST):
            raise own
    assert (caught.value is own, own.reason) == (True, Reason.NO_TAG)


async def test_hostile_names_do_not_climb(server: Server, client: RegistryClient) -> None:
    server.on("GET /v2/%2E%2E/a%252fb%3F/manifests/%2F%2E..", answer(200, RAW))
    server.on("GET /v2/%2E%2E/a%252fb%3F/manifests/%2F...", answer(200, RAW))
    await client.manifest("../a%2fb?", "/...")
    assert server.targets() == ["/v2/%2E%2E/a%252fb%3F/manifests/%2F..."]


async def test_tags_come_page_by_page_by_links_that_are_followed_verbatim(
    server: Server, client: RegistryClient
) -> None:
    server.on(
        "GET /v2/a/b/tags/list",
        answer(200, '{"name":"a/b","tags":["1","2"]}', Link='</v2/a/b/tags/list?last=%2F2+&x>; rel="next"'),
        answer(200, '{"tags":null}', Link=f"<{server.url}/v2/a/b/tags/list?last=3>; rel=next"),
        answer(200, '{"tags":["3",null,5]}'),
    )
    assert await all_tags(client) == ["1", "2", "3"]
    base = "/v2/a/b/tags/list"
    assert server.targets() == [f"{base}?n=1000", f"{base}?last=%2F2+&x", f"{base}?last=3"]


@pytest.mark.parametrize(
    ("responder", "reason"),
    [
        (answer(404, error_body("NAME_UNKNOWN")), Reason.REPO_MISSING),
        (answer(404), Reason.REPO_MISSING),
        (answer(200, "<html>"), Reason.UNEXPECTED_ANSWER),
        (answer(200, "[]"), Reason.UNEXPECTED_ANSWER),
        (answer(200, '{"tags":5}'), Reason.UNEXPECTED_ANSWER),
        (answer(200, '{"tags":["1"]}', Link='<?n=1000>; rel="next"'), Reason.UNEXPECTED_ANSWER),
        (answer(200, '{"tags":["1"]}', Link='<http://10.9.9.9/x>; rel="next"'), Reason.UNEXPECTED_ANSWER),
    ],
)
async def test_a_list_of_tags_that_is_none_or_never_ends_has_a_reason(
    server: Server, client: RegistryClient, responder: Responder, reason: Reason
) -> None:
    server.on("GET /v2/a/b/tags/list", responder)
    with pytest.raises(RegistryError) as caught:
        await all_tags(client)
    assert caught.value.reason is reason
    assert len(server.seen) <= 2


async def all_referrers(client: RegistryClient) -> list[Descriptor]:
    return [each async for page in client.referrers("a/b", DIGEST) for each in page]


async def test_referrers_come_page_by_page(server: Server, client: RegistryClient) -> None:
    """Also from a registry that has none to list, and writes that as Go does."""
    path = f"/v2/a/b/referrers/{DIGEST}"
    one = f'{{"manifests":[{{"mediaType":"t","digest":"{DIGEST}","artifactType":"x/y"}}]}}'
    server.on(
        f"GET {path}", answer(200, one, Link=f'<{path}?c=%2F>; rel="next"'), answer(200, '{"manifests":null}')
    )
    assert await all_referrers(client) == [Descriptor("t", DIGEST, None)]
    assert server.targets() == [path, f"{path}?c=%2F"]
    assert server.seen[0].headers["Accept"] == "application/vnd.oci.image.index.v1+json"


@pytest.mark.parametrize(
    ("responder", "reason"),
    [
        (answer(404, "404 page not found"), Reason.UNEXPECTED_ANSWER),
        (answer(404, error_body("NAME_UNKNOWN")), Reason.REPO_MISSING),
        (answer(200, "<html>"), Reason.MANIFEST_INVALID),
        (answer(200, '{"manifests":[{}]}'), Reason.MANIFEST_INVALID),
        (answer(200, "{}", Link=f'</v2/a/b/referrers/{DIGEST}>; rel="next"'), Reason.UNEXPECTED_ANSWER),
    ],
)
async def test_referrers_that_are_not_listed_have_a_reason(
    server: Server, client: RegistryClient, responder: Responder, reason: Reason
) -> None:
    server.on(f"GET /v2/a/b/referrers/{DIGEST}", responder)
    with pytest.raises(RegistryError) as caught:
        await all_referrers(client)
    assert caught.value.reason is reason
    assert len(server.seen) == 1


async def test_a_blob_that_is_kept_elsewhere_is_asked_for_there_without_an_account(
    server: Server, other: Server, client: RegistryClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A challenge there is no invitation to log in."""
    monkeypatch.setattr(redirects, "is_private", lambda url: other.host not in url)
    other.on("GET /layer", answer(206, b"lob"), answer(401, WWW_Authenticate=f'Bearer realm="{other.url}/t"'))
    source = client.elsewhere(f"{other.url}/layer?sig=%2F")
    async with source.blob("a/b", DIGEST, offset=1, end=3) as stream:
        assert b"".join([chunk async for chunk in stream.chunks()]) == b"lob"
    with pytest.raises(RegistryError) as caught:
        async with source.blob("a/b", DIGEST):
            pass
    assert caught.value.reason is Reason.AUTH_REQUIRED
    assert other.targets() == ["/layer?sig=%2F"] * 2
    assert [seen.headers.get("Range") for seen in other.seen] == ["bytes=1-3", None]
    assert all(seen.authorization is None for seen in other.seen)
    assert server.seen == []


async def test_whoever_made_an_image_cannot_send_us_into_the_network_of_a_private_mirror(
    server: Server, other: Server, client: RegistryClient
) -> None:
    """Though the mirror itself could; it did not write what it passes on."""
    other.on("GET /secret", answer(200, b"of the cloud"))
    with pytest.raises(RegistryError, match="private network"):
        async with client.elsewhere(f"{other.url}/secret").blob("a/b", DIGEST):
            pass
    assert other.seen == []
    server.on("GET /layer", answer(200, b"blob"))
    async with client.elsewhere(f"{server.url}/layer").blob("a/b", DIGEST) as stream:
        assert stream.status == 200


async def test_a_name_that_leads_inside_is_not_asked_for_what_is_kept_elsewhere(
    server: Server, clock: InstantClock
) -> None:
    names = Names(mirror_test=[["127.0.0.1"]], inner_test=[["127.0.0.1"]])
    server.on("GET /secret", answer(200, b"of the cloud"))
    mirror, inner = (server.url.replace("127.0.0.1", name) for name in ("mirror.test", "inner.test"))
    async with transporting(clock, lookup=names) as transport:
        await transport.request("GET", f"{mirror}/secret")
        client = RegistryClient(transport, name="n", base_url=mirror)
        with pytest.raises(RegistryError, match="private network"):
            async with client.elsewhere(f"{inner}/secret").blob("a/b", DIGEST):
                pass
    assert len(server.seen) == 1


def test_a_place_that_is_named_with_a_password_is_shown_without_it(client: RegistryClient) -> None:
    assert client.elsewhere("https://me:SECRET@h:5000/x?sig=SECRET").name == "https://h:5000"
    assert client.elsewhere("https://[SECRET/x").name == "(not a URL)"


@pytest.mark.parametrize(
    "url", ["ftp://host/x", "file:///etc/passwd", "/x", "http://me:secret@127.0.0.1/x", ""]
)
async def test_a_blob_is_not_asked_for_where_nothing_may_be(client: RegistryClient, url: str) -> None:
    """A manifest says where: it is hostile."""
    with pytest.raises(RegistryError) as caught:
        async with client.elsewhere(url).blob("a/b", DIGEST):
            pass
    assert (caught.value.reason, caught.value.temporary) == (Reason.UNEXPECTED_ANSWER, False)


async def test_a_public_registry_cannot_send_us_into_a_private_network(
    server: Server, transport: Transport
) -> None:
    """By the URLs in a manifest no more than by a redirect."""
    client = RegistryClient(transport, name="n", base_url="https://registry.example")
    with pytest.raises(RegistryError) as caught:
        async with client.elsewhere(server.url.replace("http:", "https:")).blob("a/b", DIGEST):
            pass
    assert caught.value.reason is Reason.UNEXPECTED_ANSWER
    assert server.seen == []


async def test_the_catalog_is_read_by_cursors_that_are_kept_as_they_are(
    server: Server, client: RegistryClient
) -> None:
    server.on(
        "GET /v2/_catalog",
        answer(200, '{"repositories":["a","../b"]}', Link='</v2/_catalog?last=..%2Fb&n=2>; rel="next"'),
        answer(200, '{"repositories":[]}'),
    )
    first = await client.catalog_page(None, 2)
    assert first == CatalogPage(("a", "../b"), "/v2/_catalog?last=..%2Fb&n=2")
    assert await client.catalog_page(first.next) == CatalogPage((), None)
    assert server.targets() == ["/v2/_catalog?n=2", "/v2/_catalog?last=..%2Fb&n=2"]


async def test_a_catalog_page_that_is_its_own_successor_is_unexpected(
    server: Server, client: RegistryClient
) -> None:
    server.on("GET /v2/_catalog", answer(200, "{}", Link='</v2/_catalog?n=2>; rel="next"'))
    with pytest.raises(RegistryError) as caught:
        await client.catalog_page(None, 2)
    assert caught.value.reason is Reason.UNEXPECTED_ANSWER


async def test_a_client_needs_the_address_of_a_server(transport: Transport) -> None:
    with pytest.raises(ValueError, match="address of a server"):
        RegistryClient(transport, name="n", base_url="docker.io")


@pytest.mark.parametrize(
    ("header", "target"),
    [
        *((None, None), ("", None), ("</x>", None), ('</x>; rel="prev"', None), ("/x; rel=next", None)),
        *(
            ('</x>; rel="next"', "/x"),
            ("</x>;rel=NEXT", "/x"),
            ('<a,b;c>; title="t"; rel="prev next"', "a,b;c"),
        ),
        *(('</p>; rel="prev", </n>; rel="next"', "/n"), ('<>; rel="next"', "")),
    ],
)
def test_the_next_link_is_found_among_others(header: str | None, target: str | None) -> None:
    assert next_link(header) == target


@given(st.text(max_size=50))
def test_any_link_header_is_read_without_complaint(header: str) -> None:
    target = next_link(header)
    assert target is None or target in header


def test_a_page_without_its_list_is_not_the_end_of_the_list() -> None:
    assert parse_names(b'{"repositories": null}', "repositories") == ()
    for page in (b'{"names": ["a/b"]}', b'{"repositories": "a/b"}', b'{"repositories": {"a": 1}}'):
        with pytest.raises(RegistryError) as caught:
            parse_names(page, "repositories")
        assert caught.value.reason is Reason.UNEXPECTED_ANSWER


@given(st.binary(max_size=30))
def test_any_page_is_a_list_of_names_or_unexpected(body: bytes) -> None:
    with pytest.raises(RegistryError):
        parse_names(body, "tags")

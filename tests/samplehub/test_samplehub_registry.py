"""The registry, its token server and its CDN, over HTTP."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp
import pytest
from yarl import URL

from registry.digests import Digest
from samplehub import Options, Running, run

if TYPE_CHECKING:
    from samplehub import Hub
    from tests.samplehub.conftest import Client, FakeClock

SCHEMA2 = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"


def layer_of(hub: Hub, name: str, layer: int = 0) -> Digest:
    """Digest of a layer of a single-platform image."""
    repository = hub.repository(name)
    body = json.loads(repository.manifests[repository.tags["latest"]].data)
    return Digest.parse(body["layers"][layer]["digest"])


def code_of(body: bytes) -> str:
    return str(json.loads(body)["errors"][0]["code"])


async def test_the_ping_challenges_for_a_token_of_the_same_host(client: Client) -> None:
    status, headers, body = await client.get("/v2/")
    assert (status, code_of(body)) == (401, "UNAUTHORIZED")
    realm = f'Bearer realm="{client.running.token_url}/token",service="samplehub"'
    assert headers["www-authenticate"] == realm
    assert headers["docker-distribution-api-version"] == "registry/2.0"


async def test_the_challenge_of_a_repository_names_its_scope(client: Client) -> None:
    status, headers, _ = await client.get("/v2/library/nginx/manifests/latest")
    assert status == 401
    assert headers["www-authenticate"].endswith(',scope="repository:library/nginx:pull"')


async def test_manifests_are_original_bytes_by_tag_and_by_digest(client: Client, hub: Hub) -> None:
    repository = hub.repository("library/nginx")
    digest = repository.tags["latest"]
    for reference in ("latest", digest):
        status, headers, body = await client.pull("library/nginx", f"manifests/{reference}")
        assert (status, body) == (200, repository.manifests[digest].data)
        assert headers["docker-content-digest"] == digest
        assert headers["content-type"] == SCHEMA2


async def test_head_tells_digest_type_and_size_without_a_body(client: Client, hub: Hub) -> None:
    repository = hub.repository("library/nginx")
    status, headers, body = await client.pull("library/nginx", "manifests/latest", "HEAD")
    assert (status, body) == (200, b"")
    assert headers["docker-content-digest"] == repository.tags["latest"]
    assert int(headers["content-length"]) == len(repository.manifests[repository.tags["latest"]].data)


async def test_schema_1_is_addressed_by_its_payload(client: Client, hub: Hub) -> None:
    digest = hub.repository("oldharbor/lamp").tags["latest"]
    status, headers, body = await client.pull("oldharbor/lamp", f"manifests/{digest}")
    assert status == 200
    assert headers["docker-content-digest"] == digest != Digest.of(body)
    assert headers["content-type"].endswith("v1+prettyjws")


async def test_a_type_that_is_not_accepted_is_refused_not_converted(client: Client) -> None:
    status, _, body = await client.pull("library/fedora", "manifests/latest", Accept=SCHEMA2)
    assert (status, code_of(body)) == (404, "MANIFEST_UNKNOWN")
    status, headers, _ = await client.pull(
        "library/fedora", "manifests/latest", Accept=f"{SCHEMA2}, {OCI};q=0.5"
    )
    assert (status, headers["content-type"]) == (200, OCI)


@pytest.mark.parametrize(
    ("repository", "path", "status", "code"),
    [
        ("library/elasticsearch", "manifests/latest", 404, "MANIFEST_UNKNOWN"),
        ("marlowe/placeholder", "manifests/latest", 404, "MANIFEST_UNKNOWN"),
        ("library/nginx", f"manifests/sha256:{'0' * 64}", 404, "MANIFEST_UNKNOWN"),
        ("library/nginx", "manifests/sha256:xyz", 400, "DIGEST_INVALID"),
        ("library/nginx", f"blobs/sha256:{'0' * 64}", 404, "BLOB_UNKNOWN"),
        ("brightloom/legacy", "manifests/latest", 404, "NAME_UNKNOWN"),
        ("brightloom/legacy", "tags/list", 404, "NAME_UNKNOWN"),
        ("no/such", "tags/list", 404, "NAME_UNKNOWN"),
        ("gilliam-like/scheduler-_worker", "manifests/latest", 400, "NAME_INVALID"),
        ("private/app", "manifests/latest", 401, "UNAUTHORIZED"),
    ],
)
async def test_what_is_not_there_is_told_by_its_code(
    client: Client, repository: str, path: str, status: int, code: str
) -> None:
    answer = await client.pull(repository, path)
    assert (answer[0], code_of(answer[2])) == (status, code)


async def test_a_blob_of_another_repository_is_unknown(client: Client, hub: Hub) -> None:
    status, _, body = await client.pull("oddities/zeros", f"blobs/{layer_of(hub, 'library/nginx')}")
    assert (status, code_of(body)) == (404, "BLOB_UNKNOWN")


async def test_login_opens_a_private_repository(client: Client) -> None:
    """An anonymous token does not help, one for an account does."""
    status, headers, _ = await client.pull("private/app", "manifests/latest")
    assert status == 401
    assert 'error="insufficient_scope"' in headers["www-authenticate"]
    token = await client.token("private/app", Authorization=aiohttp.encode_basic_auth("sample", "sample"))
    status, _, _ = await client.get("/v2/private/app/manifests/latest", Authorization=token)
    assert status == 200


async def test_wrong_credentials_get_no_token(client: Client) -> None:
    for authorization in (aiohttp.encode_basic_auth("sample", "wrong"), "Basic ???", "Bearer x"):
        status, _, _ = await client.get("/token?service=samplehub", Authorization=authorization)
        assert status == 401


async def test_a_token_request_without_a_service_is_refused(client: Client) -> None:
    status, _, _ = await client.get("/token?scope=repository:library/nginx:pull")
    assert status == 400


async def test_a_token_tells_when_it_expires_and_does(client: Client, clock: FakeClock) -> None:
    answer = await client.json("/token?service=samplehub&scope=repository:library/nginx:pull")
    assert answer["token"] == answer["access_token"]
    assert (answer["expires_in"], answer["issued_at"]) == (300, "2023-11-14T22:13:20Z")
    authorization = f"Bearer {answer['token']}"
    clock.now += 299
    status, _, _ = await client.get("/v2/library/nginx/tags/list", Authorization=authorization)
    assert status == 200
    clock.now += 1
    status, headers, _ = await client.get("/v2/library/nginx/tags/list", Authorization=authorization)
    assert status == 401
    assert 'error="invalid_token"' in headers["www-authenticate"]


async def test_a_token_opens_every_repository_of_its_scopes_and_no_other(client: Client) -> None:
    two = "repository:library/nginx:pull%20repository:library/redis:pull,push"
    scopes = f"{two}&scope=repository:library/node:pull"
    authorization = f"Bearer {(await client.json(f'/token?service=samplehub&scope={scopes}'))['token']}"
    statuses = [
        (await client.get(f"/v2/library/{name}/tags/list", Authorization=authorization))[0]
        for name in ("nginx", "redis", "node", "python")
    ]
    assert statuses == [200, 200, 200, 401]


async def test_large_blobs_are_redirected_to_the_cdn_and_small_ones_are_not(client: Client, hub: Hub) -> None:
    digest = layer_of(hub, "library/nginx")
    status, headers, _ = await client.pull("library/nginx", f"blobs/{digest}")
    assert status == 307
    assert headers["location"].startswith(client.running.cdn_url + "/")
    status, _, body = await client.get(headers["location"])
    assert (status, Digest.of(body)) == (200, digest)
    repository = hub.repository("library/nginx")
    config = json.loads(repository.manifests[repository.tags["latest"]].data)["config"]["digest"]
    status, _, body = await client.pull("library/nginx", f"blobs/{config}")
    assert (status, Digest.of(body)) == (200, config)


async def test_a_redirect_uses_the_host_name_of_the_request(client: Client, hub: Hub) -> None:
    port = urlsplit(client.running.cdn_url).port
    path = f"blobs/{layer_of(hub, 'library/nginx')}"
    _, headers, _ = await client.pull("library/nginx", path, Host="localhost:4711")
    assert headers["location"].startswith(f"http://localhost:{port}/")


async def test_head_of_a_blob_tells_its_size(client: Client, hub: Hub) -> None:
    digest = layer_of(hub, "library/nginx")
    status, headers, body = await client.pull("library/nginx", f"blobs/{digest}", "HEAD")
    assert (status, body, int(headers["content-length"])) == (200, b"", len(hub.blobs[digest]))


async def cdn_url(client: Client, hub: Hub, name: str = "library/nginx", layer: int = 0) -> str:
    _, headers, _ = await client.pull(name, f"blobs/{layer_of(hub, name, layer)}")
    return str(headers["location"])


async def test_the_cdn_serves_ranges(client: Client, hub: Hub) -> None:
    url, data = await cdn_url(client, hub), hub.blobs[layer_of(hub, "library/nginx")]
    status, headers, body = await client.get(url, Range="bytes=100-199")
    assert (status, body) == (206, data[100:200])
    assert headers["content-range"] == f"bytes 100-199/{len(data)}"
    status, headers, _ = await client.get(url, Range=f"bytes={len(data)}-")
    assert (status, headers["content-range"]) == (416, f"bytes */{len(data)}")


async def test_the_registry_serves_ranges_of_small_blobs(client: Client, hub: Hub) -> None:
    repository = hub.repository("library/nginx")
    config = json.loads(repository.manifests[repository.tags["latest"]].data)["config"]["digest"]
    status, _, body = await client.pull("library/nginx", f"blobs/{config}", Range="bytes=5-")
    assert (status, body) == (206, hub.blobs[config][5:])


async def test_the_cdn_refuses_authorization_changed_queries_and_other_methods(
    client: Client, hub: Hub
) -> None:
    url = await cdn_url(client, hub)
    assert (await client.get(url, Authorization="Bearer x"))[0] == 400
    assert (await client.get(url.replace("%27", "'")))[0] == 403
    assert (await client.get(url.replace("Expires=1", "Expires=2")))[0] == 403
    assert (await client.get(url.partition("?")[0]))[0] == 403
    assert (await client.get(url, "HEAD"))[0] == 403


async def test_a_signed_url_expires(client: Client, hub: Hub, clock: FakeClock) -> None:
    url = await cdn_url(client, hub)
    clock.now += 1200
    status, _, body = await client.get(url)
    assert status == 403
    assert b"expired" in body


async def test_the_corrupt_layer_arrives_completely_and_wrong(client: Client, hub: Hub) -> None:
    digest = layer_of(hub, "damaged/corrupt", -1)
    status, headers, body = await client.get(await cdn_url(client, hub, "damaged/corrupt", -1))
    assert (status, int(headers["content-length"])) == (200, len(body))
    assert Digest.of(body) != digest


async def test_the_second_half_of_the_truncated_layer_never_arrives(client: Client, hub: Hub) -> None:
    url = await cdn_url(client, hub, "damaged/truncated", -1)
    data = hub.blobs[layer_of(hub, "damaged/truncated", -1)]
    half, received = len(data) // 2, b""
    with pytest.raises(aiohttp.ClientPayloadError):
        async with client.session.get(URL(url, encoded=True)) as answer:
            assert answer.content_length == len(data)
            async for chunk in answer.content.iter_any():
                received += chunk
    assert received == data[:half]
    with pytest.raises(aiohttp.ClientPayloadError):
        await client.get(url, Range=f"bytes={half}-{len(data) - 1}")
    status, _, body = await client.get(url, Range=f"bytes=0-{half - 1}")
    assert (status, body) == (206, data[:half])


async def test_tags_come_in_lexical_pages_with_links(client: Client, hub: Hub) -> None:
    status, headers, body = await client.pull("library/debian", "tags/list?n=3")
    assert (status, json.loads(body)["tags"]) == (200, ["11", "12", "8"])
    assert headers["link"] == '</v2/library/debian/tags/list?last=8&n=3>; rel="next"'
    _, headers, body = await client.pull("library/debian", "tags/list?last=8&n=100")
    assert json.loads(body) == {
        "name": "library/debian",
        "tags": sorted(hub.repository("library/debian").tags)[3:],
    }
    assert "link" not in headers


async def test_a_repository_without_tags_answers_null(client: Client) -> None:
    _, _, body = await client.pull("marlowe/placeholder", "tags/list")
    assert json.loads(body) == {"name": "marlowe/placeholder", "tags": None}


async def test_the_catalog_is_open_and_complete(client: Client, hub: Hub) -> None:
    names: list[str] = []
    path: str | None = "/v2/_catalog?n=25"
    while path is not None:
        _, headers, body = await client.get(path)
        names += json.loads(body)["repositories"]
        path = headers["link"].partition(">")[0].removeprefix("<") if "link" in headers else None
    listed = [r.name for r in hub.repositories if r.access in ("public", "private")]
    assert names == sorted(listed)


@pytest.mark.parametrize("size", ["0", "-1", "x", "\u0663"])
async def test_a_page_size_that_is_no_number_is_refused(client: Client, size: str) -> None:
    async with client.session.get(f"{client.running.registry_url}/v2/_catalog", params={"n": size}) as answer:
        assert answer.status == 400
        assert code_of(await answer.read()) == "PAGINATION_NUMBER_INVALID"


class TestQuota:
    """The pull quota, with a limit of two."""

    @pytest.fixture
    def options(self) -> Options:
        return Options(pull_limit=2)

    async def test_manifest_gets_are_counted_heads_and_blobs_are_free(self, client: Client, hub: Hub) -> None:
        left = []
        for method in ("GET", "HEAD", "GET"):
            _, headers, _ = await client.pull("library/nginx", "manifests/latest", method)
            assert headers["ratelimit-limit"] == "2;w=21600"
            left.append(headers["ratelimit-remaining"])
        assert left == ["1;w=21600", "1;w=21600", "0;w=21600"]
        status, headers, body = await client.pull("library/nginx", "manifests/latest")
        assert (status, code_of(body)) == (429, "TOOMANYREQUESTS")
        assert headers["ratelimit-remaining"] == "0;w=21600"
        assert (await client.pull("library/nginx", "manifests/latest", "HEAD"))[0] == 200
        assert (await client.get(await cdn_url(client, hub)))[0] == 200

    async def test_the_quota_is_renewed_after_its_window(self, client: Client, clock: FakeClock) -> None:
        for _ in range(3):
            status, _, _ = await client.pull("library/nginx", "manifests/latest")
        assert status == 429
        clock.now += 21_600
        assert (await client.pull("library/nginx", "manifests/latest"))[0] == 200


async def test_requests_are_counted_by_kind(client: Client, hub: Hub) -> None:
    digest = layer_of(hub, "library/nginx")
    await client.pull("library/nginx", "manifests/latest")
    await client.pull("library/nginx", "manifests/latest", "HEAD")
    await client.get(await cdn_url(client, hub))
    running = client.running
    assert running.traffic == {"token": 3, "manifest_get": 1, "manifest_head": 1, "blob_get": 1, "cdn_get": 1}
    assert running.blob_gets == {digest: 1}
    assert running.manifest_gets == {"library/nginx@latest": 1}


async def test_urls_name_free_ports_of_loopback(running: Running) -> None:
    assert running.site_url == running.token_url == running.registry_url
    assert running.registry_url != running.cdn_url
    assert {urlsplit(url).hostname for url in (running.registry_url, running.cdn_url)} == {"127.0.0.1"}


@pytest.mark.slow
async def test_it_runs_alone_until_it_is_cancelled() -> None:
    announced: asyncio.Queue[str] = asyncio.Queue()
    task = asyncio.create_task(run("127.0.0.1", 0, announced.put_nowait))
    line = await announced.get()
    url = next(word for word in line.split() if word.startswith("http://"))
    async with aiohttp.ClientSession() as session, session.get(f"{url}v2/_catalog?n=1") as answer:
        assert (await answer.json())["repositories"] == ["acme-robotics/firmware"]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


async def test_a_signed_url_is_spoiled_by_normalising_it(client: Client, hub: Hub) -> None:
    """Which is what aiohttp does to a redirect unless it is told that the URL is encoded already."""
    url = await cdn_url(client, hub)
    assert "%27layer%2Fdata%27" in url
    async with client.session.get(url) as answer:
        assert answer.status == 403

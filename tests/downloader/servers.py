"""A registry on loopback that speaks the protocol honestly, except where a test scripts it otherwise."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from registry.digests import Digest

OCI = "application/vnd.oci.image"
MANIFEST_TYPE = f"{OCI}.manifest.v1+json"
INDEX_TYPE = f"{OCI}.index.v1+json"


@dataclass(frozen=True)
class Asked:
    """One request."""

    method: str
    path: str
    range: str | None


@dataclass
class FakeRegistry:
    """One registry without accounts.

    Attributes:
        url: ``http://127.0.0.1:port``.
        manifests: Content type and body by ``repository@reference``.
        blobs: Bytes by digest, the same for all repositories.
        tags: By repository.
        asked: Every request, in order.
        sent_bytes: Bytes of blobs put on the wire.
        is_dead: Every request ends in a lost connection.
        counts_pulls: Manifests come with the headers of a pull quota.
        referrers: Answers for the referrers of any manifest; without it there is no such interface.
    """

    url: str = ""
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)
    tags: dict[str, list[Any]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    sent_bytes: int = 0
    is_dead: bool = False
    counts_pulls: bool = True
    referrers: Responder | None = None
    _scripts: dict[str, Iterator[Responder]] = field(default_factory=dict)

    def script(self, what: str, *responders: Responder, always: Responder | None = None) -> None:
        """Answer ``"GET /path"`` by these, one after the other; then by ``always``, else honestly."""
        self._scripts[what] = itertools.chain(responders, itertools.repeat(always) if always else ())

    def script_blob(
        self, digest: str, *responders: Responder, always: Responder | None = None, repository: str = "a/b"
    ) -> None:
        self.script(f"GET /v2/{repository}/blobs/{digest}", *responders, always=always)

    def count(self, what: str = "") -> int:
        """Requests whose ``"METHOD /path"`` contains ``what``."""
        return sum(what in f"{asked.method} {asked.path}" for asked in self.asked)

    def counts(self) -> Counter[str]:
        return Counter(f"{asked.method} {asked.path}" for asked in self.asked)

    def push(self, name: str, *layers: bytes, **more: Any) -> Digest:
        """Hold an image with these layers under ``repository@tag``, and its manifest under its digest."""
        body = image_manifest(*layers, **more)
        self.blobs |= {Digest.of(data): data for data in (b"{}", *layers)}
        return self.push_raw(name, body, MANIFEST_TYPE)

    def push_raw(self, name: str, body: bytes, content_type: str) -> Digest:
        """Hold a manifest under ``repository@reference`` and its digest."""
        digest = Digest.of(body)
        repository = name.partition("@")[0]
        self.manifests[name] = self.manifests[f"{repository}@{digest}"] = (content_type, body)
        return digest

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        self.asked.append(Asked(request.method, path, request.headers.get("Range")))
        if self.is_dead:
            return await hang_up(self, request, b"")
        match = re.fullmatch(r"/v2/(.+)/(blobs|manifests|tags|referrers)/([^/]+)", path)
        if match is None:
            return web.Response(status=599, text=f"unexpected: {request.method} {path}")
        repository, kind, reference = match.groups()
        data = self.blobs.get(reference, b"")
        responder = next(self._scripts.get(f"{request.method} {path}", iter(())), None)
        if responder is None and kind == "referrers":
            responder = self.referrers or refuse(404)
        if responder is not None:
            return await responder(self, request, data)
        if kind == "blobs":
            return await honest(self, request, data) if reference in self.blobs else missing("BLOB_UNKNOWN")
        if kind == "tags":
            known = repository in self.tags
            return web.json_response({"tags": self.tags[repository]}) if known else missing("NAME_UNKNOWN")
        return self._manifest(f"{repository}@{reference}")

    def _manifest(self, name: str) -> web.Response:
        if name not in self.manifests:
            return missing("MANIFEST_UNKNOWN")
        content_type, body = self.manifests[name]
        headers = {"Content-Type": content_type, "Docker-Content-Digest": Digest.of(body)}
        if self.counts_pulls:
            headers |= {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "99;w=21600"}
        return web.Response(body=body, headers=headers)


Responder = Callable[[FakeRegistry, web.BaseRequest, bytes], Awaitable[web.StreamResponse]]


def image_manifest(*layers: bytes, **more: Any) -> bytes:
    """An OCI manifest with the configuration ``{}``; ``more`` are members, by name."""
    body = {
        "schemaVersion": 2,
        "mediaType": MANIFEST_TYPE,
        "config": describe(b"{}", f"{OCI}.config.v1+json"),
        "layers": [describe(layer, f"{OCI}.layer.v1.tar") for layer in layers],
    }
    return json.dumps(body | more).encode()


def index_manifest(*children: dict[str, Any]) -> bytes:
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX_TYPE, "manifests": children}).encode()


def describe(data: bytes, media_type: str, platform: str | None = None, **more: Any) -> dict[str, Any]:
    """A descriptor of ``data``; ``more`` replaces its members."""
    descriptor = {"mediaType": media_type, "digest": Digest.of(data), "size": len(data)}
    if platform is not None:
        descriptor["platform"] = dict(
            zip(("os", "architecture", "variant"), platform.split("/"), strict=False)
        )
    return descriptor | more


def missing(code: str) -> web.Response:
    return web.json_response({"errors": [{"code": code}]}, status=404)


def refuse(status: int, code: str = "", message: str = "", **headers: str) -> Responder:
    """Answer with a status."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}

    async def respond(_registry: FakeRegistry, _request: web.BaseRequest, _data: bytes) -> web.Response:
        body = json.dumps({"errors": [{"code": code, "message": message}]} if code else {})
        return web.Response(status=status, text=body, headers=named)

    return respond


async def honest(registry: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
    """The part asked for, or all."""
    return await cut(len(data))(registry, request, data)


async def hang_up(_registry: FakeRegistry, request: web.BaseRequest, _data: bytes) -> web.StreamResponse:
    """No answer at all."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


def cut(after: int) -> Responder:
    """Send the part asked for, but only this many bytes of it before hanging up."""

    async def respond(registry: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("Range", ""))
        if match is None:
            return await _send(registry, request, 200, data, after)
        start, end = int(match[1]), int(match[2] or len(data) - 1)
        if start >= len(data) or end >= len(data):
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(data)}"})
        content_range = f"bytes {start}-{end}/{len(data)}"
        return await _send(registry, request, 206, data[start : end + 1], after, content_range)

    return respond


def truncated(at: int) -> Responder:
    """Send the part asked for, but nothing behind this byte of the blob."""

    async def respond(registry: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        start = int((request.headers.get("Range") or "bytes=0-")[len("bytes=") :].partition("-")[0])
        return await cut(max(0, at - start))(registry, request, data)

    return respond


def whole(after: int | None = None, body: bytes | None = None) -> Responder:
    """Send all of it (or of ``body``), whatever part was asked for; only ``after`` bytes if that is given."""

    async def respond(registry: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        sent = data if body is None else body
        return await _send(registry, request, 200, sent, len(sent) if after is None else after)

    return respond


def part(content_range: str, body: bytes) -> Responder:
    """Send these bytes as this part."""

    async def respond(registry: FakeRegistry, request: web.BaseRequest, _data: bytes) -> web.StreamResponse:
        return await _send(registry, request, 206, body, len(body), content_range)

    return respond


def chunked(after: int | None = None) -> Responder:
    """Send it without saying how long it is, and without its end if ``after`` is given."""

    async def respond(registry: FakeRegistry, request: web.BaseRequest, data: bytes) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        sent = data[:after]
        registry.sent_bytes += len(sent)
        await response.write(sent)
        if after is not None:
            _close(request)
        return response

    return respond


async def endless(registry: FakeRegistry, request: web.BaseRequest, _data: bytes) -> web.StreamResponse:
    """A body that never ends; the client does."""
    response = web.StreamResponse()
    response.enable_chunked_encoding()
    await response.prepare(request)
    try:
        while True:
            await response.write(bytes(1 << 16))
            registry.sent_bytes += 1 << 16
    except ConnectionError:
        return response


async def _send(
    registry: FakeRegistry,
    request: web.BaseRequest,
    status: int,
    body: bytes,
    after: int,
    content_range: str | None = None,
) -> web.StreamResponse:
    response = web.StreamResponse(status=status)
    response.content_length = len(body)
    if content_range is not None:
        response.headers["Content-Range"] = content_range
    await response.prepare(request)
    if request.method == "HEAD":
        return response
    registry.sent_bytes += len(body[:after])
    try:
        await response.write(body[:after])
    except ConnectionError:
        return response  # it has read enough
    if after < len(body):
        _close(request)
    return response


def _close(request: web.BaseRequest) -> None:
    assert request.transport is not None
    request.transport.close()  # after what was written: the reader meets the end too early


@asynccontextmanager
async def serving(registry: FakeRegistry | None = None) -> AsyncIterator[FakeRegistry]:
    """The registry on a free port."""
    served = registry or FakeRegistry()
    runner = web.ServerRunner(web.Server(served.handle), shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        served.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield served
    finally:
        await runner.cleanup()

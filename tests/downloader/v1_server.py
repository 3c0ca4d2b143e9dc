"""A registry of version 1 on loopback that answers as docker-registry 0.9 did, its mistakes included."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web

from tests.downloader.servers import Asked, FakeRegistry, Responder, hang_up, serving


@dataclass
class V1Image:
    """An image as it was pushed: its JSON, its layer, and the checksums that the registry computed."""

    raw: bytes
    layer: bytes
    checksums: list[str]


@dataclass
class FakeV1(FakeRegistry):
    """One registry that is its own index.

    Attributes:
        images: By id.
        parents: Id of the parent by id.
        repositories: Tag to image id by name.
        account: What every request must show (``user:password``), by the proxy in front.
        is_behind_a_password: Which requests, by path.
        wants_token: Images are given only for a token of the index.
        tokens: Those that are good now.
        endpoints: What ``X-Docker-Endpoints`` says instead of the host that was asked.
        authorizations: ``Authorization`` of every request, in order.
    """

    images: dict[str, V1Image] = field(default_factory=dict)
    parents: dict[str, str | None] = field(default_factory=dict)
    repositories: dict[str, dict[str, str]] = field(default_factory=dict)
    account: str = ""
    is_behind_a_password: Callable[[str], bool] = bool  # all
    wants_token: bool = False
    tokens: set[str] = field(default_factory=set)
    endpoints: str = ""
    authorizations: list[str | None] = field(default_factory=list)

    def build(self, *layers: bytes, parent: str | None = None, created: str = "2014-06-01T00:00:00Z") -> str:
        """Hold images with these layers, one on top of the other; returns the id of the last."""
        for layer in layers:
            image_id = hashlib.sha256(f"{parent} {len(self.images)}".encode()).hexdigest()
            body = {
                "id": image_id,
                "created": created,
                "container_config": {"Cmd": ["/bin/sh", "-c", f"#(nop) ADD layer {len(self.images)}"]},
                "config": {"Cmd": ["/bin/sh"], "Env": ["A=1"]},
                "architecture": "amd64",
                "os": "linux",
                "Size": len(layer),
            }
            raw = json.dumps(body if parent is None else body | {"parent": parent}).encode()
            payload = hashlib.sha256(raw + b"\n" + layer).hexdigest()
            checksums = [f"sha256:{payload}", f"tarsum+sha256:{'0' * 64}"]
            self.images[image_id] = V1Image(raw, layer, checksums)
            self.parents[image_id] = parent
            parent = image_id
        assert parent is not None
        return parent

    def tag(self, name: str, image_id: str) -> str:
        """Hold ``repository:tag``; returns the id."""
        repository, _, tag = name.partition(":")
        self.repositories.setdefault(repository, {})[tag or "latest"] = image_id
        return image_id

    def script_layer(self, image_id: str, *responders: Responder, always: Responder | None = None) -> None:
        self.script(f"GET /v1/images/{image_id}/layer", *responders, always=always)

    def layer_gets(self) -> list[str]:
        """The ids whose layers were asked for, in order, repeats included."""
        paths = [asked.path for asked in self.asked if asked.path.endswith("/layer")]
        return [path.split("/")[3] for path in paths]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.raw_path.partition("?")[0]
        self.asked.append(Asked(request.method, path, request.headers.get("Range")))
        self.authorizations.append(request.headers.get("Authorization"))
        if self.is_dead:
            return await hang_up(self, request, b"")
        if path in {"/_ping", "/v1/_ping"}:
            return web.json_response(True)
        is_asked_for = self.account and self.is_behind_a_password(path)
        if is_asked_for and request.headers.get("Authorization") != self.basic:
            return error("Requires authorization", 401, {"WWW-Authenticate": 'Basic realm="Restricted"'})
        return await self._answer(request, path)

    async def _answer(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        image = re.fullmatch(r"/v1/images/([^/]+)/(json|ancestry|layer)", path)
        if image is not None:
            return await self._image(request, image[1], image[2])
        repository = re.fullmatch(r"/v1/repositories/(.+)/(images|tags)", path)
        if repository is not None:
            return self._repository(request, repository[1], repository[2])
        if path == "/v1/search":
            return self._search(request)
        return web.json_response("OK") if path == "/v1/users/" else error("Not found", 404)

    @property
    def basic(self) -> str:
        """What shows the account."""
        return "Basic " + b64encode(self.account.encode()).decode()

    def _search(self, request: web.BaseRequest) -> web.Response:
        term = request.query["q"]
        rows = [{"name": name, "description": ""} for name in self.repositories if term in name]
        return web.json_response({"query": term, "num_results": len(rows), "results": rows})

    def _repository(self, request: web.BaseRequest, name: str, what: str) -> web.Response:
        tags = self.repositories.get(name)
        if what == "tags":
            if not self._is_let_in(request):
                return refused()
            return error("Repository not found", 404) if tags is None else web.json_response(tags)
        if tags is None:
            return error("images not found", 404)
        headers = {"X-Docker-Endpoints": self.endpoints or request.headers["Host"]}
        if request.headers.get("X-Docker-Token") == "true":
            token = f'signature=T{len(self.tokens)}{len(self.asked)},repository="{name}",access=read'
            self.tokens.add(token)
            headers |= {"X-Docker-Token": f"Token {token}", "WWW-Authenticate": f"Token {token}"}
        return web.json_response([{"id": image_id} for image_id in tags.values()], headers=headers)

    async def _image(self, request: web.BaseRequest, image_id: str, what: str) -> web.StreamResponse:
        if not self._is_let_in(request):
            return refused()
        image = self.images.get(image_id)
        scripted = next(self._scripts.get(f"{request.method} {request.path}", iter(())), None)
        if scripted is not None:
            return await scripted(self, request, b"" if image is None else image.layer)
        if image is None:
            return error("Image not found", 404)
        if what == "ancestry":
            return web.json_response(self._ancestry(image_id))
        if what == "json":
            return self._json(image)
        return self._layer(request, image.layer)

    def _layer(self, request: web.BaseRequest, data: bytes) -> web.Response:
        """A range is served without its unit, and none of a single byte."""
        match = re.fullmatch(r"bytes=(\d+)-(\d+)", request.headers.get("Range", ""))
        if match is None:
            return sent(self, 200, data)
        start, end = int(match[1]), int(match[2])
        if end < 1 or end - start + 1 < 2:
            return web.Response(status=416)
        return sent(self, 206, data[start : end + 1], {"Content-Range": f"{start}-{end}/{len(data)}"})

    def _is_let_in(self, request: web.BaseRequest) -> bool:
        token = request.headers.get("Authorization", "").removeprefix("Token ")
        return not self.wants_token or token in self.tokens

    def _ancestry(self, image_id: str) -> list[str]:
        ids, parent = [image_id], self.parents[image_id]
        while parent is not None:
            ids.append(parent)
            parent = self.parents[parent]
        return ids

    def _json(self, image: V1Image) -> web.Response:
        response = web.Response(body=image.raw, content_type="application/json")
        response.headers["X-Docker-Size"] = str(len(image.layer))
        for checksum in image.checksums:
            response.headers.add("X-Docker-Payload-Checksum", checksum)
        return response


def error(message: str, status: int, headers: dict[str, str] | None = None) -> web.Response:
    return web.json_response({"error": message}, status=status, headers=headers)


def refused() -> web.Response:
    """The answer to whoever has no token."""
    return error("Requires authorization", 401, {"WWW-Authenticate": "Token"})


def sent(
    registry: FakeRegistry, status: int, body: bytes, headers: dict[str, str] | None = None
) -> web.Response:
    """An answer with a layer, or a part of one."""
    registry.sent_bytes += len(body)
    return web.Response(status=status, body=body, headers=headers, content_type="application/octet-stream")


@asynccontextmanager
async def serving_v1() -> AsyncIterator[FakeV1]:
    """An empty registry on a free port."""
    registry = FakeV1()
    async with serving(registry):
        yield registry

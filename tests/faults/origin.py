"""A registry and its CDN: images with true digests, told honestly, unless a fault comes between."""

from __future__ import annotations

import itertools
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from registry.digests import Digest
from tests.downloader.servers import INDEX_TYPE, MANIFEST_TYPE, OCI, describe, image_manifest, index_manifest
from tests.faults.wire import Act, Asked, Reply, Server

REGISTRY, CDN = "registry", "cdn"

_API = re.compile(r"/v2/(?P<repository>.+)/(?P<kind>blobs|manifests)/(?P<reference>[^/]+)")
_RANGE = re.compile(r"bytes=(\d+)-(\d*)")

# Turns the honest answer to a request into what goes over the wire.
Fault = Callable[[Asked, Reply], Iterable[Act]]

# Chooses what happens to a request; ``None``: nothing does.
Plan = Callable[[Asked], Fault | None]


@dataclass
class Tree:
    """Images as they were recorded.

    Attributes:
        manifests: Content type and body by ``repository@reference``.
        blobs: Bytes by digest, in every repository.
    """

    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    blobs: dict[str, bytes] = field(default_factory=dict)

    @property
    def repositories(self) -> list[str]:
        """Their names, sorted."""
        return sorted({name.partition("@")[0] for name in self.manifests})

    def push(self, name: str, *layers: bytes, tag: str = "latest", **more: Any) -> Digest:
        """An image whose configuration no other has; ``more`` are members of its manifest."""
        config = json.dumps({"architecture": "amd64", "os": "linux", "author": name}).encode()
        self.blobs |= {Digest.of(data): data for data in (config, *layers)}
        described = describe(config, f"{OCI}.config.v1+json")
        return self.push_raw(name, tag, image_manifest(*layers, **{"config": described, **more}))

    def push_raw(self, name: str, tag: str, body: bytes, content_type: str = MANIFEST_TYPE) -> Digest:
        """A manifest under a tag, and under its digest."""
        digest = Digest.of(body)
        self.manifests[f"{name}@{tag}"] = self.manifests[f"{name}@{digest}"] = (content_type, body)
        return digest

    def push_index(self, name: str, **layers: bytes) -> Digest:
        """An index of images with one layer each, by architecture."""
        children = []
        for architecture, layer in layers.items():
            digest = self.push(name, layer, tag=architecture)
            body = self.manifests[f"{name}@{digest}"][1]
            children.append(describe(body, MANIFEST_TYPE, f"linux/{architecture}"))
        return self.push_raw(name, "latest", index_manifest(*children), INDEX_TYPE)

    def known(self) -> dict[str, bytes]:
        """Everything that may be in a store, by digest."""
        return self.blobs | {Digest.of(body): body for _, body in self.manifests.values()}


@dataclass(frozen=True)
class Habits:
    """How a registry is run.

    Attributes:
        redirects_from: Bytes of the smallest blob that is delivered by the CDN.
        announces_quota: Manifests come with the headers of a pull quota, which never runs out.
        wants_token: Nothing is told without a token.
        token_lifetime_s: How long a token is good, as the server says.
        url_lifetime_s: How long a signed URL is good.
    """

    redirects_from: int = 1 << 40
    announces_quota: bool = False
    wants_token: bool = False
    token_lifetime_s: float = 3600.0
    url_lifetime_s: float = 1200.0


class Origin:
    """One registry, its token server, its CDN, and what happens on the way to them.

    Attributes:
        tree: What it holds.
        plan: What goes wrong; may be changed at any time.
        injected: How many answers were tampered with, by server.
    """

    def __init__(
        self,
        tree: Tree,
        plan: Plan | None = None,
        habits: Habits | None = None,
        now: Callable[[], float] = float,
    ) -> None:
        """Take the images, the faults, and Unix time in seconds, by which tokens and URLs expire."""
        self.tree = tree
        self.plan = plan or (lambda _asked: None)
        self.injected = Counter[str]()
        self.registry = Server(REGISTRY, self._answer)
        self.cdn = Server(CDN, self._answer)
        self._habits = habits or Habits()
        self._now = now
        self._tokens: dict[str, float] = {}
        self._shown = set[str]()
        self._numbers = itertools.count()

    @property
    def url(self) -> str:
        """Where the registry is."""
        return self.registry.url

    @property
    def asked(self) -> list[Asked]:
        """Every request, those to the CDN last."""
        return [*self.registry.asked, *self.cdn.asked]

    def blob_requests(self) -> Counter[str]:
        """GETs by digest that were for bytes: redirects are not."""
        found = Counter[str]()
        for asked in self.asked:
            digest = asked.path.rpartition("/")[2]
            is_redirect = asked.server == REGISTRY and self._is_redirected(digest)
            if digest in self.tree.blobs and "/manifests/" not in asked.path and not is_redirect:
                found[digest] += 1
        return found

    def revoke_tokens(self) -> None:
        """None that was ever shown is good any more, whatever was said of its lifetime."""
        for token in self._shown:
            self._tokens.pop(token, None)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[Origin]:
        """Both servers, on free ports."""
        async with self.registry.listening(), self.cdn.listening():
            yield self

    def _answer(self, asked: Asked) -> Iterable[Act]:
        honest = self._honest(asked)
        if asked.method == "HEAD":
            honest = Reply(honest.status, honest.body, honest.headers, has_body=False)
        fault = self.plan(asked)
        if fault is None:
            return [honest.whole()]
        self.injected[asked.server] += 1
        return fault(asked, honest)

    def _honest(self, asked: Asked) -> Reply:
        if asked.server == CDN:
            return self._from_cdn(asked)
        if asked.path == "/token":
            return self._token()
        if self._habits.wants_token and not self._is_allowed(asked):
            return self._challenge(asked)
        return self._from_registry(asked)

    def _from_registry(self, asked: Asked) -> Reply:
        if asked.path == "/v2/_catalog":
            return Reply(200, json.dumps({"repositories": self.tree.repositories}).encode())
        match = _API.fullmatch(asked.path)
        if match is None:
            return Reply(200, b"{}")  # what tells that this is a registry
        if match["kind"] == "blobs":
            return self._blob(asked, match["reference"])
        return self._manifest(f"{match['repository']}@{match['reference']}")

    def _manifest(self, name: str) -> Reply:
        if name not in self.tree.manifests:
            return error(404, "MANIFEST_UNKNOWN")
        content_type, body = self.tree.manifests[name]
        headers = {"Content-Type": content_type, "Docker-Content-Digest": Digest.of(body)}
        if self._habits.announces_quota:
            headers |= {"ratelimit-limit": "100;w=21600", "ratelimit-remaining": "99;w=21600"}
        return Reply(200, body, headers)

    def _is_redirected(self, digest: str) -> bool:
        return len(self.tree.blobs.get(digest, b"")) >= self._habits.redirects_from

    def _blob(self, asked: Asked, digest: str) -> Reply:
        if digest not in self.tree.blobs:
            return error(404, "BLOB_UNKNOWN")
        if self._is_redirected(digest):
            expires = self._now() + self._habits.url_lifetime_s
            location = f"{self.cdn.url}/{digest}?expires={expires}&sig=a%2Fb%2Bc%3D"
            return Reply(307, b"", {"Location": location})
        return part_of(self.tree.blobs[digest], asked.range)

    def _from_cdn(self, asked: Asked) -> Reply:
        """Signed URLs must come as they were given, in time, and without our secrets."""
        signed = re.fullmatch(r"expires=([\d.]+)&sig=a%2Fb%2Bc%3D", asked.query)
        if signed is None or "authorization" in asked.headers or float(signed[1]) < self._now():
            return Reply(403, b"<Error><Code>AccessDenied</Code></Error>")
        return part_of(self.tree.blobs[asked.path[1:]], asked.range)

    def _challenge(self, asked: Asked) -> Reply:
        match = _API.fullmatch(asked.path)
        scope = f',scope="repository:{match["repository"]}:pull"' if match else ""
        challenge = f'Bearer realm="{self.url}/token",service="faults"{scope}'
        return error(401, "UNAUTHORIZED").with_headers(WWW_Authenticate=challenge)

    def _token(self) -> Reply:
        lifetime = self._habits.token_lifetime_s
        token = f"token-{next(self._numbers)}"
        self._tokens[token] = self._now() + lifetime
        return Reply(200, json.dumps({"token": token, "expires_in": lifetime}).encode())

    def _is_allowed(self, asked: Asked) -> bool:
        token = asked.headers.get("authorization", "").removeprefix("Bearer ")
        self._shown.add(token)
        return self._now() <= self._tokens.get(token, float("-inf"))


def error(status: int, code: str) -> Reply:
    """A refusal as registries word it."""
    return Reply(
        status, json.dumps({"errors": [{"code": code}]}).encode(), {"Content-Type": "application/json"}
    )


def part_of(data: bytes, wanted: str | None) -> Reply:
    """The part asked for (RFC 9110, section 14), or all."""
    match = _RANGE.fullmatch(wanted or "")
    if match is None:
        return Reply(200, data)
    start, end = int(match[1]), int(match[2] or len(data) - 1)
    if start >= len(data) or end >= len(data):  # go-containerregistry refuses an end past the size, too
        return Reply(416, b"", {"Content-Range": f"bytes */{len(data)}"})
    return Reply(
        206, data[start : end + 1], {"Content-Range": f"bytes {start}-{end}/{len(data)}"}, source=data
    )

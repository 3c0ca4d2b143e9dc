"""The registry (OCI distribution-spec) as Docker Hub runs it: bearer tokens, pull quota, blobs on a CDN."""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING

from aiohttp import web
from yarl import URL

from registry.digests import Digest
from samplehub.model import Access, Repository, StoredManifest
from samplehub.server.answers import API_VERSION, registry_error
from samplehub.server.cdn import signed_path
from samplehub.server.delivery import deliver
from samplehub.server.paging import cursor_page
from samplehub.server.sealing import grant_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from samplehub.server.state import State

SERVICE = "samplehub"

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*", re.ASCII)  # distribution-spec, "Pulling manifests"


class Registry:
    """Handlers of ``/v2/``. The catalogue is open, everything else takes a token."""

    def __init__(self, state: State) -> None:
        self._state = state

    @cached_property
    def _names(self) -> list[str]:
        """What the registry holds."""
        held = (Access.PUBLIC, Access.PRIVATE)
        return sorted(each.name for each in self._state.hub.repositories if each.access in held)

    def routes(self) -> list[web.RouteDef]:
        """Must come after the search site's routes, whose names look like repositories."""
        return [
            web.get("/v2/", self.ping),
            web.get("/v2/_catalog", self.catalog),
            web.get("/v2/{name:.+}/tags/list", self.tags),
            web.get("/v2/{name:.+}/manifests/{reference}", self.manifest),
            web.get("/v2/{name:.+}/blobs/{digest}", self.blob),
        ]

    async def ping(self, request: web.Request) -> web.Response:
        """Whether this is a registry, and where tokens come from."""
        if self._grant_problem(request, None):
            return self._challenge(request, None)
        return web.json_response({}, headers=API_VERSION)

    async def catalog(self, request: web.Request) -> web.Response:
        """Names of what the registry holds; open, unlike Docker Hub's, so that the sample can be listed."""
        self._state.traffic["catalog"] += 1
        return _listing(request, "repositories", self._names, {})

    async def tags(self, request: web.Request) -> web.Response:
        """Tags in lexical order; ``null`` where there are none, as distribution answers."""
        self._state.traffic["tags"] += 1
        repository = self._open(request)
        if isinstance(repository, web.Response):
            return repository
        return _listing(request, "tags", sorted(repository.tags), {"name": repository.name})

    async def manifest(self, request: web.Request) -> web.Response:
        """A manifest as it was pushed: never converted, refused where the client does not accept its type."""
        kind = request.method.lower()
        self._state.traffic[f"manifest_{kind}"] += 1
        repository = self._open(request)
        if isinstance(repository, web.Response):
            return repository
        if kind == "get" and not self._state.pulls.take():
            return registry_error(429, "TOOMANYREQUESTS", _QUOTA_MESSAGE, headers=self._quota())
        reference = request.match_info["reference"]
        found = _find(repository, reference)
        if isinstance(found, web.Response):
            return found
        if not _accepts(request.headers.getall("Accept", []), found[1].media_type):
            return registry_error(
                404, "MANIFEST_UNKNOWN", f"the manifest is {found[1].media_type}, not acceptable"
            )
        if kind == "get":
            self._state.manifest_gets[f"{repository.name}@{reference}"] += 1
        return self._manifest_answer(*found)

    async def blob(self, request: web.Request) -> web.StreamResponse:
        """A blob: small ones from here, large ones by a redirect to the CDN."""
        self._state.traffic[f"blob_{request.method.lower()}"] += 1
        repository = self._open(request)
        if isinstance(repository, web.Response):
            return repository
        digest = _digest(request.match_info["digest"])
        if digest is None:
            return registry_error(400, "DIGEST_INVALID", "provided digest did not match uploaded content")
        if digest not in repository.blobs:
            return registry_error(404, "BLOB_UNKNOWN", "blob unknown to registry", detail={"digest": digest})
        if (
            request.method == "GET"
            and len(self._state.hub.blobs[digest]) >= self._state.options.redirect_from_bytes
        ):
            return self._redirect(request, digest)
        return await deliver(self._state, request, digest)

    def _open(self, request: web.Request) -> Repository | web.Response:
        """The repository of a request, or the answer that says why it stays closed."""
        name = request.match_info["name"]
        if not _NAME.fullmatch(name) or len(name) > 255:
            return registry_error(400, "NAME_INVALID", "invalid repository name", detail={"name": name})
        if self._grant_problem(request, name):
            return self._challenge(request, name)
        repository = self._state.index.repository(name)
        if repository is None or repository.access is Access.DELETED:
            return registry_error(
                404, "NAME_UNKNOWN", "repository name not known to registry", detail={"name": name}
            )
        return repository

    def _grant_problem(self, request: web.Request, name: str | None) -> str:
        """Why the token of a request does not open ``name``: an error code of RFC 6750, ``""`` if it does."""
        scheme, _, text = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return "missing"
        grant = grant_of(text.strip())
        if grant is None or grant.expires <= self._state.clock():
            return "invalid_token"
        return "" if name is None or name in grant.repositories else "insufficient_scope"

    def _challenge(self, request: web.Request, name: str | None) -> web.Response:
        challenge = f'Bearer realm="http://{request.host}/token",service="{SERVICE}"'
        if name is not None:
            challenge += f',scope="repository:{name}:pull"'
        problem = self._grant_problem(request, name)
        if problem != "missing":
            challenge += f',error="{problem}"'
        detail = (
            None if name is None else [{"Type": "repository", "Class": "", "Name": name, "Action": "pull"}]
        )
        headers = {"WWW-Authenticate": challenge}
        return registry_error(401, "UNAUTHORIZED", "authentication required", detail=detail, headers=headers)

    def _manifest_answer(self, digest: Digest, manifest: StoredManifest) -> web.Response:
        headers = {
            **API_VERSION,
            **self._quota(),
            "Content-Type": manifest.media_type,
            "Docker-Content-Digest": digest,
            "ETag": f'"{digest}"',
        }
        return web.Response(body=manifest.data, headers=headers)

    def _quota(self) -> dict[str, str]:
        """Headers of the pull quota, as Docker Hub sends them with every manifest."""
        pulls = self._state.pulls
        return {
            "ratelimit-limit": f"{pulls.limit};w={pulls.window_s}",
            "ratelimit-remaining": f"{pulls.remaining};w={pulls.window_s}",
            "docker-ratelimit-source": "127.0.0.1",
        }

    def _redirect(self, request: web.Request, digest: Digest) -> web.Response:
        """To the CDN, by the host name that the client used for us."""
        expires = int(self._state.clock()) + self._state.options.url_lifetime_s
        host = URL.build(scheme="http", host=request.url.host or "127.0.0.1", port=self._state.cdn_port)
        location = str(host).rstrip("/") + signed_path(digest, "GET", expires)
        return web.Response(status=307, headers={**API_VERSION, "Location": location})


_QUOTA_MESSAGE = (
    "You have reached your pull rate limit. You may increase the limit by authenticating and upgrading:"
    " https://www.docker.com/increase-rate-limit"
)


def _find(repository: Repository, reference: str) -> tuple[Digest, StoredManifest] | web.Response:
    digest = _digest(reference) if ":" in reference else repository.tags.get(reference)
    if digest is None and ":" in reference:
        return registry_error(400, "DIGEST_INVALID", "invalid digest")
    if digest is None or digest not in repository.manifests:
        detail = {"name": repository.name, "revision" if ":" in reference else "Tag": reference}
        return registry_error(404, "MANIFEST_UNKNOWN", "manifest unknown", detail=detail)
    return digest, repository.manifests[digest]


def _digest(text: str) -> Digest | None:
    try:
        return Digest.parse(text)
    except ValueError:
        return None


def _accepts(headers: Iterable[str], media_type: str) -> bool:
    """Whether ``Accept`` allows a type; a request without one takes everything (RFC 9110, 12.5.1)."""
    ranges = {part.partition(";")[0].strip().lower() for header in headers for part in header.split(",")}
    return not ranges or not ranges.isdisjoint({media_type, "application/*", "*/*"})


def _listing(request: web.Request, key: str, names: list[str], others: dict[str, object]) -> web.Response:
    """One page of names, with the ``Link`` to the next (distribution-spec, "Listing tags")."""
    size = request.query.get("n", "1000")
    if not size.isascii() or not size.isdigit() or int(size) == 0:
        return registry_error(400, "PAGINATION_NUMBER_INVALID", "invalid number of results requested")
    page, last = cursor_page(names, request.query.get("last", ""), min(int(size), 1000))
    headers = dict(API_VERSION)
    if last is not None:
        link = URL(request.path, encoded=False).with_query(last=last, n=size)
        headers["Link"] = f'<{link}>; rel="next"'
    return web.json_response({**others, key: page or None if key == "tags" else page}, headers=headers)

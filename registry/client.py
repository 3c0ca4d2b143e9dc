"""A registry, by its verbs (OCI distribution-spec): manifests, blobs, tags and the catalog."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

from registry.digests import Digest, digest_or_none
from registry.errors import Reason, RegistryError
from registry.manifests import ACCEPT
from registry.paging import next_link, parse_names
from registry.transport.bodies import whole_size
from registry.transport.http import MAX_BODY_BYTES
from registry.transport.redirects import next_location
from registry.transport.urls import authority, origin, parse_base_url, path_and_query, path_of, redacted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from registry.transport.bodies import Stream
    from registry.transport.http import Answer, Transport

# Names per page; ECR refuses more.
_PAGE_SIZE = 1000

# Pages of one list of tags: a hundred times those of the most tagged images, which have 10^5 tags.
_MAX_PAGES = 10_000

_CATALOG_SCOPE = "registry:catalog:*"


@dataclass(frozen=True, slots=True)
class ManifestHead:
    """What a registry says of a manifest without sending it.

    Attributes:
        digest: ``None`` when it does not say, or says something that is no digest.
        media_type: ``Content-Type``, ``""`` when absent.
        size_bytes: ``None`` when it does not say.
        is_counted: Whether the registry counts our pulls, and so a GET would cost one.
    """

    digest: Digest | None
    media_type: str
    size_bytes: int | None
    is_counted: bool = False


@dataclass(frozen=True, slots=True)
class FetchedManifest:
    """A manifest as it came.

    Attributes:
        raw: The bytes, unverified.
        content_type: The header, ``""`` when absent.
        header_digest: ``Docker-Content-Digest`` as it stood there, right or wrong.
        url: Who answered, redacted.
    """

    raw: bytes = field(repr=False)
    content_type: str
    header_digest: str | None
    url: str


@dataclass(frozen=True, slots=True)
class CatalogPage:
    """One page of a registry's list of repositories.

    Attributes:
        names: Unchecked: they may break every grammar.
        next: Cursor of the next page, ``None`` after the last.
    """

    names: tuple[str, ...]
    next: str | None


class RegistryClient:
    """One registry.

    Every method raises ``RegistryError`` when it cannot give what was asked for, after all retries.
    """

    def __init__(
        self, transport: Transport, *, name: str, base_url: str, max_manifest_bytes: int = MAX_BODY_BYTES
    ) -> None:
        """Take the registry's identity (``docker.io``), and where it is reached.

        Raises:
            ValueError: ``base_url`` is not the address of a server.
        """
        self.name = name
        self.base_url = parse_base_url(base_url)
        self._transport = transport
        self._max_manifest_bytes = max_manifest_bytes

    def __repr__(self) -> str:
        return f"<RegistryClient {self.name} at {self.base_url}>"

    async def head(self, repository: str, reference: str) -> ManifestHead:
        """What a tag or digest stands for; free of pull quota on Docker Hub."""
        url = self._manifest_url(repository, reference)
        headers = {"Accept": ACCEPT}
        with _missing_is(_missing_manifest(reference)):
            answer = await self._transport.request("HEAD", url, headers=headers, scope=_pull(repository))
        return ManifestHead(
            digest_or_none(answer.headers.get("Docker-Content-Digest")),
            answer.headers.get("Content-Type", ""),
            whole_size(answer.status, answer.headers),
            is_counted=self._transport.quota(authority(url)) is not None,
        )

    async def manifest(self, repository: str, reference: str) -> FetchedManifest:
        """The original bytes of a manifest, by tag or digest; not verified against either."""
        with _missing_is(_missing_manifest(reference)):
            answer = await self._transport.request(
                "GET",
                self._manifest_url(repository, reference),
                headers={"Accept": ACCEPT},
                scope=_pull(repository),
                max_bytes=self._max_manifest_bytes,
            )
        headers = answer.headers
        return FetchedManifest(
            answer.body, headers.get("Content-Type", ""), headers.get("Docker-Content-Digest"), answer.url
        )

    @asynccontextmanager
    async def blob(
        self, repository: str, digest: str, *, offset: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        """The bytes of a blob, unverified, from ``offset`` to ``end`` inclusive.

        A range is asked for only if ``offset`` is positive; whether the server kept to it, its status
        and ``Content-Range`` tell.
        """
        url = f"{self.base_url}/v2/{path_of(repository)}/blobs/{quote(digest, safe=':')}"
        # Closed when it can be: some servers refuse an open range (go-containerregistry's).
        headers = {"Range": f"bytes={offset}-{'' if end is None else end}"} if offset else {}
        async with AsyncExitStack() as stack:
            with _missing_is(Reason.BLOB_MISSING):
                stream = await stack.enter_async_context(
                    self._transport.stream(url, headers=headers, scope=_pull(repository))
                )
            yield stream

    async def tags(self, repository: str) -> AsyncIterator[tuple[str, ...]]:
        """The tags of a repository, page by page; unchecked."""
        url: str | None = f"{self.base_url}/v2/{path_of(repository)}/tags/list?n={_PAGE_SIZE}"
        seen = set[str]()
        while url is not None:
            if url in seen or len(seen) == _MAX_PAGES:
                raise RegistryError(
                    Reason.UNEXPECTED_ANSWER, "the list of tags never ends", url=redacted(url)
                )
            seen.add(url)
            with _missing_is(Reason.REPO_MISSING):
                answer = await self._transport.request("GET", url, scope=_pull(repository))
            yield parse_names(answer.body, "tags")
            url = self._next_url(url, answer)

    async def catalog_page(self, cursor: str | None, size: int = _PAGE_SIZE) -> CatalogPage:
        """One page of the list of repositories: the first, or the one that ``cursor`` stands for."""
        url = f"{self.base_url}/v2/_catalog?n={size}" if cursor is None else origin(self.base_url) + cursor
        answer = await self._transport.request("GET", url, scope=_CATALOG_SCOPE)
        following = self._next_url(url, answer)
        if following == url:
            raise RegistryError(
                Reason.UNEXPECTED_ANSWER, "a page names itself as the next", url=redacted(url)
            )
        names = parse_names(answer.body, "repositories")
        return CatalogPage(names, None if following is None else path_and_query(following))

    def _next_url(self, url: str, answer: Answer) -> str | None:
        link = next_link(answer.headers.get("Link"))
        if link is None:
            return None
        target = next_location(url, link)
        if authority(target) != authority(self.base_url):
            raise RegistryError(
                Reason.UNEXPECTED_ANSWER, "the next page is on another host", url=redacted(url)
            )
        return origin(self.base_url) + path_and_query(target)

    def _manifest_url(self, repository: str, reference: str) -> str:
        return f"{self.base_url}/v2/{path_of(repository)}/manifests/{quote(reference, safe=':')}"


def _pull(repository: str) -> str:
    return f"repository:{repository}:pull"


def _missing_manifest(reference: str) -> Reason:
    return Reason.MANIFEST_MISSING if ":" in reference else Reason.NO_TAG


@contextmanager
def _missing_is(reason: Reason) -> Iterator[None]:
    """Call "not there" by what was asked for, unless the registry said that the repository is what lacks."""
    try:
        yield
    except RegistryError as error:
        if error.status in {404, 410} and error.reason not in {Reason.REPO_MISSING, Reason.INVALID_NAME}:
            error.reason = reason
        raise

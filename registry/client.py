"""A registry, by its verbs (OCI distribution-spec): manifests, blobs, tags and the catalog."""

from __future__ import annotations

import copy
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol
from urllib.parse import quote

from registry.descriptors import parse_descriptors
from registry.digests import Digest, digest_or_none
from registry.documents import parse_document, read_aside
from registry.errors import Reason, RegistryError
from registry.manifests import ACCEPT, INDEX_TYPE
from registry.paging import next_link, parse_names
from registry.transport.bodies import whole_size
from registry.transport.http import MAX_BODY_BYTES
from registry.transport.redirects import next_location
from registry.transport.urls import authority, origin, parse_base_url, path_and_query, path_of, redacted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator
    from contextlib import AbstractAsyncContextManager

    from registry.descriptors import Descriptor
    from registry.hub import HubTags
    from registry.transport.bodies import Stream
    from registry.transport.http import Answer, Transport

# Names per page; ECR refuses more.
_PAGE_SIZE = 1000

# Pages of one list: a hundred times those of the most tagged images, which have 10^5 tags.
_MAX_PAGES = 10_000

# What a registry may say is missing, by its code, whatever was asked for.
_MISSING = frozenset({Reason.BLOB_MISSING, Reason.MANIFEST_MISSING})

_CATALOG_SCOPE = "registry:catalog:*"


@dataclass(frozen=True, slots=True)
class ManifestHead:
    """What a registry says of a manifest without sending it.

    Attributes:
        digest: ``None`` when it does not say, or says something that is no digest.
        media_type: ``Content-Type``, ``""`` when absent.
        size_bytes: ``None`` when it does not say.
    """

    digest: Digest | None
    media_type: str
    size_bytes: int | None


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


class BlobSource(Protocol):
    """Where a blob may be had."""

    @property
    def name(self) -> str:
        """Who is asked; others may answer, by redirects."""

    def blob(
        self, repository: str, digest: str, *, offset: int = 0, end: int | None = None
    ) -> AbstractAsyncContextManager[Stream]:
        """See :meth:`RegistryClient.blob`."""


class RegistryClient:
    """One registry.

    Every method raises ``RegistryError`` when it cannot give what was asked for, after all retries.
    """

    def __init__(
        self,
        transport: Transport,
        *,
        name: str,
        base_url: str,
        max_manifest_bytes: int = MAX_BODY_BYTES,
        hub: HubTags | None = None,
    ) -> None:
        """Take the registry's identity (``docker.io``), where it is reached, and the site of its hub.

        Raises:
            ValueError: ``base_url`` is not the address of a server.
        """
        self.name = name
        self.base_url = parse_base_url(base_url)
        self._transport = transport
        self.hub = hub
        self._max_manifest_bytes = max_manifest_bytes

    def __repr__(self) -> str:
        return f"<RegistryClient {self.name} at {self.base_url}>"

    @property
    def counts_pulls(self) -> bool | None:
        """Whether the registry counts our pulls, so that a GET costs one; ``None`` before it was heard."""
        return self._transport.counts_pulls(authority(self.base_url))

    async def head(self, repository: str, reference: str) -> ManifestHead:
        """What a tag or digest stands for; free of pull quota on Docker Hub."""
        url = self._manifest_url(repository, reference)
        headers = {"Accept": ACCEPT}
        with _missing_is(_missing_manifest(reference)):
            answer = await self._transport.request(
                "HEAD", url, headers=headers, scope=_pull(repository), is_pull=True
            )
        return ManifestHead(
            digest_or_none(answer.headers.get("Docker-Content-Digest")),
            answer.headers.get("Content-Type", ""),
            whole_size(answer.status, answer.headers),
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
                is_pull=True,
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

        No range is asked for if that is all of it; whether the server kept to one, its status and
        ``Content-Range`` tell.
        """
        url = f"{self.base_url}/v2/{path_of(repository)}/blobs/{quote(digest, safe=':')}"
        headers = _range(offset, end)
        async with AsyncExitStack() as stack:
            with _missing_is(Reason.BLOB_MISSING):
                stream = await stack.enter_async_context(
                    self._transport.stream(url, headers=headers, scope=_pull(repository))
                )
            yield stream

    @property
    def attempts(self) -> int:
        """Tries of one request in all."""
        return self._transport.attempts

    def unwaiting(self) -> RegistryClient:
        """The same, but a request whose server asks for a pause fails: see :meth:`Transport.unwaiting`."""
        twin = copy.copy(self)
        twin._transport = self._transport.unwaiting()  # noqa: SLF001 - its own
        return twin

    async def outwait(self, pause: RegistryError) -> None:
        """Wait as long as a server asked for."""
        await self._transport.outwait(pause)

    def elsewhere(self, url: str) -> ForeignBlob:
        """A blob of this registry that is kept at ``url``, as whoever made the image says."""
        return ForeignBlob(self._transport, url, named_by=self.base_url)

    async def tags(self, repository: str) -> AsyncIterator[tuple[str, ...]]:
        """The tags of a repository, page by page; unchecked."""
        url = f"{self.base_url}/v2/{path_of(repository)}/tags/list?n={_PAGE_SIZE}"
        with _missing_is(Reason.REPO_MISSING):
            async for page in self._pages(url, repository):
                yield parse_names(page.body, "tags")

    async def referrers(self, repository: str, digest: Digest) -> AsyncGenerator[tuple[Descriptor, ...]]:
        """What the registry lists as artifacts about a manifest, page by page (spec.md, "Listing Referrers").

        A registry without this interface answers 404, and one with it never does: it lists nothing.
        """
        url = f"{self.base_url}/v2/{path_of(repository)}/referrers/{quote(digest, safe=':')}"
        async for page in self._pages(url, repository, Accept=INDEX_TYPE):
            yield await read_aside(page.body, partial(_listed_in, page.body))

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

    async def _pages(self, url: str, repository: str, **headers: str) -> AsyncGenerator[Answer]:
        """The pages of a list, from the first at ``url`` on."""
        following: str | None = url
        seen = set[str]()
        while following is not None:
            if following in seen or len(seen) == _MAX_PAGES:
                raise RegistryError(Reason.UNEXPECTED_ANSWER, "the list never ends", url=redacted(following))
            seen.add(following)
            answer = await self._transport.request("GET", following, headers=headers, scope=_pull(repository))
            yield answer
            following = self._next_url(following, answer)

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


class ForeignBlob:
    """A blob that is kept outside of every registry: it is asked for as of one, and without an account."""

    def __init__(self, transport: Transport, url: str, *, named_by: str) -> None:
        self._transport = transport
        self._url = url
        self._named_by = named_by
        self._is_foreign = not url.startswith(f"{origin(named_by)}/")

    @property
    def name(self) -> str:
        """``https://host[:port]``, or whatever stands in its place: nobody has checked the URL yet."""
        return "/".join(redacted(self._url).split("/", 3)[:3])

    @asynccontextmanager
    async def blob(
        self, repository: str, digest: str, *, offset: int = 0, end: int | None = None
    ) -> AsyncIterator[Stream]:
        """As :meth:`RegistryClient.blob`; repository and digest are of no use here."""
        del repository, digest
        async with AsyncExitStack() as stack:
            with _missing_is(Reason.BLOB_MISSING):
                stream = await stack.enter_async_context(
                    self._transport.stream(
                        self._url,
                        headers=_range(offset, end),
                        named_by=self._named_by,
                        is_foreign=self._is_foreign,
                    )
                )
            yield stream


def _range(offset: int, end: int | None) -> dict[str, str]:
    if not offset and end is None:
        return {}
    # Closed when it can be: some servers refuse an open range (go-containerregistry's).
    return {"Range": f"bytes={offset}-{'' if end is None else end}"}


def _listed_in(index: bytes) -> tuple[Descriptor, ...]:
    return parse_descriptors(parse_document(index).body, "manifests")


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
        is_missing = error.status in {404, 410} or error.reason in _MISSING
        if is_missing and error.reason not in {Reason.REPO_MISSING, Reason.INVALID_NAME}:
            error.reason = reason
        raise

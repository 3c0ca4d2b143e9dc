"""A registry of version 1, by its verbs (docker-archive/docker-registry 0.9): tags, images, search.

An *index* knows the repositories and their accounts, and says which *registry* holds the images
(``X-Docker-Endpoints``) and with which token they are asked for (``X-Docker-Token``). An old private
registry is both at once ("standalone"), often behind a proxy that wants a password for everything.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from registry.errors import Reason, RegistryError
from registry.transport.urls import authority, parse_base_url, path_of
from registry.v1_images import check_image_json, parse_ancestry, parse_tags, payload_checksums

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence

    from registry.transport.bodies import Stream
    from registry.transport.http import Answer, Transport

T = TypeVar("T")

# The first of them are tried, each with all its retries; nobody was seen to name more than two.
_MAX_ENDPOINTS = 3

# A login, where one is asked for; it is a password for everything, so there is nothing to name.
_ANY_SCOPE = ""


@dataclass(slots=True)
class V1Repository:
    """A repository, and how its images are reached.

    Attributes:
        name: ``library/debian``.
        endpoint: Base URL of the registry that holds its images.
        named_by: The index that named that registry; ``None`` where it is the index itself.
        token: What the index gave for them; it may be renewed, under ``renewing``.
        tags: Tag to image id, both unchecked.
    """

    name: str
    endpoint: str
    named_by: str | None
    token: str | None = field(repr=False)
    tags: Mapping[str, str] = field(default_factory=dict)
    renewing: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    @property
    def scope(self) -> str | None:
        """No login at a registry that somebody named, nor where there is a token, which it would replace."""
        return _ANY_SCOPE if self.named_by is None and self.token is None else None


@dataclass(frozen=True, slots=True)
class V1ImageJson:
    """The JSON of an image, and what comes with it about its layer.

    Attributes:
        raw: As it came; an object, and of the image asked for.
        checksums: ``sha256:...`` of ``raw``, a newline and the layer, or of the layer; any may be it.
        layer_bytes: ``X-Docker-Size``, which some servers take from the unpacked layer.
    """

    raw: bytes = field(repr=False)
    checksums: frozenset[str]
    layer_bytes: int | None


class V1Client:
    """One registry of version 1.

    Every method raises ``RegistryError`` when it cannot give what was asked for, after all retries.
    """

    def __init__(self, transport: Transport, *, name: str, base_url: str) -> None:
        """Take the registry's identity, and where it (or its index) is reached.

        Raises:
            ValueError: ``base_url`` is not the address of a server.
        """
        self.name = name
        self.base_url = parse_base_url(base_url)
        self.hub = None  # no site tells when its tags were pushed
        self._transport = transport
        self._takes_tokens = True  # until a password was taken instead of one

    def __repr__(self) -> str:
        return f"<V1Client {self.name} at {self.base_url}>"

    async def search(self, query: str) -> Answer:
        """The answer to ``/v1/search?`` + ``query``, which is percent-encoded."""
        return await self._transport.request("GET", f"{self.base_url}/v1/search?{query}", scope=_ANY_SCOPE)

    async def repository(self, name: str) -> V1Repository:
        """A repository with its tags, from the first endpoint that has it."""
        endpoints, token = await self._ask_index(name)
        failures: list[RegistryError] = []
        for endpoint in endpoints:
            named_by = None if endpoint == self.base_url else self.base_url
            repository = V1Repository(name, endpoint, named_by, token)
            try:
                with _missing_is(Reason.REPO_MISSING):
                    answer = await self._get(repository, f"repositories/{path_of(name)}/tags")
                repository.tags = parse_tags(answer.body)
            except RegistryError as error:
                failures.append(error)
            else:
                return repository
        raise failures[0]

    async def tags(self, repository: str) -> AsyncIterator[tuple[str, ...]]:
        """The tags of a repository, in one page; unchecked."""
        yield tuple((await self.repository(repository)).tags)

    async def ancestry(self, repository: V1Repository, image_id: str) -> tuple[str, ...]:
        """The ids of the images that an image consists of, base first; ``image_id`` is one by its grammar."""
        with _missing_is(Reason.MANIFEST_MISSING):
            answer = await self._get(repository, f"images/{image_id}/ancestry")
        return parse_ancestry(answer.body, image_id)

    async def image_json(self, repository: V1Repository, image_id: str) -> V1ImageJson:
        """The JSON of an image of an ancestry."""
        with _missing_is(Reason.BLOB_MISSING):
            answer = await self._get(repository, f"images/{image_id}/json")
        check_image_json(answer.body, image_id)
        size = answer.headers.get("X-Docker-Size", "")
        checksums = payload_checksums(answer.headers.getall("X-Docker-Payload-Checksum", ()))
        is_size = size.isascii() and size.isdigit() and len(size) < 20
        return V1ImageJson(answer.body, checksums, int(size) if is_size else None)

    @asynccontextmanager
    async def layer(
        self, repository: V1Repository, image_id: str, headers: Mapping[str, str]
    ) -> AsyncIterator[Stream]:
        """The bytes of a layer, unverified, or the part that ``headers`` ask for."""
        url = f"{repository.endpoint}/v1/images/{image_id}/layer"
        async with AsyncExitStack() as stack:

            async def ask(repository: V1Repository) -> Stream:
                return await stack.enter_async_context(
                    self._transport.stream(
                        url,
                        headers={**headers, **_authorization(repository.token)},
                        scope=repository.scope,
                        named_by=repository.named_by,
                    )
                )

            with _missing_is(Reason.BLOB_MISSING):
                stream = await self._with_token(repository, ask)
            yield stream

    async def _get(self, repository: V1Repository, path: str) -> Answer:
        url = f"{repository.endpoint}/v1/{path}"

        async def ask(repository: V1Repository) -> Answer:
            headers = _authorization(repository.token)
            return await self._transport.request(
                "GET", url, headers=headers, scope=repository.scope, named_by=repository.named_by
            )

        return await self._with_token(repository, ask)

    async def _with_token(self, repository: V1Repository, ask: Callable[[V1Repository], Awaitable[T]]) -> T:
        """Ask with the token of a repository, and once more with a new one if it has run out.

        A registry behind a proxy that wants a password for everything gives tokens, and none gets past it.
        """
        token = repository.token
        try:
            return await ask(repository)
        except RegistryError as error:
            if error.status != 401 or token is None:
                raise
        await self._renew(repository, token)
        try:
            return await ask(repository)
        except RegistryError as error:
            if error.status != 401 or repository.token is None or repository.named_by is not None:
                raise
        answer = await ask(replace(repository, token=None))
        repository.token, self._takes_tokens = None, False
        return answer

    async def _renew(self, repository: V1Repository, refused: str) -> None:
        """Get a new token instead of ``refused``, unless somebody else did meanwhile."""
        async with repository.renewing:
            if repository.token == refused:
                _, repository.token = await self._ask_index(repository.name)

    async def _ask_index(self, name: str) -> tuple[tuple[str, ...], str | None]:
        """The endpoints of a repository, and the token for them; a mere registry knows of neither."""
        answer = await self._transport.request(
            "GET",
            f"{self.base_url}/v1/repositories/{path_of(name)}/images",
            headers={"X-Docker-Token": "true"},
            scope=_ANY_SCOPE,
            accept_statuses=frozenset({404}),
        )
        if answer.status == 404:
            return (self.base_url,), None
        endpoints = endpoints_of(self.base_url, answer.headers.getall("X-Docker-Endpoints", ()))
        token = _token(answer.headers.getall("X-Docker-Token", ())) if self._takes_tokens else None
        return endpoints, token


def endpoints_of(base_url: str, headers: Sequence[str]) -> tuple[str, ...]:
    """The base URLs that ``X-Docker-Endpoints`` names (``host[:port], ...``).

    They are reached like the index, by the same scheme. Where it names none the index is the registry.
    """
    scheme = base_url.partition("://")[0]
    hosts = [host.strip() for header in headers for host in header.split(",")]
    urls = [_endpoint(base_url, f"{scheme}://{host}") for host in hosts[:_MAX_ENDPOINTS]]
    return tuple(dict.fromkeys(url for url in urls if url is not None)) or (base_url,)


def _endpoint(base_url: str, text: str) -> str | None:
    try:
        url = parse_base_url(text)
    except ValueError:
        return None
    return base_url if authority(url) == authority(base_url) else url


def _token(headers: Sequence[str]) -> str | None:
    """The token to send back, without the name of its scheme, which some servers put in front of it."""
    token = ",".join(headers).strip()
    scheme, _, rest = token.partition(" ")
    token = rest if scheme.lower() == "token" else token
    return token if token and token.isascii() and token.isprintable() else None


def _authorization(token: str | None) -> dict[str, str]:
    return {} if token is None else {"Authorization": f"Token {token}"}


@contextmanager
def _missing_is(reason: Reason) -> Iterator[None]:
    """Call "not there" by what was asked for."""
    try:
        yield
    except RegistryError as error:
        if error.status in {404, 410}:
            error.reason = reason
        raise

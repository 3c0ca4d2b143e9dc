"""Requests to servers: the one loop that retries, around redirects, tokens, slots and translated errors."""

from __future__ import annotations

import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

from yarl import URL

from registry.errors import Reason, RegistryError
from registry.transport.auth import Authenticator, parse_challenges
from registry.transport.bodies import open_stream, read_beginning, read_body
from registry.transport.failures import FOREIGN_ERRORS, error_of_answer, error_of_exception
from registry.transport.limits import HostLimits
from registry.transport.quota import Quota, parse_quota, pause_until_reset
from registry.transport.redirects import MAX_HOPS, REDIRECT_STATUSES, headers_after, next_location
from registry.transport.retry import delay, tries_allowed
from registry.transport.urls import authority, redacted

if TYPE_CHECKING:
    import random as random_module
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import aiohttp
    from multidict import CIMultiDictProxy

    from registry.transport.auth import Authorization, Credentials
    from registry.transport.bodies import Stream
    from registry.transport.clock import Clock
    from registry.transport.settings import HttpSettings

log = logging.getLogger("registry")

T = TypeVar("T")

# Bytes of a body that is kept whole. Registries must take manifests of 4 MiB; twice that is slack.
MAX_BODY_BYTES = 8 << 20

# Bytes of the bodies of errors and tokens; more explains nothing.
_MAX_SMALL_BODY_BYTES = 64 << 10

_SUCCESS = frozenset(range(200, 300))
_STREAMABLE = frozenset({200, 206})

# How a store answers to a signed URL that ran out on the way: a fresh redirect may help.
_EXPIRED_STATUSES = frozenset({400, 401, 403})
_OVERLOAD_STATUSES = frozenset({429, 503})


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer.

    Attributes:
        status: 2xx, or one of the statuses the caller accepts.
        headers: As they came.
        body: As it came; empty for HEAD.
        url: Who answered, redacted.
    """

    status: int
    headers: CIMultiDictProxy[str]
    body: bytes = field(repr=False)
    url: str


@dataclass(frozen=True, slots=True)
class _Call:
    """What a caller asks for."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    scope: str | None
    accept_statuses: frozenset[int]
    max_bytes: int = MAX_BODY_BYTES


class Transport:
    """Polite HTTP for everything above."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        settings: HttpSettings,
        *,
        clock: Clock,
        random: random_module.Random,
        credentials: Credentials,
    ) -> None:
        self._session = session
        self._settings = settings
        self._clock = clock
        self._random = random
        self._limits = HostLimits(settings.parallel_per_host, clock)
        self._authenticator = Authenticator(
            credentials, clock, self._ask_for_token, token_url=settings.token_url
        )
        self._quotas: dict[str, Quota] = {}

    def __repr__(self) -> str:
        return f"<Transport {self._limits!r} {self._authenticator!r}>"

    async def request(
        self,
        method: Literal["GET", "HEAD"],
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        scope: str | None = None,
        max_bytes: int = MAX_BODY_BYTES,
        accept_statuses: frozenset[int] = frozenset(),
    ) -> Answer:
        """Ask, and read the whole answer.

        Args:
            method: ``GET`` or ``HEAD``.
            url: Sent as it is, percent-encoded by the caller.
            headers: More headers.
            scope: What a token must allow (``repository:library/debian:pull``; ``""``: nothing in
                particular); ``None``: no login is tried.
            max_bytes: Bound of the body.
            accept_statuses: Statuses to return besides 2xx, instead of raising or retrying.

        Raises:
            RegistryError: After every try that made sense.
        """
        call = _Call(method, url, headers or {}, scope, _SUCCESS | accept_statuses, max_bytes)
        return await self._with_retries(lambda: self._fetch(call))

    @asynccontextmanager
    async def stream(
        self, url: str, *, headers: Mapping[str, str] | None = None, scope: str | None = None
    ) -> AsyncIterator[Stream]:
        """Ask, and leave the body to be read inside the context, in which the host's slot is held.

        Arguments and errors as of :meth:`request`; only 200 and 206 are answers here.
        """
        call = _Call("GET", url, headers or {}, scope, _STREAMABLE)
        async with AsyncExitStack() as stack:
            response = await self._with_retries(lambda: stack.enter_async_context(self._exchange(call)))
            yield open_stream(response, self._settings, self._clock)

    def quota(self, host: str) -> Quota | None:
        """What ``host[:port]`` last said of our pull quota; ``None`` when it never did."""
        return self._quotas.get(host)

    async def _fetch(self, call: _Call) -> Answer:
        async with self._exchange(call) as response:
            body = b""
            if call.method != "HEAD":
                body = await read_body(response, self._settings, self._clock, call.max_bytes)
            return Answer(response.status, response.headers, body, redacted(str(response.url)))

    async def _ask_for_token(self, url: str, headers: Mapping[str, str]) -> bytes:
        log.debug("token", extra={"url": redacted(url)})
        return (await self.request("GET", url, headers=headers, max_bytes=_MAX_SMALL_BODY_BYTES)).body

    async def _with_retries(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """The only place that tries again. No slot is held while it waits."""
        settings = self._settings
        number = 0
        while True:
            number += 1
            try:
                return await attempt()
            except RegistryError as error:
                if error.attempts:
                    raise  # the request for a token, which had its own tries
                if number >= tries_allowed(error, settings.attempts, settings.retry_cap_s):
                    error.attempts = number
                    raise
                failure = error
            luck = self._random.random()
            wait_s = failure.retry_after_s or delay(number, luck, settings.retry_base_s, settings.retry_cap_s)
            log.info(
                "retry",
                extra={
                    "url": failure.url,
                    "reason": failure.reason,
                    "attempt": number,
                    "wait_s": round(wait_s, 1),
                },
            )
            await self._clock.sleep(wait_s)

    @asynccontextmanager
    async def _exchange(self, call: _Call) -> AsyncIterator[aiohttp.ClientResponse]:
        """One try: an answer that the caller accepts, held open together with the slot of its host."""
        async with AsyncExitStack() as stack:
            authorization = await self._authenticator.known(call.url, call.scope)
            response = await self._follow(stack, call, authorization)
            if response.status == 401 and call.scope is not None and _is_from(call.url, response):
                challenges = parse_challenges(", ".join(response.headers.getall("WWW-Authenticate", ())))
                await stack.aclose()  # a token server may be the same host, and needs the slot
                authorization = await self._authenticator.answer(
                    call.url, call.scope, challenges, authorization
                )
                response = await self._follow(stack, call, authorization)
            self._note_quota(call.url, response)
            if response.status not in call.accept_statuses:
                raise await self._error_of(call, response, authorization)
            _check_encoding(call, response)
            yield response

    async def _follow(
        self, stack: AsyncExitStack, call: _Call, authorization: Authorization | None
    ) -> aiohttp.ClientResponse:
        """The first answer that is not a redirect."""
        url, headers = call.url, dict(call.headers)
        if authorization is not None:
            headers["Authorization"] = authorization.header
        for _ in range(MAX_HOPS + 1):
            response = await self._send(stack, call.method, url, headers)
            location = response.headers.get("Location")
            if response.status not in REDIRECT_STATUSES or location is None:
                return response
            await stack.aclose()  # the next host has slots of its own
            target = next_location(url, location)
            url, headers = target, headers_after(headers, url, target)
        raise RegistryError(
            Reason.UNEXPECTED_ANSWER, f"more than {MAX_HOPS} redirects", url=redacted(call.url)
        )

    async def _send(
        self, stack: AsyncExitStack, method: str, url: str, headers: Mapping[str, str]
    ) -> aiohttp.ClientResponse:
        """One request on the wire. ``stack`` takes the slot and the connection."""
        host = authority(url)
        await stack.enter_async_context(self._limits.slot(host))
        # Encoded already: normalising would break signatures, and let ".." climb (aio-libs/aiohttp#7222).
        request = self._session.request(
            method, URL(url, encoded=True), headers=headers, allow_redirects=False
        )
        try:
            response = await stack.enter_async_context(request)
        except FOREIGN_ERRORS as error:
            failure = error_of_exception(error, url)
            if failure.reason is Reason.TIMEOUT:
                self._limits.complained(host)
            raise failure from None
        if response.status < 400:
            self._limits.answered(host)
        pause_s = pause_until_reset(response.headers, self._clock.now(), self._settings.retry_after_cap_s)
        if pause_s is not None:
            self._limits.pause(host, pause_s)
        return response

    async def _error_of(
        self, call: _Call, response: aiohttp.ClientResponse, authorization: Authorization | None
    ) -> RegistryError:
        """What an answer that the caller does not accept means, after the host got what it asked for."""
        body = await read_beginning(response, self._settings, self._clock, _MAX_SMALL_BODY_BYTES)
        error = error_of_answer(
            str(response.url),
            response.status,
            response.headers,
            body,
            now=self._clock.now(),
            cap_s=self._settings.retry_after_cap_s,
        )
        if response.status in _EXPIRED_STATUSES and not _is_from(call.url, response):
            error.reason, error.temporary = Reason.UNEXPECTED_ANSWER, True
        if response.status == 401 and authorization and authorization.is_stale(self._clock.monotonic()):
            error.temporary = True  # it ran out while we stood in the host's queue
        self._obey(authority(str(response.url)), error)
        return error

    def _obey(self, host: str, error: RegistryError) -> None:
        """Grant the host the rest it asked for. A used-up quota is no reason: blobs are not counted."""
        if error.reason is Reason.QUOTA and tries_allowed(error, 2, self._settings.retry_cap_s) == 1:
            return
        if error.status in _OVERLOAD_STATUSES:
            self._limits.complained(host)
        if error.retry_after_s is not None:
            self._limits.pause(host, error.retry_after_s)

    def _note_quota(self, url: str, response: aiohttp.ClientResponse) -> None:
        quota = parse_quota(response.headers, self._clock.now())
        if quota is not None:
            self._quotas[authority(url)] = quota


def _is_from(url: str, response: aiohttp.ClientResponse) -> bool:
    """Whether the host that was asked answered itself, not one it redirected to."""
    return authority(str(response.url)) == authority(url)


def _check_encoding(call: _Call, response: aiohttp.ClientResponse) -> None:
    """Refuse bytes that are not the original ones: ``identity`` was asked for."""
    encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in {"", "identity"} and call.method != "HEAD":
        raise RegistryError(
            Reason.UNEXPECTED_ANSWER,
            "the body is encoded, which was not asked for",
            url=redacted(str(response.url)),
            status=response.status,
        )

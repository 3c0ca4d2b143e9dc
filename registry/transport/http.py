"""Requests to servers: the one loop that retries, around redirects, tokens, slots and translated errors."""

from __future__ import annotations

import copy
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from registry.errors import Reason, RegistryError
from registry.transport.allowance import parse_limits
from registry.transport.auth import Authenticator
from registry.transport.bodies import BodyReader
from registry.transport.challenges import parse_challenges
from registry.transport.deadlines import Deadlines
from registry.transport.failures import FOREIGN_ERRORS, error_of_answer, error_of_exception
from registry.transport.keyring import Keyring
from registry.transport.limits import HostLimits, PausedError
from registry.transport.memory import NoMemory
from registry.transport.pacing import Pacer
from registry.transport.pulls import PullGates
from registry.transport.rationing import RequestLimits
from registry.transport.redirects import MAX_HOPS, REDIRECT_STATUSES, headers_after, resolve_location
from registry.transport.retry import Effort, delay, is_exhausted
from registry.transport.tokens import parse_token
from registry.transport.urls import authority, redacted
from registry.transport.waits import Waits

if TYPE_CHECKING:
    import random as random_module
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

    import aiohttp
    from multidict import CIMultiDictProxy

    from registry.transport.auth import Authorization
    from registry.transport.bodies import Stream
    from registry.transport.clock import Clock
    from registry.transport.credentials import Account, Credentials
    from registry.transport.memory import Memory
    from registry.transport.pulls import Hear
    from registry.transport.session import Wire
    from registry.transport.settings import HttpSettings
    from registry.transport.tokens import Token, TokenRequest
    from registry.transport.waits import Wait

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

_NO_ENCODING = frozenset({"", "identity"})


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
    """What a caller asks for, and what that has cost."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    scope: str | None
    accept_statuses: frozenset[int]
    max_bytes: int = MAX_BODY_BYTES
    form: bytes | None = field(default=None, repr=False)
    named_by: str | None = None
    is_foreign: bool = False
    is_pull: bool = False
    effort: Effort = field(default_factory=Effort)


class Transport:
    """Polite HTTP for everything above."""

    def __init__(
        self,
        wire: Wire,
        settings: HttpSettings,
        *,
        clock: Clock,
        random: random_module.Random,
        credentials: Credentials,
        memory: Memory | None = None,
    ) -> None:
        """Take what requests are sent by, and how; ``memory`` outlives this transport.

        Raises:
            ConfigurationError: A limit that is none.
        """
        self._wire = wire
        self._settings = settings
        self._clock = clock
        self._random = random
        self._limits = HostLimits(settings.parallel_per_host, clock)
        self._authenticator = Authenticator(
            Keyring(credentials, clock), clock, settings, ask=self._ask_for_token, check=wire.check
        )
        self._outwaits_pauses = True
        memory = memory or NoMemory()
        self._bodies = BodyReader(settings, clock)
        self._heads = Deadlines(settings.connect_timeout_s + settings.read_timeout_s)
        self._waits = Waits(clock)
        self._pacer = Pacer(clock, self._waits)
        self._pulls = PullGates(settings.quota_pause_s, clock, self._waits, memory)
        self._requests = RequestLimits(parse_limits(settings.max_requests), clock, self._waits, memory)

    def __repr__(self) -> str:
        return f"<Transport {self._limits!r} {self._authenticator!r}>"

    async def request(  # noqa: PLR0913 - all but two by keyword
        self,
        method: Literal["GET", "HEAD"],
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        scope: str | None = None,
        max_bytes: int = MAX_BODY_BYTES,
        accept_statuses: frozenset[int] = frozenset(),
        named_by: str | None = None,
        is_pull: bool = False,
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
            named_by: The server that told us to ask there, which a public one may not for a private network.
            is_pull: Whether it is for a manifest, of which servers may count the GETs: then it waits for as
                long as none is left.

        Raises:
            RegistryError: After every try that made sense.
        """
        if named_by is not None:
            self._wire.check(named_by, url)
        statuses = _SUCCESS | accept_statuses
        call = _Call(
            method, url, headers or {}, scope, statuses, max_bytes, named_by=named_by, is_pull=is_pull
        )
        return await self._with_retries(call, self._pull if is_pull else self._fetch)

    @asynccontextmanager
    async def stream(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        scope: str | None = None,
        named_by: str | None = None,
        is_foreign: bool = False,
    ) -> AsyncIterator[Stream]:
        """Ask, and leave the body to be read inside the context, in which the host's slot is held.

        Arguments and errors as of :meth:`request`; only 200 and 206 are answers here. ``is_foreign``: whether
        ``named_by`` only passed on what anybody may have said, who is no more than a public server then.
        """
        if named_by is not None:
            self._wire.check(named_by, url, is_foreign=is_foreign)
        call = _Call("GET", url, headers or {}, scope, _STREAMABLE, named_by=named_by, is_foreign=is_foreign)
        async with AsyncExitStack() as stack:
            response = await self._with_retries(call, partial(self._exchange, stack))
            yield self._bodies.stream(response)

    @property
    def attempts(self) -> int:
        """Tries of one request in all."""
        return self._settings.attempts

    def counts_pulls(self, host: str) -> bool | None:
        """Whether ``host[:port]`` counts our GETs of manifests; ``None`` before it was heard."""
        return self._pulls.are_counted(host)

    def waiting(self) -> Wait | None:
        """The wait under way that ends last, of those that somebody asked for."""
        return max(filter(None, (self._waits.longest(), self._limits.longest_pause())), default=None)

    def impatient(self) -> Transport:
        """The same, but every request is made once."""
        twin = self._twin()
        twin._settings = msgspec.structs.replace(self._settings, attempts=1)  # noqa: SLF001 - its own
        return twin

    def unwaiting(self) -> Transport:
        """The same, but a request whose server asks for a pause fails, for the caller to :meth:`outwait` it.

        So whoever waits can let go of all that others need. The error is temporary, and says for how long
        (``retry_after_s``); its ``attempts`` are 0 where the pause was known, and nothing was asked.
        """
        twin = self._twin()
        twin._outwaits_pauses = False  # noqa: SLF001 - its own
        return twin

    def _twin(self) -> Transport:
        """The same, which may be patient in another way, for tokens too."""
        twin = copy.copy(self)
        twin._authenticator = self._authenticator.asking_by(twin._ask_for_token)  # noqa: SLF001 - its own
        return twin

    async def outwait(self, pause: RegistryError) -> None:
        """Wait as long as a server asked for."""
        await self._waits.sleep(authority(pause.url or ""), pause.retry_after_s or 0.0)

    async def close(self) -> None:
        """Write down what the next run will want to know."""
        await self._pulls.record()
        await self._requests.close()

    async def account(self, url: str) -> Account | None:
        """The account by which the registry of ``url`` will know us, ``None`` to be nobody.

        Raises:
            ConfigurationError: A credential helper that is to be asked for it does not work.
        """
        return await self._authenticator.account(url)

    def log_in(self, site_url: str, registry_url: str) -> None:
        """Have requests to a hub's site made as the account of its registry, if there is one.

        Those with a scope are, which at a site is empty: ``scope=""``.
        """
        self._authenticator.log_in(site_url, registry_url)

    async def _fetch(self, call: _Call, hear: Hear | None = None) -> Answer:
        async with AsyncExitStack() as stack:
            response = await self._exchange(stack, call, hear)
            body = b""
            if call.method != "HEAD":
                body = await self._bodies.whole(response, call.max_bytes)
            return Answer(response.status, response.headers, body, redacted(str(response.url)))

    async def _pull(self, call: _Call) -> Answer:
        """One try at a manifest."""
        gate = await self._pulls.of(authority(call.url), partial(self._username, call.url))
        is_get = call.method == "GET"
        if is_get:
            await gate.admit(partial(self._ask_what_is_left, call))
        try:
            with gate.holding(is_get=is_get) as hear:
                answer = await self._fetch(call, hear)
        except RegistryError as error:
            if error.reason is Reason.QUOTA:
                gate.refuse(error.retry_after_s)
                await gate.rest()
            raise
        await gate.record_now_and_then()
        return answer

    async def _username(self, url: str) -> str:
        account = await self.account(url)
        return "" if account is None else account.name

    async def _ask_what_is_left(self, call: _Call) -> None:
        """Ask by HEAD. Where that does not work, the GET will tell why."""
        try:
            await self._with_retries(replace(call, method="HEAD", effort=Effort()), self._pull)
        except RegistryError as error:
            if error.temporary:
                raise

    async def _ask_for_token(self, request: TokenRequest, named_by: str | None) -> Token:
        log.debug("token", extra={"url": redacted(request.url)})
        call = _Call(
            request.method,
            request.url,
            request.headers,
            scope=None,
            accept_statuses=_SUCCESS,
            max_bytes=_MAX_SMALL_BODY_BYTES,
            form=request.form,
            named_by=named_by,
        )
        return await self._with_retries(call, partial(self._fetch_token, request.lifetime_s))

    async def _fetch_token(self, lifetime_s: float, call: _Call) -> Token:
        asked_at = self._clock.monotonic()
        answer = await self._fetch(call)
        return parse_token(answer.body, asked_at, answer.url, lifetime_s)

    async def _with_retries(self, call: _Call, attempt: Callable[[_Call], Awaitable[T]]) -> T:
        """The only place that tries again. No slot is held while it waits."""
        settings, effort = self._settings, call.effort
        while True:
            try:
                return await attempt(call)
            except RegistryError as error:
                if error.attempts or _is_known_pause(error):
                    raise  # another request, for a token or by HEAD, which had its own tries; or none at all
                failure = error
            if failure.reason is Reason.QUOTA:
                # It says nothing of what was asked for, and comes back: it costs no try. Pulls wait together.
                log.info("quota", extra={"url": failure.url, "wait_s": failure.retry_after_s})
                continue
            effort.count(failure)
            is_to_leave = failure.retry_after_s is not None and not self._outwaits_pauses
            if is_to_leave or is_exhausted(effort, failure, settings.attempts, settings.patience_s):
                failure.attempts = effort.tries
                raise failure
            await self._wait_to_retry(failure, effort)

    async def _wait_to_retry(self, failure: RegistryError, effort: Effort) -> None:
        base_s, cap_s = self._settings.retry_base_s, self._settings.retry_cap_s
        wait_s = failure.retry_after_s or delay(effort.tries, self._random.random(), base_s, cap_s)
        extra = {"url": failure.url, "reason": failure.reason, "attempt": effort.tries}
        log.info("retry", extra=extra | {"wait_s": round(wait_s, 1)})
        if failure.retry_after_s is not None and failure.url is not None:
            await self._waits.sleep(authority(failure.url), wait_s)
            return
        effort.spent_s += wait_s
        await self._clock.sleep(wait_s)

    async def _exchange(
        self, stack: AsyncExitStack, call: _Call, hear: Hear | None = None
    ) -> aiohttp.ClientResponse:
        """One try: an answer that the caller accepts.

        ``stack``, which is empty, holds it open together with the slot of its host; after a failure, nothing.
        """
        try:
            return await self._accepted(stack, call, hear)
        except BaseException:
            await stack.aclose()
            raise

    async def _accepted(
        self, stack: AsyncExitStack, call: _Call, hear: Hear | None
    ) -> aiohttp.ClientResponse:
        authorization = await self._authenticator.known(call.url, call.scope)
        response = await self._follow(stack, call, authorization)
        if response.status == 401 and call.scope is not None and _is_answer(call, response, authorization):
            challenges = parse_challenges(", ".join(response.headers.getall("WWW-Authenticate", ())))
            await stack.aclose()  # a token server may be the same host, and needs the slot
            authorization = await self._authenticator.answer(call.url, call.scope, challenges, authorization)
            response = await self._follow(stack, call, authorization)
        if hear is not None:
            hear(response)
        if response.status not in call.accept_statuses:
            raise await self._error_of(call, response, authorization)
        _check_encoding(call, response)
        return response

    async def _follow(
        self, stack: AsyncExitStack, call: _Call, authorization: Authorization | None
    ) -> aiohttp.ClientResponse:
        """The first answer that is not a redirect."""
        url, headers, named_by = call.url, dict(call.headers), call.named_by
        if authorization is not None:
            headers["Authorization"] = authorization.header
        for _ in range(MAX_HOPS + 1):
            response = await self._send_in_turn(stack, call, url, headers, named_by)
            location = response.headers.get("Location")
            # A form holds a secret, which is for whom it was made out to.
            if response.status not in REDIRECT_STATUSES or location is None or call.form is not None:
                return response
            await stack.aclose()  # the next host has slots of its own
            target = resolve_location(url, location)
            self._wire.check(url, target)
            url, headers, named_by = target, headers_after(headers, url, target), url
        raise RegistryError(
            Reason.UNEXPECTED_ANSWER, f"more than {MAX_HOPS} redirects", url=redacted(call.url)
        )

    async def _send_in_turn(
        self, stack: AsyncExitStack, call: _Call, url: str, headers: Mapping[str, str], named_by: str | None
    ) -> aiohttp.ClientResponse:
        """One request on the wire, when what its host announces allows it."""
        heard = await self._pacer.turn(authority(url))
        response = None
        try:
            response = await self._send(stack, call, url, headers, named_by)
        finally:
            heard(None if response is None else response.headers)
        return response

    async def _send(
        self, stack: AsyncExitStack, call: _Call, url: str, headers: Mapping[str, str], named_by: str | None
    ) -> aiohttp.ClientResponse:
        """One request on the wire. ``stack``, which is empty, takes the slot and the connection."""
        host = authority(url)
        try:
            answered = await self._enter(stack, host, call.effort)
        except PausedError as pause:
            raise _is_paused(url, pause) from None
        try:
            request = self._wire.request(
                call.method,
                url,
                headers=headers,
                form=call.form,
                named_by=named_by,
                is_foreign=call.is_foreign,
            )
            response = await self._heads.keep(stack.enter_async_context(request))
        except FOREIGN_ERRORS as error:
            failure = error_of_exception(error, url)
            if failure.reason is Reason.TIMEOUT:
                self._limits.complained(host)
            raise failure from None
        finally:
            answered()
        if response.status < 400:
            self._limits.answered(host)
        return response

    async def _enter(self, stack: AsyncExitStack, host: str, effort: Effort) -> Callable[[], None]:
        """Have a slot of the host, and a request of those that the user allows, at the same moment.

        Gives what to call when the request is answered, or has failed.
        """
        while True:
            await self._requests.ready()
            await stack.enter_async_context(self._limits.slot(host, waits=self._outwaits_pauses))
            if (answered := self._requests.take()) is not None:
                stack.callback(self._count_time, effort, self._clock.monotonic())
                return answered
            await stack.aclose()

    def _count_time(self, effort: Effort, since: float) -> None:
        effort.spent_s += self._clock.monotonic() - since

    async def _error_of(
        self, call: _Call, response: aiohttp.ClientResponse, authorization: Authorization | None
    ) -> RegistryError:
        """What an answer that the caller does not accept means, after the host got what it asked for."""
        body = await self._bodies.beginning(response, _MAX_SMALL_BODY_BYTES)
        error = error_of_answer(
            str(response.url), response.status, response.headers, body, now=self._clock.now()
        )
        if response.status in _EXPIRED_STATUSES and not _is_answer(call, response, authorization):
            error.reason, error.temporary = Reason.UNEXPECTED_ANSWER, True
        if error.reason is Reason.QUOTA and not call.is_pull:  # a host that counts more than pulls
            error.reason = Reason.ABUSE_LIMIT
            error.retry_after_s = error.retry_after_s or self._settings.quota_pause_s
        if response.status == 401 and authorization and authorization.is_stale(self._clock.monotonic()):
            error.temporary = True  # it ran out while we stood in the host's queue
        self._obey(authority(str(response.url)), error)
        return error

    def _obey(self, host: str, error: RegistryError) -> None:
        """Grant the host the rest it asked for. A used-up quota is no reason: blobs are not counted."""
        if error.reason is Reason.QUOTA:
            return
        if error.status in _OVERLOAD_STATUSES:
            self._limits.complained(host)
        if error.retry_after_s is not None:
            self._limits.pause(host, error.retry_after_s)


def _is_paused(url: str, pause: PausedError) -> RegistryError:
    return RegistryError(
        Reason.ABUSE_LIMIT,
        "the host asked for a pause",
        temporary=True,
        url=redacted(url),
        retry_after_s=pause.left_s,
    )


def _is_known_pause(error: RegistryError) -> bool:
    """Whether nothing was asked, see :func:`_is_paused`."""
    return error.status is None and error.retry_after_s is not None


def _is_answer(call: _Call, response: aiohttp.ClientResponse, authorization: Authorization | None) -> bool:
    """Whether the host that was asked answered itself, to all that it was shown.

    Not so one that it redirected to, nor itself after a detour, on which the authorization was left behind.
    """
    if authority(str(response.url)) != authority(call.url):
        return False
    return authorization is None or "Authorization" in response.request_info.headers


def _check_encoding(call: _Call, response: aiohttp.ClientResponse) -> None:
    """Refuse bytes that are not the original ones: ``identity`` was asked for."""
    lines = response.headers.getall("Content-Encoding", ())
    is_encoded = any(each.strip().lower() not in _NO_ENCODING for line in lines for each in line.split(","))
    if is_encoded and call.method != "HEAD":
        raise RegistryError(
            Reason.UNEXPECTED_ANSWER,
            "the body is encoded, which was not asked for",
            url=redacted(str(response.url)),
            status=response.status,
        )

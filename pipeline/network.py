"""How targets are reached: transport, clients, and the sample hub where it is wanted."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from pipeline.accounts import credentials_for
from pipeline.targets import Target, check_url
from registry.client import RegistryClient
from registry.errors import ConfigurationError, Reason, RegistryError
from registry.hub import HubTags
from registry.transport.http import MAX_BODY_BYTES, Transport
from registry.transport.session import open_session
from registry.v1 import V1Client

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from pipeline.settings import Settings
    from registry.transport.clock import Clock
    from registry.transport.memory import Memory

# No answer came at all; any answer, a refusal too, proves that somebody is there.
_UNREACHABLE = frozenset({Reason.NETWORK, Reason.TIMEOUT, Reason.TLS})
_ANY_REFUSAL = frozenset(range(400, 600))

# An account that is wrong: most servers of tokens say 401, some (GHCR) 403.
_REFUSALS = frozenset({Reason.AUTH_REQUIRED, Reason.DENIED})

_ADVICE = "check the address and the network, and that the server is running"
_TLS_ADVICE = (
    "write http:// if it is not encrypted; for a certificate of your own, name the file of its authority "
    "in the environment variable SSL_CERT_FILE"
)


# It takes some seconds, in which nothing else is to be seen.
PREPARING = "preparing the sample hub ..."


@asynccontextmanager
async def open_transport(
    settings: Settings, clock: Clock, memory: Memory, targets: Sequence[Target]
) -> AsyncIterator[Transport]:
    """A transport with the accounts that the settings give for ``targets``; it connects to nobody yet.

    It keeps to the limits of the data directory that ``memory`` is of.

    Raises:
        ConfigurationError: An account, a URL or a limit that cannot be used.
    """
    check_url("http.token_url", settings.http.token_url)
    credentials = credentials_for(settings.source, targets)
    async with open_session(settings.http) as session:
        jitter = random.Random()  # noqa: S311 - spreads retries, guards nothing
        transport = Transport(
            session, settings.http, clock=clock, random=jitter, credentials=credentials, memory=memory
        )
        for target in targets:
            if target.tags_url:
                transport.log_in(target.tags_url, target.base_url)
        try:
            yield transport
        finally:
            await transport.close()


@asynccontextmanager
async def started(target: Target, tell: Callable[[str], None]) -> AsyncIterator[Target]:
    """The target with its URLs: the sample hub is served while the block runs, others are there already."""
    if not target.is_sample:
        yield target
        return
    from samplehub import build_hub, serve  # noqa: PLC0415 - imports that only the sample needs

    tell(PREPARING)
    hub = await asyncio.to_thread(build_hub)
    async with serve(hub) as running:
        urls = {
            "search_url": running.site_url,
            "v1_url": running.site_url,
            "registry_url": running.registry_url,
        }
        yield Target(target.registry, msgspec.structs.replace(target.source, **urls))


async def unreachable(transport: Transport, urls: Sequence[str]) -> dict[str, str]:
    """Which of these URLs give no answer at all, and why; asked once, without patience."""
    impatient = transport.impatient()
    problems: dict[str, str] = {}
    for url in urls:
        try:
            await impatient.request("HEAD", url, accept_statuses=_ANY_REFUSAL)
        except RegistryError as error:
            if error.reason in _UNREACHABLE:
                problems[url] = why_unreachable(url, error)
    return problems


def why_unreachable(url: str, error: RegistryError) -> str:
    """The sentence for a URL that gave no answer, with what to do about it."""
    return f"cannot reach {url} ({error.detail}): {_TLS_ADVICE if error.reason is Reason.TLS else _ADVICE}"


async def require_accounts(transport: Transport, targets: Sequence[Target]) -> None:
    """Make sure that registries take the accounts given for them: a mistyped password must fail no image.

    Raises:
        ConfigurationError: One refuses its account, or a credential helper does not work.
    """
    for target in targets:
        if await transport.account(target.base_url) is None:
            continue
        try:
            # A token for nothing in particular shows the account all the same.
            await transport.request("GET", target.login_url, scope="")
        except RegistryError as error:
            if error.reason in _REFUSALS:
                raise ConfigurationError(
                    f"{target.registry.name} refuses the account given ({error.detail}): correct "
                    "HUBCRAWL_SOURCE_USERNAME and HUBCRAWL_SOURCE_PASSWORD, or source.docker_config"
                ) from error


def client(transport: Transport, target: Target, max_manifest_bytes: int = MAX_BODY_BYTES) -> RegistryClient:
    """The client of a target's registry."""
    return RegistryClient(
        transport,
        name=target.registry.name,
        base_url=target.base_url,
        max_manifest_bytes=max_manifest_bytes,
        hub=HubTags(transport, target.tags_url) if target.tags_url else None,
    )


def v1_client(transport: Transport, target: Target) -> V1Client:
    """The client of a target's registry, if that speaks version 1."""
    return V1Client(transport, name=target.registry.name, base_url=target.base_url)

"""How targets are reached: transport, clients, and the sample hub where it is wanted."""

from __future__ import annotations

import asyncio
import random
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from pipeline.accounts import credentials_for
from pipeline.targets import Target
from registry.client import RegistryClient
from registry.errors import Reason, RegistryError
from registry.transport.http import MAX_BODY_BYTES, Transport
from registry.transport.session import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from pipeline.settings import Settings
    from registry.transport.clock import Clock

# No answer came at all; any answer, a refusal too, proves that somebody is there.
_UNREACHABLE = frozenset({Reason.NETWORK, Reason.TIMEOUT, Reason.TLS})
_ANY_REFUSAL = frozenset(range(400, 600))


@asynccontextmanager
async def open_transport(
    settings: Settings, clock: Clock, targets: Sequence[Target] = ()
) -> AsyncIterator[Transport]:
    """A transport with the accounts that the settings give for ``targets``; it connects to nobody yet."""
    credentials = credentials_for(settings.source, targets)
    async with open_session(settings.http) as session:
        jitter = random.Random()  # noqa: S311 - spreads retries, guards nothing
        yield Transport(session, settings.http, clock=clock, random=jitter, credentials=credentials)


@asynccontextmanager
async def started(target: Target) -> AsyncIterator[Target]:
    """The target with its URLs: the sample hub is served while the block runs, others are there already."""
    if not target.is_sample:
        yield target
        return
    from samplehub import build_hub, serve  # noqa: PLC0415 - imports that only the sample needs

    hub = await asyncio.to_thread(build_hub)
    async with serve(hub) as running:
        urls = {
            "search_url": running.site_url,
            "v1_url": running.site_url,
            "registry_url": running.registry_url,
        }
        yield Target(target.registry, msgspec.structs.replace(target.source, **urls))


async def unreachable(settings: Settings, clock: Clock, urls: Sequence[str]) -> dict[str, str]:
    """Which of these URLs give no answer at all, and why; asked once, without patience."""
    impatient = msgspec.structs.replace(settings, http=msgspec.structs.replace(settings.http, attempts=1))
    problems: dict[str, str] = {}
    async with open_transport(impatient, clock) as transport:
        for url in urls:
            try:
                await transport.request("HEAD", url, accept_statuses=_ANY_REFUSAL)
            except RegistryError as error:
                if error.reason in _UNREACHABLE:
                    problems[url] = (
                        f"cannot reach {url} ({error.detail}): check the address and the network, "
                        "and that the server is running"
                    )
    return problems


def client(transport: Transport, target: Target, max_manifest_bytes: int = MAX_BODY_BYTES) -> RegistryClient:
    """The client of a target's registry."""
    return RegistryClient(
        transport, name=target.registry.name, base_url=target.base_url, max_manifest_bytes=max_manifest_bytes
    )

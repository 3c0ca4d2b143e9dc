"""Where names and addresses lead: a public host cannot send us into a private network."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult

from registry.errors import Reason, RegistryError
from registry.transport import addresses
from registry.transport.addresses import (
    NotingResolver,
    PrivateAddressError,
    PublicResolver,
    is_confidential,
    is_private,
    is_public_address,
)
from registry.transport.settings import HttpSettings
from tests.registry.conftest import InstantClock, Server, answer, serving, transporting

# Loopback addresses, of which these tests call one public.
PUBLIC, PRIVATE = "127.0.0.2", "127.0.0.1"
SCOPE = "repository:x:pull"


class Names(AbstractResolver):
    """A system of names: what each leads to, the first time and later (the last one stays)."""

    def __init__(self, **names: list[list[str]]) -> None:
        self.names = {name.replace("_", "."): answers for name, answers in names.items()}
        self.asked: list[str] = []

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        self.asked.append(host)
        answers = self.names[host.lower().rstrip(".")]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            ResolveResult(hostname=host, host=each, port=port, family=family, proto=0, flags=0)
            for each in found
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def hosts(resolver: AbstractResolver, name: str) -> list[str]:
    return [each["host"] for each in await resolver.resolve(name, 80)]


@pytest.mark.parametrize(
    "host",
    [
        *("localhost", "x.localhost", "LOCALHOST.", "127.0.0.1", "127.1", "0x7f.1", "2130706433", "0"),
        *("10.1.2.3", "169.254.169.254", "192.168.0.1", "[::1]", "[::ffff:127.0.0.1]", "[fe80::1]"),
        *("[fd00::1]", "0177.0.0.1", "100.100.100.200", "[::ffff:a9fe:a9fe]", "[64:ff9b::a9fe:a9fe]"),
    ],
)
def test_addresses_of_this_machine_and_of_private_networks_are_private(host: str) -> None:
    assert is_private(f"http://{host}:80/x")


@pytest.mark.parametrize(
    "host", ["docker.io", "1.1.1.1", "[2606:4700::1111]", "localhost.example", "127.0.0.1.nip.io"]
)
def test_names_and_public_addresses_are_not_private(host: str) -> None:
    assert not is_private(f"http://{host}/")


@pytest.mark.parametrize(
    "address",
    [
        *("10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "0.1.2.3", "169.254.169.254", "100.64.0.1"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.0.192", "168.63.129.16"),
        *("::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1"),
        *("::ffff:10.0.0.1", "::10.0.0.1", "::ffff:0:10.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::1"),
        *("2002:a00:1::", "2001::1", "2001:db8::1", "3fff::1", "5f00::1", "no address", ""),
    ],
)
def test_no_address_inside_a_network_is_public(address: str) -> None:
    """Nor one that only wraps such an address of IPv4."""
    assert not is_public_address(address)


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::", "100.63.255.255"],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public_address(address)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        *(("https://h/x", True), ("https://10.0.0.1", True), ("http://127.0.0.1:5000/", True)),
        *(("http://[::1]:5000/", True), ("http://localhost:5000", True), ("http://[::ffff:127.0.0.1]", True)),
        *(("http://h/x", False), ("http://10.0.0.1", False), ("http://x.localhost", False)),
        *(("http://[2002:7f00:1::]", False), ("http://localhost.example", False)),
    ],
)
def test_only_what_is_encrypted_or_stays_on_this_machine_is_confidential(url: str, expected: bool) -> None:  # noqa: FBT001 - a table
    assert is_confidential(url) is expected


async def test_a_name_has_its_public_addresses_only() -> None:
    names = Names(both=[["10.0.0.1", "1.1.1.1", "::1", "2606:4700::1111"]], inner=[["10.0.0.1"]], none=[[]])
    resolver = PublicResolver(names)
    assert await hosts(resolver, "both") == ["1.1.1.1", "2606:4700::1111"]
    assert await hosts(resolver, "none") == []
    with pytest.raises(PrivateAddressError):
        await resolver.resolve("inner")


async def test_a_name_is_private_that_never_had_a_public_address() -> None:
    """Whoever owns a name may change where it leads, to look like an inner host for a moment."""
    names = Names(inner=[["10.0.0.1"]], both=[["10.0.0.1", "1.1.1.1"]], sly=[["1.1.1.1"], ["10.0.0.1"]])
    resolver = NotingResolver(names)
    assert not resolver.is_known_as_private("inner")
    for name in ("Inner.", "both", "sly", "sly"):
        assert await hosts(resolver, name)
    assert [resolver.is_known_as_private(name) for name in ("inner", "both", "sly", "never.asked")] == [
        *(True, False, False, False)
    ]


async def test_a_bounded_number_of_names_is_kept_in_mind() -> None:
    resolver = NotingResolver(Names(**{f"n{number}": [["10.0.0.1"]] for number in range(1100)}))
    for number in range(1100):
        await resolver.resolve(f"n{number}")
    assert repr(resolver) == "<NotingResolver private=1024>"


@pytest.fixture
async def outer(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Server]:
    """A registry with an address that counts as public here."""
    monkeypatch.setattr(addresses, "is_public_address", lambda text: text == PUBLIC)
    async with serving(PUBLIC) as server:
        yield server


def named(server: Server, name: str) -> str:
    return server.url.replace(PUBLIC, name).replace(PRIVATE, name)


@pytest.mark.parametrize("host", ["inner.test", PRIVATE])
async def test_a_public_registry_cannot_redirect_inside(
    outer: Server, server: Server, clock: InstantClock, host: str
) -> None:
    """Neither by name nor by address; not by a connection, either, that is open since we asked there."""
    names = Names(registry_test=[[PUBLIC]], inner_test=[[PRIVATE]])
    outer.on("GET /x", answer(307, Location=f"{named(server, host)}/secret"))
    server.on("GET /own", answer())
    async with transporting(clock, lookup=names) as transport:
        await transport.request("GET", f"{named(server, host)}/own")
        with pytest.raises(RegistryError) as caught:
            await transport.request("GET", f"{named(outer, 'registry.test')}/x")
    error = caught.value
    assert (error.reason, error.temporary, error.attempts) == (Reason.UNEXPECTED_ANSWER, False, 1)
    assert "into a private network" in error.detail
    assert server.targets() == ["/own"]


async def test_a_name_that_turns_inward_on_the_way_is_not_followed(
    outer: Server, server: Server, clock: InstantClock
) -> None:
    """The addresses that are judged are those that are connected to."""
    names = Names(registry_test=[[PUBLIC]], sly_test=[[PUBLIC], [PRIVATE]])
    outer.on("GET /x", answer(307, Location=f"{named(outer, 'sly.test')}/y"))
    outer.on("GET /y", answer(307, Location=f"{named(server, 'sly.test')}/secret"))
    async with transporting(clock, lookup=names) as transport:
        with pytest.raises(RegistryError, match="private network"):
            await transport.request("GET", f"{named(outer, 'registry.test')}/x")
    assert (outer.targets(), server.targets()) == (["/x", "/y"], [])


async def test_a_private_registry_may_redirect_to_its_neighbours(server: Server, clock: InstantClock) -> None:
    """By name or by address."""
    names = Names(registry_test=[[PRIVATE]], store_test=[[PRIVATE]])
    server.on("GET /x", answer(307, Location=f"{named(server, 'store.test')}/y"))
    server.on("GET /y", answer(307, Location=f"{server.url}/z"))
    server.on("GET /z", answer(200, b"blob"))
    async with transporting(clock, lookup=names) as transport:
        assert (await transport.request("GET", f"{named(server, 'registry.test')}/x")).body == b"blob"


async def test_a_public_host_that_a_private_one_names_cannot_lead_back(
    outer: Server, server: Server, clock: InstantClock
) -> None:
    names = Names(registry_test=[[PRIVATE]], cdn_test=[[PUBLIC]], inner_test=[[PRIVATE]])
    server.on("GET /x", answer(307, Location=f"{named(outer, 'cdn.test')}/y"))
    outer.on("GET /y", answer(307, Location=f"{named(server, 'inner.test')}/secret"))
    async with transporting(clock, lookup=names) as transport:
        with pytest.raises(RegistryError, match="private network"):
            await transport.request("GET", f"{named(server, 'registry.test')}/x")
    assert server.targets() == ["/x"]


async def test_the_realm_of_a_challenge_cannot_be_a_name_inside(
    outer: Server, server: Server, clock: InstantClock
) -> None:
    """Unless the user says that tokens come from there."""
    names = Names(registry_test=[[PUBLIC]], inner_test=[[PRIVATE]])
    realm = f"{named(server, 'inner.test')}/token"

    async def guard(request: web.BaseRequest) -> web.StreamResponse:
        is_known = request.headers.get("Authorization") == "Bearer t"
        challenge = {"WWW-Authenticate": f'Bearer realm="{realm}"'}
        return web.Response(status=200 if is_known else 401, headers=challenge)

    outer.on("GET /v2/x", guard)
    server.on("GET /token", answer(200, '{"token":"t"}'))
    url = f"{named(outer, 'registry.test')}/v2/x"
    async with transporting(clock, lookup=names) as transport:
        with pytest.raises(RegistryError, match="no token: .*private network") as caught:
            await transport.request("GET", url, scope=SCOPE)
    assert (caught.value.temporary, server.targets()) == (False, [])
    async with transporting(clock, HttpSettings(token_url=realm), lookup=names) as transport:
        assert (await transport.request("GET", url, scope=SCOPE)).status == 200


@pytest.mark.parametrize("host", ["inner.test", PRIVATE])
async def test_a_url_that_a_public_registry_names_in_a_manifest_cannot_lead_inside(
    outer: Server, server: Server, clock: InstantClock, host: str
) -> None:
    """The URLs of foreign layers; those of a private registry's may."""
    names = Names(registry_test=[[PUBLIC]], inner_test=[[PRIVATE]])
    server.on("GET /layer", answer(200, b"layer"))
    url = f"{named(server, host)}/layer"
    async with transporting(clock, lookup=names) as transport:
        with pytest.raises(RegistryError, match="private network"):
            async with transport.stream(url, named_by=named(outer, "registry.test")):
                pass
        assert server.targets() == []
        async with transport.stream(url, named_by=server.url) as stream:
            assert [chunk async for chunk in stream.chunks()] == [b"layer"]


@pytest.mark.parametrize("url", ["ftp://h/x", "http://h:99999/x", "http://[::1", "", "https://u:p@h/x"])
async def test_a_named_url_that_cannot_be_asked_is_refused(clock: InstantClock, url: str) -> None:
    async with transporting(clock, lookup=Names()) as transport:
        with pytest.raises(RegistryError) as caught:
            async with transport.stream(url, named_by="https://registry.test"):
                pass
    assert (caught.value.reason, caught.value.temporary) == (Reason.UNEXPECTED_ANSWER, False)

"""Which registries a run is about, how each is reached, and which account it sees."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from corpus.records import Registry
from pipeline.accounts import credentials_for
from pipeline.network import why_unreachable
from pipeline.settings import SourceSettings
from pipeline.targets import (
    Target,
    crawl_target,
    download_targets,
    own_name,
    recall,
    registry_named,
    remember,
)
from registry.errors import ConfigurationError, Reason, RegistryError
from registry.transport.credentials import Account

if TYPE_CHECKING:
    from pathlib import Path

HUB = Registry("docker.io", "hub=docker.io")
LAN = Registry("lan:5000", "registry=http://lan:5000")


def source(**fields: Any) -> SourceSettings:
    """The settings with ``fields``."""
    return SourceSettings(**fields)


@pytest.mark.parametrize(
    ("settings", "name", "url"),
    [
        (source(hub="docker.io"), "docker.io", "https://registry-1.docker.io"),
        (source(images="names.txt"), "docker.io", "https://registry-1.docker.io"),
        (source(registry="http://127.0.0.1:5000/"), "127.0.0.1:5000", "http://127.0.0.1:5000"),
        (source(registry="https://Quay.IO:443"), "quay.io", "https://Quay.IO:443"),
        (source(registry="http://lan:5000", images="names.txt"), "lan:5000", "http://lan:5000"),
        (source(hub="docker.io", registry_url="http://127.0.0.1:9"), "docker.io", "http://127.0.0.1:9"),
        (source(hub="ours", registry_url="http://lan:9", search_url="http://lan:8"), "ours", "http://lan:9"),
    ],
)
def test_a_registry_is_known_by_its_host_and_a_hub_by_its_name(
    settings: SourceSettings, name: str, url: str
) -> None:
    """The identity in the catalog, and the base URL that belongs to it."""
    target = crawl_target(settings, [])
    assert (target.registry.name, target.base_url) == (name, url)


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        (source(hub="docker.io"), "https://hub.docker.com"),
        (source(images="names.txt"), "https://hub.docker.com"),
        (source(hub="ours", registry_url="http://lan:9", search_url="http://lan:8"), "http://lan:8"),
        (source(hub="ours", registry_url="http://lan:9", v1_url="http://lan:8", listing=("v1",)), ""),
        (source(registry="http://lan:5000"), ""),
        (source(registry="http://lan:5000", search_url="http://lan:8"), ""),
    ],
)
def test_only_a_hub_has_a_site_that_dates_tags(settings: SourceSettings, url: str) -> None:
    """And Docker's is asked about Docker Hub alone."""
    assert crawl_target(settings, []).tags_url == url


def test_a_registry_that_a_list_names_has_no_site() -> None:
    """Only the hub that the list is of has one."""
    (target,) = download_targets(source(), [Registry("quay.io", "images=/names.txt")])
    assert target.tags_url == ""


def test_with_nothing_configured_an_empty_data_directory_gets_the_sample() -> None:
    """The first command of a newcomer works without any network."""
    target = crawl_target(source(), [])
    assert target.is_sample
    assert target.registry == Registry("sample", "hub=sample")


def test_a_base_url_without_a_hub_does_not_end_in_the_sample() -> None:
    """Which would ignore it, and look like a success."""
    with pytest.raises(ConfigurationError, match=r"source.search_url is set, .* name it with --hub"):
        crawl_target(source(search_url="http://lan"), [])


def test_a_certificate_that_is_not_trusted_needs_other_advice_than_a_server_that_is_down() -> None:
    """The address is right, and somebody is there."""
    down = RegistryError(Reason.NETWORK, "the host cannot be reached", temporary=True)
    untrusted = RegistryError(Reason.TLS, "the certificate of the host cannot be trusted")
    assert "that the server is running" in why_unreachable("https://lan", down)
    assert "SSL_CERT_FILE" in why_unreachable("https://lan", untrusted)


def test_with_nothing_configured_the_last_crawl_is_continued() -> None:
    """The registry crawled last comes first in the catalog; its settings are used again."""
    assert crawl_target(source(), [LAN, HUB]) == Target(LAN, source(registry="http://lan:5000"))


def test_what_is_configured_beats_what_was_crawled_last() -> None:
    """A hub that is named is crawled, whatever the catalog holds."""
    assert crawl_target(source(hub="docker.io"), [LAN]).registry == HUB


def test_download_takes_every_registry_of_the_catalog_or_the_one_named() -> None:
    """Each is reached by the settings it was crawled with."""
    assert [target.base_url for target in download_targets(source(), [LAN, HUB])] == [
        "http://lan:5000",
        "https://registry-1.docker.io",
    ]
    assert [target.registry for target in download_targets(source(hub="docker.io"), [LAN, HUB])] == [HUB]
    assert [target.registry for target in download_targets(source(images="x"), [LAN, HUB])] == [LAN, HUB]
    assert download_targets(source(), []) == []


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("quay.io", "https://quay.io"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000"),
        ("localhost:5000", "http://localhost:5000"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("docker.io", "https://registry-1.docker.io"),
    ],
)
def test_a_host_that_a_list_names_is_reached_by_https_or_on_loopback_by_http(name: str, url: str) -> None:
    """Docker Hub's registry has a host of its own."""
    target = crawl_target(source(registry="http://lan:5000", images="names.txt"), [])
    named = registry_named(name, target, [])
    assert Target(named, recall(named.source, source())).base_url == url


def test_a_listed_host_that_was_crawled_before_is_reached_as_it_was_then() -> None:
    """A plain-http registry of the house stays one when a list names it."""
    target = crawl_target(source(images="names.txt"), [LAN])
    assert registry_named("lan:5000", target, [LAN]) == LAN
    assert registry_named("docker.io", target, [HUB]) == target.registry


def test_a_list_is_continued_from_wherever_the_next_command_is_run(elsewhere: Path) -> None:
    """Its path is remembered whole."""
    target = crawl_target(source(images="names.txt"), [])
    assert recall(target.registry.source, source()).images == str(elsewhere / "names.txt")


@given(
    st.fixed_dictionaries(
        {},
        optional={
            name: st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)
            for name in ("hub", "registry", "search_url", "registry_url")
        },
    )
)
def test_what_is_remembered_is_recalled(fields: dict[str, str]) -> None:
    """Whatever the values hold: blanks, quotes, equals signs."""
    assert recall(remember(source(**fields)), source()) == source(**fields)


def test_accounts_are_never_remembered() -> None:
    """Neither name nor password goes into the catalog; those of the present run stay in force."""
    settings = source(hub="docker.io", username="me", password="pw", docker_config="~/x")
    assert remember(settings) == "hub=docker.io"
    assert recall("hub=docker.io", source(username="me", password="pw")).password == "pw"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (source(registry="localhost:5000"), "is not the address of a server"),
        (source(registry="ftp://host"), "is not the address of a server"),
        (source(registry="http://host:99999"), "is not the address of a server"),
        (source(registry="http://"), "is not the address of a server"),
        (source(registry="http://host/path"), "has a path"),
        (source(registry="http://me:pw@host"), "contains a user name"),
        (source(hub="docker.io", search_url="hub.docker.com"), "source.search_url: 'hub.docker.com' is not"),
        (source(hub="docker.io", registry="http://host"), "name one of --hub and --registry"),
        (source(hub="dockerhub"), "name docker.io or sample"),
        (source(hub="ours", registry_url="http://lan:9"), "set search_url (or v1_url) and registry_url"),
    ],
)
def test_a_source_that_cannot_be_used_is_refused_in_one_sentence(
    settings: SourceSettings, expected: str
) -> None:
    """Before anything is asked of anybody; passwords in URLs are not repeated."""
    with pytest.raises(ConfigurationError) as caught:
        crawl_target(settings, [])
    assert expected in str(caught.value)
    assert "pw" not in str(caught.value)


def targets(*sources: SourceSettings) -> list[Target]:
    """Targets of these settings."""
    return [crawl_target(each, []) for each in sources]


def test_an_account_is_shown_to_its_own_registry_only() -> None:
    """Not to a host that a list names."""
    settings = source(registry="http://lan:5000", username="me", password="pw")
    listed = Target(Registry("quay.io", ""), settings)
    credentials = credentials_for(settings, [*targets(settings), listed])
    assert credentials.account("lan:5000") == Account("me", "pw")
    assert credentials.account("quay.io") is None


def test_an_account_is_not_shown_to_the_sample_hub() -> None:
    """Which knows no accounts: one that was exported for Docker Hub must not fail a try of the sample."""
    settings = source(hub="sample", registry_url="http://127.0.0.1:9", username="me", password="pw")
    assert credentials_for(settings, targets(settings)).username("127.0.0.1:9") == ""


def test_an_account_for_docker_hub_is_found_by_its_registry_host() -> None:
    """The registry of Docker Hub has another host than its name."""
    settings = source(hub="docker.io", username="me", password="pw")
    assert credentials_for(settings, targets(settings)).username("registry-1.docker.io") == "me"


def test_without_an_account_everybody_is_met_anonymously() -> None:
    """No file of the user is read unasked."""
    credentials = credentials_for(source(hub="docker.io"), targets(source(hub="docker.io")))
    assert (credentials.account("docker.io"), credentials.helper("docker.io")) == (None, None)


def test_accounts_come_from_a_docker_config_that_was_named(elsewhere: Path) -> None:
    """As ``docker login`` left it."""
    auth = b64encode(b"me:pw").decode()
    (elsewhere / "config.json").write_text(
        json.dumps({"auths": {"https://index.docker.io/v1/": {"auth": auth}}})
    )
    settings = source(hub="docker.io", docker_config="config.json")
    assert credentials_for(settings, targets(settings)).username("registry-1.docker.io") == "me"


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        ({"username": "me"}, "without a password"),
        ({"username": "me", "password": "pw", "docker_config": "x"}, "use one of them"),
        ({"username": "me", "password": "pw"}, "any of lan:5000, registry-1.docker.io"),
        ({"docker_config": "missing.json"}, "missing.json cannot be read"),
    ],
)
def test_an_account_that_is_incomplete_or_ambiguous_is_refused(
    account: dict[str, str], expected: str
) -> None:
    """A password is never offered to a registry that it may not be meant for."""
    settings = msgspec.structs.replace(source(), **account)
    several = targets(source(hub="docker.io"), source(registry="http://lan:5000"))
    with pytest.raises(ConfigurationError, match=expected):
        credentials_for(settings, several)


def test_the_name_of_a_source_without_hub_or_registry_is_docker_hub() -> None:
    """Names in a list without a host mean Docker Hub, as everywhere."""
    assert own_name(source()) == "docker.io"

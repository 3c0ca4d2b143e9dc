"""Docker's file of accounts, and what credential helpers print, as values."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from registry.errors import ConfigurationError
from registry.transport.credentials import (
    Account,
    Credentials,
    Helper,
    account_of_helper,
    basic,
    load_docker_credentials,
)

HUB_HOSTS = ("docker.io", "registry-1.docker.io", "index.docker.io")


def encoded(pair: str) -> str:
    return base64.b64encode(pair.encode()).decode()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


def loaded(path: Path, **content: Any) -> Credentials:
    path.write_text(json.dumps(content))
    return load_docker_credentials(path)


def test_accounts_are_found_by_host_and_never_shown() -> None:
    credentials = Credentials(
        {"index.docker.io": Account("me", "SECRET"), "h:5000": Account("you", "SECRET")}
    )
    assert {credentials.username(host) for host in HUB_HOSTS} == {"me"}
    assert credentials.account("H:5000") == Account("you", "SECRET")
    assert (credentials.account("h"), credentials.username("h")) == (None, "")
    assert "SECRET" not in f"{credentials!r} {credentials.account('h:5000')!r}"


def test_no_kind_of_secret_shows() -> None:
    assert repr(Account("me", "SECRET", "SECRET", "SECRET")) == "Account(username='me')"


def test_a_pair_is_encoded_as_the_bytes_it_was_given_as() -> None:
    """Environments may hold bytes that are no UTF-8."""
    assert basic("me", os.fsdecode(b"a:\xff")) == "Basic " + base64.b64encode(b"me:a:\xff").decode()


@pytest.mark.parametrize(
    ("entry", "account"),
    [
        ({"auth": encoded("me:a:b\0\0")}, Account("me", "a:b")),
        ({"username": "me", "password": "pw"}, Account("me", "pw")),
        ({"auth": encoded("me:pw"), "username": "you", "password": "x"}, Account("me", "pw")),
        ({"auth": encoded("<token>:"), "identitytoken": "id"}, Account("", "", "id")),
        ({"auth": encoded("000:"), "identitytoken": "id"}, Account("000", "", "id")),
        ({"registrytoken": "ready"}, Account("", "", "", "ready")),
        *(
            ({}, None),
            ({"email": "me@example.org"}, None),
            ({"auth": encoded("me:")}, None),
            ({"auth": ""}, None),
        ),
    ],
)
def test_each_kind_of_entry_is_an_account(path: Path, entry: dict[str, str], account: Account | None) -> None:
    assert loaded(path, auths={"ghcr.io": entry}).account("ghcr.io") == account


@pytest.mark.parametrize(
    ("key", "host"),
    [
        *(("https://index.docker.io/v1/", host) for host in HUB_HOSTS),
        *(("ghcr.io", "ghcr.io"), ("https://GHCR.io/v2/", "ghcr.io"), ("http://h:5000", "h:5000")),
    ],
)
def test_an_account_is_filed_under_a_host_with_or_without_scheme_and_path(
    path: Path, key: str, host: str
) -> None:
    credentials = loaded(path, auths={key: {"auth": encoded("me:pw")}}, credHelpers={key: "x"})
    assert credentials.username(host) == "me"
    assert credentials.helper(host) is not None


@pytest.mark.parametrize("key", ["https://index.docker.io/v1/access-token", "quay.io/namespace"])
def test_an_account_for_less_than_a_registry_is_not_shown_to_all_of_it(path: Path, key: str) -> None:
    """The tokens of Docker's web login; one namespace, as podman files it."""
    credentials = loaded(path, auths={key: {"auth": encoded("me:pw")}}, credHelpers={key: "x"})
    for host in ("docker.io", "quay.io"):
        assert (credentials.account(host), credentials.helper(host)) == (None, None)


def test_a_helper_is_for_its_host_and_the_store_for_all_others(path: Path) -> None:
    credentials = loaded(path, credHelpers={"ghcr.io": "own"}, credsStore="all")
    assert credentials.helper("ghcr.io") == Helper("own", "ghcr.io")
    assert credentials.helper("h:5000") == Helper("all", "h:5000")
    assert credentials.helper("registry-1.docker.io") == Helper("all", "https://index.docker.io/v1/")
    assert Helper("all", "h").program == "docker-credential-all"
    assert Credentials().helper("ghcr.io") is None


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "null", "[" * 99_999, "\xff", '{"auths": [1]}', '{"auths": {"h": 1}}'),
        '{"auths": {"h": {"auth": "SECRET!"}}}',
        '{"auths": {"h": {"auth": 7}}}',
        '{"auths": {"h": {"registrytoken": "SECRET\\nX: y"}}}',
        '{"auths": {"h": {"identitytoken": "SECRET\\ud800"}}}',
        '{"credsStore": "../SECRET"}',
        '{"credsStore": "a b"}',
        '{"credsStore": ["x"]}',
        '{"credHelpers": {"h": "/bin/SECRET"}}',
        '{"credHelpers": {"h": "é"}}',
        '{"credHelpers": ["h"]}',
    ],
)
def test_a_broken_file_is_one_sentence_without_the_secret(path: Path, content: str) -> None:
    path.write_text(content, "latin-1")
    with pytest.raises(ConfigurationError, match="is not a configuration file of Docker") as caught:
        load_docker_credentials(path)
    assert "SECRET" not in str(caught.value)


def test_a_missing_file_is_one_sentence(path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        load_docker_credentials(path)


@pytest.mark.parametrize(
    ("answer", "account"),
    [
        (b'{"ServerURL":"h","Username":"me","Secret":"a:b"}\n', Account("me", "a:b")),
        (b'{"ServerURL":"h","Username":"<token>","Secret":"id"}', Account("", identity_token="id")),
        (b'{"Username":"","Secret":"id"}', Account("", identity_token="id")),
        *((b'{"Username":"me","Secret":""}', None), (b"{}", None)),
    ],
)
def test_what_a_helper_prints_is_an_account(answer: bytes, account: Account | None) -> None:
    assert account_of_helper(answer) == account


@pytest.mark.parametrize(
    "answer",
    [
        *(b"", b"oops", b"[]", b"7", b'"x"', b"[" * 99_999, b"\xff", b'{"Secret":[1]}'),
        *(b'{"Username":1,"Secret":"x"}', b'{"Username":"\\ud800","Secret":"x"}'),
    ],
)
def test_anything_else_that_a_helper_prints_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError, match="no credentials"):
        account_of_helper(answer)

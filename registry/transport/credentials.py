"""Whom registries may know us as: accounts, and the programs that know more of them (values only)."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# One registry by three names; ``docker login`` files it under the second, with this path.
_HUB = "docker.io"
_HUB_HOSTS = frozenset({_HUB, "index.docker.io", "registry-1.docker.io"})
_HUB_SERVER = "https://index.docker.io/v1/"

# Paths after the host in Docker's file that still mean the whole registry. Others are accounts for something
# else: one namespace (podman), or the tokens of Docker's web login.
_REGISTRY_PATHS = frozenset({"", "v1", "v2"})

# The user name by which helpers say that the secret is an identity token (docker-credential-helpers).
_IDENTITY = "<token>"

# The rest of the name of a program, docker-credential-...; it must not become a path.
_HELPER = re.compile(r"[A-Za-z0-9._-]{1,100}", re.ASCII)

# RFC 6750, 2.1, and a little more: anything that cannot break out of a header.
_TOKEN = re.compile(r"[\x21-\x7e]+", re.ASCII)

# Bytes of Docker's file; more is something else.
_MAX_FILE_BYTES = 4 << 20


@dataclass(frozen=True, slots=True)
class Account:
    """Who we are to one registry.

    Attributes:
        username: May be empty beside an identity token.
        password: Or an access token that stands for it.
        identity_token: What ``docker login`` keeps instead of a password: good for tokens only.
        registry_token: A token that is ready to be sent, whatever the registry asks for.
    """

    username: str
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    registry_token: str = field(default="", repr=False)

    @property
    def name(self) -> str:
        """What tells it from other accounts, and is no secret; never empty."""
        return self.username or _IDENTITY

    @property
    def grant(self) -> dict[str, str]:
        """The part of the form of OAuth2 (RFC 6749, 4.3.2 and 6) that proves who we are."""
        if self.identity_token:
            return {"grant_type": "refresh_token", "refresh_token": self.identity_token}
        return {"grant_type": "password", "username": self.username, "password": self.password}


@dataclass(frozen=True, slots=True)
class Helper:
    """A program that knows the account for a registry.

    Attributes:
        name: The end of its name: ``docker-credential-<name>``.
        server: What it files the account under.
    """

    name: str
    server: str

    @property
    def program(self) -> str:
        """The program to run."""
        return f"docker-credential-{self.name}"


class Credentials:
    """Accounts by host, and the helpers that may know others; never shown."""

    def __init__(
        self,
        accounts: Mapping[str, Account] | None = None,
        *,
        helpers: Mapping[str, str] | None = None,
        store: str = "",
    ) -> None:
        """Take accounts and names of helpers by ``host[:port]``, and the helper for all other hosts."""
        self._accounts = {registry_of(host): account for host, account in (accounts or {}).items()}
        self._helpers = {registry_of(host): name for host, name in (helpers or {}).items()}
        self._store = store

    def __repr__(self) -> str:
        return f"<Credentials hosts={sorted({*self._accounts, *self._helpers})} store={self._store!r}>"

    def account(self, host: str) -> Account | None:
        """The account for ``host[:port]`` that no helper needs to be asked for."""
        return self._accounts.get(registry_of(host))

    def username(self, host: str) -> str:
        """The user name of that account, ``""`` for none."""
        account = self.account(host)
        return "" if account is None else account.name

    def helper(self, host: str) -> Helper | None:
        """The helper to ask for the account for ``host[:port]``."""
        registry = registry_of(host)
        name = self._helpers.get(registry, self._store)
        return Helper(name, _HUB_SERVER if registry == _HUB else registry) if name else None


def basic(username: str, password: str) -> str:
    """The value of ``Authorization`` (RFC 7617)."""
    # Bytes of the environment that are no UTF-8 came by way of surrogates.
    pair = f"{username}:{password}".encode(errors="surrogateescape")
    return "Basic " + base64.b64encode(pair).decode()


def is_sendable(token: str) -> bool:
    """Whether ``token`` can stand in a header."""
    return _TOKEN.fullmatch(token) is not None


def registry_of(host: str) -> str:
    """The one name of a registry: lower case, and ``docker.io`` for each of Docker Hub's hosts."""
    name = host.lower()
    return _HUB if name in _HUB_HOSTS else name


def load_docker_credentials(path: Path) -> Credentials:
    """The accounts in the ``config.json`` that ``docker login`` writes, and the helpers it names.

    Raises:
        ConfigurationError: The file cannot be read, or is not one of Docker's.
    """
    try:
        with path.open("rb") as file:
            return _credentials_in(json.loads(file.read(_MAX_FILE_BYTES)))
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError, AttributeError, TypeError):
        # Without the cause, whose text may hold a password.
        raise ConfigurationError(f"{path} is not a configuration file of Docker") from None


def account_of_helper(answer: bytes) -> Account | None:
    """The account in what a helper printed; ``None`` for an empty one.

    Raises:
        ValueError: It is not what helpers print.
    """
    try:
        username, secret = (_text(json.loads(answer), name) for name in ("Username", "Secret"))
    except (ValueError, RecursionError, AttributeError, TypeError):
        raise ValueError("these are no credentials") from None  # the cause may hold the secret
    if not secret:
        return None
    is_token = username in ("", _IDENTITY)
    return Account("", identity_token=secret) if is_token else Account(username, secret)


def _credentials_in(content: dict[str, Any]) -> Credentials:
    accounts = {}
    for key, entry in (content.get("auths") or {}).items():
        host, account = _host_of_key(key), _account_in(entry)
        if host is not None and account is not None:
            accounts[host] = account
    helpers = {host: _helper_name(name) for host, name in (content.get("credHelpers") or {}).items()}
    return Credentials(
        accounts,
        helpers={host: name for key, name in helpers.items() if (host := _host_of_key(key)) is not None},
        store=_helper_name(content.get("credsStore") or ""),
    )


def _host_of_key(key: str) -> str | None:
    """``host[:port]`` of what Docker files an account under: with or without scheme and path."""
    host, _, path = (key.partition("://")[2] or key).partition("/")
    return host if path.strip("/") in _REGISTRY_PATHS else None


def _account_in(entry: dict[str, Any]) -> Account | None:
    """The account of an entry of ``auths``; ``None`` for one that is kept elsewhere."""
    username, password = _text(entry, "username"), _text(entry, "password")
    if auth := _text(entry, "auth"):
        # A user name has no colon, a password may; Docker pads with NUL.
        pair = base64.b64decode(auth, validate=True).decode().rstrip("\0")
        username, _, password = pair.partition(":")
    token, ready = _text(entry, "identitytoken"), _text(entry, "registrytoken")
    if ready and not is_sendable(ready):
        raise ValueError
    if not (password or token or ready):
        return None
    return Account("" if username == _IDENTITY else username, password, token, ready)


def _helper_name(name: object) -> str:
    if name == "" or (isinstance(name, str) and _HELPER.fullmatch(name)):
        return str(name)
    raise ValueError


def _text(entry: dict[str, Any], name: str) -> str:
    value = entry.get(name) or ""
    if not isinstance(value, str):
        raise TypeError
    value.encode()  # ValueError: JSON may write halves of characters, which nothing can be sent as
    return value

"""Docker's credential helpers: programs that are started when an account is needed, and not before."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from registry.errors import ConfigurationError
from registry.transport import keyring as module
from registry.transport.credentials import Account, Credentials, Helper
from registry.transport.keyring import Keyring, ask_helper
from tests.registry.conftest import InstantClock

SECRET = json.dumps({"ServerURL": "h", "Username": "me", "Secret": "SECRET"})

Install = Callable[[str], Callable[[], list[str]]]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Puts a helper ``x`` on the path; gives what it was asked for so far."""
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    log = tmp_path / "log"

    def install(then: str) -> Callable[[], list[str]]:
        program = tmp_path / "docker-credential-x"
        program.write_text(f'#!/bin/sh\nread -r server\necho "$1 $server" >>{log}\n{then}\n')
        program.chmod(0o755)
        return lambda: log.read_text().splitlines() if log.exists() else []

    return install


def prints(text: str, status: int = 0) -> str:
    return f"cat <<'END'\n{text}\nEND\nexit {status}"


async def test_a_helper_is_told_the_server_and_tells_the_account(install: Install) -> None:
    asked = install(prints(SECRET))
    assert await ask_helper(Helper("x", "https://index.docker.io/v1/")) == Account("me", "SECRET")
    assert asked() == ["get https://index.docker.io/v1/"]


async def test_a_helper_without_an_account_means_to_be_nobody(install: Install) -> None:
    install(prints("credentials not found in native keychain", status=1))
    assert await ask_helper(Helper("x", "h")) is None


async def test_a_helper_that_does_not_listen_is_heard_all_the_same(tmp_path: Path, install: Install) -> None:
    install("")
    (tmp_path / "docker-credential-x").write_text(f"#!/bin/sh\nexec <&-\n{prints(SECRET)}\n")
    assert await ask_helper(Helper("x", "h")) == Account("me", "SECRET")


@pytest.mark.parametrize(
    ("then", "what"),
    [
        (prints("SECRET", status=3), "failed with exit status 3"),
        (prints("SECRET"), "printed no credentials"),
        ("exec cat /dev/zero", "printed no credentials"),
        ("exec 2>/dev/null; kill -9 $$", "failed with exit status -9"),
    ],
)
async def test_a_helper_that_fails_is_one_sentence_without_the_secret(
    install: Install, then: str, what: str
) -> None:
    install(then)
    with pytest.raises(ConfigurationError) as caught:
        await ask_helper(Helper("x", "h:5000"))
    assert str(caught.value).startswith(
        f"docker-credential-x, which Docker's config.json names for h:5000, {what}"
    )
    assert "SECRET" not in f"{caught.value!r} {caught.value.__cause__!r}"


async def test_a_helper_that_is_missing_is_one_sentence() -> None:
    with pytest.raises(
        ConfigurationError, match=r"docker-credential-no\.such, .* cannot be started \(No such"
    ):
        await ask_helper(Helper("no.such", "h"))


async def test_a_helper_that_gives_no_answer_is_ended(
    install: Install, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "_TIMEOUT_S", 0.1)
    install(f"echo $$ >{tmp_path}/pid; exec tail -f /dev/null")
    with pytest.raises(ConfigurationError, match="gave no answer within 0 s"):
        await ask_helper(Helper("x", "h"))
    process = int((tmp_path / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


async def test_however_many_ask_a_helper_is_started_once_per_registry(
    install: Install, clock: InstantClock
) -> None:
    asked = install(prints(SECRET))
    keyring = Keyring(Credentials(helpers={"docker.io": "x", "h": "x"}), clock)
    hosts = ["docker.io", "registry-1.docker.io", "h"] * 5
    accounts = await asyncio.gather(*(keyring.account(host) for host in hosts))
    assert accounts == [Account("me", "SECRET")] * 15
    assert sorted(asked()) == ["get h", "get https://index.docker.io/v1/"]
    assert "SECRET" not in repr(keyring)


async def test_a_helper_that_knows_no_account_leaves_it_to_the_file(
    install: Install, clock: InstantClock
) -> None:
    install(prints("credentials not found in native keychain", status=1))
    keyring = Keyring(Credentials({"h": Account("me", "pw")}, store="x"), clock)
    assert await keyring.account("h") == Account("me", "pw")
    assert await keyring.account("other") is None


async def test_an_account_is_asked_for_again_after_some_minutes(
    install: Install, clock: InstantClock
) -> None:
    """The secrets that clouds give out live for an hour."""
    asked = install(prints(SECRET))
    keyring = Keyring(Credentials(store="x"), clock)
    for wait_s in (0, 299, 2, 0):
        clock.seconds += wait_s
        assert await keyring.account("h") == Account("me", "SECRET")
    assert len(asked()) == 2


async def test_a_refused_account_is_asked_for_again_but_not_all_the_time(
    install: Install, clock: InstantClock
) -> None:
    asked = install(prints(SECRET))
    keyring = Keyring(Credentials(store="x"), clock)
    old = await keyring.account("h")
    assert old is not None
    assert await keyring.instead_of("h", old) is None
    assert len(asked()) == 1
    clock.seconds += 61
    assert await keyring.instead_of("h", old) is None
    install(prints(SECRET.replace("SECRET", "newer")))
    assert (await keyring.instead_of("h", old), len(asked())) == (None, 2)
    clock.seconds += 61
    others = await asyncio.gather(*(keyring.instead_of("h", old) for _ in range(10)))
    assert others == [Account("me", "newer")] * 10
    assert len(asked()) == 3


async def test_there_is_nothing_instead_of_an_account_of_the_settings(clock: InstantClock) -> None:
    keyring = Keyring(Credentials({"h": Account("me", "pw")}), clock)
    assert await keyring.instead_of("h", Account("me", "pw")) is None

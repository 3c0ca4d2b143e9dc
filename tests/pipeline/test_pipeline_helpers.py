"""The command line with accounts from Docker's file, its credential helpers among them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pipeline.conftest import Ended


@pytest.fixture
def config(elsewhere: Path, guarded: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a file that names a helper for the guarded registry; ``x`` is one that works."""
    monkeypatch.setenv("PATH", str(elsewhere), prepend=os.pathsep)
    program = elsewhere / "docker-credential-x"
    account = {"ServerURL": guarded, "Username": "me", "Secret": "correct-horse"}
    program.write_text(f"#!/bin/sh\necho '{json.dumps(account)}'\n")
    program.chmod(0o755)

    def write(helper: str) -> str:
        path = elsewhere / "config.json"
        path.write_text(json.dumps({"credHelpers": {guarded.partition("://")[2]: helper}}))
        return str(path)

    return write


@pytest.mark.parametrize("command", ["crawl", "download"])
def test_an_account_of_a_credential_helper_is_used(
    hubcrawl: Callable[..., Ended], guarded: str, config: Callable[[str], str], command: str
) -> None:
    """By every stage that talks to the registry, if the file is named."""
    ended = hubcrawl("crawl", "--registry", guarded, "--docker-config", config("x"))
    if command == "download":
        ended = hubcrawl("download", "--docker-config", config("x"))
    assert (ended.status, ended.err) == (0, "")


@pytest.mark.parametrize("command", ["crawl", "download"])
def test_a_credential_helper_that_is_missing_is_one_sentence(
    hubcrawl: Callable[..., Ended],
    add_repository: Callable[[str, str], None],
    guarded: str,
    config: Callable[[str], str],
    command: str,
) -> None:
    """Before any image or page is asked for."""
    add_repository(guarded.partition("://")[2], f"registry={guarded}")
    ended = hubcrawl(command, "--registry", guarded, "--docker-config", config("is-missing"))
    assert (ended.status, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert "docker-credential-is-missing, which Docker's config.json names for 127.0.0.1:" in ended.err
    counts = json.loads(hubcrawl("status", "--json").out)
    assert counts["images"]["failed"] == counts["repositories"]["pages_failed"] == 0

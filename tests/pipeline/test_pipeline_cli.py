"""The command line: help, exit statuses, and one clear sentence for every mistake."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from corpus.layout import Layout
from corpus.lock import exclusive

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.pipeline.conftest import Ended

ROOT = Path(__file__).parents[2]


def refused(ended: Ended) -> str:
    """The sentence of a command line that was refused: exit status 2, one line, no traceback."""
    assert ended.status == 2, ended
    assert ended.out == ""
    assert ended.err.startswith("hubcrawl: ")
    assert ended.err.count("\n") == 1, ended.err
    return ended.err


def test_help_names_every_command(hubcrawl: Callable[..., Ended]) -> None:
    """What can be done is told by the program itself."""
    ended = hubcrawl("--help")
    assert ended.status == 0
    for command in ("crawl", "download", "analyze", "status", "settings", "schema", "samplehub"):
        assert f" {command} " in ended.out


def test_without_arguments_help_is_printed_and_the_status_is_that_of_a_usage_error(
    hubcrawl: Callable[..., Ended],
) -> None:
    """As shells expect it."""
    ended = hubcrawl()
    assert (ended.status, ended.err) == (2, "")
    assert "Usage: hubcrawl" in ended.out


def test_the_version_is_that_of_the_package(hubcrawl: Callable[..., Ended]) -> None:
    """One line, for bug reports."""
    ended = hubcrawl("--version")
    assert ended.status == 0
    assert ended.out.startswith("hubcrawl 0.")


def test_a_command_shows_the_options_of_its_own_sections_only(
    hubcrawl: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``analyze`` reaches no registry, so it takes no ``--hub``."""
    monkeypatch.setenv("COLUMNS", "200")
    crawl, analyze = hubcrawl("crawl", "--help").out, hubcrawl("analyze", "--help").out
    for option in ("--hub", "--limit", "--attempts", "--data", "--config"):
        assert f" {option} " in crawl
    assert " --processes " in analyze
    assert " --data " in analyze
    assert " --hub " not in analyze
    assert "password" not in crawl.replace("Password", "password").partition("--username")[0]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["crwal"], "Did you mean 'crawl'?"),
        (["crawl", "--limt", "3"], "--limit"),
        (["download", "--retry-faild"], "--retry-failed"),
        (["crawl", "--limit"], "requires an argument"),
        (["crawl", "--limit", "many"], "--limit 'many' cannot be used: expected a whole number"),
        (["download", "--parallel-images", "0"], "--parallel-images '0' cannot be used: expected int >= 1"),
        (["crawl", "--config", "missing.toml"], "cannot read the configuration file missing.toml"),
        (["crawl", "--registry", "localhost:5000"], "source.registry: 'localhost:5000' is not the address"),
        (["crawl", "--registry", "http://user@host"], "credentials have their own settings"),
        (["crawl", "--hub", "dokcer.io"], "the hub 'dokcer.io' is not known: name docker.io or sample"),
        (["crawl", "--images", "missing.txt"], "there is no list missing.txt"),
        (["download", "--hub", "x", "--registry", "http://x"], "name one of --hub and --registry"),
    ],
)
def test_a_mistake_on_the_command_line_is_one_sentence(
    hubcrawl: Callable[..., Ended], arguments: list[str], expected: str
) -> None:
    """It says what is wrong and what would do; exit status 2, no traceback."""
    assert expected in refused(hubcrawl(*arguments))


def test_an_unknown_key_in_the_file_is_one_sentence(hubcrawl: Callable[..., Ended], elsewhere: Path) -> None:
    """With the file, the key and the nearest known one; nothing is created."""
    (elsewhere / "hubcrawl.toml").write_text("[crawl]\nlimmit = 5\n")
    sentence = refused(hubcrawl("crawl"))
    assert "hubcrawl.toml sets the unknown key crawl.limmit (did you mean crawl.limit?)" in sentence
    assert not (elsewhere / "data").exists()


@pytest.mark.parametrize("command", ["crawl", "download"])
def test_an_unreachable_registry_is_one_sentence(
    hubcrawl: Callable[..., Ended], add_repository: Callable[[str, str], None], closed_port: int, command: str
) -> None:
    """It names the address and what to check; nothing is recorded as failed."""
    url = f"http://127.0.0.1:{closed_port}"
    if command == "download":
        hubcrawl("download")  # creates the catalog
        add_repository(f"127.0.0.1:{closed_port}", f"registry={url}")
        sentence = refused(hubcrawl(command))
    else:
        sentence = refused(hubcrawl(command, "--registry", url))
    assert f"cannot reach {url}/v2/ " in sentence
    assert "check the address" in sentence
    counts = json.loads(hubcrawl("status", "--json").out)
    assert counts["images"]["failed"] == counts["repositories"]["pages_failed"] == 0
    assert counts["runs"][command]["outcome"] == "failed"


@pytest.mark.parametrize("variable", ["HUBCRAWL_HTTP_TOKEN_URL", "HUBCRAWL_SOURCE_SEARCH_URL"])
def test_a_base_url_that_is_none_is_one_sentence(
    hubcrawl: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, closed_port: int, variable: str
) -> None:
    """Before anybody is asked for anything, and whichever section it belongs to."""
    monkeypatch.setenv(variable, "auth.docker.io/token")
    sentence = refused(hubcrawl("crawl", "--registry", f"http://127.0.0.1:{closed_port}"))
    assert "_url: 'auth.docker.io/token' is not the address of a server" in sentence


@pytest.mark.parametrize("command", ["crawl", "download"])
def test_an_account_that_is_refused_is_one_sentence(
    hubcrawl: Callable[..., Ended],
    add_repository: Callable[[str, str], None],
    monkeypatch: pytest.MonkeyPatch,
    guarded: str,
    command: str,
) -> None:
    """A mistyped password fails no image and no page, and is not repeated."""
    monkeypatch.setenv("HUBCRAWL_SOURCE_PASSWORD", "mistyped")
    hubcrawl("download")  # creates the catalog
    add_repository(guarded.partition("://")[2], f"registry={guarded}")
    sentence = refused(hubcrawl(command, "--registry", guarded, "--username", "me"))
    assert "refuses the account" in sentence
    assert "HUBCRAWL_SOURCE_PASSWORD" in sentence
    assert "mistyped" not in sentence
    counts = json.loads(hubcrawl("status", "--json").out)
    assert counts["images"]["failed"] == counts["repositories"]["pages_failed"] == 0


@pytest.mark.parametrize("command", ["crawl", "download"])
def test_an_account_that_is_accepted_is_used(
    hubcrawl: Callable[..., Ended],
    monkeypatch: pytest.MonkeyPatch,
    guarded: str,
    command: str,
) -> None:
    """By the stages that talk to its registry."""
    monkeypatch.setenv("HUBCRAWL_SOURCE_PASSWORD", "correct-horse")
    ended = hubcrawl("crawl", "--registry", guarded, "--username", "me")
    if command == "download":
        ended = hubcrawl("download", "--username", "me")
        assert "no_tag  1" in ended.out
    assert (ended.status, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["status"], "catalog.sqlite"),
        (["status"], "hubcrawl.toml"),
        (["crawl", "--images", "names.txt"], "names.txt"),
    ],
)
def test_what_may_not_be_read_is_one_sentence(
    hubcrawl: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, arguments: list[str], name: str
) -> None:
    """Root may read everything, so the refusal is played."""
    is_file = Path.is_file

    def refuse(path: Path) -> bool:
        if path.name == name:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return is_file(path)

    monkeypatch.setattr(Path, "is_file", refuse)
    sentence = refused(hubcrawl(*arguments))
    assert name in sentence
    assert "Permission denied" in sentence


def test_an_unreachable_search_site_is_one_sentence(hubcrawl: Callable[..., Ended], closed_port: int) -> None:
    """The site of a hub is asked first, since it is listed first."""
    url = f"http://127.0.0.1:{closed_port}"
    assert f"cannot reach {url} " in refused(hubcrawl("crawl", "--hub", "docker.io", "--search-url", url))


@pytest.mark.parametrize("command", ["crawl", "download", "analyze"])
def test_a_data_directory_that_cannot_be_written_is_one_sentence(
    hubcrawl: Callable[..., Ended], elsewhere: Path, command: str
) -> None:
    """Below a file nobody can write, not even root."""
    (elsewhere / "file").write_text("")
    sentence = refused(hubcrawl(command, "--data", elsewhere / "file" / "data"))
    assert "cannot write to the data directory" in sentence
    assert "--data" in sentence


@pytest.mark.parametrize("command", ["crawl", "download", "analyze", "status"])
def test_a_data_directory_of_a_newer_format_is_one_sentence(
    hubcrawl: Callable[..., Ended], command: str
) -> None:
    """Nothing is touched: the newer program can still use it."""
    hubcrawl("download")
    with contextlib.closing(sqlite3.connect("data/catalog.sqlite")) as catalog, catalog:
        catalog.execute("UPDATE meta SET value = '999' WHERE key = 'format_version'")
    assert "has format 999, newer than this hubcrawl understands" in refused(hubcrawl(command))


def test_a_catalog_that_is_none_is_one_sentence(hubcrawl: Callable[..., Ended], elsewhere: Path) -> None:
    """A damaged file is not mistaken for an empty one."""
    (elsewhere / "data").mkdir()
    (elsewhere / "data" / "catalog.sqlite").write_bytes(b"not a database, whatever it is called" * 100)
    assert "cannot be used as a catalog" in refused(hubcrawl("status"))


@pytest.mark.parametrize("command", ["crawl", "download", "analyze"])
def test_a_second_process_on_a_data_directory_is_turned_away(
    hubcrawl: Callable[..., Ended], elsewhere: Path, command: str
) -> None:
    """It is told who is at work, and what to do."""
    layout = Layout(elsewhere / "data")
    layout.ensure()
    with exclusive(layout):
        sentence = refused(hubcrawl(command))
    assert f"another hubcrawl (process {os.getpid()}) is working on data" in sentence
    assert "wait for it to end" in sentence


def test_status_is_shown_while_a_stage_is_at_work(hubcrawl: Callable[..., Ended], elsewhere: Path) -> None:
    """Reading takes no lock."""
    layout = Layout(elsewhere / "data")
    layout.ensure()
    with exclusive(layout):
        assert hubcrawl("status").status == 0


def test_a_run_without_work_says_so_and_does_nothing(hubcrawl: Callable[..., Ended]) -> None:
    """In an empty data directory there is nothing to download or analyze; no run is recorded."""
    download, analyze = hubcrawl("download"), hubcrawl("analyze")
    assert download.status == analyze.status == 0
    assert download.out.startswith(
        "download: nothing to do: no registry was crawled yet; begin with `hubcrawl crawl`"
    )
    assert analyze.out.startswith("analyze: nothing to do: ")
    assert json.loads(hubcrawl("status", "--json").out)["runs"] == {}
    assert list(Path("data/logs").iterdir()) == []


def test_schemas_are_written_as_published(hubcrawl: Callable[..., Ended], elsewhere: Path) -> None:
    """One JSON Schema per document, each a valid one."""
    ended = hubcrawl("schema", "--out", elsewhere / "schema")
    paths = [Path(line) for line in ended.out.splitlines()]
    assert [path.name for path in paths] == ["layer-profile.schema.json", "image-profile.schema.json"]
    for path in paths:
        assert json.loads(path.read_text())["$schema"].startswith("https://json-schema.org/")
    (elsewhere / "file").write_text("")
    assert "cannot write schemas" in refused(hubcrawl("schema", "--out", elsewhere / "file"))


def test_the_reference_of_settings_in_the_repository_is_current(hubcrawl: Callable[..., Ended]) -> None:
    """``docs/settings.md`` is what ``hubcrawl settings --markdown`` prints."""
    assert (ROOT / "docs" / "settings.md").read_text() == hubcrawl("settings", "--markdown").out


def test_settings_shows_values_and_where_they_come_from(
    hubcrawl: Callable[..., Ended], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever wonders why something is as it is finds the place; secrets stay hidden."""
    (elsewhere / "hubcrawl.toml").write_text("[download]\nlimit = 5\n")
    monkeypatch.setenv("HUBCRAWL_SOURCE_PASSWORD", "hunter2")
    ended = hubcrawl("settings", "--data", "there")
    assert "\ndownload.limit = 5  (hubcrawl.toml, default 0)\n" in ended.out
    assert "data = there  (--data, default data)\n" in ended.out
    assert "source.password = (secret)  (HUBCRAWL_SOURCE_PASSWORD" in ended.out
    assert "hunter2" not in ended.out


@pytest.mark.slow
def test_help_is_there_at_once() -> None:
    """What takes time to import is imported by the command that needs it."""
    imported = "import sys, pipeline.cli; print({'aiohttp', 'sqlalchemy', 'bs4'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", imported], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "set()\n"

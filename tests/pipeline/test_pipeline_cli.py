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
from typing import TYPE_CHECKING, Any

import pytest

from corpus.layout import Layout
from corpus.lock import exclusive

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.config import Resolved
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
    for command in (
        "crawl",
        "download",
        "analyze",
        "report",
        "query",
        "status",
        "verify",
        "settings",
        "schema",
        "samplehub",
    ):
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


@pytest.mark.parametrize("command", ["crawl", "download", "analyze", "verify"])
def test_help_has_room_on_a_terminal_of_the_usual_width(
    hubcrawl: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    """Nothing is cut off, and to what an option means there are 35 columns at least."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = hubcrawl(command, "--help").out
    assert "…" not in shown
    continued = [line for line in shown.splitlines() if line.startswith("│  ")]
    assert max(len(line) - len(line.lstrip("│ ")) for line in continued) <= 45


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["crwal"], "Did you mean 'crawl'?"),
        (["crawl", "--limt", "3"], "--limit"),
        (["download", "--retry-faild"], "--retry-failed"),
        (["crawl", "--limit"], "requires an argument"),
        (["crawl", "--limit", "many"], "--limit 'many' cannot be used: expected a whole number"),
        (
            ["download", "--parallel-images", "0"],
            "--parallel-images '0' cannot be used: expected a whole number, at least 1",
        ),
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


def test_a_data_directory_that_cannot_be_written_is_one_sentence(
    hubcrawl: Callable[..., Ended], elsewhere: Path
) -> None:
    """Below a file nobody can write, not even root."""
    (elsewhere / "file").write_text("")
    sentence = refused(hubcrawl("crawl", "--data", elsewhere / "file" / "data"))
    assert "cannot write to the data directory" in sentence
    assert "--data" in sentence


@pytest.mark.parametrize("command", ["crawl", "download", "analyze", "status"])
def test_a_data_directory_of_a_newer_format_is_one_sentence(
    hubcrawl: Callable[..., Ended], census: Layout, command: str
) -> None:
    """Nothing is touched: the newer program can still use it."""
    with contextlib.closing(sqlite3.connect(census.catalog)) as catalog, catalog:
        catalog.execute("UPDATE meta SET value = '999' WHERE key = 'format_version'")
    assert "has format 999, newer than this hubcrawl understands" in refused(hubcrawl(command))


def test_a_catalog_that_is_none_is_one_sentence(hubcrawl: Callable[..., Ended], elsewhere: Path) -> None:
    """A damaged file is not mistaken for an empty one."""
    (elsewhere / "data").mkdir()
    (elsewhere / "data" / "catalog.sqlite").write_bytes(b"not a database, whatever it is called" * 100)
    assert "cannot be used as a catalog" in refused(hubcrawl("status"))


@pytest.mark.parametrize("command", ["crawl", "status"])
def test_a_data_directory_without_a_name_is_not_the_current_one(
    hubcrawl: Callable[..., Ended], elsewhere: Path, command: str
) -> None:
    """As where a script has lost the value of a variable."""
    assert "the data directory has no name" in refused(hubcrawl(command, "--data", ""))
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("command", ["crawl", "download", "analyze"])
def test_a_second_process_on_a_data_directory_is_turned_away(
    hubcrawl: Callable[..., Ended], census: Layout, command: str
) -> None:
    """It is told who is at work, and what to do."""
    with exclusive(census):
        sentence = refused(hubcrawl(command))
    assert f"another hubcrawl (process {os.getpid()}) is working on data" in sentence
    assert "wait for it to end" in sentence


def test_status_is_shown_while_a_stage_is_at_work(hubcrawl: Callable[..., Ended], census: Layout) -> None:
    """Reading takes no lock."""
    with exclusive(census):
        assert hubcrawl("status").status == 0


@pytest.mark.parametrize(
    "arguments", [["download"], ["analyze"], ["status"], ["status", "--json"], ["status", "--failed"]]
)
def test_where_there_is_no_census_the_sentence_says_how_to_begin_one(
    hubcrawl: Callable[..., Ended], elsewhere: Path, arguments: list[str]
) -> None:
    """A mistyped directory is not mistaken for an empty census, and is not created."""
    sentence = refused(hubcrawl(*arguments, "--data", "mistyped"))
    assert "there is no census in mistyped: begin with `hubcrawl crawl`" in sentence
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("command", ["crawl", "download", "analyze", "status"])
def test_a_file_is_no_data_directory(hubcrawl: Callable[..., Ended], elsewhere: Path, command: str) -> None:
    """The sentence says what it is."""
    (elsewhere / "afile").write_text("")
    assert "afile is a file, not a directory" in refused(hubcrawl(command, "--data", "afile"))


@pytest.mark.parametrize(
    ("option", "value", "expected"),
    [("--platform", "nonsense", "'nonsense' is not understood"), ("--tags", "-x", "'-x' is not understood")],
)
def test_a_rule_that_is_none_is_refused_even_where_nothing_is_to_be_fetched(
    hubcrawl: Callable[..., Ended], option: str, value: str, expected: str
) -> None:
    """A mistake is told before anything else."""
    assert expected in refused(hubcrawl("download", f"{option}={value}"))


@pytest.mark.usefixtures("census")
def test_a_census_without_a_registry_has_nothing_to_download(hubcrawl: Callable[..., Ended]) -> None:
    """A crawl that reached nobody leaves one; no run is recorded."""
    assert "there is no census in data: begin with `hubcrawl crawl`" in refused(hubcrawl("download"))
    assert json.loads(hubcrawl("status", "--json").out)["runs"] == {}
    assert list(Path("data/logs").iterdir()) == []


def test_a_registry_that_was_not_crawled_is_named(
    hubcrawl: Callable[..., Ended], add_repository: Callable[[str, str], None]
) -> None:
    """Although another one was."""
    add_repository("quay.io", "")
    assert "docker.io was not crawled yet" in refused(hubcrawl("download", "--hub", "docker.io"))


def test_an_analysis_before_any_download_says_what_comes_first(
    hubcrawl: Callable[..., Ended], add_repository: Callable[[str, str], None]
) -> None:
    """It is not claimed that every layer has its profile."""
    add_repository("quay.io", "")
    assert "nothing was downloaded yet: begin with `hubcrawl download`" in refused(hubcrawl("analyze"))


@pytest.mark.parametrize("port", ["99999", "-1"])
def test_a_port_that_is_none_is_one_sentence(hubcrawl: Callable[..., Ended], port: str) -> None:
    """With the numbers that would do."""
    sentence = refused(hubcrawl("samplehub", "--port", port))
    assert f"--port {port} cannot be used: expected a number from 0 to 65535" in sentence


@pytest.mark.parametrize("option", ["--retry-faild", "--limit", "--retry-failed=yes"])
def test_a_mistyped_option_points_to_the_help_of_its_command(
    hubcrawl: Callable[..., Ended], option: str
) -> None:
    """That of the program does not list it."""
    assert "(see hubcrawl download --help)" in refused(hubcrawl("download", option))


def test_a_mistyped_option_of_the_program_points_to_its_help(hubcrawl: Callable[..., Ended]) -> None:
    """And to that of no command."""
    assert "(see hubcrawl --help)" in refused(hubcrawl("--version=3"))


def test_an_interruption_before_a_command_began_is_quiet(
    hubcrawl: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Status 130, as of any interruption."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("pipeline.options.resolve", interrupt)
    assert hubcrawl("settings") == (130, "", "")


def test_a_switch_that_a_file_turns_on_is_turned_off_by_its_negation(
    hubcrawl: Callable[..., Ended], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The option wins, as everywhere; ``--help`` names it."""
    (elsewhere / "hubcrawl.toml").write_text("[crawl]\nagain = true\n")
    seen: list[Resolved] = []

    def note(_: object, resolved: Resolved) -> int:
        seen.append(resolved)
        return 0

    monkeypatch.setattr("pipeline.stages.bench.run_stage", note)
    for arguments in ([], ["--no-again"], ["--again"]):
        assert hubcrawl("crawl", *arguments).status == 0
    assert [resolved.settings.crawl.again for resolved in seen] == [True, False, True]
    assert [resolved.origins["crawl.again"] for resolved in seen] == [
        "hubcrawl.toml",
        "--no-again",
        "--again",
    ]
    assert "--no-again" in hubcrawl("crawl", "--help").out


@pytest.mark.usefixtures("census")
def test_without_any_image_the_analysis_says_that_none_is_listed(hubcrawl: Callable[..., Ended]) -> None:
    """And not that none could be had."""
    assert hubcrawl("analyze").out.startswith("analyze: nothing to do: no image is listed: `hubcrawl crawl`")


def test_schemas_are_written_as_published(hubcrawl: Callable[..., Ended], elsewhere: Path) -> None:
    """One JSON Schema per document, each a valid one."""
    ended = hubcrawl("schema", "--out", elsewhere / "schema")
    paths = [Path(line) for line in ended.out.splitlines()]
    documents = ["layer-profile", "image-profile", "findings"]
    assert [path.name for path in paths] == [f"{document}.schema.json" for document in documents]
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


def in_a_process(arguments: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """Run a command line as a program of its own."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **how.pop("env", {})}
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", *arguments]
    return subprocess.run(
        command, env=environment, stderr=subprocess.PIPE, text=True, check=False, timeout=60, **how
    )


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["settings"], ["status"]])
@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.usefixtures("census")
def test_a_terminal_that_cannot_encode_a_character_gets_another_one(
    arguments: list[str], encoding: str
) -> None:
    """No text of ours, and no name of a stranger, ends the program."""
    os.rename("data", "漢-données")  # noqa: PTH104 - the shorter way
    environment = {"LC_ALL": "C", "PYTHONIOENCODING": encoding, "HUBCRAWL_DATA": "漢-données"}
    done = in_a_process(arguments, stdout=subprocess.DEVNULL, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["--help"], ["settings"], ["status"], ["status", "--failed"]])
def test_an_output_that_cannot_be_written_is_one_sentence(
    add_repository: Callable[[str, str], None], census: Layout, arguments: list[str]
) -> None:
    """Status 1, and no traceback, not even from Python's own end."""
    add_repository("quay.io", "")
    with contextlib.closing(sqlite3.connect(census.catalog)) as catalog, catalog:
        catalog.execute("UPDATE repositories SET is_pullable = 0")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = in_a_process(arguments, stdout=full)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


@pytest.mark.slow
def test_a_reader_that_goes_away_is_no_error() -> None:
    """``hubcrawl settings | head -1`` says nothing of it."""
    reading, writing = os.pipe()
    os.close(reading)
    done = in_a_process(["settings"], stdout=writing)
    os.close(writing)
    assert (done.returncode, done.stderr) == (1, "")

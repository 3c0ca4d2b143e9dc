"""The stages, run as a user runs them, on the sample hub."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError, OperationalError

import samplehub
from pipeline.config import resolve
from pipeline.stages.bench import run_stage
from samplehub import Hub, Running, build_hub, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.stages.bench import Bench
    from tests.pipeline.conftest import Ended

pytestmark = pytest.mark.slow


@pytest.fixture(scope="session")
def hub() -> Hub:
    """The sample hub, built once."""
    return build_hub()


@pytest.fixture
def sample(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Let stages start the hub that is built already; lists how often one did."""
    starts: list[bool] = []

    def build() -> Hub:
        starts.append(True)
        return hub

    monkeypatch.setattr(samplehub, "build_hub", build)
    return starts


@pytest.fixture(scope="session")
def served(hub: Hub) -> Iterator[Running]:
    """The sample hub on loopback, outside of any stage."""
    started: list[Running] = []
    is_up = threading.Event()
    loop = asyncio.new_event_loop()
    done = asyncio.Event()

    async def run() -> None:
        async with serve(hub) as running:
            started.append(running)
            is_up.set()
            await done.wait()

    thread = threading.Thread(target=loop.run_until_complete, args=(run(),))
    thread.start()
    assert is_up.wait(60)
    yield started[0]
    loop.call_soon_threadsafe(done.set)
    thread.join(60)
    loop.close()


def status(hubcrawl: Callable[..., Ended]) -> Any:
    """What ``status --json`` says."""
    ended = hubcrawl("status", "--json")
    assert ended.status == 0
    return json.loads(ended.out)


def test_with_nothing_configured_the_sample_goes_through_all_stages(
    hubcrawl: Callable[..., Ended], hub: Hub, sample: list[bool]
) -> None:
    """They work in an empty directory; repeated, they do nothing and start nothing."""
    crawl, download, analyze = (
        hubcrawl("crawl"),
        hubcrawl("download"),
        hubcrawl("analyze", "--processes", "2"),
    )
    assert (crawl.status, download.status, analyze.status) == (0, 0, 0), analyze.err
    assert "repositories in sample" in crawl.out
    assert crawl.err == download.err == "preparing the sample hub ...\n"
    assert len(sample) == 2
    counts = status(hubcrawl)
    assert counts["repositories"]["found"] == len(hub.repositories)
    assert counts["images"]["pending"] == 0
    assert counts["images"]["done"] > 50
    assert counts["images"]["failed"] == sum(counts["failures"].values()) > 0
    assert counts["blobs"]["count"] > 100
    assert counts["layers"]["pending"] == counts["image_profiles"]["pending"] == 0
    assert counts["layers"]["done"] > 100
    assert counts["layers"]["failed"] == sum(counts["layer_failures"].values()) > 0
    assert {run["outcome"] for run in counts["runs"].values()} == {"done"}
    for command in ("crawl", "download", "analyze"):
        again = hubcrawl(command)
        assert again.status == 0
        assert again.out.startswith(f"{command}: nothing to do: ")
        assert (command == "crawl") == ("`hubcrawl crawl --again`" in again.out)
        assert (command == "download") == ("`hubcrawl download --retry-failed`" in again.out)
    assert len(sample) == 2
    assert status(hubcrawl) == counts


@pytest.mark.usefixtures("sample")
def test_an_index_that_a_run_could_not_write_is_written_when_nothing_else_is_to_do(
    hubcrawl: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last checkpoint said that it is outdated."""
    index = Path("data/index.json")
    assert hubcrawl("crawl").status == 0
    with monkeypatch.context() as patched:
        patched.setattr("downloader.engine.write_index", _no_space)
        assert hubcrawl("download", "--limit", "3").status == 1
    assert not index.exists()
    assert "nothing to do" in hubcrawl("download", "--limit", "3").out
    assert index.read_bytes().count(b"digest") == 3
    changed_at = index.stat().st_mtime_ns
    assert "nothing to do" in hubcrawl("download", "--limit", "3").out
    assert index.stat().st_mtime_ns == changed_at


async def _no_space(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_limit_is_kept_and_can_be_raised(hubcrawl: Callable[..., Ended], sample: list[bool]) -> None:
    """The next run goes on where the limit stopped the last one."""
    assert hubcrawl("crawl", "--limit", "5").status == 0
    assert status(hubcrawl)["repositories"]["found"] == 5
    assert "the limit of 5 repositories is reached" in hubcrawl("crawl", "--limit", "5").out
    assert hubcrawl("download", "--limit", "3").status == 0
    images = status(hubcrawl)["images"]
    assert images["done"] + images["failed"] == 3
    assert "the limit of 3 images is reached; 2 pending" in hubcrawl("download", "--limit", "3").out
    assert hubcrawl("crawl", "--limit", "9").status == 0
    assert status(hubcrawl)["repositories"]["found"] >= 9
    assert len(sample) == 3


def test_only_what_changed_is_asked_after_a_sweep(hubcrawl: Callable[..., Ended], sample: list[bool]) -> None:
    too_early = hubcrawl("crawl", "--updates")
    assert (too_early.status, len(sample)) == (2, 0)
    assert "no sweep of it is complete" in too_early.err
    assert hubcrawl("crawl").status == 0
    assert "`hubcrawl crawl --updates` asks for later ones" in hubcrawl("status").out
    before = status(hubcrawl)
    updated = hubcrawl("crawl", "--updates")
    assert updated.status == 0
    assert "0 new repositories in sample" in updated.out
    assert "1 page" in updated.out
    after = status(hubcrawl)
    assert after["coverage"]["sample"]["known_until"] > before["coverage"]["sample"]["known_until"]
    assert after["repositories"]["rows_listed"] == before["repositories"]["rows_listed"] + 87


@pytest.mark.parametrize(
    "arguments", [("--again",), ("--listing", "official"), ("--registry", "http://127.0.0.1:9")]
)
def test_updates_of_what_is_not_swept_are_refused(
    hubcrawl: Callable[..., Ended], arguments: tuple[str, ...]
) -> None:
    assert hubcrawl("crawl", "--updates", *arguments).status == 2


@pytest.mark.usefixtures("sample")
def test_layers_that_workers_were_lost_over_are_named_and_tried_again_when_asked_for(
    hubcrawl: Callable[..., Ended],
) -> None:
    """Not by every run: whatever it was may cost a worker each time."""
    hubcrawl("crawl", "--limit", "5")
    hubcrawl("download", "--limit", "1")
    assert hubcrawl("analyze").status == 0
    with closing(sqlite3.connect("data/catalog.sqlite")) as connection, connection:
        (lost,) = connection.execute("select min(digest) from layer_profiles").fetchone()
        changes = "state = 'failed', status = 'partial', reason = 'killed'"
        connection.execute(f"update layer_profiles set {changes} where digest = ?", (lost,))  # noqa: S608
    assert "or was given up; `hubcrawl analyze --retry-failed` tries those again" in hubcrawl("analyze").out
    assert "1 layer and 1 image profiled" in hubcrawl("analyze", "--retry-failed").out
    assert "nothing to do" in hubcrawl("analyze", "--retry-failed").out
    assert "given up" not in hubcrawl("analyze").out


@pytest.mark.parametrize("listing", ["search", "v1", "pages", "official"])
def test_any_server_can_stand_in_for_docker_hub(
    hubcrawl: Callable[..., Ended], hub: Hub, served: Running, listing: str
) -> None:
    """Every base URL is a setting; the later stages know them from the first."""
    site = "--v1-url" if listing == "v1" else "--search-url"
    urls = (site, served.site_url, "--registry-url", served.registry_url)
    assert hubcrawl("crawl", "--hub", "docker.io", "--listing", listing, *urls).status == 0
    counts = status(hubcrawl)
    official = sum(repository.is_official for repository in hub.repositories)
    assert counts["repositories"]["found"] == (official if listing == "official" else len(hub.repositories))
    assert list(counts["registries"]) == ["docker.io"]
    assert hubcrawl("download", "--limit", "3").status == 0
    assert status(hubcrawl)["blobs"]["count"] > 3


def test_the_token_server_can_be_another_one(
    hubcrawl: Callable[..., Ended], served: Running, closed_port: int
) -> None:
    """Its URL is a setting too, and used instead of the one that the registry names."""
    urls = ("--search-url", served.site_url, "--registry-url", served.registry_url)
    assert hubcrawl("crawl", "--hub", "docker.io", "--listing", "official", *urls).status == 0
    nobody = ("--token-url", f"http://127.0.0.1:{closed_port}/token", "--attempts", "1")
    hubcrawl("download", "--limit", "1", *nobody)
    assert status(hubcrawl)["failures"] == {"network": 1}
    token = ("--token-url", f"{served.token_url}/token")
    assert hubcrawl("download", "--limit", "2", "--retry-failed", *token).status == 0
    assert status(hubcrawl)["images"]["done"] > 0


def test_a_registry_is_listed_by_its_catalog(hubcrawl: Callable[..., Ended], served: Running) -> None:
    """Its host and port are its name."""
    assert hubcrawl("crawl", "--registry", served.registry_url).status == 0
    counts = status(hubcrawl)
    assert list(counts["registries"]) == [served.registry_url.removeprefix("http://")]
    assert counts["repositories"]["found"] > 50
    assert hubcrawl("download", "--registry", served.registry_url, "--limit", "3").status == 0


def test_a_list_may_name_hosts_and_an_invalid_name_is_recorded(
    hubcrawl: Callable[..., Ended], hub: Hub, served: Running, elsewhere: Path
) -> None:
    """Nothing stops at a bad line; names without a host belong to the registry given."""
    host = served.registry_url.removeprefix("http://")
    other = f"localhost:{host.partition(':')[2]}"
    name = next(repository.name for repository in hub.repositories if "latest" in repository.tags)
    (elsewhere / "names.txt").write_text(f"{name}  # first\n\n{other}/{name}:latest\nNot//A Name\n")
    crawled = hubcrawl("crawl", "--registry", served.registry_url, "--images", "names.txt")
    assert "3 new repositories in names.txt" in crawled.out
    counts = status(hubcrawl)
    assert counts["registries"] == {host: 2, other: 1}
    assert counts["repositories"]["unpullable"] == 1
    assert hubcrawl("download").status == 0
    counts = status(hubcrawl)
    assert counts["failures"] == {"invalid_name": 1}
    assert counts["images"] == {"pending": 0, "done": 2, "failed": 1}
    assert hubcrawl("crawl").out.startswith("crawl: nothing to do")


def test_a_registry_that_is_down_is_left_out_and_the_others_are_fetched(
    hubcrawl: Callable[..., Ended],
    add_repository: Callable[[str, str], None],
    served: Running,
    elsewhere: Path,
    closed_port: int,
) -> None:
    """The run says so and ends with status 1, since work is left; nothing is marked as failed."""
    (elsewhere / "names.txt").write_text("a/b\n")
    assert hubcrawl("crawl", "--registry", served.registry_url, "--images", "names.txt").status == 0
    add_repository(f"127.0.0.1:{closed_port}", f"registry=http://127.0.0.1:{closed_port}")
    ended = hubcrawl("download")
    assert ended.status == 1
    assert f"hubcrawl: stopped: cannot reach http://127.0.0.1:{closed_port}/v2/" in ended.err
    assert status(hubcrawl)["images"] == {"pending": 1, "done": 0, "failed": 1}


def test_a_run_leaves_its_events_and_no_secrets_in_its_log(
    hubcrawl: Callable[..., Ended], guarded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file of JSON lines per run, named after it."""
    monkeypatch.setenv("HUBCRAWL_SOURCE_PASSWORD", "correct-horse")
    assert hubcrawl("crawl", "--registry", guarded, "--username", "me").status == 0
    (log,) = Path("data/logs").iterdir()
    assert log.name.endswith("-crawl.jsonl")
    events = [json.loads(line) for line in log.read_text().splitlines()]
    assert events[0]["event"] == "run_started"
    assert events[-1]["event"] == "run_ended"
    assert {event["room"] for event in events} >= {"pipeline", "hubcrawl"}
    assert "correct-horse" not in log.read_text()
    assert b"correct-horse" not in Path("data/catalog.sqlite").read_bytes()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "No space left on device"),
        (ExceptionGroup("tasks", [OSError(errno.EIO, "Input/output error")]), "Input/output error"),
        (OperationalError("INSERT", {}, Exception("database or disk is full")), "database or disk is full"),
    ],
)
def test_a_full_disk_stops_the_run_with_one_sentence(
    capsys: pytest.CaptureFixture[str], error: Exception, expected: str
) -> None:
    """Exit status 1: room can be made, and the same command goes on."""

    async def crawl(_bench: Bench) -> int:
        raise error

    assert run_stage(crawl, resolve({}, {}, None)) == 1
    said = capsys.readouterr().err
    assert said.startswith("hubcrawl: stopped: ")
    assert expected in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "error",
    [
        KeyError("x"),
        BrokenPipeError(errno.EPIPE, "Broken pipe"),
        ExceptionGroup("tasks", [OSError("disk"), KeyError("x")]),
        IntegrityError("INSERT", {}, Exception("UNIQUE constraint failed")),
    ],
)
def test_other_errors_are_not_mistaken_for_a_full_disk(error: Exception) -> None:
    """A bug surfaces with its traceback; a reader of our output that went away is no trouble."""

    async def crawl(_bench: Bench) -> int:
        raise error

    with pytest.raises(type(error)):
        run_stage(crawl, resolve({}, {}, None))


def test_the_sample_hub_serves_alone_until_it_is_interrupted() -> None:
    """It says where it is; anything that speaks HTTP can look at it."""
    command = [sys.executable, "-c", "from pipeline.cli import main; main()", "samplehub", "--port", "0"]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = next(word for word in process.stdout.readline().split() if word.startswith("http://127.0.0.1:"))
        with urllib.request.urlopen(f"{url}v2/search/repositories/?query=*&page=1&page_size=3") as answer:  # noqa: S310 - loopback
            assert json.load(answer)["count"] > 50
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 130


def test_a_port_that_is_taken_is_one_sentence(hubcrawl: Callable[..., Ended]) -> None:
    """The next free one can be asked for."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        ended = hubcrawl("samplehub", "--port", str(port))
    assert ended.status == 2
    assert f"cannot listen on 127.0.0.1:{port}" in ended.err

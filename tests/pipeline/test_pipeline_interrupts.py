"""Ctrl-C and SIGTERM."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline import interrupts
from pipeline.interrupts import INTERRUPTED, run_until_interrupted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.pipeline.conftest import Ended

ROOT = Path(__file__).parents[2]
PROGRAM = "from pipeline.cli import main; main()"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_cancels_the_work_and_says_what_to_do(number: int) -> None:
    """The work is cancelled once, may clean up, and the status is 130."""
    said: list[str] = []
    cleaned: list[bool] = []

    async def work() -> int:
        os.kill(os.getpid(), number)
        try:
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)
        return 0

    assert run_until_interrupted(work(), said.append) == INTERRUPTED == 130
    assert cleaned == [True]
    assert said[0].startswith("stopping: ")
    assert "run the same command again to go on" in said[0]


def test_the_second_signal_exits_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that does not end when it is cancelled is left behind."""
    exited = asyncio.Event()
    monkeypatch.setattr(interrupts, "exit_at_once", exited.set)

    async def stubborn() -> int:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            os.kill(os.getpid(), signal.SIGINT)
            await exited.wait()
        return 0

    run_until_interrupted(stubborn(), lambda _: None)
    assert exited.is_set()


def test_a_hangup_that_is_ignored_stays_ignored() -> None:
    """So that ``nohup hubcrawl`` outlives its terminal."""

    async def work() -> int:
        os.kill(os.getpid(), signal.SIGHUP)
        return 0

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        assert run_until_interrupted(work(), lambda _: None) == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_an_error_that_nobody_waits_for_goes_to_the_log(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """And not onto the terminal."""

    async def work() -> int:
        asyncio.get_running_loop().call_exception_handler(
            {"message": "Task exception was never retrieved", "exception": RuntimeError("stray")}
        )
        return 0

    run_until_interrupted(work(), lambda _: None)
    (record,) = caplog.records
    assert (record.name, record.message) == ("pipeline.interrupts", "stray_error")
    assert capsys.readouterr() == ("", "")


def test_work_that_ends_by_itself_gives_its_own_status() -> None:
    """Without a signal nothing is changed, and the handlers are gone afterwards."""

    async def work() -> int:
        return 1

    before = signal.getsignal(signal.SIGTERM)
    assert run_until_interrupted(work(), lambda _: None) == 1
    assert signal.getsignal(signal.SIGTERM) == before


class HesitantRegistry(BaseHTTPRequestHandler):
    """A registry that is there, and takes its time over its first list of repositories."""

    asked = threading.Event()
    released = threading.Event()

    def do_HEAD(self) -> None:
        self._answer(b"")

    def do_GET(self) -> None:
        self.asked.set()
        self.released.wait(60)
        self._answer(b'{"repositories":["a/b","c/d"]}')

    def _answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its parameter's name
        """Tests are quiet."""


@pytest.fixture
def hesitant() -> Iterator[str]:
    """The URL of a hesitant registry."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), HesitantRegistry)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    HesitantRegistry.released.set()
    server.shutdown()
    server.server_close()


@pytest.mark.slow
def test_an_interrupted_crawl_is_recorded_and_goes_on_when_repeated(
    hesitant: str, hubcrawl: Callable[..., Ended]
) -> None:
    """The same command again does what is missing."""
    command = [sys.executable, "-c", PROGRAM, "crawl", "--registry", hesitant]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
    assert HesitantRegistry.asked.wait(60)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == INTERRUPTED
    assert said.startswith("stopping: ")
    assert "interrupted: 0 rows done; run the same command again to go on" in said
    assert "Traceback" not in said
    assert json.loads(hubcrawl("status", "--json").out)["runs"]["crawl"]["outcome"] == "interrupted"
    HesitantRegistry.released.set()
    assert hubcrawl("crawl").status == 0
    assert json.loads(hubcrawl("status", "--json").out)["repositories"]["found"] == 2

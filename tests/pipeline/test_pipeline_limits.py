"""The user's own limits, from the command line to the wire: they hold over stages, restarts and kills."""

from __future__ import annotations

import asyncio
import io
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from rich.console import Console

from corpus.layout import Layout
from pipeline.config import resolve
from pipeline.stages.bench import open_bench
from registry.transport.waits import Wait
from tests.pipeline.conftest import Ended

Hubcrawl = Callable[..., Ended]

ROOT = Path(__file__).parents[2]

# A limit that the runs of these tests reach at once, and never leave behind.
REQUESTS = 20
LIMIT = f"{REQUESTS}/1h"

NAMES = [f"a/{number}" for number in range(200)]


class _Dead(BaseHTTPRequestHandler):
    """A registry that lists repositories and has nothing in them; it counts what it is asked."""

    def do_GET(self) -> None:
        """Answer."""
        server = self.server
        assert isinstance(server, Counting)
        server.requests += 1
        is_list = self.path.startswith("/v2/_catalog")
        body = ('{"repositories": [' + ",".join(f'"{name}"' for name in NAMES) + "]}").encode()
        if not is_list:
            body = b"{}"
        self.send_response(200 if is_list or self.path in {"/v2/", "/v2/?"} else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - as above

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Counting(ThreadingHTTPServer):
    """Serves in threads, and counts."""

    requests = 0
    daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


@pytest.fixture
def registry() -> Iterator[Counting]:
    server = Counting(("127.0.0.1", 0), _Dead)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


PROGRAM = "from pipeline.cli import main; main()"


def waiting_line(url: str, *command: str) -> str:
    """What a run says when it has to wait, just before it is killed."""
    options = ["--registry", url, "--max-requests", LIMIT, "--progress-interval-s", "0.05"]
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command, *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stderr is not None
        line = next((line for line in process.stderr if "waiting for your limit until" in line), "")
        process.kill()
    return line


@pytest.mark.slow
def test_the_limit_holds_over_stages_and_kills(hubcrawl: Hubcrawl, registry: Counting) -> None:
    """Every process is killed, says what it waits for, and the next one sends nothing more."""
    assert hubcrawl("crawl", "--registry", registry.url, "--max-requests", LIMIT).status == 0
    crawled = registry.requests
    assert 0 < crawled < REQUESTS
    for _ in range(3):
        assert waiting_line(registry.url, "download").startswith("download: ")
        assert crawled < registry.requests <= REQUESTS
    assert waiting_line(registry.url, "crawl", "--again").startswith("crawl: waiting for your limit until")
    assert registry.requests <= REQUESTS


def test_a_run_that_ends_leaves_behind_what_it_sent_and_no_more(
    hubcrawl: Hubcrawl, registry: Counting, elsewhere: Path
) -> None:
    """What was reserved in a block, and not sent, is given back."""
    assert hubcrawl("crawl", "--registry", registry.url, "--max-requests", "500/1h").status == 0
    with closing(sqlite3.connect(elsewhere / "data" / "catalog.sqlite")) as catalog:
        counted = catalog.execute("select sum(requests) from requests").fetchone()
    assert counted == (registry.requests,)


@pytest.mark.parametrize("stage", ["crawl", "download"])
@pytest.mark.parametrize("text", ["many", "5/1w", "1/s,2/m,3/h"])
def test_a_limit_that_is_none_is_refused_in_one_sentence(
    hubcrawl: Hubcrawl, registry: Counting, stage: str, text: str
) -> None:
    """Whether or not there is anything to do."""
    ended = hubcrawl(stage, "--registry", registry.url, "--max-requests", text)
    assert ended.status == 2
    assert "http.max_requests" in ended.err
    assert "Traceback" not in ended.err
    assert registry.requests == 0


async def test_a_long_wait_without_progress_to_show_is_told(census: Layout) -> None:
    """And a short one is not."""
    resolved = resolve({}, {"HUBCRAWL_PROGRESS_INTERVAL_S": "0.02"}, None)
    console = Console(file=io.StringIO(), width=200)
    async with open_bench("download", resolved, console) as bench:
        assert bench.layout.root.samefile(census.root)
        told = asyncio.Event()

        def waiting() -> Wait:
            told.set()
            return Wait(bench.clock.now() + 60, "your limit")

        async def work() -> int:
            await told.wait()
            return 7

        assert await bench.patiently(waiting, work()) == 7
        assert await bench.patiently(lambda: None, bench.catalog.runs.latest()) == {}
    assert "download: waiting for your limit until " in console.file.getvalue()  # type: ignore[attr-defined]

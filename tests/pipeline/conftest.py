"""Fixtures of the pipeline's tests: no test sees the environment or the working directory of its caller."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sqlite3
import threading
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from corpus.catalog import open_catalog
from corpus.layout import Layout
from pipeline import cli

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Ended(NamedTuple):
    """How a command line ended."""

    status: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory, and an environment without settings."""
    for name in [name for name in os.environ if name.startswith("HUBCRAWL_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def hubcrawl(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ended]:
    """Run a command line in this process."""

    def run(*arguments: str | Path) -> Ended:
        capsys.readouterr()
        status = cli.run([str(argument) for argument in arguments])
        out, err = capsys.readouterr()
        return Ended(status, out, err)

    return run


@pytest.fixture
def census(elsewhere: Path) -> Layout:
    """A census in ``data`` that was begun, and holds nothing yet."""
    layout = Layout(elsewhere / "data")
    layout.ensure()

    async def begin() -> None:
        async with open_catalog(layout):
            pass

    asyncio.run(begin())
    return layout


@pytest.fixture
def closed_port() -> int:
    """A port of loopback at which nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


class _Guarded(BaseHTTPRequestHandler):
    """A registry: one repository without tags, one account (``me``, ``correct-horse``)."""

    def do_GET(self) -> None:
        """Answer whoever is let in."""
        is_known = self.headers["Authorization"] == "Basic " + b64encode(b"me:correct-horse").decode()
        body = b'{"repositories": ["a/b"]}' if "_catalog" in self.path else b"{}"
        is_there = self.path.startswith(("/v2/_catalog", "/v2/?")) or self.path == "/v2/"
        self.send_response((200 if is_there else 404) if is_known else 401)
        if not is_known:
            self.send_header("WWW-Authenticate", 'Basic realm="x"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET  # noqa: N815 - as above

    def log_message(self, *_: object) -> None:
        """Say nothing on stderr, where the program speaks."""


@contextlib.contextmanager
def _serving(server: HTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def guarded() -> Iterator[str]:
    """A registry on loopback that wants an account."""
    with _serving(HTTPServer(("127.0.0.1", 0), _Guarded)) as port:
        yield f"http://127.0.0.1:{port}"


@pytest.fixture
def add_repository(census: Layout) -> Callable[[str, str], None]:
    """Put a repository of a registry into the catalog of the census, as a crawl would have."""

    def add(registry: str, source: str) -> None:
        with contextlib.closing(sqlite3.connect(census.catalog)) as catalog, catalog:
            catalog.execute("INSERT INTO registries (name, source) VALUES (?, ?)", (registry, source))
            catalog.execute(
                "INSERT INTO repositories (registry, name, is_pullable, first_seen_at, last_seen_at)"
                " VALUES (?, 'a/b', 1, 0, 0)",
                (registry,),
            )

    return add

"""A real registry (Debian's docker-registry) on loopback, filled with images over its HTTP API."""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import shutil
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """``host:port`` of an empty registry that keeps its data under ``folder``."""
    program = shutil.which("docker-registry")
    if program is None:
        raise SystemExit("docker-registry is missing: run `make real-parts`")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    (folder / "config.yml").write_text(
        f"version: 0.1\nlog: {{level: error, accesslog: {{disabled: true}}}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/storage}}}}\nhttp: {{addr: {address}}}\n"
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        _wait_for(address, server)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=30)


def push(address: str, repository: str, layers: Sequence[bytes]) -> int:
    """Push one image as ``repository:latest``; returns the bytes of its blobs and manifest."""
    connection = http.client.HTTPConnection(address, timeout=60)
    config = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Labels": {"name": repository}}})
    described = [_blob(connection, repository, _LAYER, layer) for layer in layers]
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": _MANIFEST,
            "config": _blob(connection, repository, _CONFIG, config.encode()),
            "layers": described,
        }
    ).encode()
    _send(connection, "PUT", f"/v2/{repository}/manifests/latest", manifest, _MANIFEST)
    connection.close()
    return sum(map(len, layers)) + len(config) + len(manifest)


def noise(seed: int, size_bytes: int) -> bytes:
    """Incompressible bytes, the same every time."""
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 - filler, not a secret


def _blob(
    connection: http.client.HTTPConnection, repository: str, media_type: str, data: bytes
) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    location = urlsplit(_send(connection, "POST", f"/v2/{repository}/blobs/uploads/", b""))
    target = f"{location.path}?{location.query}&digest={quote(digest)}"
    _send(connection, "PUT", target, data, "application/octet-stream")
    return {"mediaType": media_type, "size": len(data), "digest": digest}


def _send(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes, media_type: str = ""
) -> str:
    connection.request(method, path, body, {"Content-Type": media_type} if media_type else {})
    answer = connection.getresponse()
    text = answer.read()
    if answer.status >= 400:
        raise SystemExit(f"{method} {path}: {answer.status} {text[:200]!r}")
    return answer.headers.get("Location", "")


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    """Until the registry accepts connections, at most ten seconds."""
    host, port = address.split(":")
    for _ in range(200):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
        except OSError:
            try:
                server.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            raise SystemExit("docker-registry ended before it answered") from None
        else:
            return
    raise SystemExit("docker-registry does not answer")

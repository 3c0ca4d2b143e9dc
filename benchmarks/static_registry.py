"""A registry as a tree of files, served by Debian's nginx on loopback: the fastest server to be had."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import socket
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
_CONFIG = "application/vnd.docker.container.image.v1+json"
_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"

# A repository under this name stands for any number: they all serve the files of one image.
ALIAS = "copies"

_PIECE_BYTES = 16 << 20

_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  sendfile on;
  tcp_nopush on;
  keepalive_requests 1000000;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  types {{ }}
  default_type application/octet-stream;
  map_hash_bucket_size 256;
  map $uri $digest {{
    ~/manifests/(sha256:.*)$ $1;
{digests}
  }}
  server {{
    listen 127.0.0.1:{port};
    root {root};
    rewrite ^/v2/{alias}/[^/]+/(.*)$ /v2/{alias}/one/$1 last;
    location = /v2/ {{ default_type application/json; return 200 "{{}}"; }}
    location ~ /manifests/ {{ default_type {manifest}; add_header Docker-Content-Digest $digest; }}
    location ~ /(_catalog|tags/list)$ {{ default_type application/json; }}
  }}
}}
"""


@dataclass(slots=True)
class Tree:
    """The files of a registry; blobs that repositories share are one file with several names."""

    root: Path
    names: list[str] = field(default_factory=list)
    digests: dict[str, str] = field(default_factory=dict)  # of `latest`, which registries tell in a header
    size_bytes: int = 0  # of all images, repeats counted: what pulling each of them moves

    def add(self, name: str, layers: Sequence[tuple[int, int]]) -> None:
        """Add ``name:latest``, with layers of ``(seed, size in bytes)``; the same pair is the same layer."""
        folder = self.root / "v2" / name
        for part in ("manifests", "blobs", "tags"):
            (folder / part).mkdir(parents=True)
        config = json.dumps({"os": "linux", "architecture": "amd64", "config": {"Labels": {"name": name}}})
        described = [self._layer(folder, seed, size) for seed, size in layers]
        manifest = json.dumps(
            {
                "schemaVersion": 2,
                "mediaType": MANIFEST,
                "config": self._blob(folder, _CONFIG, config.encode()),
                "layers": described,
            }
        ).encode()
        digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
        (folder / "manifests" / digest).write_bytes(manifest)
        (folder / "manifests" / "latest").symlink_to(digest)
        self.digests[name] = digest
        (folder / "tags" / "list").write_text(json.dumps({"name": name, "tags": ["latest"]}))
        self.names.append(name)
        self.size_bytes += sum(size for _, size in layers) + len(config) + len(manifest)

    def finish(self) -> None:
        """Write the list of repositories."""
        (self.root / "v2" / "_catalog").write_text(json.dumps({"repositories": self.names}))

    def _blob(self, folder: Path, media_type: str, data: bytes) -> dict[str, object]:
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        (folder / "blobs" / digest).write_bytes(data)
        return {"mediaType": media_type, "size": len(data), "digest": digest}

    def _layer(self, folder: Path, seed: int, size_bytes: int) -> dict[str, object]:
        made = self.root / "layers" / f"{seed}-{size_bytes}"
        named = made.with_suffix(".digest")
        if not made.exists():
            made.parent.mkdir(exist_ok=True)
            named.write_text(_write_noise(made, seed, size_bytes))
        digest = f"sha256:{named.read_text()}"
        target = folder / "blobs" / digest
        if not target.exists():
            os.link(made, target)
        return {"mediaType": _LAYER, "size": size_bytes, "digest": digest}


def _write_noise(path: Path, seed: int, size_bytes: int) -> str:
    """Write incompressible bytes, the same every time, a piece at a time; returns their sha256."""
    chance = random.Random(seed)  # noqa: S311 - filler, not a secret
    hasher, left = hashlib.sha256(), size_bytes
    with path.open("wb") as file:
        while left:
            piece = chance.randbytes(min(left, _PIECE_BYTES))
            hasher.update(piece)
            file.write(piece)
            left -= len(piece)
    return hasher.hexdigest()


@contextmanager
def serve(tree: Tree) -> Iterator[str]:
    """``host:port`` of an nginx that serves the tree while the block runs."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise SystemExit("nginx is missing: install it (nginx-light of Debian is enough)")
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    folder = tree.root / "nginx"
    folder.mkdir(exist_ok=True)
    # Its workers give up root, and must reach the files all the same.
    for parent in (tree.root, tree.root.parent):
        parent.chmod(0o755)
    configuration = folder / "nginx.conf"
    digests = "\n".join(f"    /v2/{name}/manifests/latest {digest};" for name, digest in tree.digests.items())
    text = _CONFIGURATION.format(
        folder=folder, root=tree.root, port=port, manifest=MANIFEST, alias=ALIAS, digests=digests
    )
    configuration.write_text(text)
    server = subprocess.Popen([program, "-c", configuration, "-e", folder / "error.log"])
    try:
        _wait_for(port, server)
        yield f"127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait_for(port: int, server: subprocess.Popen[bytes]) -> None:
    """Until it accepts connections, at most ten seconds."""
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            try:
                server.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
            raise SystemExit("nginx ended before it answered") from None
        else:
            return
    raise SystemExit("nginx does not answer")

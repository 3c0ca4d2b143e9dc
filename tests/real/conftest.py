"""Real parts: Debian's registry and skopeo, and a Debian image with Python and Node.js."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard

from corpus.layout import Layout
from corpus.profiles import LayerProfile, read_layer_profile
from registry.digests import Digest

ROOT = Path(__file__).parent.parent.parent
PARTS = ROOT / ".real-parts"  # made by make_debian_layers
TARS = (PARTS / "base.tar", PARTS / "added.tar")
PROGRAMS = (
    "docker-registry",
    "skopeo",
    "dpkg-query",
    "tar",
    "sha256sum",
    "zstdcat",
    "jq",
    "file",
    "rpmbuild",
    "db5.3_load",
)

OCI = "application/vnd.oci.image"


@pytest.fixture(scope="session", autouse=True)
def real_parts() -> None:
    """Skip with the reason, or fail where every part is required (CI)."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if not all(tar.exists() for tar in TARS):
        missing.append(f"a Debian image in {PARTS.name}/")
    if missing:
        reason = f"missing {', '.join(missing)}: run `make real-parts`"
        if os.environ.get("REQUIRE_REAL_PARTS"):
            pytest.fail(reason)
        pytest.skip(reason)


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run a program to its end and return what it printed."""
    done = subprocess.run(
        [str(part) for part in command], cwd=cwd, capture_output=True, text=True, timeout=110, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def hubcrawl(*arguments: str | Path) -> str:
    """Run the command line of this project."""
    return run(Path(sys.executable).with_name("hubcrawl"), *arguments)


@dataclass(frozen=True, slots=True)
class Registry:
    """A docker-registry that runs.

    Attributes:
        address: ``host:port``.
        folder: Its configuration, its ``log`` with one line per request, and its ``storage``.
    """

    address: str
    folder: Path

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    @property
    def storage(self) -> Path:
        """Where it keeps ``blobs`` and ``repositories`` (distribution: ``registry/storage/paths.go``)."""
        return self.folder / "storage" / "docker" / "registry" / "v2"


@contextmanager
def serving(folder: Path, settings: str = "") -> Iterator[Registry]:
    """Debian's own docker-registry on a free port, with further lines of configuration."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        registry = Registry(f"127.0.0.1:{probe.getsockname()[1]}", folder)
    (folder / "config.yml").write_text(
        "version: 0.1\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/storage}}}}\n"
        f"http: {{addr: {registry.address}}}\n{settings}"
    )
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(["docker-registry", "serve", folder / "config.yml"], stdout=log, stderr=log)
    try:
        _wait_until_it_answers(f"{registry.url}/v2/", server)
        yield registry
    finally:
        server.terminate()
        server.wait(timeout=30)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``host:port`` of a docker-registry."""
    with serving(tmp_path_factory.mktemp("registry")) as started:
        yield started.address


def _wait_until_it_answers(url: str, server: subprocess.Popen[bytes]) -> None:
    """Ask until there is an answer; each refused question gives the server the processor once more."""
    for _ in range(200):
        assert server.poll() is None, "docker-registry ended"
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - http on loopback
                return
        except urllib.error.URLError:
            try:
                server.wait(timeout=0.05)
            except subprocess.TimeoutExpired:
                continue
    pytest.fail(f"{url} does not answer")


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as it is pushed, and the tar in it."""

    media_type: str
    blob: bytes
    tar: Path

    @property
    def diffid(self) -> str:
        with self.tar.open("rb") as tar:
            return f"sha256:{hashlib.file_digest(tar, 'sha256').hexdigest()}"


@pytest.fixture(scope="session")
def layers() -> list[Layer]:
    """Two layers: the base system in gzip, and what was installed in zstd."""
    base, added = TARS
    return [
        Layer(f"{OCI}.layer.v1.tar+gzip", gzip.compress(base.read_bytes(), 1, mtime=0), base),
        Layer(f"{OCI}.layer.v1.tar+zstd", zstandard.ZstdCompressor().compress(added.read_bytes()), added),
    ]


@pytest.fixture(scope="session")
def unpacked(layers: list[Layer], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Each layer as GNU tar unpacks it."""
    roots = []
    for layer in layers:
        root = tmp_path_factory.mktemp("layer")
        run("tar", "-xf", layer.tar, "-C", root)
        roots.append(root)
    return roots


@pytest.fixture(scope="session")
def pushed(registry: str, layers: list[Layer], tmp_path_factory: pytest.TempPathFactory) -> str:
    """The registry, after skopeo pushed the image to it as ``debian/real:latest``."""
    layout = tmp_path_factory.mktemp("image")
    write_image(layout, layers)
    push(layout, f"{registry}/debian/real:latest")
    return registry


@pytest.fixture(scope="session")
def census(pushed: str, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A data directory after ``crawl``, ``download`` and ``analyze`` of the registry."""
    data = tmp_path_factory.mktemp("census") / "data"
    url = f"http://{pushed}"
    hubcrawl("crawl", "--data", data, "--registry", url)
    hubcrawl("download", "--data", data, "--registry", url)
    hubcrawl("analyze", "--data", data)
    return Layout(data)


def profile_of(census: Layout, layer: Layer) -> LayerProfile:
    """What ``analyze`` wrote of a layer."""
    return read_layer_profile(census.layer_profile(Digest.of(layer.blob)))


def push(layout: Path, place: str, *options: str) -> None:
    """Let skopeo push the image ``latest`` of an OCI layout."""
    run("skopeo", "--insecure-policy", "copy", "-q", *options, "--dest-tls-verify=false",
        f"oci:{layout}:latest", f"docker://{place}")  # fmt: skip


def write_image(layout: Path, layers: list[Layer]) -> None:
    """Write an OCI layout with one image."""
    store = layout / "blobs" / "sha256"
    store.mkdir(parents=True)

    def put(data: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(data).hexdigest()
        (store / digest).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(data)}

    config = {
        "os": "linux",
        "architecture": "amd64",
        "created": "2026-01-02T03:04:05Z",
        "config": {"Env": ["PATH=/usr/bin:/bin"], "Cmd": ["bash"], "Labels": {"org.example": "real"}},
        "rootfs": {
            "type": "layers",
            "diff_ids": [layer.diffid for layer in layers],
        },
        "history": [
            *({"created_by": f"step {number}"} for number in range(len(layers))),
            {"created_by": "CMD", "empty_layer": True},
        ],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": f"{OCI}.manifest.v1+json",
        "config": put(json.dumps(config).encode(), f"{OCI}.config.v1+json"),
        "layers": [put(layer.blob, layer.media_type) for layer in layers],
    }
    entry = put(json.dumps(manifest).encode(), f"{OCI}.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

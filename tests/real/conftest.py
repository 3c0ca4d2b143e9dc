"""Real parts: Debian's registry and skopeo, and an image made of real Debian packages."""

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

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ROOT / ".real-parts"
PROGRAMS = ("docker-registry", "skopeo", "dpkg-deb", "tar", "sha256sum", "zstdcat", "jq", "file")

OCI = "application/vnd.oci.image"


@pytest.fixture(scope="session", autouse=True)
def real_parts() -> None:
    """Skip with the reason, or fail where every part is required (CI)."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if not list(PACKAGES.glob("*.deb")):
        missing.append(f"Debian packages in {PACKAGES.name}/")
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


@pytest.fixture(scope="session")
def layers(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, bytes, bytes]]:
    """``(media type, blob, tar)`` of two layers: the base system in gzip, the rest in zstd."""
    folder = tmp_path_factory.mktemp("debian")
    packages = sorted(PACKAGES.glob("*.deb"))
    base = [
        package for package in packages if package.name.startswith(("base-files", "bash", "libc6", "dpkg"))
    ]
    made = []
    for number, group in enumerate((base, [package for package in packages if package not in base])):
        root = folder / f"root{number}"
        root.mkdir()
        for package in group:
            run("dpkg-deb", "-x", package, root)
        status = root / "var/lib/dpkg"
        status.mkdir(parents=True, exist_ok=True)
        (status / "status").write_text("\n".join(run("dpkg-deb", "-f", package) for package in group))
        (root / "tmp").mkdir(exist_ok=True)
        (root / "tmp").chmod(0o1777)
        run(
            "tar",
            "--sort=name",
            "--format=gnu" if number else "--format=pax",
            "-C",
            root,
            "-cf",
            f"{root}.tar",
            ".",
        )
        made.append(Path(f"{root}.tar").read_bytes())
    return [
        (f"{OCI}.layer.v1.tar+gzip", gzip.compress(made[0], 6, mtime=0), made[0]),
        (f"{OCI}.layer.v1.tar+zstd", zstandard.ZstdCompressor().compress(made[1]), made[1]),
    ]


@pytest.fixture(scope="session")
def pushed(
    registry: str, layers: list[tuple[str, bytes, bytes]], tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The registry, after skopeo pushed the image to it as ``debian/real:latest``."""
    layout = tmp_path_factory.mktemp("image")
    write_image(layout, layers)
    push(layout, f"{registry}/debian/real:latest")
    return registry


def push(layout: Path, place: str, *options: str) -> None:
    """Let skopeo push the image ``latest`` of an OCI layout."""
    run("skopeo", "--insecure-policy", "copy", "-q", *options, "--dest-tls-verify=false",
        f"oci:{layout}:latest", f"docker://{place}")  # fmt: skip


def write_image(layout: Path, layers: list[tuple[str, bytes, bytes]]) -> None:
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
            "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for _, _, tar in layers],
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
        "layers": [put(blob, media_type) for media_type, blob, _ in layers],
    }
    entry = put(json.dumps(manifest).encode(), f"{OCI}.manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')

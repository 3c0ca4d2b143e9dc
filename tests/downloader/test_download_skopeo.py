"""Another program reads what was downloaded: skopeo."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import Any

import pytest

from tests.downloader.conftest import Undisturbed

pytestmark = [pytest.mark.real, pytest.mark.slow]

SKOPEO = shutil.which("skopeo")


@pytest.fixture(autouse=True)
def _needs_skopeo() -> None:
    if SKOPEO is None:
        pytest.skip("skopeo is not installed (make real-parts)")


def skopeo(*arguments: str) -> Any:
    """What it prints, decoded."""
    assert SKOPEO is not None
    ended = subprocess.run([SKOPEO, *arguments], capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout or "null")


@pytest.mark.parametrize(
    "name", ["library/ubuntu", "library/busybox", "brightloom/worker", "zstdfan/fast-start"]
)
def test_skopeo_inspects_images_in_the_store(undisturbed: Undisturbed, name: str) -> None:
    """An index with attestations, gzip and zstd layers; skopeo knows only OCI's types in a layout."""
    place = f"oci:{undisturbed.data}:sample/{name}:latest"
    found = skopeo("--override-os", "linux", "--override-arch", "amd64", "inspect", "--raw", place)
    assert "layers" in found or "manifests" in found
    if "manifests" not in found:
        assert skopeo("inspect", "--config", place)["os"] == "linux"


def test_skopeo_copies_an_image_out_of_the_store(undisturbed: Undisturbed, tmp_path: Any) -> None:
    """Every blob is found and has the digest it is listed with."""
    place = f"oci:{undisturbed.data}:sample/library/ubuntu:latest"
    assert SKOPEO is not None
    ended = subprocess.run(
        [SKOPEO, "--insecure-policy", "copy", "--preserve-digests", place, f"dir:{tmp_path}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    manifest = json.loads((tmp_path / "manifest.json").read_bytes())
    for layer in manifest["layers"]:
        assert (tmp_path / layer["digest"].partition(":")[2]).stat().st_size == layer["size"]

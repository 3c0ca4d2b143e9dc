"""Another program reads the sample hub: skopeo."""

from __future__ import annotations

import asyncio
import json
import shutil
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from samplehub import Hub, Running

pytestmark = [pytest.mark.real, pytest.mark.slow]

SKOPEO = shutil.which("skopeo")


@pytest.fixture(autouse=True)
def _needs_skopeo() -> None:
    if SKOPEO is None:
        pytest.skip("skopeo is not installed (make real-parts)")


async def skopeo(*arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error."""
    assert SKOPEO is not None
    process = await asyncio.create_subprocess_exec(
        SKOPEO, *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


def source(running: Running, name: str) -> str:
    return f"docker://{running.registry_url.removeprefix('http://')}/{name}"


async def test_skopeo_inspects_an_image(running: Running, hub: Hub) -> None:
    status, out, err = await skopeo("inspect", "--tls-verify=false", source(running, "library/debian"))
    assert status == 0, err
    answer = json.loads(out)
    assert answer["Digest"] == hub.repository("library/debian").tags["latest"]
    assert answer["RepoTags"] == sorted(hub.repository("library/debian").tags)


@pytest.mark.parametrize(
    "name", ["library/nginx", "library/jenkins", "library/fedora", "zstdfan/fast-start", "oddities/names"]
)
async def test_skopeo_copies_and_verifies_every_kind_of_image(
    running: Running, tmp_path: Path, name: str
) -> None:
    status, _, err = await skopeo("copy", "--src-tls-verify=false", source(running, name), f"dir:{tmp_path}")
    assert status == 0, err


async def test_skopeo_copies_a_whole_index(running: Running, hub: Hub, tmp_path: Path) -> None:
    status, _, err = await skopeo(
        "copy", "--all", "--src-tls-verify=false", source(running, "library/busybox"), f"dir:{tmp_path}"
    )
    assert status == 0, err
    busybox = hub.repository("library/busybox")
    assert (tmp_path / "manifest.json").read_bytes() == busybox.manifests[busybox.tags["latest"]].data
    assert sorted(busybox.manifests) == sorted({busybox.tags["latest"], *children_in(tmp_path)})


def children_in(directory: Path) -> list[str]:
    """Digests of the further manifests in a ``dir:`` of skopeo."""
    return [f"sha256:{path.name.partition('.')[0]}" for path in directory.glob("*.manifest.json")]


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("damaged/corrupt", "Digest did not match"),
        ("damaged/truncated", "unexpected EOF"),
        ("library/elasticsearch", "manifest unknown"),
        ("brightloom/legacy", "repository name not known to registry"),
        ("private/app", "requested access to the resource is denied"),
    ],
)
async def test_skopeo_fails_on_the_sad_ones(
    running: Running, tmp_path: Path, name: str, complaint: str
) -> None:
    status, _, err = await skopeo("copy", "--src-tls-verify=false", source(running, name), f"dir:{tmp_path}")
    assert status != 0
    assert complaint in err

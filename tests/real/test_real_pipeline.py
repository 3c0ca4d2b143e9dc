"""The whole pipeline on a real Debian image in a real registry, held against other programs."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from corpus.layout import Layout
from corpus.profiles import Kind, LayerStatus, read_image_profile
from registry.digests import Digest
from tests.real.conftest import Layer, hubcrawl, profile_of, run

pytestmark = [pytest.mark.real, pytest.mark.slow]

Layers = list[Layer]


def test_the_status_counts_what_was_pushed(census: Layout) -> None:
    """One repository, one image, two layers; nothing pending and nothing failed."""
    status = json.loads(hubcrawl("status", "--json", "--data", census.root))
    assert status["repositories"]["found"] == 1
    assert status["images"] == {"pending": 0, "done": 1, "failed": 0}
    assert status["layers"]["done"] == 2
    assert status["layers"]["pending"] == status["layers"]["failed"] == 0
    assert status["failures"] == {}
    files = [path for path in (census.root / "blobs").rglob("*") if path.is_file()]
    assert status["blobs"]["count"] == len(files)
    assert status["blobs"]["bytes"] == sum(path.stat().st_size for path in files)


def test_blobs_are_those_that_skopeo_copies(census: Layout, pushed: str, tmp_path: Path) -> None:
    """Every blob of ``skopeo copy dir:`` is in the store under the same digest, byte for byte."""
    run("skopeo", "--insecure-policy", "copy", "-q", "--src-tls-verify=false",
        f"docker://{pushed}/debian/real:latest", f"dir:{tmp_path}/copy")  # fmt: skip
    copied = {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir() if len(path.name) == 64}
    copied[Digest.of((tmp_path / "copy" / "manifest.json").read_bytes()).encoded] = (
        tmp_path / "copy" / "manifest.json"
    ).read_bytes()
    stored = {path.name: path.read_bytes() for path in (census.root / "blobs/sha256").iterdir()}
    assert stored == copied


def test_skopeo_reads_the_store(census: Layout, pushed: str) -> None:
    """The data directory is an OCI layout: ``skopeo inspect oci:data`` works, with and without a name."""
    inspected = json.loads(run("skopeo", "inspect", f"oci:{census.root}"))
    assert inspected["Os"] == "linux"
    assert inspected["Labels"] == {"org.example": "real"}
    named = json.loads(run("skopeo", "inspect", f"oci:{census.root}:{pushed}/debian/real:latest"))
    assert named["Digest"] == inspected["Digest"]


def parse_tar_listing(line: str) -> tuple[str, str, str, int, str, str]:
    """``(mode, owner, name, size, time, link)`` of a line of ``tar -tv --full-time --numeric-owner``."""
    match = re.fullmatch(r"(\S{10}) (\S+)\s+(\d+|\d+,\d+) (\S+ \S+)\s+(.*)", line)
    assert match is not None, line
    mode, owner, size, time, name = match.groups()
    link = ""
    for arrow in (" -> ", " link to "):
        if arrow in name and mode[0] in "lh":
            name, link = name.split(arrow, 1)
    return mode, owner, name, 0 if "," in size else int(size), time.split(".")[0], link


LETTERS = {
    Kind.FILE: "-",
    Kind.HARD_LINK: "h",
    Kind.SYMLINK: "l",
    Kind.DIRECTORY: "d",
    Kind.CHARACTER_DEVICE: "c",
    Kind.BLOCK_DEVICE: "b",
    Kind.FIFO: "p",
}


def permissions(mode: int) -> str:
    """The nine letters of ``ls -l``."""
    letters = ["rwx"[place % 3] if mode & (0o400 >> place) else "-" for place in range(9)]
    for bit, place, letter in ((0o4000, 2, "s"), (0o2000, 5, "s"), (0o1000, 8, "t")):
        if mode & bit:
            letters[place] = letter if letters[place] == "x" else letter.upper()
    return "".join(letters)


@pytest.mark.parametrize("number", [0, 1], ids=["gzip, pax", "zstd, gnu"])
def test_entries_are_those_that_tar_lists(census: Layout, layers: Layers, number: int) -> None:
    """Names, kinds, sizes, modes, owners, times and link targets agree with ``tar -tv``, in order."""
    layer = layers[number]
    listing = run("env", "TZ=UTC", "tar", "--full-time", "--numeric-owner", "--quoting-style=literal",
                  "-tvf", layer.tar).splitlines()  # fmt: skip
    expected = [parse_tar_listing(line) for line in listing]
    profile = profile_of(census, layer)
    assert profile.status is LayerStatus.COMPLETE
    found = []
    for entry in profile.entries:
        is_directory = entry.kind is Kind.DIRECTORY
        name = entry.name if entry.name is not None else entry.path + "/" * is_directory
        found.append((
            LETTERS[entry.kind] + permissions(entry.mode),
            f"{entry.uid}/{entry.gid}",
            name,
            entry.size_bytes,
            utc(entry.mtime_s),
            entry.link or "",
        ))  # fmt: skip
    assert len(found) > 100
    assert found == expected


def utc(seconds: int) -> str:
    """``YYYY-MM-DD HH:MM:SS`` in UTC, as tar writes it."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize("number", [0, 1], ids=["gzip", "zstd"])
def test_file_digests_are_those_of_sha256sum(
    census: Layout, layers: Layers, unpacked: list[Path], number: int
) -> None:
    """The sha256 of every regular file agrees with ``sha256sum`` on the unpacked layer."""
    root = unpacked[number]
    sums = run("sh", "-c", "find . -type f -print0 | xargs -0 sha256sum", cwd=root).splitlines()
    expected = {line[66:].removeprefix("./"): line[:64] for line in sums}
    profile = profile_of(census, layers[number])
    found = {entry.path: entry.sha256 for entry in profile.entries if entry.kind is Kind.FILE}
    assert found == {path: digest for path, digest in expected.items() if path in found}
    assert len(expected) == profile.counts.files  # hard links are files too
    assert profile.fls_bytes == sum((root / path).stat().st_size for path in found)
    assert profile.counts.directories == len(
        run("find", ".", "-mindepth", "1", "-type", "d", cwd=root).splitlines()
    )


def test_layer_facts_are_those_of_the_bytes(census: Layout, layers: Layers) -> None:
    """CLS, ALS, DiffID and both ratios follow from blob and tar."""
    for layer in layers:
        profile = profile_of(census, layer)
        blob_bytes, tar_bytes = len(layer.blob), layer.tar.stat().st_size
        assert (profile.cls_bytes, profile.als_bytes) == (blob_bytes, tar_bytes)
        assert profile.diffid == layer.diffid
        assert profile.als_cls_ratio == pytest.approx(tar_bytes / blob_bytes)
        assert profile.fls_cls_ratio == pytest.approx(profile.fls_bytes / blob_bytes)


def test_the_image_profile_points_to_its_layers(census: Layout, layers: Layers) -> None:
    """Configuration, platform, layers in order with pointers that resolve, and sums."""
    (path,) = (census.root / "profiles" / "images").rglob("*.zst")
    profile = read_image_profile(path)
    assert (profile.os, profile.architecture, profile.schema_version) == ("linux", "amd64", 2)
    assert profile.configuration.command == ("bash",)
    assert [layer.digest for layer in profile.layers] == [Digest.of(layer.blob) for layer in layers]
    assert all(layer.profile and (census.root / layer.profile).exists() for layer in profile.layers)
    assert all(layer.diffid_ok for layer in profile.layers)
    assert profile.totals.cis_bytes == sum(len(layer.blob) for layer in layers)
    assert profile.is_complete


def test_profiles_are_read_by_zstdcat_and_jq(census: Layout, layers: Layers) -> None:
    """A profile is one JSON document for every other program."""
    path = census.layer_profile(Digest.of(layers[0].blob))
    query = '.entries[] | select(.path == "usr/bin/dpkg-deb" or .path == "bin/bash") | .size_bytes'
    found = run("sh", "-c", f"zstdcat {path} | jq '{query}'").split()
    assert found
    assert all(int(size) > 10_000 for size in found)


def test_a_second_run_changes_nothing(census: Layout, pushed: str) -> None:
    """Every stage finds its work done: no file is written anew."""

    def state() -> dict[str, Any]:
        return {
            str(path): path.stat().st_mtime_ns
            for folder in ("blobs", "profiles")
            for path in (census.root / folder).rglob("*")
            if path.is_file()
        }

    before = state()
    for stage in (["crawl", "--registry", f"http://{pushed}"], ["download"], ["analyze"]):
        assert "nothing to do" in hubcrawl(stage[0], "--data", census.root, *stage[1:])
    assert state() == before

"""What the sample hub holds."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import zlib
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
import zstandard

from registry.digests import EMPTY_LAYER, Digest
from samplehub import Access, Hub, Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

_FINGERPRINT = """
import hashlib
from samplehub import build_hub
hub = build_hub()
for repository in hub.repositories:
    print(repository.name, repository.pulls, repository.stars, repository.registered, repository.updated)
    print(sorted(repository.blobs), list(repository.manifests), repository.tags)
for digest, data in hub.blobs.items():
    print(digest, hashlib.sha256(data).hexdigest())
"""


def manifests(hub: Hub) -> Iterator[tuple[Repository, Digest, dict[str, Any]]]:
    """Every manifest of the hub, decoded."""
    for repository in hub.repositories:
        for digest, manifest in repository.manifests.items():
            yield repository, digest, json.loads(manifest.data)


def manifest_of(hub: Hub, name: str, tag: str = "latest", platform: str = "amd64") -> dict[str, Any]:
    """The decoded manifest of an image, through an index if there is one."""
    repository = hub.repository(name)
    body: dict[str, Any] = json.loads(repository.manifests[repository.tags[tag]].data)
    for child in body.get("manifests", ()):
        if child["platform"]["architecture"] == platform:
            body = json.loads(repository.manifests[child["digest"]].data)
            break
    return body


def inflated(data: bytes) -> bytes:
    """A layer without its compression (gzip in any number of members, zstd or none)."""
    if data[:4] == b"\x28\xb5\x2f\xfd":
        return zstandard.ZstdDecompressor().decompressobj().decompress(data)
    if data[:2] != b"\x1f\x8b":
        return data
    parts = []
    while data:
        member = zlib.decompressobj(31)
        parts.append(member.decompress(data))
        assert member.eof
        data = member.unused_data
    return b"".join(parts)


def entries(hub: Hub, name: str, tag: str = "latest") -> list[tarfile.TarInfo]:
    """All entries of all layers of an image, base first."""
    found: list[tarfile.TarInfo] = []
    for layer in manifest_of(hub, name, tag)["layers"]:
        with tarfile.open(fileobj=io.BytesIO(inflated(hub.blobs[layer["digest"]]))) as archive:
            found += archive.getmembers()
    return found


def files_of(hub: Hub, name: str, layer: int = -1) -> dict[str, bytes]:
    """Path to content of the regular files in one layer of an image."""
    data = inflated(hub.blobs[manifest_of(hub, name)["layers"][layer]["digest"]])
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        members = {entry.name: archive.extractfile(entry) for entry in archive if entry.isreg()}
        return {path: member.read() for path, member in members.items() if member is not None}


@pytest.mark.slow
def test_two_processes_build_the_same_hub() -> None:
    """No digest, date or count depends on the process."""
    assert fingerprint("1") == fingerprint("2")


def fingerprint(hash_seed: str) -> str:
    """What a fresh process prints of its hub; ``hash_seed`` shuffles its sets."""
    command = [sys.executable, "-c", _FINGERPRINT]
    environment = {"PYTHONHASHSEED": hash_seed}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout


def test_it_is_small_and_has_about_eighty_repositories(hub: Hub) -> None:
    assert 80 <= len(hub.repositories) <= 90
    assert sum(map(len, hub.blobs.values())) < 60_000_000
    assert len({repository.name for repository in hub.repositories}) == len(hub.repositories)
    assert sum(repository.is_official for repository in hub.repositories) >= 25


def test_every_kind_of_manifest_is_there(hub: Hub) -> None:
    kinds = Counter(m.media_type for repository in hub.repositories for m in repository.manifests.values())
    prefix = "application/vnd."
    assert set(kinds) == {
        prefix + "docker.distribution.manifest.v1+prettyjws",
        prefix + "docker.distribution.manifest.v2+json",
        prefix + "docker.distribution.manifest.list.v2+json",
        prefix + "oci.image.manifest.v1+json",
        prefix + "oci.image.index.v1+json",
    }


def test_every_access_is_there(hub: Hub) -> None:
    assert {repository.access for repository in hub.repositories} == set(Access)


def test_blobs_hash_to_their_digests_except_the_corrupt_one(hub: Hub) -> None:
    wrong = {digest for digest, data in hub.blobs.items() if Digest.of(data) != digest}
    assert wrong == {manifest_of(hub, "damaged/corrupt")["layers"][-1]["digest"]}
    assert hub.truncated == {manifest_of(hub, "damaged/truncated")["layers"][-1]["digest"]}


def test_manifests_hash_to_their_digests_unless_signed(hub: Hub) -> None:
    for repository in hub.repositories:
        for digest, manifest in repository.manifests.items():
            if not manifest.media_type.endswith("prettyjws"):
                assert Digest.of(manifest.data) == digest


def test_everything_a_manifest_names_is_held_with_its_announced_size(hub: Hub) -> None:
    for repository, _, body in manifests(hub):
        named = [*body.get("layers", ()), *([body["config"]] if "config" in body else [])]
        for descriptor in named:
            if "urls" not in descriptor:
                assert descriptor["digest"] in repository.blobs
                assert len(hub.blobs[descriptor["digest"]]) == descriptor["size"]
        for layer in body.get("fsLayers", ()):
            assert layer["blobSum"] in repository.blobs


def test_only_the_sparse_index_names_a_manifest_that_is_absent(hub: Hub) -> None:
    absent = {
        (repository.name, child["platform"]["architecture"])
        for repository, _, body in manifests(hub)
        for child in body.get("manifests", ())
        if child["digest"] not in repository.manifests
    }
    assert absent == {("acme-robotics/toolchain", "ppc64le")}


@pytest.mark.slow
def test_diff_ids_of_configurations_are_those_of_the_tars(hub: Hub) -> None:
    checked = 0
    for repository, _, body in manifests(hub):
        config = json.loads(hub.blobs[body["config"]["digest"]]) if "config" in body else {}
        diff_ids = config.get("rootfs", {}).get("diff_ids")
        if diff_ids is None or repository.namespace == "damaged" or config["os"] == "windows":
            continue
        assert diff_ids == [Digest.of(inflated(hub.blobs[layer["digest"]])) for layer in body["layers"]]
        checked += 1
    assert checked > 50


def test_histories_match_the_layers(hub: Hub) -> None:
    for _, _, body in manifests(hub):
        config = json.loads(hub.blobs[body["config"]["digest"]]) if "config" in body else {}
        if "history" in config:
            filled = [step for step in config["history"] if not step.get("empty_layer")]
            assert len(filled) == len(body["layers"])


def test_layers_are_shared_between_images(hub: Hub) -> None:
    holders = Counter(digest for repository in hub.repositories for digest in repository.blobs)
    base = manifest_of(hub, "library/debian")["layers"][0]["digest"]
    assert holders[base] > 10
    assert sum(count > 1 for count in holders.values()) > 20


def test_the_empty_layer_is_the_historical_one(hub: Hub) -> None:
    assert len(hub.blobs[EMPTY_LAYER]) == 32
    assert inflated(hub.blobs[EMPTY_LAYER]) == bytes(1024)
    assert [layer["digest"] for layer in manifest_of(hub, "c3po/empty-steps")["layers"]].count(
        EMPTY_LAYER
    ) == 2


def test_gzip_zstd_plain_and_many_member_layers_are_there(hub: Hub) -> None:
    def top(name: str) -> tuple[str, bytes]:
        layer = manifest_of(hub, name)["layers"][-1]
        return layer["mediaType"], hub.blobs[layer["digest"]]

    assert top("library/debian")[1][:2] == b"\x1f\x8b"
    assert top("zstdfan/fast-start")[0].endswith("+zstd")
    assert top("zstdfan/fast-start")[1][:4] == b"\x28\xb5\x2f\xfd"
    assert manifest_of(hub, "zstdfan/uncompressed")["layers"][-2]["mediaType"].endswith(".tar")
    mislabelled = top("zstdfan/uncompressed")
    assert mislabelled[0].endswith("+gzip")
    assert mislabelled[1][257:262] == b"ustar"
    first = zlib.decompressobj(31)
    first.decompress(top("zstdfan/many-members")[1])
    assert first.eof
    assert first.unused_data[:2] == b"\x1f\x8b"


def test_package_databases_list_what_is_installed(hub: Hub) -> None:
    status = files_of(hub, "library/nginx", layer=1)["var/lib/dpkg/status"].decode()
    assert "Package: nginx\nStatus: install ok installed\n" in status
    assert "Package: bash\n" in status
    installed = files_of(hub, "library/alpine")["lib/apk/db/installed"].decode()
    assert "\nP:musl\n" in installed
    assert "A:x86_64\n" in installed
    assert files_of(hub, "library/fedora")["var/lib/rpm/rpmdb.sqlite"].startswith(b"SQLite format 3\0")


def test_checksums_that_dpkg_keeps_are_right(hub: Hub) -> None:
    files = files_of(hub, "library/debian")
    for line in files["var/lib/dpkg/info/bash.md5sums"].decode().splitlines():
        md5, _, path = line.partition("  ")
        assert hashlib.md5(files[path], usedforsecurity=False).hexdigest() == md5


def test_odd_entries_are_there(hub: Hub) -> None:
    names = entries(hub, "oddities/names")
    assert max(len(entry.name) for entry in names) > 255
    assert any("\udce9" in entry.name for entry in names)
    kinds = {entry.type for entry in entries(hub, "oddities/links")}
    assert kinds >= {tarfile.LNKTYPE, tarfile.SYMTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE}
    markers = {entry.name.rpartition("/")[2] for entry in entries(hub, "oddities/whiteouts")}
    assert {".wh..wh..opq", ".wh.hostname", ".wh.links"} <= markers
    assert any(entry.mode & 0o4000 for entry in entries(hub, "oddities/links"))
    attributes = [key for entry in entries(hub, "oddities/attributes") for key in entry.pax_headers]
    assert "SCHILY.xattr.security.capability" in attributes
    paths = Counter(entry.name for entry in entries(hub, "oddities/attributes"))
    assert paths["./data/same"] == 3


def test_both_ways_of_writing_long_names_are_there(hub: Hub) -> None:
    gnu, pax = (
        inflated(hub.blobs[manifest_of(hub, "oddities/names", tag)["layers"][0]["digest"]])
        for tag in ("gnu", "latest")
    )
    assert b"././@LongLink" in gnu
    assert b"././@PaxHeader" in pax
    assert b"././@LongLink" not in pax


def test_damaged_layers_are_damaged_inside_only(hub: Hub) -> None:
    def blob(name: str, layer: int = -1) -> bytes:
        return hub.blobs[manifest_of(hub, name)["layers"][layer]["digest"]]

    cut = zlib.decompressobj(31)
    cut.decompress(blob("damaged/cut"))
    assert not cut.eof
    with pytest.raises(zlib.error, match="incorrect data check"):
        zlib.decompressobj(31).decompress(blob("damaged/crc"))
    with pytest.raises(tarfile.HeaderError):
        tarfile.TarInfo.frombuf(inflated(blob("damaged/not-tar"))[:512], "utf-8", "strict")
    assert len(inflated(blob("damaged/cut-zstd"))) % 512
    half = zstandard.ZstdDecompressor().decompressobj()
    half.decompress(blob("damaged/cut-zstd", -2))
    assert not half.eof


def test_indexes_cover_attestations_nesting_and_a_missing_platform(hub: Hub) -> None:
    def index(name: str) -> list[dict[str, Any]]:
        repository = hub.repository(name)
        children: list[dict[str, Any]] = json.loads(repository.manifests[repository.tags["latest"]].data)[
            "manifests"
        ]
        return children

    unknown = [child for child in index("library/busybox") if child["platform"]["os"] == "unknown"]
    assert unknown[0]["annotations"]["vnd.docker.reference.type"] == "attestation-manifest"
    assert [child["mediaType"].endswith("index.v1+json") for child in index("acme-robotics/toolchain")] == [
        False,
        True,
    ]
    assert {child["platform"]["architecture"] for child in index("piworks/sensor-hub")} == {"arm", "arm64"}
    windows = next(child for child in index("library/golang") if child["platform"]["os"] == "windows")
    body = json.loads(hub.repository("library/golang").manifests[windows["digest"]].data)
    assert "urls" in body["layers"][0]
    assert body["layers"][0]["digest"] not in hub.blobs


def test_files_have_a_long_tail_of_sizes_and_repeat_across_images(hub: Hub) -> None:
    names = ("library/debian", "library/ubuntu", "brightloom/storefront", "brightloom/checkout")
    contents = [data for name in names for data in files_of(hub, name).values()]
    sizes = [len(data) for data in contents]
    median = sorted(sizes)[len(sizes) // 2]
    assert 1000 < median < 10_000
    assert sum(sizes) / len(sizes) > 2 * median
    assert sum(count > 1 for count in Counter(contents).values()) > 50


def test_pulls_have_a_heavy_tail(hub: Hub) -> None:
    pulls = [repository.pulls for repository in hub.repositories]
    assert pulls == sorted(pulls, reverse=True)
    assert pulls[0] > 1_000_000_000
    assert pulls[len(pulls) // 2] < 10_000
    assert all(repository.registered <= repository.updated for repository in hub.repositories)

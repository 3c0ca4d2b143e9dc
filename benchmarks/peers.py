"""The programs that read layers, too: tar with sha256sum and file, syft, dive."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.race import Contestant

if TYPE_CHECKING:
    from collections.abc import Iterator

# `make peers` installs them there.
_FOLDER = Path(".peers/bin")
_OCI = "application/vnd.oci.image"


def shell(layer: Path, folder: Path) -> Contestant:
    """Unpack, then hash and type every file."""
    root = folder / "unpacked"
    work = (
        'tar -xzf "$0" -C "$1"; find "$1" -type f -print0 | xargs -0 sha256sum >"$1.sums"; '
        'find "$1" -type f -print0 | xargs -0 file --brief >"$1.types"'
    )

    def prepare() -> None:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()

    return Contestant("tar + sha256sum + file", prepare, ["bash", "-c", work, str(layer), str(root)])


def installed(layer: Path, folder: Path) -> Iterator[Contestant]:
    """Syft with the digests of all files, and dive, on an image of that layer, as far as they are there."""
    syft, dive = _FOLDER / "syft", _FOLDER / "dive"
    if not syft.exists() or not dive.exists():
        print("  syft and dive are not measured: `make peers` installs them")
        return
    layout, archive = _image(layer, folder)
    options = {
        "SYFT_FILE_METADATA_SELECTION": "all",
        "SYFT_FILE_METADATA_DIGESTS": "sha256",
        "SYFT_CHECK_FOR_APP_UPDATE": "false",
    }
    scan = [str(syft), "scan", "-q", f"oci-dir:{layout}", "-o", f"syft-json={folder}/syft.json"]
    yield Contestant("syft", _nothing, scan, options)
    look = [str(dive), "--source", "docker-archive", str(archive), "--json", f"{folder}/dive.json"]
    yield Contestant("dive", _nothing, look, {"CI": "true"})


def _nothing() -> None:
    """What they need is there."""


def _image(layer: Path, folder: Path) -> tuple[Path, Path]:
    """An image of one layer, as an OCI layout and as an archive of ``docker save``."""
    layout, archive, blob = folder / "layout", folder / "image.tar", layer.read_bytes()
    blobs = layout / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes, kind: str) -> dict[str, Any]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"{_OCI}.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    diffid = f"sha256:{hashlib.sha256(gzip.decompress(blob)).hexdigest()}"
    config = {"architecture": "amd64", "os": "linux", "config": {}, "history": [{"created_by": "benchmark"}]}
    config["rootfs"] = {"type": "layers", "diff_ids": [diffid]}
    described = put(json.dumps(config).encode(), "config.v1+json")
    layers = [put(blob, "layer.v1.tar+gzip")]
    manifest = {"schemaVersion": 2, "config": described, "layers": layers}
    index = {"schemaVersion": 2, "manifests": [put(json.dumps(manifest).encode(), "manifest.v1+json")]}
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    (layout / "index.json").write_text(json.dumps(index))
    names = [f"blobs/sha256/{each['digest'][7:]}" for each in (described, *layers)]
    saved = json.dumps([{"Config": names[0], "RepoTags": ["bench:1"], "Layers": names[1:]}]).encode()
    with tarfile.open(archive, "w") as members:
        for name in names:
            members.add(layout / name, name)
        listing = tarfile.TarInfo("manifest.json")
        listing.size = len(saved)
        members.addfile(listing, io.BytesIO(saved))
    return layout, archive

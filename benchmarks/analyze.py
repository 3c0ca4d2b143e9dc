"""``hubcrawl analyze`` against ``tar -xzf`` + ``sha256sum`` + ``file`` on the same layers."""

from __future__ import annotations

import gzip
import io
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from benchmarks.race import Contestant, race
from benchmarks.registry import noise, push, serve

_ROUNDS = 3
_LAYERS = 8
# As in the test layer of the fact sheets: many small files, mean 8 KB; text compresses about 3 times.
_FILES = 3_000
_MEAN_BYTES = 8_000
_WORDS = [f"word{number} " for number in range(4_000)]


def main() -> None:
    """Print one table."""
    with tempfile.TemporaryDirectory(prefix="hubcrawl-bench-") as name:
        folder = Path(name)
        tars = [_layer(number) for number in range(_LAYERS)]
        blobs = [gzip.compress(tar, 6, mtime=0) for tar in tars]
        (folder / "layers").mkdir()
        for number, blob in enumerate(blobs):
            (folder / "layers" / f"{number}.tar.gz").write_bytes(blob)
        with serve(folder) as address:
            push(address, "bench/layers", blobs)
            contestant = _hubcrawl(address, folder)
            results = race([contestant, _shell(folder)], _ROUNDS)
    size, files = sum(map(len, tars)), _LAYERS * _FILES
    print(f"\n{_LAYERS} gzip layers, {files} files, {size / 1e6:.0f} MB uncompressed, median of {_ROUNDS}")
    for result in results:
        print(
            f"  {result.name:<28}{result.seconds:8.2f} s  ±{result.spread:4.0%}"
            f"{size / 1e6 / result.seconds:10.1f} MB/s{files / result.seconds:10.0f} files/s"
        )
    ours, theirs = results
    print(f"  ratio {theirs.seconds / ours.seconds:.1f}x")


def _layer(seed: int) -> bytes:
    """One tar of text, scripts and binary files in a tree of directories."""
    chance = random.Random(seed)  # noqa: S311 - filler, not a secret
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for number in range(_FILES):
            size = min(int(chance.expovariate(1 / _MEAN_BYTES)), 1 << 20)
            text = "".join(chance.choices(_WORDS, k=size // 8)).encode()
            kind = number % 4
            data = (b"#!/bin/sh\n" + text, text, b"\x7fELF\x02\x01\x01" + noise(number, size), text)[kind]
            member = tarfile.TarInfo(
                f"usr/share/part{number % 50}/{seed}-{number}{('', '.txt', '', '.c')[kind]}"
            )
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    return archive.getvalue()


def _hubcrawl(address: str, folder: Path) -> Contestant:
    data = folder / "data"
    command = [str(Path(sys.executable).with_name("hubcrawl"))]
    options = ["--data", str(data)]

    def prepare() -> None:
        shutil.rmtree(data, ignore_errors=True)
        for stage in ("crawl", "download"):
            full = [*command, stage, *options, "--registry", f"http://{address}"]
            subprocess.run(full, check=True, capture_output=True)

    return Contestant("hubcrawl analyze", prepare, [*command, "analyze", *options])


def _shell(folder: Path) -> Contestant:
    """Two layers at a time, since hubcrawl uses both processors too."""
    root = folder / "unpacked"
    work = (
        'd="$1/$(basename "$0")"; mkdir -p "$d"; tar -xzf "$0" -C "$d"; '
        'find "$d" -type f -print0 | xargs -0 sha256sum >"$d.sums"; '
        'find "$d" -type f -print0 | xargs -0 file --brief >"$d.types"'
    )
    every = f"ls {folder}/layers/*.tar.gz | xargs -P $(nproc) -I@ sh -c '{work}' @ {root}"

    def prepare() -> None:
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()

    return Contestant("tar + sha256sum + file", prepare, ["bash", "-c", every])


if __name__ == "__main__":
    main()

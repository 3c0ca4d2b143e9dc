"""``hubcrawl download`` against ``skopeo sync``: the same images from the same registry."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.race import Contestant, race
from benchmarks.registry import noise, push, serve

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Case:
    """Images that look alike: ``shared`` layers are the same in all of them."""

    name: str
    images: int
    shared: int
    own: int
    layer_bytes: int

    def layers(self, image: int) -> list[bytes]:
        """The layers of one image."""
        common = [noise(number, self.layer_bytes) for number in range(self.shared)]
        return common + [noise(1000 * (image + 1) + number, self.layer_bytes) for number in range(self.own)]


# Half of the layers are shared: over the census of the paper sharing saved a factor of 1.8.
_CASES = (
    Case("small images", images=400, shared=2, own=2, layer_bytes=64 << 10),
    Case("large layers", images=16, shared=2, own=2, layer_bytes=48 << 20),
)


def main() -> None:
    """Print one table per case."""
    for case in _CASES:
        with tempfile.TemporaryDirectory(prefix="hubcrawl-bench-") as name:
            _run(case, Path(name))


def _run(case: Case, folder: Path) -> None:
    with serve(folder) as address:
        names = [f"bench/image{number:04d}" for number in range(case.images)]
        total = sum(push(address, name, case.layers(number)) for number, name in enumerate(names))
        results = race([_hubcrawl(address, folder), _skopeo(address, folder, names)], _ROUNDS)
    print(f"\n{case.name}: {case.images} images, {total / 1e6:.0f} MB with repeats, median of {_ROUNDS}")
    for result in results:
        print(
            f"  {result.name:<20}{result.seconds:8.2f} s  ±{result.spread:4.0%}"
            f"{case.images / result.seconds:10.1f} images/s{total / 1e6 / result.seconds:10.1f} MB/s"
        )
    ours, theirs = results
    print(f"  ratio {theirs.seconds / ours.seconds:.1f}x")


def _hubcrawl(address: str, folder: Path) -> Contestant:
    data = folder / "data"
    command = [str(Path(sys.executable).with_name("hubcrawl"))]
    options = ["--data", str(data), "--registry", f"http://{address}"]

    def prepare() -> None:
        shutil.rmtree(data, ignore_errors=True)
        subprocess.run([*command, "crawl", *options], check=True, capture_output=True)

    return Contestant("hubcrawl download", prepare, [*command, "download", *options])


def _skopeo(address: str, folder: Path, names: Sequence[str]) -> Contestant:
    target = folder / "sync"
    wanted = folder / "sync.yml"
    images = "".join(f"    {name}: [latest]\n" for name in names)
    wanted.write_text(f"{address}:\n  tls-verify: false\n  images:\n{images}")
    command = [
        "skopeo",
        "--insecure-policy",
        "sync",
        "--scoped",
        "--src",
        "yaml",
        "--dest",
        "dir",
        wanted,
        target,
    ]

    def prepare() -> None:
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()

    return Contestant("skopeo sync", prepare, [str(part) for part in command])


if __name__ == "__main__":
    main()

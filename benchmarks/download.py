"""``hubcrawl download`` against ``skopeo sync``, ``crane pull`` and ``curl | sha256sum``, from one nginx."""

from __future__ import annotations

import json
import random
import shutil
import statistics
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.race import Contestant, Result, race, run
from benchmarks.static_registry import ALIAS, Tree, serve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_ROUNDS = 5
_MB = 1e6

# An installed program has its bytecode compiled, whatever the environment of this run says.
_ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": ""}

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - a place in memory, and below it a private folder


@dataclass(frozen=True, slots=True)
class Bench:
    """A registry being served, and a private folder for what is fetched from it."""

    tree: Tree
    address: str
    folder: Path


@contextmanager
def _bench(add: Callable[[Tree], None], where: Path | None = None) -> Iterator[Bench]:
    with tempfile.TemporaryDirectory(prefix="hubcrawl-bench-", dir=where) as name:
        tree = Tree(Path(name) / "registry")
        add(tree)
        tree.finish()
        with serve(tree) as address:
            yield Bench(tree, address, Path(name))


def main() -> None:
    """Print one table per case; a word on the command line runs only the cases with it in their names."""
    wanted = sys.argv[1] if len(sys.argv) > 1 else ""
    for case in (_small, _large, _single, _memory, _planning, _lag):
        if wanted in case.__name__:
            case()


def _small() -> None:
    """Many small images, half of whose bytes are repeats."""
    for place, where in _places(2 << 30):
        with _bench(_add_small_images, where) as bench:
            _table(f"500 images of 4 to 8 layers of 20 to 200 KB, {place}", bench, _pullers(bench))


def _add_small_images(tree: Tree) -> None:
    chance = random.Random(1)  # noqa: S311 - sizes of filler
    shared = [(number, chance.randint(20_000, 200_000)) for number in range(40)]
    for image in range(500):
        layers = chance.sample(shared, 2)
        for number in range(chance.randint(2, 6)):
            layers.append((1000 * (image + 1) + number, chance.randint(20_000, 200_000)))
        tree.add(f"bench/image{image:04d}", layers)


def _large() -> None:
    """A few large images; nothing is shared, so that every program moves the same bytes."""
    for place, where in _places(6 << 30):
        with _bench(_add_large_images, where) as bench:
            _table(f"8 images of 160 MB, {place}", bench, _pullers(bench))


def _add_large_images(tree: Tree) -> None:
    for image in range(8):
        sizes = (100_000_000, 40_000_000, 15_000_000, 5_000_000)
        tree.add(f"bench/large{image}", [(10 * image + number, size) for number, size in enumerate(sizes)])


def _single() -> None:
    """One blob, against the shortest way to fetch and hash bytes, which keeps none of them."""
    with _bench(lambda tree: tree.add("bench/one", [(1, 2_000_000_000)])) as bench:
        blob = max((bench.tree.root / "v2/bench/one/blobs").iterdir(), key=lambda path: path.stat().st_size)
        url = f"http://{bench.address}/v2/bench/one/blobs/{blob.name}"
        shell = ["bash", "-c", f"set -o pipefail; curl -sS '{url}' | sha256sum"]
        curl = Contestant("curl | sha256sum", lambda: None, shell)
        _table("one blob of 2 GB, disk", bench, [_hubcrawl(bench), curl])


def _memory() -> None:
    """64 blobs on their way at a time."""

    def add(tree: Tree) -> None:
        for image in range(16):
            tree.add(f"bench/image{image}", [(8 * image + number, 24_000_000) for number in range(8)])

    with _bench(add) as bench:
        many = ("--parallel-layers", "64", "--parallel-per-host", "64")
        [result] = race([_hubcrawl(bench, *many)], _ROUNDS)
        print(f"\n128 blobs of 24 MB, 64 on their way at a time: peak of {_mb(result.peak_bytes)} resident")


def _planning() -> None:
    """The plan is in the catalog: memory must not grow with it."""
    for images in (1_000, 100_000):
        with _bench(lambda tree: tree.add(f"{ALIAS}/one", [(1, 1000)])) as bench:
            bench.tree.names[:] = [f"{ALIAS}/image{number}" for number in range(images)]
            bench.tree.finish()
            [result] = race([_hubcrawl(bench)], 1)
        print(f"\n{images:,} images planned and fetched: peak of {_mb(result.peak_bytes)} resident")


def _lag() -> None:
    """How late the event loop is while everything moves."""
    for name, add in (("small images", _add_small_images), ("large images", _add_large_images)):
        with _bench(add) as bench:
            contestant = _hubcrawl(bench, program=[sys.executable, "-m", "benchmarks.lag"])
            lags = []
            for _ in range(_ROUNDS):
                contestant.prepare()
                output = run(contestant.command, contestant.environment).output
                lags.append(json.loads(output.splitlines()[-1])["p99_s"])
        print(f"\nevent loop, {name}: p99 {1000 * statistics.median(lags):.0f} ms late, median of {_ROUNDS}")


def _places(room_bytes: int) -> list[tuple[str, Path | None]]:
    """Where to keep things: in memory, if there is room, and on the disk."""
    if _SHARED_MEMORY.is_dir() and shutil.disk_usage(_SHARED_MEMORY).free > room_bytes:
        return [("tmpfs", _SHARED_MEMORY), ("disk", None)]
    print(f"\n{_SHARED_MEMORY} has no {room_bytes >> 30} GiB free: on the disk only")
    return [("disk", None)]


def _pullers(bench: Bench) -> list[Contestant]:
    contestants = [_hubcrawl(bench), _skopeo(bench)]
    if shutil.which("crane"):
        return [*contestants, _crane(bench)]
    print("\ncrane is not on PATH: left out")
    return contestants


def _table(title: str, bench: Bench, contestants: Sequence[Contestant]) -> None:
    images, size = len(bench.tree.names), bench.tree.size_bytes
    results = race(contestants, _ROUNDS)
    print(f"\n{title}: {size / _MB:.0f} MB with repeats, median of {_ROUNDS}")
    for result in results:
        print(f"  {_row(result, images, size)}  {result.seconds / results[0].seconds:5.1f}x", flush=True)


def _row(result: Result, images: int, size: int) -> str:
    return (
        f"{result.name:<20}{result.seconds:7.2f} s ±{result.spread:4.0%}"
        f"{images / result.seconds:8.1f} images/s{size / _MB / result.seconds:8.1f} MB/s"
        f"{1000 * result.cpu_seconds / images:9.2f} CPU ms/image"
        f"{result.cpu_seconds / size * 1e9:7.2f} CPU s/GB"
    )


def _mb(size_bytes: int) -> str:
    return f"{size_bytes / _MB:.0f} MB"


def _hubcrawl(bench: Bench, *more: str, program: Sequence[str] | None = None) -> Contestant:
    data = bench.folder / "data"
    command = list(program or [str(Path(sys.executable).with_name("hubcrawl"))])
    options = ["--data", str(data), "--registry", f"http://{bench.address}"]

    def prepare() -> None:
        shutil.rmtree(data, ignore_errors=True)
        run([*command, "crawl", *options], _ENVIRONMENT)

    return Contestant("hubcrawl download", prepare, [*command, "download", *options, *more], _ENVIRONMENT)


def _skopeo(bench: Bench) -> Contestant:
    wanted, target = bench.folder / "sync.yml", bench.folder / "sync"
    images = "".join(f"    {name}: [latest]\n" for name in bench.tree.names)
    wanted.write_text(f"{bench.address}:\n  tls-verify: false\n  images:\n{images}")
    command = ["skopeo", "--insecure-policy", "sync", "--scoped", "--src", "yaml", "--dest", "dir"]
    # Beside its target, so that what it gathers first is in the same place.
    environment = {"TMPDIR": str(bench.folder)}
    return Contestant("skopeo sync", _emptied(target), [*command, str(wanted), str(target)], environment)


def _crane(bench: Bench) -> Contestant:
    target = bench.folder / "crane"
    images = [f"{bench.address}/{name}:latest" for name in bench.tree.names]
    command = ["crane", "pull", "--insecure", "--format=oci", *images, str(target)]
    return Contestant("crane pull", _emptied(target), command)


def _emptied(folder: Path) -> Callable[[], None]:
    def prepare() -> None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()

    return prepare


if __name__ == "__main__":
    main()

"""The reading of layers against the least it could cost, against other programs, and against itself.

``python -m benchmarks.analyze [debian] [small] [pair] [many] [--rounds 5] [--files 3000000]``
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
import tarfile
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from analyzer.analysers.collection import Collection
from analyzer.analysers.registry import Analysers
from analyzer.layers.profile import profile_layer
from analyzer.settings import LayerLimits
from benchmarks import ceiling, layers, peers
from benchmarks.race import race, run
from registry.digests import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from corpus.profiles.layer import LayerSummary

_PARTS = Path(".real-parts")
_MEDIA_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
# Larger than any chunk of work, so that no process waits for the other at the end.
_LAYERS_PER_PROCESS = 4
_WARM_UP = 1
_SMALL_FILES = 500_000


def profile(layer: Path) -> LayerSummary:
    """What a worker does with a layer: the whole profile, with types and all analysers."""
    digest = Digest.parse(layer.with_suffix(".digest").read_text())
    target = layer.with_suffix(f".{multiprocessing.current_process().pid}.profile")
    collection = Collection(_analysers())
    summary = profile_layer(layer, digest, _MEDIA_TYPE, target, LayerLimits(), collection=collection)
    collection.finish()
    return summary


class Seconds(NamedTuple):
    """Medians: on the wall's clock, and of processors."""

    wall: float
    cpu: float


@cache
def _analysers() -> Analysers:
    """All that are installed; a worker is given them, too."""
    return Analysers.load()


def in_turns(works: dict[str, Callable[[], object]], rounds: int) -> dict[str, Seconds]:
    """What each work takes, done in this process in turns, after a warm-up."""
    taken: dict[str, list[Seconds]] = {name: [] for name in works}
    for number in range(_WARM_UP + rounds):
        for name, work in works.items():
            wall, cpu = time.perf_counter(), time.process_time()
            work()
            if number >= _WARM_UP:
                taken[name].append(Seconds(time.perf_counter() - wall, time.process_time() - cpu))
    return {name: Seconds(*map(statistics.median, zip(*each, strict=True))) for name, each in taken.items()}


def debian(folder: Path, rounds: int) -> None:
    """A real layer: against the ceiling, and against other programs on an image of it."""
    layer = _named(layers.debian(_PARTS, folder))
    places = ceiling.places_of(layer)
    works = {"profile": lambda: profile(layer), "ceiling": lambda: ceiling.hash_everything(layer, places)}
    medians = in_turns(works, rounds)
    ours, summary = medians["profile"], profile(layer)
    speed = summary.als_bytes / 1e6 / ours.cpu
    print(f"\ndebian: {summary.counts.entries} entries, {summary.als_bytes / 1e6:.0f} MB of tar")
    print(f"  profile {ours.wall:.3f} s, {ours.cpu:.3f} s of processor: {speed:.0f} MB/s")
    print(f"  of the ceiling           {medians['ceiling'].cpu / ours.cpu:6.2f}")
    for result in race([peers.shell(layer, folder), *peers.installed(layer, folder)], rounds):
        times = f"{result.seconds:.2f} s, {result.cpu_seconds:.2f} s, ±{result.spread:.0%}"
        by_wall, by_cpu = result.seconds / ours.wall, result.cpu_seconds / ours.cpu
        print(f"  {result.name:<24}{by_wall:7.1f} x, {by_cpu:.1f} x of processor ({times})")


def small(folder: Path, rounds: int) -> None:
    """500,000 files of 100 bytes: against walking through them with ``tarfile``."""
    layer = _named(layers.invented(folder / "small.gz", _SMALL_FILES, 100))

    def walk() -> int:
        with tarfile.open(layer) as members:
            return sum(1 for _ in members)

    medians = in_turns({"profile": lambda: profile(layer), "tarfile": walk}, rounds)
    print(f"\nsmall: {_SMALL_FILES} files")
    for name, seconds in medians.items():
        print(f"  {name:<10}{seconds.cpu:6.2f} s{_SMALL_FILES / seconds.cpu:12.0f} files/s")
    print(f"  against tarfile          {medians['tarfile'].cpu / medians['profile'].cpu:6.2f} x")


def pair(folder: Path, rounds: int) -> None:
    """The same layers by one process and by two, on the wall's clock."""
    layer = _named(layers.debian(_PARTS, folder))
    taken: dict[int, list[float]] = {1: [], 2: []}
    context = multiprocessing.get_context("forkserver")
    for _ in range(rounds):
        for count, seconds in taken.items():
            with ProcessPoolExecutor(count, mp_context=context) as pool:
                list(pool.map(profile, [layer] * count))
                start = time.perf_counter()
                list(pool.map(profile, [layer] * (2 * _LAYERS_PER_PROCESS)))
                seconds.append(time.perf_counter() - start)
    one, two = statistics.median(taken[1]), statistics.median(taken[2])
    print(f"\npair: one process {one:.2f} s, two {two:.2f} s")
    print(f"  two against one           {one / two:6.2f} x")


def many(folder: Path, files: int) -> None:
    """Memory and time of a layer of very many files, and of one of half as many; one run each."""
    print()
    for count in (files // 2, files):
        layer = _named(layers.invented(folder / "many.gz", count, 20))
        turn = run([sys.executable, "-m", "benchmarks.analyze", "--profile", str(layer)])
        each = f"{turn.cpu_seconds / count * 1e6:.2f} µs for each"
        print(f"many: {count} files: peak {turn.peak_bytes / 1e6:.0f} MB, {turn.cpu_seconds:.1f} s, {each}")


def _named(layer: Path) -> Path:
    """The layer, with its digest beside it, under which a census would have stored it."""
    with layer.open("rb") as file:
        digest = Digest.of(file.read())
    layer.with_suffix(".digest").write_text(str(digest))
    return layer


def main() -> None:
    """Measure what is named, or everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("parts", nargs="*", default=["debian", "small", "pair", "many"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=3_000_000)
    parser.add_argument("--profile", type=Path, help="only profile this layer")
    given = parser.parse_args()
    if given.profile:
        profile(given.profile)
        return
    for part in given.parts:
        with tempfile.TemporaryDirectory(prefix="hubcrawl-bench-") as name:
            if part == "many":
                many(Path(name), given.files)
            else:
                {"debian": debian, "small": small, "pair": pair}[part](Path(name), given.rounds)


if __name__ == "__main__":
    main()

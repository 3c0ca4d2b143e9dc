"""A crowd: any number of repositories that are listed, but hold no images."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING

import zstandard

from samplehub.content.catalogue import official
from samplehub.content.columns import Columns
from samplehub.content.names import Namer
from samplehub.content.seeds import stream
from samplehub.model import Hub

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from random import Random

_CLEAN_PER_DIRTY = 5000  # names; 17 of 246,441 broke the grammar in 2016, but a small crowd shall have some
_GIANTS = 1 / 30_000  # owners with thousands of repositories: build services and mirrors of other indexes
_LONG = 1 / 20_000


def crowd(count: int, seed: int = 0, real_names: Iterable[str] = ()) -> Hub:
    """A hub of ``count`` repositories without images; those that are missing are invented.

    Args:
        count: How many.
        seed: Another seed, another crowd.
        real_names: With or without ``library/``; a sample where there are too many.
    """
    real = [name if "/" in name else f"library/{name}" for name in real_names]
    if len(real) > count:
        real = stream("sample", seed).sample(real, count)
    return crowd_of(islice(_distinct(chain(official_names(), real, crowd_names(count, seed))), count), seed)


def crowd_of(names: Iterable[str], seed: int = 0) -> Hub:
    """A hub of these names, all different; what it tells of each depends on ``seed`` and the name alone."""
    return Hub(repositories=Columns(names, seed), blobs={})


def crowd_names(count: int, seed: int) -> Iterator[str]:
    """``count`` names with their namespaces, all different, as those of the Hub in 2016 were.

    57 % of owners have one repository, 1 in 2,000 more than 100, and very few have thousands. The official
    ones of the sample hub come first, then owner by owner; a few names break the grammar.
    """
    return islice(chain(official_names(), _owned(count, seed)), count)


def names_in(path: Path) -> list[str]:
    """The lines of a text file; its name ends in ``.zst`` where it is compressed."""
    opened = zstandard.open(path, "rt") if path.suffix == ".zst" else path.open()
    with opened as lines:
        return [line.strip() for line in lines if line.strip()]


def official_names() -> Iterator[str]:
    """``library/nginx`` and the others of the sample hub, most popular first."""
    return (line.partition("|")[0].strip() for line in official.REPOSITORIES.strip().splitlines())


def _distinct(names: Iterable[str]) -> Iterator[str]:
    seen = set[str]()
    for name in names:
        if name not in seen:
            seen.add(name)
            yield name


def _owned(count: int, seed: int) -> Iterator[str]:
    """Names without end, owner by owner; ``count`` bounds how large an owner may be."""
    rng = stream("crowd", seed)
    namer, owners = Namer(rng), set[str]()
    until_dirty = _CLEAN_PER_DIRTY // 10
    while True:
        owner = _fresh(namer.owner(), owners)
        size = _size(rng, count)
        repositories = _repositories(namer, rng, size)
        until_dirty -= size
        if until_dirty <= 0:
            repositories[-1] = namer.dirty()
            until_dirty = _CLEAN_PER_DIRTY
        yield from (f"{owner}/{name}" for name in dict.fromkeys(repositories))


def _fresh(name: str, taken: set[str]) -> str:
    """The name, with a number where somebody else has it."""
    fresh, number = name, 1
    while fresh in taken or fresh == "library":
        fresh, number = f"{name[:24]}{number}", number * 2 + 1
    taken.add(fresh)
    return fresh


def _size(rng: Random, count: int) -> int:
    """How many repositories an owner has: one, or a Pareto number (exponent 1.75) from two on."""
    share = rng.random()
    if share < 0.57:
        return 1
    size = rng.randrange(2000, 9000) if share > 1 - _GIANTS else int(2 * (1 - rng.random()) ** (-1 / 1.75))
    return max(1, min(size, count // 30))


def _repositories(namer: Namer, rng: Random, size: int) -> list[str]:
    """The names of one owner's repositories. Whoever has hundreds numbers them."""
    if size > 200:
        stems = [namer.repository() for _ in range(size // 60)]
        return [f"{stem}-{rng.randrange(10**9)}" for stem in stems for _ in range(60)]
    fresh = dict.fromkeys(namer.repository() for _ in range(size))
    while len(fresh) < size:
        fresh[f"{namer.repository()}-{len(fresh)}"] = None
    if rng.random() < _LONG * size:
        fresh["-".join(namer.repository() for _ in range(16))[:200].rstrip("-_.")] = None
    return list(fresh)

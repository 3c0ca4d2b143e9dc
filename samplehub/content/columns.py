"""Repositories in columns: about 200 bytes each, made into objects one by one when somebody looks."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from math import exp
from statistics import NormalDist
from typing import TYPE_CHECKING, overload

from samplehub.content.names import SOFTWARE
from samplehub.content.seeds import EPOCH
from samplehub.content.words import WORDS
from samplehub.model import Facets, Repository

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_OPENED = 1_370_000_000  # 2013-05-31, unix s: the Hub's first months
_NORMAL = NormalDist()
_WHOLE = 2**32

_SENTENCES = (
    "Docker image for {0}",
    "{0} with {1} and {2}",
    "A simple {1} for {0}",
    "{0} {2} based on {3}",
    "My {0} image",
    "Automated build of {0}: {1}, {2} and {3}",
)
# Machines by 8 equal parts: nearly half of all repositories have no image that tells.
_MACHINES = (
    (),
    (),
    (),
    ("amd64",),
    ("amd64",),
    ("amd64",),
    ("amd64", "arm64"),
    ("386", "amd64", "arm", "arm64"),
)
_BADGES = {"verified_publisher": 0.005, "open_source": 0.01, "none": 0.9, "": 1.0}
_KINDS = {"plugin": 0.005, "extension": 0.01, "image": 0.98, "": 1.0}
_CATEGORIES = ("api-management", "databases-and-storage", "languages-and-frameworks", "web-servers")


class Columns(Sequence[Repository]):
    """Repositories of these names, in order of popularity; everything else follows from name and seed.

    Half of them have no description; pulls are log-normal with a median of 40, as in 2017.
    """

    def __init__(self, names: Iterable[str], seed: int) -> None:
        self._seed = seed
        given = list(names)
        pulls = array("Q", (_pulls(name, rank, seed) for rank, name in enumerate(given, start=1)))
        order = sorted(range(len(given)), key=lambda i: (-pulls[i], given[i]))
        self._pulls = array("Q", (pulls[i] for i in order))
        self._names = [given[i] for i in order]
        self._descriptions = [_description(name, seed) for name in self._names]

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[Repository]:
        return map(self.__getitem__, range(len(self)))

    @overload
    def __getitem__(self, index: int) -> Repository: ...

    @overload
    def __getitem__(self, index: slice) -> list[Repository]: ...

    def __getitem__(self, index: int | slice) -> Repository | list[Repository]:
        """A repository, or several."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        name, pulls = self._names[index], self._pulls[index]
        chances = _chances("row", self._seed, name)
        registered = _OPENED + chances[0] * (EPOCH - _OPENED) * 0.95
        return Repository(
            name=name,
            description=self._descriptions[index],
            stars=int(pulls**0.4 * chances[1] / 4),
            pulls=pulls,
            registered=datetime.fromtimestamp(registered, UTC),
            updated=datetime.fromtimestamp(EPOCH - chances[2] ** 2 * (EPOCH - registered), UTC),
            is_automated=chances[3] < 0.1,
            facets=_facets(chances[4:], is_official=name.startswith("library/")),
        )


def _chances(*names: object) -> tuple[float, ...]:
    """Eight numbers from 0 to 1 that depend on ``names`` only."""
    data = "/".join(map(str, names)).encode(errors="replace")
    return tuple(number / _WHOLE for number in struct.unpack("<8I", blake2b(data, digest_size=32).digest()))


def _pulls(name: str, rank: int, seed: int) -> int:
    """Zipf for official ones, which come first; log-normal for users."""
    if name.startswith("library/"):
        return int(8e9 / rank**1.3)
    chance = _chances("pulls", seed, name)[0]
    return int(exp(3.7 + 2.6 * _NORMAL.inv_cdf(min(max(chance, 1e-9), 1 - 1e-9))))


def _description(name: str, seed: int) -> str:
    """A sentence about the name; for half of them none."""
    chances = _chances("description", seed, name)
    if chances[0] < 0.5:
        return ""
    words = (
        SOFTWARE[int(chances[1] ** 3 * len(SOFTWARE))],
        WORDS[int(chances[2] * len(WORDS))],
        WORDS[int(chances[3] * len(WORDS))],
        SOFTWARE[int(chances[4] ** 3 * len(SOFTWARE))],
    )
    return _SENTENCES[int(chances[5] * len(_SENTENCES))].format(*words)


def _facets(chances: tuple[float, ...], *, is_official: bool) -> Facets:
    """Facets drawn by four numbers; of each, a part of everything falls in no bucket."""
    badge, kind, machine, category = chances
    architectures = _MACHINES[int(machine * len(_MACHINES))]
    system = "windows" if category < 0.01 else "linux"
    return Facets(
        badge="official" if is_official else _pick(_BADGES, badge),
        kind=_pick(_KINDS, kind),
        architectures=architectures,
        operating_systems=(system,) if architectures else (),
        categories=(_CATEGORIES[int(category * 40)],) if category < 0.1 else (),
    )


def _pick(limits: Mapping[str, float], chance: float) -> str:
    """The first value whose limit is above ``chance``."""
    return next(value for value, limit in limits.items() if chance < limit)

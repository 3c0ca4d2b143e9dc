"""The analysers that are installed, and which of them run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.metadata import entry_points
from multiprocessing.reduction import ForkingPickler
from typing import TYPE_CHECKING, Self

from analyzer.analysers import GROUP, Analyser, FileAnalyser, LayerAnalyser
from corpus.profiles.findings import key_of
from registry.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from importlib.metadata import EntryPoint

ALL, NONE = "all", "none"

_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Analysers:
    """Analysers in the order of their names, each of which they have once.

    Raises:
        ConfigurationError: One of them does not keep to the protocol.
    """

    members: tuple[Analyser, ...] = ()

    def __post_init__(self) -> None:
        for member in self.members:
            _check(member)
        ordered = tuple(sorted(self.members, key=lambda member: member.name))
        if len(self.versions) < len(ordered):
            raise ConfigurationError("two analysers have one name: " + ", ".join(m.name for m in ordered))
        object.__setattr__(self, "members", ordered)

    @classmethod
    def load(cls, names: Sequence[str] = (ALL,)) -> Self:
        """Those registered under these names; ``all`` and ``none`` are what they say.

        Raises:
            ConfigurationError: There is none of a name, or it cannot be used.
        """
        registered = {point.name: point for point in sorted(entry_points(group=GROUP), key=_rank)}
        if NONE in names:
            return cls()
        if ALL in names and not registered:
            raise ConfigurationError("no analyser is registered: install hubcrawl again, or set `none`")
        chosen = registered if ALL in names else dict.fromkeys(names)
        if missing := sorted(chosen - registered.keys()):
            raise ConfigurationError(
                f"no analyser {', '.join(missing)}: there are {', '.join(sorted(registered))}"
            )
        return cls(tuple(_load(registered[name]) for name in chosen))

    def __iter__(self) -> Iterator[Analyser]:
        return iter(self.members)

    @property
    def versions(self) -> dict[str, int]:
        """Their versions, by name."""
        return {member.name: member.version for member in self.members}

    @property
    def key(self) -> str:
        """The canonical text for them: ``apk=1 dpkg=1``."""
        return key_of(self.versions)

    def beyond(self, recorded: Mapping[str, int]) -> Self:
        """Those that are not recorded, or not in their version."""
        return type(self)(tuple(each for each in self.members if recorded.get(each.name) != each.version))


def _rank(point: EntryPoint) -> tuple[str, str]:
    return point.name, point.value


def _load(point: EntryPoint) -> Analyser:
    try:
        found = point.load()
        analyser: Analyser = found() if isinstance(found, type) else found
    except Exception as error:
        raise ConfigurationError(
            f"the analyser {point.name} ({point.value}) cannot be loaded ({type(error).__name__}: {error}): "
            "uninstall it, or name the others in `analyze.analysers`"
        ) from error
    if getattr(analyser, "name", None) != point.name:
        raise ConfigurationError(f"the analyser {point.name} ({point.value}) must bear the name it has there")
    return analyser


def _check(analyser: Analyser) -> None:
    if wrong := _fault(analyser):
        name = getattr(analyser, "name", type(analyser).__name__)
        raise ConfigurationError(f"the analyser {name!r} is not one: {wrong} (see docs/analysers.md)")


def _fault(analyser: Analyser) -> str | None:
    """What in an analyser is against the protocol."""
    if not isinstance(analyser, FileAnalyser | LayerAnalyser):
        return "it has not what the protocols ask for"
    if not (isinstance(analyser.name, str) and _NAME.fullmatch(analyser.name)):
        return "its name is not of [a-z0-9-]"
    if not (isinstance(analyser.version, int) and analyser.version >= 1):
        return "its version is not a number from 1"
    if isinstance(analyser, FileAnalyser) and not _has_bounds(analyser):
        return "max_bytes is a number from 1, endings are bytes, folders end with a slash"
    try:
        ForkingPickler.dumps(analyser)
    except Exception as error:  # noqa: BLE001 - whatever its own pickling raises
        return f"it cannot be given to another process ({error})"
    return None


def _has_bounds(reader: FileAnalyser) -> bool:
    return (
        isinstance(reader.max_bytes, int)
        and reader.max_bytes >= 1
        and all(isinstance(ending, bytes) and ending for ending in reader.endings)
        and all(isinstance(folder, bytes) and folder[-1:] == b"/" for folder in reader.folders)
    )


NO_ANALYSERS = Analysers()

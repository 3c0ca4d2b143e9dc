"""Analysers: what else is found in the files of a layer while it is read. See docs/analysers.md.

An analyser is registered by an entry point of the group ``hubcrawl.analysers`` that bears its name and
leads to a class without arguments, or an object. It goes to worker processes by pickle, and what it finds
must follow from its arguments alone: layers are read in any order, by any worker, once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from corpus.profiles.layer import Entry

GROUP = "hubcrawl.analysers"

# JSON values by name: what an analyser hands back. The collector adds ``analyser`` and ``path``.
Finding = dict[str, Any]


class _Named(Protocol):
    """What all analysers have; class attributes will do."""

    @property
    def name(self) -> str:
        """Of ``[a-z0-9-]``, as the entry point is called."""
        ...

    @property
    def version(self) -> int:
        """From 1; another one has every layer read again by this analyser."""
        ...


@runtime_checkable
class FileAnalyser(_Named, Protocol):
    """Finds something in the content of single files.

    Its endings and folders are a filter that is cheap, since it is applied to every file there is; ``wants``
    decides. Without both every file is asked for, which has its price.
    """

    @property
    def max_bytes(self) -> int:
        """The largest file it reads; one larger becomes a finding of kind ``error``."""
        ...

    @property
    def endings(self) -> tuple[bytes, ...]:
        """What the paths of its files end with: some bytes each."""
        ...

    @property
    def folders(self) -> tuple[bytes, ...]:
        """The folders its files lie in, from the root and with a final slash, where no ending tells them."""
        ...

    def wants(self, path: bytes, /) -> bool:
        """Whether the file at ``path`` is one of its own; normalised, without a leading slash."""
        ...

    def analyse(self, path: bytes, content: bytes, /) -> Iterable[Finding]:
        """What it finds in a file; an exception is contained, and becomes a finding of kind ``error``.

        What a generator has yielded before is kept.

        Raises:
            MalformedFileError: The file is not what its name says.
        """
        ...


class Collector(Protocol):
    """Gathers what a :class:`LayerAnalyser` finds in one layer."""

    def entries(self, rows: Sequence[Entry]) -> None:
        """Take the next entries of the layer, as they are in the profile; they are not to be changed."""
        ...

    def result(self) -> Iterable[Finding]:
        """What it found, when all entries were shown."""
        ...


@runtime_checkable
class LayerAnalyser(_Named, Protocol):
    """Finds something in the entries of a whole layer, without their content."""

    def begin(self) -> Collector:
        """A collector for a layer whose first entry follows."""
        ...


Analyser = FileAnalyser | LayerAnalyser


class MalformedFileError(ValueError):
    """A file is not what its name says: raised in ``analyse``, it becomes a finding with that reason."""

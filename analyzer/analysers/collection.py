"""What the analysers find in one layer, gathered while it is read; nothing they do can harm the reading."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Self

import msgspec

from analyzer.analysers import FileAnalyser, LayerAnalyser, MalformedFileError
from analyzer.analysers.interest import Interest
from analyzer.layers.paths import normalise
from corpus.profiles.findings import KINDS, Problem
from corpus.profiles.names import text_of
from corpus.profiles.stream import encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from analyzer.analysers import Analyser, Collector, Finding
    from corpus.profiles.layer import Entry

log = logging.getLogger(__name__)

# What is kept of one analyser: the packages of the largest images take a tenth of it.
_MAX_BYTES = 16 << 20
_MAX_FINDING_BYTES = 64 * 1024
_MAX_DETAIL = 200


class Collection:
    """The findings of some analysers in one layer.

    Attributes:
        interest: The cheap test of a file's name as stored; :meth:`asks_for` follows it.
        observes: Whether an analyser looks at the rows: then :meth:`entries` is to be called.
    """

    def __init__(self, analysers: Iterable[Analyser]) -> None:
        among = tuple(analysers)
        self._readers = [each for each in among if isinstance(each, FileAnalyser)]
        self._shelves = {each.name: _Shelf(each.name) for each in among}
        self._collectors: dict[str, Collector] = {}
        self.interest = Interest(self._readers)
        for each in among:
            if isinstance(each, LayerAnalyser):
                self._begin(each)
        self.observes = bool(self._collectors)

    def wants(self, path: bytes) -> bool:
        """Whether an analyser wants the file at ``path``, were it small enough."""
        return path in self.interest and bool(self._wanting(path))

    def asks_for(self, name: bytes, size: int) -> bool:
        """Whether the file stored as ``name`` is to be read; what is too large for an analyser is noted."""
        path = normalise(name)
        is_wanted = False
        for reader in self._wanting(path):
            if size <= reader.max_bytes:
                is_wanted = True
            else:
                detail = f"{size} bytes, of which at most {reader.max_bytes} are read"
                self._shelves[reader.name].renew(path).problem("too_large", detail, path)
        return is_wanted

    def file(self, path: bytes, content: bytes) -> None:
        """Show a file that was asked for to the analysers that want it."""
        for reader in self._wanting(path):
            if len(content) <= reader.max_bytes:
                self._shelves[reader.name].renew(path).fill(partial(reader.analyse, path, content), path)

    def forget(self, path: bytes) -> None:
        """Drop what was found in a file whose path another content has now."""
        for shelf in self._shelves.values():
            shelf.renew(path)

    def entries(self, rows: Sequence[Entry]) -> None:
        """Show rows to the analysers that look at rows; one that breaks off is not asked again."""
        for name, collector in tuple(self._collectors.items()):
            try:
                collector.entries(rows)
            except Exception as error:  # noqa: BLE001 - somebody else's code
                self._shelves[name].failure(error)
                del self._collectors[name]

    def interrupt(self, why: str) -> None:
        """Note for every analyser that the layer was not read to its end."""
        for shelf in self._shelves.values():
            shelf.problem("interrupted", why)

    def finish(self) -> dict[str, list[msgspec.Raw]]:
        """The findings of each analyser, encoded."""
        for name, collector in self._collectors.items():
            self._shelves[name].fill(collector.result)
        return {name: shelf.findings for name, shelf in sorted(self._shelves.items())}

    def _begin(self, analyser: LayerAnalyser) -> None:
        try:
            self._collectors[analyser.name] = analyser.begin()
        except Exception as error:  # noqa: BLE001 - somebody else's code
            self._shelves[analyser.name].failure(error)

    def _wanting(self, path: bytes) -> list[FileAnalyser]:
        """The analysers that want a file; one that breaks off over its path is not asked again."""
        wanting = []
        for reader in tuple(self._readers):
            try:
                if reader.wants(path):
                    wanting.append(reader)
            except Exception as error:  # noqa: BLE001 - somebody else's code
                self._shelves[reader.name].failure(error, path)
                self._readers.remove(reader)
        return wanting


class _Shelf:
    """The findings of one analyser: valid ones, as many as fit, of each path those of its last entry."""

    def __init__(self, analyser: str) -> None:
        self._analyser = analyser
        self._bytes_left = _MAX_BYTES
        self._is_full = False
        self._found: dict[bytes | None, list[msgspec.Raw]] = {}

    @property
    def findings(self) -> list[msgspec.Raw]:
        """All of them, in the order of the entries; what is of no single file comes where it was found."""
        return [finding for found in self._found.values() for finding in found]

    def renew(self, path: bytes) -> Self:
        """Forget what an earlier entry of the same path held."""
        forgotten = self._found.pop(path, ())
        if not self._is_full:
            self._bytes_left += sum(map(len, forgotten))
        return self

    def fill(self, find: Callable[[], Iterable[Finding]], path: bytes | None = None) -> None:
        """Keep what an analyser finds, in a file with its path, until it ends or breaks off."""
        origin = {"analyser": self._analyser} if path is None else self._origin(path)
        try:
            for finding in find():
                self._put({**origin, **finding, **origin}, path)
                if self._is_full:
                    break
        except MalformedFileError as error:
            self.problem("malformed", str(error), path)
        except Exception as error:  # noqa: BLE001 - somebody else's code, on somebody else's bytes
            self.failure(error, path)

    def problem(self, reason: str, detail: str, path: bytes | None = None) -> None:
        """Keep that something was not to be found."""
        text = text_of(path) if path is not None else ""
        problem = Problem(analyser=self._analyser, path=text, reason=reason, detail=detail[:_MAX_DETAIL])
        self._keep(encode(problem), path)

    def failure(self, error: Exception, path: bytes | None = None) -> None:
        """Keep that the analyser broke off, which is its own fault."""
        log.debug("analyser_failed", extra={"analyser": self._analyser}, exc_info=error)
        self.problem("failed", f"{type(error).__name__}: {error}", path)

    def _put(self, finding: Finding, path: bytes | None) -> None:
        try:
            encoded = _encoded(finding)
        except (TypeError, ValueError) as error:
            self.problem("invalid", str(error), path)
        else:
            self._keep(encoded, path)

    def _origin(self, path: bytes) -> Finding:
        return {"analyser": self._analyser, "path": text_of(path)}

    def _keep(self, encoded: bytes, path: bytes | None) -> None:
        if self._is_full:
            return
        self._bytes_left -= len(encoded)
        self._is_full = self._bytes_left < 0
        if self._is_full:  # of no file, which may come again
            path = None
            encoded = encode(Problem(analyser=self._analyser, reason="limit", detail=f"{_MAX_BYTES} bytes"))
        self._found.setdefault(path, []).append(msgspec.Raw(encoded))


def _encoded(finding: Finding) -> bytes:
    """The JSON of a finding; ``ValueError`` if it lacks what its kind must have, or is too large."""
    kind = KINDS.get(finding.get("kind", ""))
    if kind is not None:
        msgspec.convert(finding, kind)
    encoded = encode(finding)
    if len(encoded) > _MAX_FINDING_BYTES:
        raise ValueError(f"a finding of {len(encoded)} bytes, more than {_MAX_FINDING_BYTES}")
    return encoded

"""A list of image names in a file, one per line: ``name``, ``name:tag``, ``name@digest``, ``host/name``.

Text after ``#`` at the beginning of a line or after a blank is a comment. A line that is no reference
is listed too, as it is: it becomes a repository that nobody can pull, and the list goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from typing import TYPE_CHECKING, NamedTuple

from corpus.records import RepositoryRecord
from hubcrawl.sources import Listing
from hubcrawl.sources.lines import Line, LineSplitter, read_chunks, read_lines, unreadable
from hubcrawl.texts import as_name
from registry.errors import ConfigurationError
from registry.names import hub_repository, parse_reference

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# Names a page: a checkpoint every 1,000 names costs little, and little is read twice after a kill.
PAGE_LINES = 1000

# Registries that follow Docker Hub's rule for names without a slash.
_HUBS = frozenset({"docker.io", "sample"})

# Docker's clients take this older name for the same registry (distribution/reference, legacyDefaultDomain).
_OLD_HUB = "index.docker.io"

_COMMENT = re.compile(r"(?:^|\s)#")
_BYTE_ORDER_MARK = "\ufeff"


class Entry(NamedTuple):
    """One line of a list: the registry it names, if it names one, and the repository."""

    registry: str | None
    record: RepositoryRecord


class Survey(NamedTuple):
    """What a list is, as a whole.

    Attributes:
        edition: The first 12 hexadecimal digits of its sha256: an edited list is another listing.
        registries: Every registry it names, in order of appearance; ``None`` where a line names none.
    """

    edition: str
    registries: tuple[str | None, ...]


class ListFile:
    """The names of one registry in a list; the cursor is the byte offset at which a page begins."""

    def __init__(
        self, path: Path, registry_name: str, *, default: bool, edition: str, page_lines: int = PAGE_LINES
    ) -> None:
        """The list at ``path``.

        Args:
            path: A regular file.
            registry_name: The registry whose names are listed.
            default: Whether lines that name no registry (or nothing at all) belong to this one.
            edition: That of the :class:`Survey`.
            page_lines: Lines per page.
        """
        self.name = f"{registry_name} list {path.name} {edition}"
        self.registry = registry_name
        self._path = path
        self._default = default
        self._page_lines = page_lines

    def first_cursors(self) -> tuple[str, ...]:
        """The beginning of the file."""
        return ("0",)

    def after_failure(self, cursor: str) -> tuple[str, ...]:  # noqa: ARG002 - of the protocol
        """Nothing: a file that cannot be read at one place cannot be read at the next."""
        return ()

    async def read(self, cursor: str) -> Listing:
        """Read the next lines; those of other registries are passed over."""
        lines = await read_lines(self._path, int(cursor), self._page_lines)
        records = tuple(self._records(lines))
        goes_on = len(lines) == self._page_lines
        return Listing(self._path.resolve().as_uri(), records, (str(lines[-1].end),) if goes_on else ())

    def _records(self, lines: Iterable[Line]) -> Iterable[RepositoryRecord]:
        for line in lines:
            entry = parse_line(line.data, default=self.registry if self._default else None)
            if entry is not None and entry.registry == self.registry:
                yield entry.record


def parse_line(line: bytes, default: str | None) -> Entry | None:
    """What a line says; ``None`` if that is nothing.

    Args:
        line: Its bytes; those that are not UTF-8 are escaped.
        default: The registry of lines that name none.
    """
    text = line.decode("utf-8", "backslashreplace").removeprefix(_BYTE_ORDER_MARK)
    text = _COMMENT.split(text, maxsplit=1)[0].strip()
    if not text:
        return None
    try:
        reference = parse_reference(text)
    except ValueError:
        return Entry(default, RepositoryRecord(name=as_name(text)))
    registry = "docker.io" if reference.registry == _OLD_HUB else reference.registry or default
    name = hub_repository(reference.repository) if registry in _HUBS else reference.repository
    return Entry(registry, RepositoryRecord(name=name, reference=reference.digest or reference.tag))


async def survey(path: Path) -> Survey:
    """Read a list once; ``ConfigurationError`` if it cannot be read."""
    try:
        is_there = await asyncio.to_thread(path.is_file)
    except OSError as error:
        raise unreadable(path, error) from error
    if not is_there:
        raise ConfigurationError(f"there is no list {path}: name a text file with one image name per line")
    sha256 = hashlib.sha256()
    registries: dict[str | None, None] = {}
    splitter = LineSplitter()
    async for chunk in read_chunks(path):
        sha256.update(chunk)
        registries.update(_registries(splitter.feed(chunk)))
    registries.update(_registries(splitter.finish()))
    return Survey(sha256.hexdigest()[:12], tuple(registries))


def _registries(lines: Iterable[Line]) -> dict[str | None, None]:
    entries = (parse_line(line.data, default=None) for line in lines)
    return dict.fromkeys(entry.registry for entry in entries if entry is not None)


async def sources_of(path: Path, default: str, page_lines: int = PAGE_LINES) -> tuple[ListFile, ...]:
    """The sources in a list, one per registry it names, in order of appearance.

    Args:
        path: The list.
        default: The registry of lines that name none.
        page_lines: Lines per page.

    Raises:
        ConfigurationError: The list cannot be read, or it holds no name.
    """
    edition, registries = await survey(path)
    if not registries:
        raise ConfigurationError(f"the list {path} holds no image name: write one per line")
    names = dict.fromkeys(registry or default for registry in registries)
    return tuple(
        ListFile(path, name, default=name == default, edition=edition, page_lines=page_lines)
        for name in names
    )

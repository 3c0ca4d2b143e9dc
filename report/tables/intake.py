"""From profiles to lines of JSON that DuckDB reads: the rows of files as they are, without looking into them.

A line of a profile begins with ``{"path":`` and is a JSON object, in which there is no line feed: putting the
number of its layer before the path is a replacement of bytes.
"""

from __future__ import annotations

import io
import re
from itertools import chain
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, Self

import msgspec
import zstandard

from corpus.profiles import (
    LAYER_VERSION,
    LayerSummary,
    Package,
    ProfileError,
    iter_directories,
    iter_entries,
    read_findings,
    read_image_profile,
)
from corpus.profiles.image import IMAGE_VERSION, HistoryRow, ImageProfile
from registry.digests import Digest
from report.tables import moments
from report.tables.contents import DISTINCT_IMAGES, IMAGE_LAYERS, LAYERS, PACKAGES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from corpus.layout import Layout

# Small enough for the caches of a processor: a sixth faster than 4 MiB (measured).
_BLOCK_BYTES = 256 << 10
# The summary of a layer is below 4 KB; its media type comes from a manifest, which is bounded by 4 MiB.
_HEAD_BYTES = 8 << 20

_MIN_INT64, _MAX_INT64 = -(2**63), 2**63 - 1

_ENTRIES = b',"entries":['
_DIRECTORIES = b'\n],"directories":['
_END = b"\n]}\n"
_ROW = b'\n{"path":'
_NEXT_ROW = b',\n{"path":'
# Rows that may be those of paths that came before; which are is looked at afterwards.
_DUPLICATE = re.compile(rb'\n[^\n]*"duplicate"[^\n]*')


class Profiled(NamedTuple):
    """A profile as the catalog knows it: which, when it was made, and by which analysers."""

    digest: str
    profiled_at: str
    analysers: str = ""

    @property
    def key(self) -> str:
        """Another text for another profile."""
        return f"{self.digest} {self.profiled_at} {self.analysers}"


class OutdatedError(Exception):
    """A profile of another version of its format than today's."""


class Lines:
    """Files of JSON lines in one folder, by the name of what they hold.

    As a context manager it closes them; their folder is the caller's.
    """

    def __init__(self, folder: Path, names: Iterable[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.paths = {name: folder / f"{name}.json" for name in names}
        self._files: dict[str, BinaryIO] = {name: path.open("wb") for name, path in self.paths.items()}

    def __getitem__(self, name: str) -> BinaryIO:
        return self._files[name]

    def rows(self, name: str, rows: Iterable[Mapping[str, object]]) -> None:
        """Append rows."""
        self._files[name].write(_encode(rows))

    def ends(self) -> dict[str, int]:
        """Where each file ends now, in bytes."""
        return {name: file.tell() for name, file in self._files.items()}

    def cut(self, ends: Mapping[str, int]) -> None:
        """Let each file end where it did once."""
        for name, file in self._files.items():
            file.seek(ends[name])
            file.truncate()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            file.close()


class LayerIntake:
    """Takes in the profiles of layers, one by one.

    Attributes:
        rows: Rows of files and directories so far.
        files: Those of files.
    """

    NAMES = ("layers", "files", "directories", "packages", "duplicates")

    def __init__(self, layout: Layout, lines: Lines) -> None:
        self._layout = layout
        self._lines = lines
        self._number = 0
        self.rows = 0
        self.files = 0

    def take(self, profiled: Profiled) -> None:
        """Append the rows of one layer: all of them, or none where it raises.

        Raises:
            OutdatedError: It is of another version.
            ProfileError: It is no profile, or a damaged one.
            OSError: It is not there, or the disk.
        """
        ends = self._lines.ends()
        try:
            self._take(profiled)
        except zstandard.ZstdError as error:
            self._lines.cut(ends)
            raise ProfileError(f"the profile of {profiled.digest} is corrupt: {error}") from error
        except BaseException:
            self._lines.cut(ends)
            raise
        self._number += 1

    def _take(self, profiled: Profiled) -> None:
        digest = Digest.parse(profiled.digest)
        with self._layout.layer_profile(digest).open("rb") as file:
            stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
            reader = io.BufferedReader(stream, _BLOCK_BYTES)
            summary = _summary(reader.readline(_HEAD_BYTES))
            entries = self._copy(reader, summary)
        row = LAYERS.row_of(
            summary,
            layer=profiled.digest,
            analysers=profiled.analysers,
            profiled_at=profiled.profiled_at,
        )
        self._lines.rows("layers", [{"number": self._number, **row}])
        self._lines.rows("packages", self._packages(digest, profiled))
        self.files += entries
        self.rows += entries + summary.counts.directories + 1

    def _copy(self, reader: BinaryIO, summary: LayerSummary) -> int:
        """Copy the rows of both tables; returns how many entries there are."""
        has_duplicates = summary.counts.duplicate_entries > 0
        entries = 0
        table = "files"
        for block, is_last in _blocks(reader):
            numbered = block.replace(_NEXT_ROW, b'\n{"number":%d,"path":' % self._number)
            self._lines[table].write(numbered)
            if table == "files":
                entries += numbered.count(b"\n")
                if has_duplicates:
                    self._lines["duplicates"].write(b"".join(_DUPLICATE.findall(numbered)))
            if is_last:
                table = "directories"
        if entries != summary.counts.entries:
            raise ProfileError(f"{entries} entries, where {summary.counts.entries} should be")
        return entries

    def _packages(self, digest: Digest, profiled: Profiled) -> Iterator[dict[str, object]]:
        path = self._layout.findings(digest)
        if profiled.analysers and path.exists():
            for package in read_findings(path).of_kind(Package):
                yield PACKAGES.row_of(package, layer=profiled.digest)


class ImageIntake:
    """Takes in the profiles of images, one by one.

    Attributes:
        rows: Images so far.
    """

    NAMES = ("distinct_images", "image_layers")

    def __init__(self, layout: Layout, lines: Lines) -> None:
        self._layout = layout
        self._lines = lines
        self.rows = 0
        self.files = 0

    def take(self, profiled: Profiled) -> None:
        """Append the rows of one image.

        Raises:
            OutdatedError: It is of another version.
            ProfileError: It is no profile, or a damaged one.
            OSError: It is not there, or the disk.
        """
        profile = read_image_profile(self._layout.image_profile(Digest.parse(profiled.digest)))
        if profile.version != IMAGE_VERSION:
            raise OutdatedError
        row = DISTINCT_IMAGES.row_of(
            profile,
            manifest_digest=profiled.digest,
            created_at=moments.of_text(profile.created),
            packages=None if profile.merged is None else len(profile.packages),
            history_steps=len(profile.history),
            profiled_at=profiled.profiled_at,
        )
        self._lines.rows("distinct_images", [row])
        self._lines.rows("image_layers", _image_layers(profiled.digest, profile))
        self.rows += 1


def examine_layer(layout: Layout, profiled: Profiled) -> None:
    """Decode every row of a layer profile.

    Raises:
        ProfileError: One is not what it should be.
    """
    path = layout.layer_profile(Digest.parse(profiled.digest))
    for row in chain(iter_entries(path), iter_directories(path)):
        numbers = [value for value in msgspec.structs.astuple(row) if isinstance(value, int)]
        if any(not _MIN_INT64 <= number <= _MAX_INT64 for number in numbers):
            raise ProfileError("a number of more than 64 bits")


def examine_image(layout: Layout, profiled: Profiled) -> None:
    """The same for an image profile."""
    read_image_profile(layout.image_profile(Digest.parse(profiled.digest)))


def _image_layers(manifest: str, profile: ImageProfile) -> Iterator[dict[str, object]]:
    steps = {step.layer: step for step in profile.history if step.layer is not None}
    for position, layer in enumerate(profile.layers):
        step = steps.get(position, HistoryRow())
        yield IMAGE_LAYERS.row_of(
            layer,
            manifest_digest=manifest,
            position=position,
            layer=layer.digest,
            created_by=step.created_by,
            created_at=moments.of_text(step.created),
        )


def _summary(line: bytes) -> LayerSummary:
    """The summary in the first line of a profile."""
    head = line.rstrip(b"\n")
    if not head.endswith(_ENTRIES):
        raise ProfileError("not a layer profile: its first line has no summary")
    document = head.removesuffix(_ENTRIES) + b"}"
    try:
        if msgspec.json.decode(document, type=_Version).version != LAYER_VERSION:
            raise OutdatedError
        return msgspec.json.decode(document, type=LayerSummary)
    except msgspec.DecodeError as error:
        raise ProfileError(f"not a LayerSummary: {error}") from error


class _Version(msgspec.Struct):
    version: int


def _blocks(reader: BinaryIO) -> Iterator[tuple[bytes, bool]]:
    r"""The rows of both tables in blocks of whole lines, and whether a block ends its table.

    Each line begins with ``,\n`` and has nothing behind it.
    """
    rest = b"\n"  # the line feed that ended the first line
    for end in (_DIRECTORIES, _END):
        table = rest
        while (at := table.find(end)) < 0:
            piece = reader.read(_BLOCK_BYTES)
            if not piece:
                raise ProfileError("the profile is truncated")
            table += piece
            cut = table.rfind(_NEXT_ROW)
            if cut > 0 and table.find(end) < 0:
                yield _led(table[:cut]), False
                table = table[cut:]
        yield _led(table[:at]), True
        rest = table[at + len(end) :]


def _led(block: bytes) -> bytes:
    """A block whose first line, too, begins with a comma."""
    return b"," + block if block.startswith(_ROW) else block


def _encode(rows: Iterable[Mapping[str, object]]) -> bytes:
    return msgspec.json.Encoder().encode_lines(rows)

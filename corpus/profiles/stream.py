"""Writing and reading profiles as a stream, in constant memory.

A profile file is one JSON document, compressed with zstd, laid out in lines::

    {"format":"hubcrawl.layer-profile", ... every field but the rows ... ,"entries":[
    {"path":"bin","kind":"directory", ...},
    {"path":"bin/sh","kind":"symlink", ...}
    ],"directories":[
    {"path":"","depth":0, ...}
    ]}

The first line is a zstd frame of its own. The rows are written first, into an anonymous spool, because
the summary is known last; the file is then the summary's frame followed by the rows' frame. A
reader of summaries therefore stops after one line.
"""

from __future__ import annotations

import io
import json
import re
import shutil
import tempfile
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Self, TypeVar

import msgspec
import zstandard

from corpus.durability import sync
from corpus.profiles.image import ImageProfile
from corpus.profiles.layer import Directory, Entry, LayerProfile, LayerSummary

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

Row = TypeVar("Row", bound=msgspec.Struct)

# On rows, which are mostly digests, this is a fifth faster than level 1 and no larger, and three times as
# fast as level 3 (measured): there is little to be found, and nothing far back.
_PARAMETERS = zstandard.ZstdCompressionParameters(
    strategy=zstandard.STRATEGY_FAST,
    window_log=17,
    hash_log=12,
    chain_log=6,
    search_log=1,
    min_match=7,
    write_checksum=True,
)
# The compressor is given pieces of exactly this size: its output does not depend on how the rows came.
_PIECE_BYTES = 64 * 1024
# Rows of directories are encoded together, as those of entries are.
_BATCH_ROWS = 256
# A spool below this size stays in memory: most layers have fewer than a hundred entries.
_SPOOL_BYTES = 1024 * 1024

_SURROGATE = re.compile("[\ud800-\udfff]")

_ENTRIES = b'"entries":['
_DIRECTORIES = b'"directories":['


class ProfileError(Exception):
    """A profile file that is not what it should be: truncated, corrupt, or of another format."""


class LayerProfileWriter:
    """Writes one layer profile: entries, then directories, then :meth:`finish` with the summary.

    The file appears under its temporary name only in :meth:`finish`; :func:`commit` gives it its own.
    As a context manager it frees the spool.
    """

    def __init__(self, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        self.target = target
        self._spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES, dir=str(target.parent))  # noqa: SIM115 - closed by __exit__
        self._compressor = _compressor().compressobj()
        self._encode = msgspec.json.Encoder().encode_lines
        self._text = bytearray()
        self._separator = b"\n"

    def entries(self, rows: Sequence[Entry | Directory]) -> None:
        """Append rows to the current table; many at once cost much less than one by one."""
        if not rows:
            return
        self._text += self._separator
        self._separator = b",\n"
        # Within a row a line never ends: JSON has no line feed in a text.
        self._text += self._encode(rows)[:-1].replace(b"\n", b",\n")
        if len(self._text) >= _PIECE_BYTES:
            self._flush(len(self._text) // _PIECE_BYTES * _PIECE_BYTES)

    def directories(self, rows: Iterable[Directory]) -> None:
        """End the table of entries and write that of directories."""
        self._text += b"\n]," + _DIRECTORIES
        self._separator = b"\n"
        source = iter(rows)
        while batch := list(islice(source, _BATCH_ROWS)):
            self.entries(batch)

    def finish(self, summary: LayerSummary) -> Path:
        """Write the file under a temporary name beside its target, read it back, and return that name.

        Raises:
            ProfileError: What was written does not read back.
            OSError: The disk.
        """
        self._text += b"\n]}\n"
        self._flush(len(self._text))
        self._spool.write(self._compressor.flush())
        self._spool.seek(0)
        temporary = temporary_name(self.target)
        with temporary.open("wb") as file:
            file.write(_compressor().compress(encode(summary)[:-1] + b"," + _ENTRIES))
            shutil.copyfileobj(self._spool, file)
        _verify(temporary)
        return temporary

    def _flush(self, size: int) -> None:
        """Compress the first ``size`` bytes of what is to be written."""
        with memoryview(self._text) as text:
            for start in range(0, size, _PIECE_BYTES):
                self._spool.write(self._compressor.compress(text[start : min(start + _PIECE_BYTES, size)]))
        del self._text[:size]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()


def write_image_profile(profile: ImageProfile, target: Path) -> Path:
    """Write an image profile under a temporary name beside ``target`` and return that name."""
    return write_document(profile, target)


def write_document(document: msgspec.Struct, target: Path) -> Path:
    """Write a document without rows under a temporary name beside ``target`` and return that name."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(target)
    temporary.write_bytes(_compressor().compress(encode(document) + b"\n"))
    _verify(temporary)
    return temporary


def temporary_name(target: Path) -> Path:
    """Where ``target`` is written first. It is always the same, so that nothing piles up after a crash."""
    return target.with_name(target.name + ".partial")


def commit(targets: Iterable[Path]) -> None:
    """Give finished profiles their own names, durably; syncs are shared by the whole batch.

    The bytes reach the disk before the name does, so that a profile under its own name is whole.
    """
    finished = list(targets)
    sync(temporary_name(target) for target in finished)
    for target in finished:
        temporary_name(target).replace(target)
    sync(finished)


def read_summary(path: Path) -> LayerSummary:
    """The summary of a layer profile: reads the first line only."""
    with _lines(path) as lines:
        return _summary(lines)


def iter_entries(path: Path) -> Iterator[Entry]:
    """The entries of a layer profile, in order, one at a time."""
    with _lines(path) as lines:
        _summary(lines)
        yield from _rows(lines, Entry, b"]," + _DIRECTORIES)


def iter_directories(path: Path) -> Iterator[Directory]:
    """The directories of a layer profile, ordered by path, one at a time."""
    with _lines(path) as lines:
        for line in lines:
            if line == b"]," + _DIRECTORIES:
                break
        yield from _rows(lines, Directory, b"]}")


def read_layer_profile(path: Path) -> LayerProfile:
    """A whole layer profile in memory; for small layers and tests."""
    return _decode(_read(path), LayerProfile)


def read_image_profile(path: Path) -> ImageProfile:
    """A whole image profile."""
    return read_document(path, ImageProfile)


def read_document(path: Path, kind: type[Row]) -> Row:
    """A whole document of ``kind``."""
    return _decode(_read(path), kind)


def encode(document: object) -> bytes:
    """The JSON of a document; half a character, which JSON may name and UTF-8 cannot hold, is spelled."""
    try:
        return msgspec.json.encode(document)
    except UnicodeEncodeError:
        text = json.dumps(msgspec.to_builtins(document), ensure_ascii=False, separators=(",", ":"))
        return _SURROGATE.sub(lambda half: f"\\\\u{ord(half[0]):04x}", text).encode()


def _compressor() -> zstandard.ZstdCompressor:
    return zstandard.ZstdCompressor(compression_params=_PARAMETERS)


def _verify(path: Path) -> None:
    """Read a file back: every frame's checksum is checked, and the document must reach its end."""
    tail = b""
    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        try:
            while piece := stream.read(_SPOOL_BYTES):
                tail = piece[-2:]
        except zstandard.ZstdError as error:
            raise ProfileError(f"{path.name} does not read back: {error}") from error
    if tail != b"}\n":
        raise ProfileError(f"{path.name} does not read back to its end")


@contextmanager
def _lines(path: Path) -> Iterator[Iterator[bytes]]:
    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        try:
            yield (line.rstrip(b"\n") for line in io.BufferedReader(stream, _PIECE_BYTES))
        except zstandard.ZstdError as error:
            raise ProfileError(f"{path.name} is corrupt: {error}") from error


def _read(path: Path) -> bytes:
    with _lines(path) as lines:
        return b"".join(lines)


def _summary(lines: Iterator[bytes]) -> LayerSummary:
    head = next(lines, b"")
    if not head.endswith(b"," + _ENTRIES):
        raise ProfileError("not a layer profile: its first line has no summary")
    return _decode(head.removesuffix(b"," + _ENTRIES) + b"}", LayerSummary)


def _rows(lines: Iterator[bytes], kind: type[Row], end: bytes) -> Iterator[Row]:
    decoder = msgspec.json.Decoder(kind)
    for line in lines:
        if line == end:
            return
        try:
            row = decoder.decode(line.removesuffix(b","))
        except msgspec.DecodeError as error:
            raise ProfileError(f"not a row of a profile: {error}") from error
        yield row
    raise ProfileError("the profile is truncated")


def _decode(data: bytes, kind: type[Row]) -> Row:
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError as error:
        raise ProfileError(f"not a {kind.__name__}: {error}") from error

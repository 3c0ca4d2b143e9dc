"""What wrote a layer's compressed data: guessed where the bytes tell, unknown where they do not."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import random
import shutil
import subprocess
import tarfile
import zlib
from typing import TYPE_CHECKING

import pytest
import zstandard

from analyzer.layers.blob import Blob
from analyzer.layers.inflate import Inflater
from analyzer.layers.producers import of_gzip_member, of_zstd_header
from analyzer.settings import LayerLimits
from corpus.profiles.layer import LayerStatus, Producer, Seekable
from registry.digests import Digest
from tests.analyzer.seekables import go_gzip, python_gzip

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.analyzer.conftest import Profile

RANDOM = random.Random(1)  # noqa: S311 - a text that compresses to something, not a secret
TEXT = bytes(RANDOM.choices(b"abcdefgh \n", k=300_000))
YEAR_ONE = 0x886E0900  # base64 of a header with it begins with H4sIAAAJbogA


def _producer(path: Path, blob: bytes) -> Producer | None:
    path.write_bytes(blob)
    with path.open("rb") as file:
        inflater = Inflater(Blob(file, Digest.of(blob)), LayerLimits())
        for _ in inflater.windows():
            pass
        return inflater.producer()


def _zlib(data: bytes, level: int = 6, *, every: int = 0) -> bytes:
    """A member as zlib writes it, flushed every so many bytes (as pigz does)."""
    compressor = zlib.compressobj(level, wbits=31)
    pieces = [data] if not every else [data[start : start + every] for start in range(0, len(data), every)]
    body = [
        compressor.compress(piece) + (compressor.flush(zlib.Z_SYNC_FLUSH) if every else b"")
        for piece in pieces
    ]
    return b"".join(body) + compressor.flush()


def _tarfile(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open("layer.tar.gz", "w:gz", fileobj=buffer) as archive:
        archive.addfile(tarfile.TarInfo("name"), io.BytesIO(data))
    return buffer.getvalue()


WRITERS: dict[str, tuple[Callable[[bytes], bytes], Producer | None]] = {
    "go": (go_gzip, Producer.GO),
    "go before 1.8": (lambda data: go_gzip(data, mtime=YEAR_ONE), Producer.GO),
    "go with a time": (lambda data: go_gzip(data, mtime=1700000000), Producer.GO),
    "pgzip": (lambda data: go_gzip(data, is_flushed=True), Producer.PGZIP),
    "zlib": (_zlib, Producer.GZIP),
    "zlib, best": (lambda data: _zlib(data, 9), Producer.GZIP),
    "pigz": (lambda data: _zlib(data, every=128 * 1024), Producer.PIGZ),
    "python": (python_gzip, Producer.PYTHON),
    "python, named": (lambda data: python_gzip(data, "layer.tar"), Producer.PYTHON),
    "tarfile": (_tarfile, Producer.PYTHON),
    "java": (lambda data: _headed(b"\x1f\x8b\x08\0\0\0\0\0\0\0", data), Producer.JAVA),
    "flate2, libdeflate, java 16": (
        lambda data: _headed(b"\x1f\x8b\x08\0\0\0\0\0\0\xff", data),
        Producer.UNKNOWN,
    ),
    "windows": (lambda data: _headed(b"\x1f\x8b\x08\0\0\0\0\0\0\x0b", data), Producer.UNKNOWN),
    "zstd, a stream": (lambda data: _zstd_stream(data, 3), Producer.LIBZSTD),
    "zstd, a stream, level 12": (lambda data: _zstd_stream(data, 12), Producer.UNKNOWN),
    "zstd, of known size": (zstandard.compress, Producer.UNKNOWN),
    "bzip2": (bz2.compress, None),
    "plain": (bytes, None),
}


def _headed(header: bytes, data: bytes) -> bytes:
    return header + _zlib(data)[10:]


def _zstd_stream(data: bytes, level: int) -> bytes:
    compressor = zstandard.ZstdCompressor(level, write_checksum=True).compressobj()
    return compressor.compress(data) + compressor.flush()


@pytest.mark.parametrize("writer", WRITERS)
def test_writers_are_told_by_their_habits(tmp_path: Path, writer: str) -> None:
    """Each writer leaves what only its family leaves; several that write alike stay unknown."""
    compress, producer = WRITERS[writer]
    assert _producer(tmp_path / "blob", compress(TEXT)) is producer


@pytest.mark.parametrize("is_flushed", [False, True])
def test_the_imitation_of_go_is_gzip(*, is_flushed: bool) -> None:
    """What these tests take for Go's can be read by everybody."""
    assert gzip.decompress(go_gzip(TEXT, is_flushed=is_flushed)) == TEXT


@pytest.mark.parametrize(
    ("descriptor", "window", "producer"),
    [
        (0x04, 9 << 3, Producer.LIBZSTD),
        (0x00, 11 << 3, Producer.LIBZSTD),
        (0x04, 12 << 3, Producer.UNKNOWN),
        (0x04, 13 << 3, Producer.GO_ZSTD),
        (0x04, 15 << 3, Producer.GO_ZSTD),
        (0x00, 13 << 3, Producer.UNKNOWN),
        (0x04, 17 << 3, Producer.UNKNOWN),
        (0x24, 0x55, Producer.UNKNOWN),
    ],
)
def test_only_a_zstd_stream_of_unknown_size_tells(descriptor: int, window: int, producer: Producer) -> None:
    """The window of such a frame is that of a level; with a size it fits the size, and says nothing."""
    assert of_zstd_header(b"\x28\xb5\x2f\xfd" + bytes([descriptor, window])) is producer
    assert of_zstd_header(b"\x28\xb5\x2f\xfd" + bytes([descriptor])) is Producer.UNKNOWN


def test_a_member_without_end_tells_by_its_header_alone(tmp_path: Path) -> None:
    """Of a blob that is cut the header remains, which old versions of Go are known by."""
    for blob, producer in ((go_gzip(TEXT, mtime=YEAR_ONE), Producer.GO), (go_gzip(TEXT), Producer.UNKNOWN)):
        path = tmp_path / "blob"
        path.write_bytes(blob[:5000])
        with path.open("rb") as file:
            inflater = Inflater(Blob(file, Digest.of(blob)), LayerLimits())
            with pytest.raises(Exception, match="truncated"):
                list(inflater.windows())
            assert inflater.producer() is producer
    assert of_gzip_member(b"\x1f\x8b\x08\0" + bytes(4) + b"\0\x03", b"") is Producer.GZIP


REAL = {
    "gzip": (["gzip"], Producer.GZIP),
    "gzip -9": (["gzip", "-9"], Producer.GZIP),
    "gzip --rsyncable": (["gzip", "--rsyncable"], Producer.PIGZ),
    "zstd": (["zstd"], Producer.LIBZSTD),
    "zstd -1": (["zstd", "-1"], Producer.LIBZSTD),
    "zstd -9": (["zstd", "-9"], Producer.UNKNOWN),
}


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_real_programs_are_told(tmp_path: Path, name: str) -> None:
    """The programs of Debian are what they are taken for."""
    command, producer = REAL[name]
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed (make real-parts)")
    blob = subprocess.run(command, input=TEXT, capture_output=True, check=True).stdout
    assert _producer(tmp_path / "blob", blob) is producer


@pytest.mark.real
@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "producer", "seekable"),
    [
        ("gzip", Producer.PGZIP, None),
        ("zstd", Producer.GO_ZSTD, None),
        ("zstd:chunked", Producer.UNKNOWN, Seekable.ZSTD_CHUNKED),
    ],
)
def test_skopeo_is_told(
    profile: Profile, tmp_path: Path, form: str, producer: Producer, seekable: Seekable | None
) -> None:
    """Skopeo compresses with pgzip and klauspost's zstd, and its table of contents agrees with its tar."""
    if shutil.which("skopeo") is None:
        pytest.skip("skopeo is not installed (make real-parts)")
    source, target = tmp_path / "source", tmp_path / "target"
    _write_image(source)
    command = ["skopeo", "--insecure-policy", "copy", "-q", "--dest-compress-format", form]
    subprocess.run([*command, f"dir:{source}", f"oci:{target}:latest"], check=True)
    layer = max((target / "blobs" / "sha256").iterdir(), key=lambda path: path.stat().st_size)
    found = profile(layer.read_bytes())
    assert (found.status, found.producer, found.seekable) == (LayerStatus.COMPLETE, producer, seekable)
    assert (found.toc_entries, found.toc_mismatches) == ((len(found.entries), 0) if seekable else (0, 0))


def _write_image(folder: Path) -> None:
    """An image of one plain layer, as skopeo's ``dir:`` has it."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("one", "two", "three"):
            info = tarfile.TarInfo(name)
            info.size = len(TEXT)
            archive.addfile(info, io.BytesIO(TEXT))
    layer, media = buffer.getvalue(), "application/vnd.oci.image."
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [str(Digest.of(layer))]},
        }
    ).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": media + "manifest.v1+json",
        "config": _descriptor(media + "config.v1+json", config),
        "layers": [_descriptor(media + "layer.v1.tar", layer)],
    }
    folder.mkdir()
    for blob in (layer, config):
        (folder / Digest.of(blob).encoded).write_bytes(blob)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "version").write_text("Directory Transport Version: 1.1\n")


def _descriptor(media_type: str, blob: bytes) -> dict[str, str | int]:
    return {"mediaType": media_type, "digest": str(Digest.of(blob)), "size": len(blob)}

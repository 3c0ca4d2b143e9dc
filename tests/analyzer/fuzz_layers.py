"""A coverage-guided fuzz target over the inflater and the tar reader: ``make fuzz``.

An input is a byte that says how to take the rest, and the rest: as a blob, or as a tar whose check sums are
mended (so that what is behind them is reached) and that is then left plain or compressed. Whatever comes, the
profile must satisfy :mod:`tests.analyzer.invariants`; libFuzzer bounds the time and memory of each input.

Run with the options of libFuzzer, the first folder being where inputs that reach something new are kept; or
with a file, an input to try again::

    python -m tests.analyzer.fuzz_layers -max_total_time=60 FOLDER
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import atheris
import zstandard

with atheris.instrument_imports(include=["analyzer", "corpus.profiles"]):
    from tests.analyzer.invariants import profile_of
    from tests.analyzer.seekables import estargz, zstd_chunked

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_FORMS: tuple[Callable[[bytes], bytes], ...] = (
    bytes,
    lambda tar: bytes(mended(tar)),
    lambda tar: gzip.compress(mended(tar), 1, mtime=0),
    lambda tar: zstandard.compress(mended(tar), 1),
)
_BLOCK = 512
# An input that takes longer, or all of them more memory, is a finding.
_BOUNDS = ("-timeout=5", "-rss_limit_mb=1024", "-max_len=32768")
_CORPORA = os.environ.get("TEST_CORPORA", "../shared/corpora")


def mended(tar: bytes) -> bytes:
    """``tar`` with right check sums in all blocks that are met as headers."""
    raw = bytearray(tar)
    position = 0
    while position + _BLOCK <= len(raw):
        block = raw[position : position + _BLOCK]
        if any(block):
            total = sum(block) - sum(block[148:156]) + 8 * 0x20
            raw[position + 148 : position + 156] = b"%06o\0 " % total
        position += _BLOCK + _padded(bytes(block[124:136]))
    return bytes(raw)


def _padded(size: bytes) -> int:
    try:
        return (max(int(size.strip(b" \0"), 8), 0) + _BLOCK - 1) // _BLOCK * _BLOCK
    except ValueError:
        return 0


def seeds() -> Iterator[bytes]:
    """Inputs to begin with: real archives if they are at hand, and one layer of every form."""
    archives = [path.read_bytes() for path in sorted(Path(_CORPORA, "tar-go").glob("*.tar"))]
    archives += [_tar(form) for form in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)]
    for archive in archives:
        if len(archive) <= 32 << 10:
            yield from (bytes([form]) + archive for form in range(1, len(_FORMS)))
    tar = _tar(tarfile.GNU_FORMAT)
    for compress in (gzip.compress, zstandard.compress, bz2.compress, lzma.compress):
        yield b"\0" + compress(tar)
    files = {"a/": b"", "a/b": b"text" * 99, ".prefetch.landmark": b"\xf0"}
    yield from (b"\0" + layer for layer in (estargz(files), zstd_chunked(files), gzip.compress(tar) * 2))


def _tar(form: int) -> bytes:
    """An archive with an entry of each kind, a long name and whatever the form has besides."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=form, bufsize=_BLOCK, encoding="utf-8") as archive:
        for kind in b"0123456":
            info = tarfile.TarInfo("folder/" * 9 + ".wh.name" * (kind % 2) + chr(kind))
            info.type, info.linkname, info.mtime = bytes([kind]), "../target", 1700000000
            info.pax_headers = {"SCHILY.xattr.user.key": "value", "mtime": "1700000000.25"}
            archive.addfile(info)
        archive.addfile(tarfile.TarInfo("long" * 20 + "/" + "name" * 20))
    return buffer.getvalue()


def main(arguments: list[str]) -> None:
    """Fuzz until the time given to libFuzzer is over; ends the process."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        kept, work = Path(name, "seeds"), Path(name, "work")
        kept.mkdir()
        work.mkdir()
        for number, seed in enumerate(seeds()):
            (kept / f"{number:03}").write_bytes(seed)

        def target(data: bytes) -> None:
            if data:
                profile_of(_FORMS[data[0] % len(_FORMS)](data[1:]), work)

        is_replay = any(Path(argument).is_file() for argument in arguments[1:])
        folders = [] if is_replay else [str(kept)]
        atheris.Setup([arguments[0], *_BOUNDS, *arguments[1:], *folders], target)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv)

"""Layers to measure with: a real one of Debian, and invented ones of very many entries."""

from __future__ import annotations

import gzip
import subprocess
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FILES_PER_DIRECTORY = 100
_DIRECTORIES_PER_PARENT = 50


def debian(parts: Path, folder: Path) -> Path:
    """One gzip layer of a Debian with Python and Node.js: the layers in ``parts``, packed anew as one.

    Names have no leading ``./`` and headers no fractions of seconds, as in the layers that builders write.

    Raises:
        SystemExit: There are no ``parts``.
    """
    if not (parts / "added.tar").exists():
        raise SystemExit("there is no Debian to measure with: `make real-parts` (root) makes one")
    root, layer = folder / "root", folder / "debian.tar.gz"
    root.mkdir()
    for name in ("base.tar", "added.tar"):
        subprocess.run(["tar", "-xf", parts / name, "-C", root], check=True)
    members = sorted(path.name for path in root.iterdir())
    tar = ["tar", "-C", str(root), "--sort=name", "--format=gnu", "-cf", "-", *members]
    with subprocess.Popen(tar, stdout=subprocess.PIPE) as packing, layer.open("wb") as file:
        subprocess.run(["gzip", "-6", "-n"], check=True, stdin=packing.stdout, stdout=file)
    return layer


def invented(path: Path, files: int, size: int) -> Path:
    """A gzip layer of ``files`` text files of ``size`` bytes, each with a content of its own."""
    with gzip.open(path, "wb", compresslevel=1) as file:
        for number in range(files):
            file.write(b"".join(_members(number, size)))
        file.write(bytes(1024))
    return path


def _members(number: int, size: int) -> Iterator[bytes]:
    """The file of that number, behind its directory if it is the first one in it."""
    directory = number // _FILES_PER_DIRECTORY
    name = f"usr/share/part{directory // _DIRECTORIES_PER_PARENT}/{directory}/"
    if not number % _FILES_PER_DIRECTORY:
        yield _header(name, 0, 0o755, b"5", number)
    yield _header(f"{name}file-{number}.txt", size, 0o644, b"0", number)
    content = (b"file %d is of many words, " % number * (size // 20 + 1))[:size]
    yield content + bytes(-size % 512)


def _header(name: str, size: int, mode: int, kind: bytes, number: int) -> bytes:
    """A header as GNU tar writes it; ``tarfile`` takes ten times as long for one."""
    head = b"%s%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        name.encode().ljust(100, b"\0"),
        mode,
        0,
        0,
        size,
        1_500_000_000 + number // 1000,
    )
    names = b"root".ljust(32, b"\0") * 2
    tail = kind + bytes(100) + b"ustar  \0" + names + bytes(183)
    return head + b"%06o\0 " % (sum(head) + 8 * 0x20 + sum(tail)) + tail

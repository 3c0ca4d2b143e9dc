"""Files that hold other files: gzip, bzip2, xz, zip, jar, tar, ar, .deb, and SQLite databases."""

from __future__ import annotations

import bz2
import io
import lzma
import sqlite3
import struct
import tarfile
import zipfile
import zlib
from contextlib import closing
from typing import TYPE_CHECKING

from samplehub.content.binary import java_class, object_file
from samplehub.content.seeds import EPOCH
from samplehub.content.text import text
from samplehub.content.words import WORDS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

_ZIP_DATE = (2023, 11, 14, 22, 13, 20)


def gzipped(data: bytes, level: int = 6) -> bytes:
    """One gzip member without name or time (RFC 1952)."""
    packer = zlib.compressobj(level, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def gzip_file(rng: Random, size: int) -> bytes:
    """A gzipped text."""
    return gzipped(text(rng, size * 3, "text"))


def manual_page(rng: Random, size: int) -> bytes:
    """A gzipped manual page."""
    return gzipped(text(rng, size * 3, "man"))


def bzip2_file(rng: Random, size: int) -> bytes:
    """A bzip2 file."""
    return bz2.compress(text(rng, size * 4, "sql"), 1)


def xz_file(rng: Random, size: int) -> bytes:
    """An xz file."""
    return lzma.compress(text(rng, size * 4, "text"), preset=0)


def tar_bytes(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A ustar archive of ordinary files."""
    with io.BytesIO() as buffer:
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as archive:
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size, info.mtime = len(data), EPOCH
                archive.addfile(info, io.BytesIO(data))
        return buffer.getvalue()


def tar_file(rng: Random, size: int) -> bytes:
    """A tar of a few C sources."""
    return tar_bytes((f"src/{rng.choice(WORDS)}{i}.c", text(rng, size // 4, "c")) for i in range(4))


def tar_gz_file(rng: Random, size: int) -> bytes:
    """A gzipped tar of a few C sources."""
    return gzipped(tar_file(rng, size * 3))


def _zip(members: Iterable[tuple[str, bytes]]) -> bytes:
    with io.BytesIO() as buffer:
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, data in members:
                archive.writestr(zipfile.ZipInfo(name, _ZIP_DATE), data, zipfile.ZIP_DEFLATED)
        return buffer.getvalue()


def zip_file(rng: Random, size: int) -> bytes:
    """A zip of a few texts."""
    return _zip((f"{rng.choice(WORDS)}{i}.txt", text(rng, size, "text")) for i in range(4))


def jar(rng: Random, size: int) -> bytes:
    """A Java archive: manifest first, then classes."""
    classes = [(f"org/{rng.choice(WORDS)}/C{i}.class", java_class(rng, size // 3)) for i in range(6)]
    return _zip([("META-INF/MANIFEST.MF", b"Manifest-Version: 1.0\r\n\r\n"), *classes])


def ar(members: Iterable[tuple[str, bytes]]) -> bytes:
    """A common-format ar archive (ar(5))."""
    parts = [b"!<arch>\n"]
    for name, data in members:
        parts.append(f"{name:<16}{EPOCH:<12}{0:<6}{0:<6}{'100644':<8}{len(data):<10}`\n".encode())
        parts.append(data + b"\n" * (len(data) % 2))
    return b"".join(parts)


def static_library(rng: Random, size: int, arch: str) -> bytes:
    """An ar archive of ELF objects."""
    return ar((f"{rng.choice(WORDS)}{i}.o/", object_file(rng, size // 4, arch)) for i in range(4))


def debian_package(rng: Random, size: int) -> bytes:
    """A .deb (deb(5)): debian-binary, control.tar.gz, data.tar.gz."""
    name = rng.choice(WORDS)
    control = f"Package: {name}\nVersion: 1.{rng.randrange(40)}-1\nArchitecture: all\n".encode()
    data = tar_bytes([(f"./usr/share/doc/{name}/README", text(rng, size * 3, "text"))])
    members = (("control.tar.gz", tar_bytes([("./control", control)])), ("data.tar.gz", data))
    return ar([("debian-binary", b"2.0\n"), *((member, gzipped(tar)) for member, tar in members)])


def sqlite_database(rng: Random, size: int) -> bytes:
    """A SQLite 3 database with a table of about ``size`` bytes."""
    rows = [(i, " ".join(rng.choices(WORDS, k=6))) for i in range(max(1, size // 50))]
    return _sqlite(
        "CREATE TABLE items (id INTEGER PRIMARY KEY, label TEXT)", "INSERT INTO items VALUES (?, ?)", rows
    )


def package_table(headers: Iterable[bytes]) -> bytes:
    """A SQLite 3 database with the main table of rpm's (rpm, ``lib/backend/sqlite.c``)."""
    rows = list(enumerate(headers, start=1))
    return _sqlite(
        "CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)",
        "INSERT INTO Packages VALUES (?, ?)",
        rows,
    )


def _sqlite(create: str, insert: str, rows: Iterable[tuple[object, ...]]) -> bytes:
    """The image of a database with one table.

    Bytes 96 to 99 name the library that wrote it; they are set to one version, so that a file does not
    depend on the machine (SQLite file format, section 1.3).
    """
    with closing(sqlite3.connect(":memory:")) as database:
        database.execute(create)
        database.executemany(insert, rows)
        database.commit()
        image = bytes(database.serialize())
    return image[:96] + struct.pack(">I", 3_040_001) + image[100:]

"""RPM packages: the database of those installed, in each of the three forms it has had."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from analyzer.analysers import MalformedFileError
from analyzer.analysers.rpm_bdb import bdb_values
from analyzer.analysers.rpm_header import read_header
from analyzer.analysers.rpm_ndb import ndb_blobs
from analyzer.analysers.rpm_sqlite import sqlite_blobs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.analysers import Finding

_FOLDERS = (b"var/lib/rpm/", b"usr/lib/sysimage/rpm/", b"usr/share/rpm/")
_READERS = {b"Packages": bdb_values, b"Packages.db": ndb_blobs, b"rpmdb.sqlite": sqlite_blobs}


class RpmDatabase:
    """Reads every package of the database; the keys of signers, which it lists as packages, among them."""

    name = "rpm"
    version = 1
    max_bytes = 256 << 20
    endings = tuple(b"rpm/" + name for name in _READERS)
    folders = ()

    def wants(self, path: bytes) -> bool:
        """Whether it is the table of packages."""
        folder, slash, name = path.rpartition(b"/")
        return name in _READERS and folder + slash in _FOLDERS

    def analyse(self, path: bytes, content: bytes) -> Iterator[Finding]:
        """One finding of kind ``package`` for each header in it."""
        read = _READERS[path.rpartition(b"/")[2]]
        left = len(content)
        for blob in read(content):
            left -= len(blob)
            if left < 0:
                raise MalformedFileError("more in it than there are bytes: headers lie over each other")
            yield msgspec.to_builtins(read_header(blob))

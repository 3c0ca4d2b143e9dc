"""Alpine packages: the database of those installed (apk-tools, src/package.c and src/database.c)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from analyzer.analysers.paragraphs import packages
from corpus.profiles.findings import Package

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.analysers import Finding

_PATHS = (b"lib/apk/db/installed", b"usr/lib/apk/db/installed")
# Package, version, architecture, origin; the rest are dependencies, and the files with their digests.
_FIELDS = re.compile(rb"^([PVAo]):(.*)", re.MULTILINE)


class ApkDatabase:
    """Reads every package of the database."""

    name = "apk"
    version = 1
    max_bytes = 32 << 20
    endings = _PATHS[:1]
    folders = ()

    def wants(self, path: bytes) -> bool:
        """Whether it is the database."""
        return path in _PATHS

    def analyse(self, _path: bytes, content: bytes) -> Iterator[Finding]:
        """One finding of kind ``package`` for each paragraph."""
        for fields in packages(content, _FIELDS, "p"):
            package = Package(
                type="apk",
                name=fields["p"],
                version=fields.get("v", ""),
                architecture=fields.get("a", ""),
                source=fields.get("o", ""),
                status="installed",
            )
            yield msgspec.to_builtins(package)

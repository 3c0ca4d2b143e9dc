"""Debian packages: the status file of dpkg, and the one-package files of images without dpkg (deb822(5))."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from analyzer.analysers.paragraphs import packages
from corpus.profiles.findings import Package

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from analyzer.analysers import Finding

_STATUS = b"var/lib/dpkg/status"
_FOLDER = b"var/lib/dpkg/status.d/"
# Names of fields are not case-sensitive.
_FIELDS = re.compile(
    rb"^(Package|Version|Architecture|Source|Status):[ \t]*(.*)", re.MULTILINE | re.IGNORECASE
)
_SOURCE = re.compile(r"([^ (]+)(?: *\((.*)\))?")


class DpkgStatus:
    """Reads every package that dpkg knows of, with its state; only ``installed`` has its files there."""

    name = "dpkg"
    version = 1
    max_bytes = 32 << 20
    endings = (_STATUS,)
    folders = (_FOLDER,)

    def wants(self, path: bytes) -> bool:
        """Whether it is the status file, or one of those of distroless images."""
        return path == _STATUS or (path.startswith(_FOLDER) and not path.endswith(b".md5sums"))

    def analyse(self, path: bytes, content: bytes) -> Iterator[Finding]:
        """One finding of kind ``package`` for each paragraph."""
        # In a folder of their own the files have no state: what is there is installed.
        state = "not-installed" if path == _STATUS else "install ok installed"
        for fields in packages(content, _FIELDS, "package"):
            yield msgspec.to_builtins(_package(fields, state))


def _package(fields: Mapping[str, str], state: str) -> Package:
    name, version = fields["package"], fields.get("version", "")
    source = _SOURCE.match(fields.get("source", ""))
    source_version = (source[2] if source else None) or ""
    return Package(
        type="deb",
        name=name,
        version=version,
        architecture=fields.get("architecture", ""),
        source=source[1] if source else name,
        source_version="" if source_version == version else source_version,
        status=fields.get("status", state).rpartition(" ")[2],
    )

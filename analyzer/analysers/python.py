"""Python packages: the metadata that installers leave (packaging.python.org, core metadata)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from analyzer.analysers import MalformedFileError
from analyzer.analysers.values import value_of
from corpus.profiles.findings import Package

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.analysers import Finding

# The last is a file where distutils installed, and a folder where setuptools did.
_ENDINGS = (b".dist-info/METADATA", b".egg-info/PKG-INFO", b".egg-info")
# Fields end where the description begins: at the first empty line.
_BODY = re.compile(rb"\r?\n\r?\n")
_FIELDS = re.compile(rb"^(Name|Version):[ \t]*(.*)", re.MULTILINE | re.IGNORECASE)


class PythonPackages:
    """Reads the name and version of each package that is installed, wherever that is."""

    name = "python"
    version = 1
    max_bytes = 4 << 20
    endings = _ENDINGS
    folders = ()

    def wants(self, path: bytes) -> bool:
        """Whether it is such a file."""
        return path.endswith(_ENDINGS)

    def analyse(self, _path: bytes, content: bytes) -> Iterator[Finding]:
        """One finding of kind ``package``."""
        body = _BODY.search(content)
        found = _FIELDS.findall(content, 0, body.start() if body else len(content))
        # The first of a name counts, as for those who read it as a mail.
        fields = {name.lower(): value for name, value in reversed(found)}
        name, version = (value_of(fields.get(field, b"")) for field in (b"name", b"version"))
        if not name:
            raise MalformedFileError("no name in it")
        yield msgspec.to_builtins(Package(type="pypi", name=name, version=version, status="installed"))

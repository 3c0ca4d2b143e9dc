"""Packages of Node.js: the description in each folder that is installed (docs.npmjs.com, package.json)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from analyzer.analysers import MalformedFileError
from corpus.profiles.findings import Package

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.analysers import Finding

# Where packages lie side by side: in a folder that Node.js looks for, or in those of Debian.
_INSTALLED = re.compile(
    rb"(?:(?:^|/)node_modules|^usr/share/nodejs|^usr/lib/[^/]+/nodejs)/(?:@[^/]+/)?[^/@][^/]*/package\.json\Z"
)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class _Description(msgspec.Struct):
    name: str = ""
    version: str = ""


class NpmPackages:
    """Reads the name and version of each package that is installed, those of npm itself among them."""

    name = "npm"
    version = 1
    max_bytes = 4 << 20
    endings = (b"/package.json",)
    folders = ()

    def wants(self, path: bytes) -> bool:
        """Whether it describes an installed package, and not a part of one."""
        return _INSTALLED.search(path) is not None

    def analyse(self, _path: bytes, content: bytes) -> Iterator[Finding]:
        """One finding of kind ``package``."""
        try:
            found = msgspec.json.decode(content.removeprefix(_BYTE_ORDER_MARK), type=_Description)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedFileError(str(error)) from error
        if not found.name:
            raise MalformedFileError("no name in it")
        yield msgspec.to_builtins(
            Package(type="npm", name=found.name, version=found.version, status="installed")
        )

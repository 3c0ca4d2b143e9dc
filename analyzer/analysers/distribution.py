"""The distribution: os-release(5), and the files that told it before there was one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import msgspec

from analyzer.analysers import MalformedFileError
from corpus.profiles.findings import Distribution
from corpus.profiles.names import text_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from analyzer.analysers import Finding

# In the order in which they are believed where a file system has several.
PATHS = (
    b"etc/os-release",
    b"usr/lib/os-release",
    b"etc/alpine-release",
    b"etc/redhat-release",
    b"etc/debian_version",
)
# What these are links to where they are none themselves: in CentOS 6, and in Fedora.
_TARGETS = (b"etc/centos-release", b"etc/fedora-release", b"usr/lib/fedora-release")
_VARIANTS = b"usr/lib/os.release.d/"
_ASSIGNMENT = re.compile(rb"^[ \t]*([A-Z][A-Z0-9_]*)=(.*)", re.MULTILINE)
_ESCAPED = re.compile(rb'\\([\\"$`])')
# As in: CentOS release 6.10 (Final), or Red Hat Enterprise Linux Server release 7.9 (Maipo)
_RELEASE = re.compile(rb"(.*?) (?:release )?([0-9][0-9.]*)")
_IDS = {b"red hat": "rhel", b"centos": "centos", b"fedora": "fedora", b"rocky": "rocky", b"alma": "almalinux"}


class OsRelease:
    """Reads the first of them that there is, and the others too: a later layer may have only one."""

    name = "os-release"
    version = 1
    max_bytes = 64 * 1024
    endings = (*PATHS, *_TARGETS)
    folders = (_VARIANTS,)

    def wants(self, path: bytes) -> bool:
        """Whether it is one of the files."""
        return path in self.endings or path.startswith(_VARIANTS + b"os-release-")

    def analyse(self, path: bytes, content: bytes) -> Iterator[Finding]:
        """One finding of kind ``distribution``."""
        if path.endswith(b"os-release") or path.startswith(_VARIANTS):
            yield msgspec.to_builtins(_of_assignments(content))
        else:
            yield msgspec.to_builtins(_of_line(path, content.strip()))


def _of_assignments(content: bytes) -> Distribution:
    values = {key.decode(): text_of(_unquoted(value.strip())) for key, value in _ASSIGNMENT.findall(content)}
    if not values:
        raise MalformedFileError("no assignment in it")
    return Distribution(
        id=values.get("ID") or "linux",
        id_like=values.get("ID_LIKE", ""),
        version_id=values.get("VERSION_ID", ""),
        name=values.get("NAME", ""),
        pretty_name=values.get("PRETTY_NAME", ""),
        variant_id=values.get("VARIANT_ID", ""),
        code_name=values.get("VERSION_CODENAME", ""),
    )


def _unquoted(value: bytes) -> bytes:
    """A value without the quotes of a shell, and within double quotes without its escapes."""
    quote = value[:1]
    if quote in (b'"', b"'") and len(value) > 1 and value.endswith(quote):
        value = value[1:-1]
    return _ESCAPED.sub(rb"\1", value) if quote == b'"' else value


def _of_line(path: bytes, line: bytes) -> Distribution:
    """The distribution of a file that is a single line."""
    if not line or b"\n" in line:
        raise MalformedFileError("not a single line")
    if path == b"etc/debian_version":
        return Distribution(id="debian", version_id=text_of(line))
    if path == b"etc/alpine-release":
        return Distribution(id="alpine", version_id=text_of(line))
    found = _RELEASE.match(line)
    if found is None:
        raise MalformedFileError("no release in it")
    name, number = found.groups()
    known = (known for start, known in _IDS.items() if name.lower().startswith(start))
    return Distribution(
        id=next(known, "linux"), version_id=text_of(number), name=text_of(name), pretty_name=text_of(line)
    )
